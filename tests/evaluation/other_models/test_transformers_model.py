"""The same records through our greedy unconstrained decoder and through `transformers` on the exported folder."""

import dataclasses
import json

import pytest

from seqgpt_jax import evaluate, export, train
from seqgpt_jax.command_line import UsageError

pytest.importorskip("torch", reason="what `transformers` runs on; `pip install -e '.[test]'` brings it")

SETTINGS = {
    "Prepare.max_instances": 120,
    "Prepare.tokenizer": "tokenizer",
    "Prepare.tokenizer_vocab_size": 512,
    "Prepare.tokenizer_mixture": "quick_sa_en+quick_ner_en",
    "Prepare.mixture": "quick_sa_en+quick_ner_en",
    "Train.batch_size": 8,
    "Train.length": 128,
    "Train.epochs": 60,
    "Train.steps": 120,
    "Model.vocab_size": 512,
    "Model.hidden_size": 64,
    "Model.n_layer": 1,
    "Optimizer.learning_rate": 0.02,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The current folder: an exported model that has learned a little, and its run."""
    folder = tmp_path_factory.mktemp("transformers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = [f"--gin.{name}={value!r}" for name, value in SETTINGS.items()]
        assert train.main(["--gin_file=quickstart_ft.gin", "--run_dir=run", *settings]) == 0
        assert export.main(["--model=run", "--output=exported", "--dtype=float32"]) == 0
        yield folder


def run(output: str, *flags: str) -> None:
    mixtures = "--gin.Evaluate.mixtures=('quick_sa_en', 'quick_ner_en')"
    fast = ("--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=40", "--gin.Decode.batch_size=8")
    fast += ("--gin.Evaluate.records=8", "--gin.Evaluate.resamples=10", "--gin.Evaluate.splits=('test',)")
    assert evaluate.main(["--model=exported", f"--output={output}", mixtures, *fast, *flags]) == 0


@pytest.mark.slow
def test_scores_are_identical_to_those_of_our_greedy_decoder(folder, monkeypatch) -> None:
    run("ours", "--gin.Decode.constrained=False")
    run("theirs", "--transformers")
    ours, theirs = (
        [json.loads(line) for line in (folder / name / "predictions.jsonl").read_text("utf-8").splitlines()]
        for name in ("ours", "theirs")
    )
    compared = ("id", "output", "answers", "well_formed", "finished", "truncated_tokens", "correct", "scores")
    assert [[one[name] for name in compared] for one in theirs] == [[one[name] for name in compared] for one in ours]
    # It has learned something, and answers in different ways.
    assert len({one["output"] for one in ours}) > 5
    first, second = (json.loads((folder / name / "scores.json").read_text("utf-8")) for name in ("ours", "theirs"))
    assert 0 < first["overall"]["f1"] < 100
    for key in ("overall", "families", "languages", "datasets", "mixtures"):
        assert second[key] == first[key]
    assert second["about"]["through"] == "transformers"

    # Scores are computed anew without the model.
    from seqgpt_jax.evaluation.other_models.transformers_model import AutoModelForCausalLM

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    run("theirs", "--transformers")
    assert json.loads((folder / "theirs" / "scores.json").read_text("utf-8")) == second


def test_replies_depend_on_all_that_decides_them(tmp_path) -> None:
    from seqgpt_jax.data.tokenizer import train_tokenizer
    from seqgpt_jax.decoding.decode_config import DecodeConfig
    from seqgpt_jax.evaluation.other_models.transformers_model import TransformersModel
    from seqgpt_jax.io.contract import ModelContract

    tokenizers = [train_tokenizer([text], 300) for text in ("one text", "another one")]
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    contract = ModelContract()

    def settings(tokenizer=tokenizers[0], **changed) -> dict:
        return TransformersModel(
            tmp_path, tokenizer, dataclasses.replace(contract, **changed), DecodeConfig(constrained=False)
        ).settings

    first = settings()
    assert settings() == first
    assert settings(max_prompt_tokens=99) != first
    assert settings(tokenizers[1]) != first
    (tmp_path / "config.json").write_text('{"n_layer": 2}', encoding="utf-8")
    assert settings() != first


def test_a_run_folder_is_refused(folder) -> None:
    with pytest.raises(UsageError, match=r"run is a run: `python -m seqgpt_jax\.export --model=run --output=FOLDER`"):
        run("nothing", "--transformers", "--model=run")
