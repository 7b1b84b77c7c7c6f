"""Complete runs: preempted and resumed, with non-finite steps, in two stages."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from etils import epath

from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.store import StoreWriter, TrainStore, train_fields
from seqgpt_jax.io import hf_checkpoint, model_folder
from seqgpt_jax.io.run_checkpoints import validation_losses
from seqgpt_jax.training.checkpointing.metadata import CheckpointError
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.loop import Outcome
from seqgpt_jax.training.metric_sinks import read_metrics
from seqgpt_jax.training.nonfinite import NotFiniteError
from seqgpt_jax.training.partitioning import MeshConfig
from seqgpt_jax.training.preemption import preemption_signals
from tests.training.runs import (
    LENGTH,
    MODEL,
    OPTIMIZER,
    ROWS,
    StoppedBatches,
    TinyBatches,
    assert_bit_equal,
    checkpoint_params,
    tiny_train,
    tokenizer,
)

PROJECT = Path(__file__).parents[2]


class BrokenBatches(TinyBatches):
    """The fifth batch has a target with an infinite weight."""

    def batch(self, step):
        batch = super().batch(step)
        if step == 4:
            batch["target_weights"][2, 0] = np.inf
        return batch


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """A run of six steps without interruption."""
    run_dir = tmp_path_factory.mktemp("straight")
    assert tiny_train(run_dir) == Outcome(6, 6, stopped=False)
    return run_dir


def in_another_process(code: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_run_folder_is_complete(straight):
    names = {path.name for path in straight.iterdir()}
    files = {"model.json", "seqgpt.json", "tokenizer", "checkpoints", "metrics.jsonl", "tensorboard", "loss.png"}
    assert names == files
    assert sorted(path.name for path in (straight / "checkpoints").iterdir()) == ["3", "6"]
    assert (straight / "loss.png").read_bytes().startswith(b"\x89PNG")
    loaded = model_folder.load(straight)
    assert loaded.config == MODEL
    assert loaded.tokenizer.get_vocab() == tokenizer().get_vocab()
    lines = read_metrics(straight)
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert {"loss", "learning_rate", "grad_norm", "tokens_per_second", "packing", "eta_seconds"} <= lines[0].keys()


def test_stopped_and_resumed_in_a_new_process_it_is_bit_for_bit_the_same(straight, tmp_path, capsys):
    outcome = tiny_train(tmp_path, batches=StoppedBatches)
    assert outcome == Outcome(4, 6, stopped=True)
    assert "saved at step 4" in capsys.readouterr().out
    code = f"from tests.training.runs import *; print(tiny_train(Path({str(tmp_path)!r})))"
    process = in_another_process(code)
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    assert "resumed from step 4" in output
    assert "Outcome(step=6, steps=6, stopped=False)" in output
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(straight, 6))
    meta = [json.loads((run / "checkpoints/6/meta/metadata").read_text()) for run in (straight, tmp_path)]
    assert meta[0] == meta[1]
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    losses = [[line["loss"] for line in read_metrics(run)] for run in (straight, tmp_path)]
    assert losses[0] == losses[1]


def test_a_finished_run_does_nothing(straight):
    before = (straight / "metrics.jsonl").read_bytes()
    assert tiny_train(straight) == Outcome(6, 6, stopped=False)
    assert (straight / "metrics.jsonl").read_bytes() == before


def test_signals_are_as_before_after_a_run(straight):
    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    before = handlers()
    with preemption_signals():
        assert all(now != then for now, then in zip(handlers(), before, strict=True))
    assert handlers() == before
    tiny_train(straight)
    assert handlers() == before


@pytest.mark.parametrize("log_every", [1, 6])
def test_a_broken_step_stops_the_run_and_is_not_saved(tmp_path, log_every):
    with pytest.raises(NotFiniteError, match=r"step 5: loss (nan|inf)") as caught:
        tiny_train(tmp_path, batches=BrokenBatches, log_every=log_every, max_skipped=0)
    message = str(caught.value)
    assert "news/4-0, news/4-1" in message
    assert "last good checkpoint is of step 3" in message
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["3"]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(checkpoint_params(tmp_path, 3)))


def test_stage_two_starts_from_the_weights_of_stage_one(straight, tmp_path, capsys):
    still = dataclasses.replace(OPTIMIZER, learning_rate=1e-30, weight_decay=0.0)  # so that the start is what is saved
    tiny_train(tmp_path, init_from=str(straight), fingerprint="data-2", seed=5, optimizer=still)
    assert f"initialized from {straight}" in capsys.readouterr().out
    assert_bit_equal(checkpoint_params(tmp_path, 3), checkpoint_params(straight, 6))


def test_a_resumed_stage_two_does_not_start_over(straight, tmp_path, capsys):
    tiny_train(tmp_path, init_from=str(straight), batches=StoppedBatches)
    tiny_train(tmp_path, init_from="/no/longer/there")
    assert "resumed from step 4" in capsys.readouterr().out


def test_a_run_that_began_from_other_weights_does_not_resume(straight, tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    tiny_train(run, init_from=str(straight), batches=StoppedBatches)
    shutil.copytree(straight, other)
    with pytest.raises(CheckpointError, match=r"began from .*straight.*, not from Train\.init_from = '.*other'"):
        tiny_train(run, init_from=str(other))
    # Where it began is kept when nothing is named, and known by the folder, not by how it is written.
    tiny_train(run)
    tiny_train(run, init_from=f"{straight}/")
    with pytest.raises(CheckpointError, match=r"began from .*straight"):
        tiny_train(run, init_from=str(other))
    tiny_train(other / "scratch", batches=StoppedBatches)
    with pytest.raises(CheckpointError, match="this run began from random weights"):
        tiny_train(other / "scratch", init_from=str(straight))


def test_losses_on_other_validation_data_do_not_count(tmp_path, capsys):
    validate = {"open_validation": TinyBatches, "validate_every": 3, "keep": 3, "keep_best": 1}
    tiny_train(tmp_path, batches=StoppedBatches, validation_fingerprint="one", **validate)
    assert [*validation_losses(tmp_path, [3, 4])] == [3]
    tiny_train(tmp_path, validation_fingerprint="two", **validate)
    changed = "validation data, earlier losses do not count for keep_best and --step=best: 'one' -> 'two'"
    assert changed in capsys.readouterr().out
    assert [*validation_losses(tmp_path, [3, 4, 6])] == [6]
    assert [*validation_losses(tmp_path, [3, 4, 6], "one")] == [3]


def test_a_run_starts_from_a_hugging_face_folder(straight, tmp_path):
    source = tmp_path / "hf"
    loaded = model_folder.load(straight)
    params = checkpoint_params(straight, 6)
    hf_checkpoint.save_folder(source, MODEL, hf_checkpoint.params_to_hf(params, MODEL, "float32"), loaded.tokenizer)
    still = dataclasses.replace(OPTIMIZER, learning_rate=1e-30, weight_decay=0.0)
    tiny_train(tmp_path / "run", init_from=str(source), optimizer=still)
    assert_bit_equal(checkpoint_params(tmp_path / "run", 3), params)


def test_weights_of_another_shape_or_tokenizer_are_refused(straight, tmp_path):
    with pytest.raises(CheckpointError, match=r"Model\.n_layer: 2 there, 3 in this run"):
        tiny_train(tmp_path, init_from=str(straight), model=dataclasses.replace(MODEL, n_layer=3))
    folder = straight / "tokenizer" / "tokenizer.json"
    before = folder.read_text()
    try:
        folder.write_text(before.replace('"<pad>"', '"<gap>"'))
        with pytest.raises(CheckpointError, match=r"another tokenizer: . of its tokens .* '<gap>'"):
            tiny_train(tmp_path, init_from=str(straight))
    finally:
        folder.write_text(before)


def test_settings_that_cannot_work_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"Train\.steps = 7, but Train\.epochs = 1 of this data has 6 steps"):
        tiny_train(tmp_path, steps=7)
    with pytest.raises(ValueError, match=r"Model\.vocab_size = 200, but the tokenizer has 264 tokens"):
        tiny_train(tmp_path, model=dataclasses.replace(MODEL, vocab_size=200))
    with pytest.raises(ValueError, match=r"Model\.param_dtype"):
        tiny_train(tmp_path, model=dataclasses.replace(MODEL, param_dtype="bfloat16"))
    with pytest.raises(ValueError, match=r"Train\.batch_size = 12"):
        tiny_train(tmp_path, batch_size=12)
    with pytest.raises(ValueError, match=r"Train\.log_every must be an integer of at least 1"):
        TrainConfig(log_every=0)


def test_another_run_in_the_same_folder_is_refused(straight):
    with pytest.raises(CheckpointError, match=r"fingerprint of the prepared data: 'data-1' in the checkpoint, 'new'"):
        tiny_train(straight, fingerprint="new")


def test_it_trains_on_a_prepared_store(tmp_path):
    rng = np.random.default_rng(0)
    folder, sizes = tmp_path / "store", [(int(p), int(t)) for p, t in rng.integers(2, 9, (40, 2))]

    def record(number, prompt, target):
        ids = rng.integers(4, MODEL.vocab_size, prompt + target).tolist()
        return train_fields(f"tiny/{number}", 0, ids[:prompt], ids[prompt:])

    writer = StoreWriter(epath.Path(folder))
    records = [record(number, *size) for number, size in enumerate(sizes)]
    writer.write_shard("epoch-0000/examples-all", records, np.array(sizes), {})
    writer.finish([[(0, "epoch-0000/examples-all")]], {"kind": "train", "epochs": 1, "fingerprint": "f"})
    open_batches = functools.partial(Batches, TrainStore(folder), length=LENGTH, batch_size=ROWS, seed=0, epochs=2)
    steps = open_batches().total_steps
    assert tiny_train(tmp_path / "run", batches=open_batches, epochs=2, log_every=1) == Outcome(steps, steps, False)
    lines = read_metrics(tmp_path / "run")
    tokens = 2 * sum(prompt + target - 1 for prompt, target in sizes)
    assert sum(line["packing"] for line in lines) * ROWS * LENGTH == pytest.approx(tokens)


def test_another_mesh_goes_on_where_the_first_one_stopped(straight, tmp_path):
    tiny_train(tmp_path, batches=StoppedBatches)
    assert tiny_train(tmp_path, mesh=MeshConfig(data=2, fsdp=2, tensor=2)) == Outcome(6, 6, stopped=False)
    one, two = ([line["loss"] for line in read_metrics(run)] for run in (straight, tmp_path))
    np.testing.assert_allclose(two, one, rtol=1e-4)
