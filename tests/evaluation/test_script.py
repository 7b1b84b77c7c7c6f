"""The command from flags to files, with a tiny untrained model."""

import dataclasses
import json
import shutil
import subprocess
import sys
import time

import pytest

from seqgpt_jax import evaluate
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.data.raw.files import DataNotFound
from seqgpt_jax.data.store import EvalStore, StoreError
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io.contract import read_contract, write_contract
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.io.model_folder import LoadingError
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.evaluation.records import two_data_sets, write_store

FAST = ("--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=32", "--gin.Evaluate.resamples=10")
REPORT = {"instances": 1, "within_quota": 1, "drops": {}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate") / "model"
    config = BloomConfig(vocab_size=320, hidden_size=16, n_layer=1, n_head=2)
    params = params_of(create(config))
    tokenizer = train_tokenizer([record.prompt for record in two_data_sets()], 300)
    save_folder(folder, config, params_to_hf(params, config, "float32"), tokenizer)
    return folder


def test_a_prepared_folder_is_scored(model, tmp_path, capsys):
    write_store(tmp_path / "store", two_data_sets())
    flags = [f"--model={model}", f"--data={tmp_path / 'store'}", f"--output={tmp_path / 'out'}"]
    assert evaluate.main([*flags, *FAST, "--gin.Decode.max_new_tokens=48", "--gin.Evaluate.records=2"]) == 0
    numbers = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    # Two instances of each of three tasks; the two chunks of facts.spans fit one prompt.
    assert numbers["overall"]["prompts"] == 6
    assert numbers["about"]["data"] == ["store"]
    assert numbers["about"]["Decode"]["max_new_tokens"] == 48
    assert numbers["overall"]["truncated_prompts"] == 0
    assert (numbers["about"]["fewer_instances"], numbers["notes"]) == ([], [])
    assert "reviews (SA, en)" in capsys.readouterr().out


def test_a_mixture_is_prepared_where_it_is_missing(model, tmp_path):
    flags = [f"--model={model}", f"--output={tmp_path / 'out'}", "--gin.Evaluate.mixtures=('quick_zero_sa_en',)"]
    flags += [f"--gin.Prepare.output_dir='{tmp_path / 'prepared'}'", "--gin.Evaluate.records=3"]
    assert evaluate.main([*flags, *FAST]) == 0
    (store,) = (tmp_path / "prepared").glob("quick_zero_sa_en.*")
    numbers = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert numbers["about"]["data"] == [store.name]
    assert list(numbers["families"]) == ["SA"]
    assert numbers["overall"]["prompts"] == 3
    assert len(EvalStore(store)) == 20  # 3, the half of them, and 16 to replace dropped ones


def test_wrong_paths_are_reported_before_a_model_is_loaded(model, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "score_model", lambda *_: pytest.fail("loaded"))
    output = f"--output={tmp_path / 'out'}"
    with pytest.raises(LoadingError, match="no folder 'nowhere'"):
        evaluate.main(["--model=nowhere", output])
    with pytest.raises(LoadingError, match=r"model\.json"):
        evaluate.main([f"--model={tmp_path}", output])
    with pytest.raises(StoreError, match="no prepared folder"):
        evaluate.main([f"--model={model}", output, f"--data={tmp_path / 'nowhere'}"])
    with pytest.raises(UsageError, match="nothing to evaluate on"):
        evaluate.main([f"--model={model}", output])


def test_missing_files_of_the_last_mixture_are_reported_before_the_first_is_prepared(model, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path / "empty"))
    flags = [f"--model={model}", f"--output={tmp_path / 'out'}", "--gin.Prepare.data_dir=None"]
    flags += ["--gin.Evaluate.mixtures=('quick_zero_sa_en', 'wikigold')"]
    with pytest.raises(DataNotFound, match="wikigold"):
        evaluate.main([*flags, f"--gin.Prepare.output_dir='{tmp_path / 'prepared'}'"])
    assert not list((tmp_path / "prepared").glob("quick_zero_sa_en.*"))


