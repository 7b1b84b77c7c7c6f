"""The commands one after the other, as a user runs them, in an empty folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqgpt_jax import decode, evaluate, export, import_hf, train
from seqgpt_jax.atomic import TEMPLATES
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.data.store import StoreError

SMALL = (
    "--gin.Prepare.max_instances=30",
    "--gin.Prepare.tokenizer=tokenizer",
    "--gin.Prepare.tokenizer_vocab_size=512",
    "--gin.Prepare.tokenizer_mixture=quick_sa_en",
)
TRAIN = (
    *SMALL,
    "--gin.Train.batch_size=8",  # the tests have eight devices
    "--gin.Train.log_every=1",
    "--gin.Model.vocab_size=512",
    "--gin.Model.hidden_size=48",
    "--gin.Model.n_layer=2",
    "--gin.Model.n_head=6",
)
TEXT, LABELS = "Maria flew from Lisbon to Oslo.", ("person", "place")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(folder)
    tasks = "--gin.Prepare.mixture=quick_ner_en"
    assert train.main(["--gin_file=quickstart_pt.gin", "--run_dir=runs/pt", "--gin.Train.steps=6", *TRAIN]) == 0
    stage_two = ["--gin_file=quickstart_ft.gin", "--run_dir=runs/ft", tasks, *TRAIN]
    assert train.main([*stage_two, "--gin.Train.init_from=runs/pt", "--gin.Train.epochs=2"]) == 0
    assert export.main(["--model=runs/ft", "--output=exported", "--dtype=float32"]) == 0
    yield folder
    monkeypatch.undo()


def test_a_run_leaves_what_the_readme_says(workplace) -> None:
    run = workplace / "runs" / "ft"
    names = {path.name for path in run.iterdir()}
    assert names >= {"checkpoints", "model.json", "seqgpt.json", "tokenizer", "config.gin"}
    assert names >= {"metrics.jsonl", "tensorboard", "loss.png"}
    assert "Train.init_from = 'runs/pt'" in (run / "config.gin").read_text()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[0]["loss/NER"] == pytest.approx(lines[0]["loss"], rel=1e-5)  # the one family that there is


def test_run_and_export_say_how_the_model_is_asked_and_what_it_was_trained_on(workplace) -> None:
    contract = json.loads((workplace / "runs/ft/seqgpt.json").read_text(encoding="utf-8"))
    (store,) = (workplace / "prepared").glob("quick_ner_en.train.*")
    manifest = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    assert contract["data"]["store"] == store.name
    assert contract["data"]["content"] == manifest["content"]
    assert contract["tokenizer_fingerprint"] == manifest["tokenizer"]["fingerprint"]
    assert (contract["template"], contract["max_labels"]) == ("chinese", 8)
    exported = json.loads((workplace / "exported/seqgpt.json").read_text(encoding="utf-8"))
    assert exported == contract
    card = (workplace / "exported/README.md").read_text(encoding="utf-8")
    assert f"mixture `quick_ner_en`, 1 tasks, content checksum `{manifest['content']}`" in card


def test_config_gin_repeats_the_run(workplace, capsys) -> None:
    assert train.main(["--gin_file=runs/ft/config.gin", "--run_dir=runs/ft"]) == 0
    assert "resumed from step" in capsys.readouterr().out


def test_a_named_store_needs_no_raw_data_and_gives_the_same_run(workplace, capsys) -> None:
    """A finished run goes on only with the same records: another data fingerprint would be refused."""
    (store,) = (workplace / "prepared").glob("quick_ner_en.train.*")
    shutil.copytree("runs/ft", "runs/named")
    again = ["--gin_file=runs/ft/config.gin", "--run_dir=runs/named", f"--store={store}"]
    nowhere = ["--gin.Prepare.data_dir=nowhere", "--gin.Prepare.output_dir=nothing_is_prepared"]
    assert train.main([*again, *nowhere]) == 0
    assert "resumed from step" in capsys.readouterr().out
    assert not (workplace / "nothing_is_prepared").exists()
    with pytest.raises(StoreError, match=r"(?s)Prepare\.mixture: 'quick_ner_en' in the store, 'quick_sa_en' in this"):
        train.main([*again, "--gin.Prepare.mixture=quick_sa_en"])


def test_validation_prepares_what_it_asks_and_knows_the_best_checkpoint(workplace, capsys) -> None:
    settings = ("validate_every=1", "validation_instances=10", "save_every=1", "keep=1", "keep_best=1", "steps=3")
    run = ["--gin_file=runs/ft/config.gin", "--run_dir=runs/best", *(f"--gin.Train.{setting}" for setting in settings)]
    assert train.main(run) == 0
    output = capsys.readouterr().out
    (store,) = (workplace / "prepared").glob("quick_ner_en.validation.*")
    assert json.loads((store / "manifest.json").read_text())["tasks"]["quick_ner_en"]["within_quota"] == 10
    assert f"prompts of {store.name}" in output
    lines = [json.loads(line) for line in (workplace / "runs/best/metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["validation/loss"] for line in lines if "validation/loss" in line}
    assert sorted(losses) == [1, 2, 3]
    best = min(losses, key=losses.get)
    assert f"at step {best} (--step=best)" in output
    assert export.main(["--model=runs/best", "--step=best", "--output=exported_best"]) == 0
    assert export.main(["--model=runs/best", f"--step={best}", "--output=exported_step"]) == 0
    weights = [(workplace / folder / "model.safetensors").read_bytes() for folder in ("exported_best", "exported_step")]
    assert weights[0] == weights[1]

    (trained_on,) = (workplace / "prepared").glob("quick_ner_en.train.*")
    with pytest.raises(UsageError, match=r"needs --validation_store beside --store.*max_instances=10"):
        train.main([*run, f"--store={trained_on}"])
    assert train.main([*run, f"--store={trained_on}", f"--validation_store={store}"]) == 0
    with pytest.raises(StoreError, match=r"Prepare\.max_instances: 10 in the store, 5 in this command"):
        train.main([*run, f"--validation_store={store}", "--gin.Train.validation_instances=5"])
    with pytest.raises(StoreError, match="holds data for train, not for eval"):
        train.main([*run, f"--validation_store={trained_on}"])
    with pytest.raises(UsageError, match=r"--validation_store is for Train\.validate_every"):
        train.main(["--gin_file=runs/ft/config.gin", f"--validation_store={store}"])


def test_a_finished_run_with_other_data_is_refused(workplace) -> None:
    from seqgpt_jax.training.checkpointing.metadata import CheckpointError

    other = ["--gin_file=runs/ft/config.gin", "--run_dir=runs/ft", "--gin.Prepare.seed=1"]
    with pytest.raises(CheckpointError, match="fingerprint of the prepared data"):
        train.main(other)


def test_stage_two_of_another_shape_is_refused(workplace) -> None:
    from seqgpt_jax.training.checkpointing.metadata import CheckpointError

    other = ["--gin_file=runs/ft/config.gin", "--run_dir=runs/other", "--gin.Model.hidden_size=96"]
    with pytest.raises(CheckpointError, match="hidden_size"):
        train.main(other)


@pytest.mark.slow
def test_evaluation_writes_scores_and_report(workplace) -> None:
    flags = ("--gin.Evaluate.mixtures=('quick_ner_en', 'quick_zero_ner_zh')", "--gin.Evaluate.records=3")
    flags += ("--gin.Decode.max_new_tokens=24", "--gin.Decode.batch_size=8")
    assert evaluate.main(["--gin_file=quickstart_eval.gin", "--model=runs/ft", "--output=scores", *SMALL, *flags]) == 0
    scores = json.loads((workplace / "scores" / "scores.json").read_text())
    assert set(scores["mixtures"]) == {"quick_ner_en", "quick_zero_ner_zh"}
    assert 0 <= scores["overall"]["f1"] <= 100
    assert scores["overall"]["baselines"]["always_none"]["f1"] == 0
    assert (workplace / "scores" / "report.html").stat().st_size > 1000
    lines = (workplace / "scores" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6


def test_exported_folder_answers_like_our_decoder(workplace, tmp_path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle; `pip install -e '.[test]'` brings it")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained("exported")
    model = AutoModelForCausalLM.from_pretrained("exported").eval()
    prompt = TEMPLATES["chinese"].prompt("ext", TEXT, LABELS)
    inputs = tokenizer([prompt], return_tensors="pt", add_special_tokens=False)
    never = [i for i in tokenizer.all_special_ids if i != tokenizer.eos_token_id]
    never += range(len(tokenizer), model.config.vocab_size)
    with torch.no_grad():
        ids = model.generate(**inputs, num_beams=4, do_sample=False, max_new_tokens=20, suppress_tokens=never)
    theirs = tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    question = {"text": TEXT, "task": "ext", "labels": list(LABELS), "my_id": 7}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    for model_folder in ("exported", "runs/ft"):
        flags = [f"--model={model_folder}", f"--input={tmp_path}/questions.jsonl", f"--output={tmp_path}/answers.jsonl"]
        assert decode.main([*flags, "--gin.Decode.max_new_tokens=20", "--gin.Decode.constrained=False"]) == 0
        (line,) = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        answer = json.loads(line)
        assert [part["text"] for part in answer["output"]] == [theirs]
        assert answer["my_id"] == 7


def test_an_exported_folder_can_be_imported_and_trained_on(workplace) -> None:
    assert import_hf.main(["--source=exported", "--output=imported"]) == 0
    again = ["--gin_file=runs/ft/config.gin", "--run_dir=runs/again", "--gin.Train.init_from=imported"]
    assert train.main([*again, "--gin.Train.steps=2", "--gin.Train.epochs=1"]) == 0


NO_DATA = ("--gin.Prepare.mixture=quickstart_ft", "--gin.Prepare.evaluation_mixtures=()")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--gin_file=ft_cpu.gin", "--gin.Prepare.mixture=fft"), "there is no mixture or task 'fft': did you mean ft"),
        (("--gin_file=ft_cpu.gin",), "set SEQGPT_DATA_DIR or Prepare.data_dir"),
        (("--gin_file=ft_cpu.gin", "--store=nowhere"), "nowhere is no prepared folder (no manifest.json)"),
        (("--gin_file=ft_cpu.gin", "--gin.Prepare.data_dir=nowhere"), "the data folder nowhere does not exist"),
        (("--gin_file=ft.gin",), "set SEQGPT_DATA_DIR or Prepare.data_dir"),
        (("--gin_file=ft_cpu.gin", "--run_dir=s3://bucket/run"), "folders are local or begin with gs://"),
        (("--gin_file=ft.gin", *NO_DATA), "base weights and tokenizer: bigscience/bloomz-560m"),
        (("--gin_file=quickstart_ft.gin", "--gin.Prepare.mixture=quickstart_held_out"), "has a split 'train'"),
    ],
)
def test_bad_input_is_one_clear_line(flags, message, tmp_path) -> None:
    import os

    environment = {name: value for name, value in os.environ.items() if name != "SEQGPT_DATA_DIR"}
    run = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.train", *flags],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("*/checkpoints"))
