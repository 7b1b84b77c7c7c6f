"""The commands with a model of another family than BLOOM, from an imported folder to an export."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from seqgpt_jax import decode, export, import_hf, train
from seqgpt_jax.command_line import Configs, UsageError
from seqgpt_jax.io import model_folder
from seqgpt_jax.models.parameters import params_of
from seqgpt_jax.training.checkpointing.metadata import CheckpointError
from tests.models import peers

TRAIN = (
    "--gin_file=ft_pretrained_cpu.gin",
    "--gin.CHECKPOINT=imported",
    "--gin.Prepare.mixture=quick_ner_en",
    "--gin.Prepare.evaluation_mixtures=()",
    "--gin.Prepare.max_instances=30",
    "--gin.Train.batch_size=8",  # the tests have eight devices
    "--gin.Train.log_every=1",
    "--gin.Train.epochs=9",
    "--gin.Train.length=640",  # its tokens are bytes
    "--gin.Prepare.max_prompt_tokens=480",
    "--gin.Prepare.max_target_tokens=160",
)
USES = ("Prepare", "Model", "Optimizer", "Mesh", "Train")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(folder)
    # Its epsilon as GGUF files have it: in float32.
    peers.save_rotary(folder / "source", "qwen3", rms_norm_eps=9.999999974752427e-07, max_position_embeddings=1024)
    peers.make_tokenizer(gen=False).save_pretrained(folder / "source")
    assert import_hf.main(["--source=source", "--output=imported"]) == 0
    assert train.main([*TRAIN, "--run_dir=runs/ft", "--gin.Train.steps=4"]) == 0
    yield folder
    monkeypatch.undo()


def test_sizes_are_those_of_the_folder(workplace) -> None:
    run = model_folder.read_config("runs/ft")
    assert (run.architecture, run.n_kv_head, run.head_dim, run.rope_scaling) == ("qwen3", 2, 20, "yarn")
    lines = [json.loads(line) for line in Path("runs/ft/metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_it_goes_on_without_the_folder_it_began_from(workplace, capsys) -> None:
    Path("imported").rename("moved")
    try:
        tokenizer = "--gin.Prepare.tokenizer=runs/ft/tokenizer"
        assert train.main([*TRAIN, tokenizer, "--run_dir=runs/ft", "--gin.Train.steps=5"]) == 0
    finally:
        Path("moved").rename("imported")
    assert "resumed from step 4" in capsys.readouterr().out


def test_the_export_is_imported_and_answers_like_the_run(workplace) -> None:
    assert export.main(["--model=runs/ft", "--output=exported", "--dtype=float32"]) == 0
    question = {"text": "Maria flew from Lisbon to Oslo.", "task": "ext", "labels": ["person", "place"]}
    Path("questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    answers = []
    for folder in ("runs/ft", "exported"):
        flags = ["--input=questions.jsonl", f"--output={folder}.jsonl", "--gin.Decode.max_new_tokens=40"]
        assert decode.main([f"--model={folder}", *flags]) == 0
        answers.append(Path(f"{folder}.jsonl").read_text(encoding="utf-8"))
    assert answers[0] == answers[1]
    assert answers[0].count("\n") == 1


def test_what_gin_binds_wins_and_must_fit(workplace) -> None:
    def model(*bindings: str, init_from: str | None = "imported"):
        configs = Configs([], bindings, uses=USES)
        return train.model_of(configs, model_folder.storage.open_path("new"), init_from)

    assert model("Model.remat=full", "Model.dtype=bfloat16").remat == "full"
    # 1e-6 is that number as people write it.
    assert model("Model.norm_epsilon=1e-6").norm_epsilon == 1e-6
    with pytest.raises(UsageError, match=r"Model\.n_kv_head = 4 does not divide n_head = 6"):
        model("Model.n_kv_head=4")
    with pytest.raises(UsageError, match=r"not set: Model\.hidden_size"):
        model(init_from=None)
    # A try that left no checkpoint says nothing of the next one.
    Path("runs/killed").mkdir()
    model_folder.save_run_config("runs/killed", dataclasses.replace(model(), hidden_size=2 * model().hidden_size))
    killed = train.model_of(Configs([], (), uses=USES), model_folder.storage.open_path("runs/killed"), "imported")
    assert killed.hidden_size == model().hidden_size
    run = [*TRAIN, "--run_dir=runs/other", "--gin.Train.steps=1"]
    with pytest.raises(CheckpointError, match=r"Model\.n_layer: 3 there, 2 in this run") as found:
        train.main([*run, "--gin.Model.n_layer=2", "--gin.Model.norm_epsilon=1e-6"])
    assert "norm_epsilon" not in str(found.value)


def test_adapters_are_trained_on_a_base_in_bfloat16_and_exported_merged(workplace, capsys) -> None:
    flags = [*TRAIN, "--run_dir=runs/lora", "--gin.Lora.rank=2", "--gin.Model.param_dtype=bfloat16"]
    assert train.main([*flags, "--gin.Train.steps=2"]) == 0
    assert "LoRA: 5,376 of 135,624 " in capsys.readouterr().out
    assert "Lora.rank = 2" in Path("runs/lora/config.gin").read_text()
    assert export.main(["--model=runs/lora", "--output=merged", "--dtype=float32"]) == 0
    exported, run = (params_of(model_folder.load(folder, dtype="float32").model) for folder in ("merged", "runs/lora"))
    jax.tree.map(np.testing.assert_array_equal, exported, run)
    question = ["--task=cls", "--text=Maria flew to Oslo.", "--labels=travel,sport", "--gin.Decode.max_new_tokens=8"]
    assert decode.main(["--model=runs/lora", *question]) == 0