def test_prompts_of_another_template_are_refused_before_a_model_is_loaded(model, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "score_model", lambda *_: pytest.fail("loaded"))
    write_store(tmp_path / "store", two_data_sets(), template="english")
    flags = [f"--model={model}", f"--data={tmp_path / 'store'}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(UsageError, match="have the english template, and the model was trained with the chinese one"):
        evaluate.main(flags)


def test_data_are_prepared_as_the_contract_of_the_model_says(model, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    contract = dataclasses.replace(
        read_contract(folder), template="english", max_prompt_tokens=99, max_queries=3, max_labels=9
    )
    write_contract(folder, contract)
    flags = [f"--model={folder}", f"--output={tmp_path / 'out'}", "--gin.Evaluate.mixtures=('quick_zero_sa_en',)"]
    flags += [f"--gin.Prepare.output_dir='{tmp_path / 'prepared'}'", "--gin.Evaluate.records=2"]
    assert evaluate.main([*flags, *FAST]) == 0
    (store,) = (tmp_path / "prepared").glob("quick_zero_sa_en.*")
    settings = EvalStore(store).manifest["settings"]
    assert (settings["template"], settings["max_prompt_tokens"], settings["max_queries"]) == ("english", 99, 3)
    about = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))["about"]
    assert about["contract"].pop("calibration") is None
    assert about["contract"] == {name: settings[name] for name in about["contract"]}
    with pytest.raises(UsageError, match="have the chinese template, and the model was trained with the english one"):
        evaluate.main([*flags, *FAST, "--gin.Prepare.template=chinese"])


def test_what_was_missing_and_what_was_trained_on_are_told(model, tmp_path, capsys):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    trained = {"tasks": ["xquad.en"], "settings": {"subsets": True}}
    write_contract(folder, dataclasses.replace(read_contract(folder), data=trained))
    facts = {"split": "test", "left_out": {"evaluation": ["gone"]}, "tasks": {"xquad.en": REPORT}}
    write_store(tmp_path / "store", two_data_sets(), **facts)
    flags = [f"--model={folder}", f"--data={tmp_path / 'store'}", f"--output={tmp_path / 'out'}"]
    assert evaluate.main([*flags, *FAST, "--gin.Evaluate.records=1"]) == 0
    numbers = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert numbers["about"]["left_out"] == {"store": {"evaluation": ["gone"]}}
    assert [one["task"] for one in numbers["about"]["trained_before"]] == ["xquad.en"]
    told = (
        "not to be trusted: xquad.en: it is held out, and the model was trained on it",
        "not in these scores, as files were missing: 1 data set of mix (gone)",
    )
    said = capsys.readouterr().out
    for text in told:
        assert f"note: {text}" in said
        assert any(text in note for note in numbers["notes"])
        assert text in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_help_is_quick_and_shows_an_example():
    start = time.monotonic()
    shown = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.evaluate", "--help"], capture_output=True, text=True, check=True
    ).stdout
    # Two seconds on a free machine; importing JAX alone would take longer on a busy one.
    assert time.monotonic() - start < 5
    assert "python -m seqgpt_jax.evaluate --model=runs/ft" in shown


def test_reading_is_asked_and_not_refused(model, tmp_path):
    """Every instance of reading has one question, which is not one label of a classification."""
    flags = [f"--model={model}", f"--output={tmp_path / 'out'}", "--gin.Evaluate.mixtures=('quick_mrc_en',)"]
    flags += [f"--gin.Prepare.output_dir='{tmp_path / 'prepared'}'", "--gin.Evaluate.records=3"]
    assert evaluate.main([*flags, *FAST, "--gin.Decode.max_new_tokens=64"]) == 0
    numbers = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert numbers["overall"]["instances"] == numbers["overall"]["prompts"] == 3
    assert "refused_instances" not in numbers["about"]


def test_end_to_end_scores_of_no_whole_texts_are_refused_before_a_model_is_loaded(model, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "score_model", lambda *_: pytest.fail("loaded"))
    write_store(tmp_path / "store", two_data_sets())
    flags = [f"--model={model}", f"--data={tmp_path / 'store'}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(ValueError, match=r"Evaluate\.end_to_end = True needs a data set of the families RE or EE"):
        evaluate.main([*flags, "--gin.Evaluate.end_to_end=True"])
