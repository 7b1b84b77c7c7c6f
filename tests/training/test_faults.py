"""Fault tolerance: corrupt checkpoints, full disks, non-finite steps, changed shapes."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqgpt_jax.io.checksums import array_checksums
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer, SaveError
from seqgpt_jax.training.checkpointing.metadata import CheckpointError
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.loop import Outcome
from seqgpt_jax.training.metric_sinks import read_metrics
from seqgpt_jax.training.nonfinite import NotFiniteError
from seqgpt_jax.training.step import RecompilationError
from tests.training.checkpointing.test_checkpointer import META, dataclasses, like, some_state
from tests.training.runs import TinyBatches, assert_bit_equal, checkpoint_params, mesh_of, tiny_train
from tests.training.test_loop import PROJECT, StoppedBatches


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """A run of six steps without any fault."""
    run_dir = tmp_path_factory.mktemp("straight")
    tiny_train(run_dir)
    return run_dir


def two_checkpoints(run_dir: Path) -> dict:
    """Checkpoints of the steps 3 and 6; returns their states."""
    states = {step: some_state(mesh_of(1, 1, 1), step) for step in (3, 6)}
    checkpoints = Checkpointer(run_dir, keep=2)
    for step, state in states.items():
        checkpoints.save(state, dataclasses.replace(META, step=step))
    checkpoints.finish()
    checkpoints.close()
    return states


def garble(file: Path) -> None:
    """Chance instead of the middle third."""
    content = bytearray(file.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = random.Random(0).randbytes(third)
    file.write_bytes(content)


def garble_data(item: Path) -> None:
    files = [path for path in item.rglob("d/*") if path.is_file()]
    assert files
    for path in files:
        garble(path)


# ---- Corrupt checkpoints


def test_whatever_file_is_garbled_what_is_read_is_what_was_saved(tmp_path):
    """Some files are not needed; of the others, one third is enough to fall back to the checkpoint before."""
    states, mesh = two_checkpoints(tmp_path / "intact"), mesh_of(1, 1, 1)
    newest = tmp_path / "intact" / "checkpoints" / "6"
    fell_back = set()
    for file in sorted(path.relative_to(newest) for path in newest.rglob("*") if path.is_file()):
        run_dir, messages = tmp_path / "run", []
        shutil.copytree(tmp_path / "intact", run_dir)
        garble(run_dir / "checkpoints" / "6" / file)
        checkpoints = Checkpointer(run_dir, keep=2, log=messages.append)
        state, meta = checkpoints.restore(like(mesh), META)
        checkpoints.close()
        assert_bit_equal(state, states[meta.step])
        if meta.step == 3:
            fell_back.add(file.parts[0])
            assert "checkpoint 6 is corrupt: " in messages[0], file
            assert "falling back to checkpoint 3" in messages[1], file
            assert (run_dir / "corrupt_checkpoints" / "6" / file).exists()
            assert [path.name for path in (run_dir / "checkpoints").iterdir()] == ["3"]
        else:
            assert not messages, file
        shutil.rmtree(run_dir)
    assert {"params", "opt_state", "meta"} <= fell_back


def test_without_any_that_can_be_read_nothing_is_moved_and_nothing_starts_over(tmp_path):
    two_checkpoints(tmp_path)
    for step in (3, 6):
        garble_data(tmp_path / "checkpoints" / str(step) / "params")
    checkpoints = Checkpointer(tmp_path, keep=2)
    with pytest.raises(CheckpointError, match=r"(?s)no checkpoint in .* can be read:.*step 6: .*step 3: ") as caught:
        checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    checkpoints.close()
    assert "--run_dir" in str(caught.value)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["3", "6"]
    with pytest.raises(CheckpointError):
        tiny_train(tmp_path)


def test_denied_access_is_no_corruption(tmp_path, monkeypatch):
    two_checkpoints(tmp_path)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    checkpoints = Checkpointer(tmp_path, keep=2)
    with monkeypatch.context() as patch:
        patch.setattr("seqgpt_jax.training.checkpointing.checkpointer.read_metadata", refuse)
        with pytest.raises(PermissionError):
            checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    assert checkpoints.restore(like(mesh_of(1, 1, 1)), META)[1].step == 6
    checkpoints.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, r"has format 99; this version of seqgpt_jax reads 1 and 2"),
        ({"format": None}, r"has format None"),
        ({"colour": "red"}, r"was not written by this version of seqgpt_jax: .*colour"),
        (
            {"sums": {"params.other": 1}},
            r"holds other arrays than this version of seqgpt_jax trains, .*'opt_",
        ),
    ],
)
def test_old_and_foreign_ones_are_refused_not_skipped(tmp_path, change, message):
    two_checkpoints(tmp_path)
    file = tmp_path / "checkpoints/6/meta/metadata"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    checkpoints = Checkpointer(tmp_path, keep=2)
    with pytest.raises(CheckpointError, match=message):
        checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    checkpoints.close()
    assert not (tmp_path / "corrupt_checkpoints").exists()


def test_one_from_before_there_were_sums_is_read(tmp_path):
    states = two_checkpoints(tmp_path)
    file = tmp_path / "checkpoints/6/meta/metadata"
    values = json.loads(file.read_text())
    del values["sums"], values["skipped"]
    file.write_text(json.dumps({**values, "format": 1}))
    checkpoints = Checkpointer(tmp_path, keep=2)
    assert_bit_equal(checkpoints.restore(like(mesh_of(1, 1, 1)), META)[0], states[6])
    checkpoints.close()


def test_a_run_falls_back_and_ends_with_the_same_bits(straight, tmp_path, capsys):
    tiny_train(tmp_path, batches=StoppedBatches, save_every=2)
    garble_data(tmp_path / "checkpoints/4/opt_state")
    assert tiny_train(tmp_path, save_every=2) == Outcome(6, 6, stopped=False)
    out = capsys.readouterr().out
    assert "checkpoint 4 is corrupt: " in out
    assert "resumed from step 2" in out
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(straight, 6))


def test_an_incomplete_one_is_reported(tmp_path):
    (tmp_path / "checkpoints" / "9.orbax-checkpoint-tmp" / "params").mkdir(parents=True)
    messages: list[str] = []
    Checkpointer(tmp_path, keep=2, log=messages.append).close()
    assert messages == ["checkpoint 9 is incomplete (interrupted while saving): removing it"]


def test_the_digest_sees_one_bit_and_two_that_change_places_on_any_mesh():
    state = some_state(mesh_of(1, 1, 1))
    plain = array_checksums(state)
    assert array_checksums(some_state(mesh_of(2, 2, 2))) == plain
    for tree in ({"x": jnp.arange(6.0).reshape(2, 3)}, {"x": jnp.arange(6, dtype=jnp.bfloat16)}):
        values = np.array(tree["x"])
        bits = values.view(f"uint{8 * values.itemsize}")
        bits.flat[4] ^= 1
        assert array_checksums({"x": jnp.asarray(values)}) != array_checksums(tree)
        bits.flat[4] ^= 1
        assert array_checksums({"x": jnp.asarray(values)}) == array_checksums(tree)
        values.flat[[1, 2]] = values.flat[[2, 1]]
        assert array_checksums({"x": jnp.asarray(values)}) != array_checksums(tree)


# ---- Checkpoints that cannot be saved


def wait_for_writers() -> None:
    """Until Orbax's threads have written, or given up: what comes next must not hit another checkpoint."""
    end = time.monotonic() + 60
    while any(thread.name in ("async_save", "save_finalize") for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def lost_disk(run_dir: Path, first: int, last: int):
    """Batches; from step `first` to step `last` the folder of checkpoints is away, and a file in its place."""

    class Batches(TinyBatches):
        def iterate(self, start_step):
            folder, away = run_dir / "checkpoints", run_dir / "away"
            for step, batch in enumerate(super().iterate(start_step), start=start_step + 1):
                if step in (first, last):
                    wait_for_writers()
                if step == first:
                    folder.rename(away)
                    folder.write_text("in the way")
                if step == last:
                    folder.unlink()
                    away.rename(folder)
                yield batch

    return Batches


def test_a_lost_disk_costs_only_its_checkpoint(straight, tmp_path, capsys):
    assert tiny_train(tmp_path, batches=lost_disk(tmp_path, 3, 5), save_every=2) == Outcome(6, 6, stopped=False)
    out = capsys.readouterr().out
    assert "checkpoint 4 could not be saved" in out
    assert "training continues" in out
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["2", "6"]
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(straight, 6))


def test_a_state_that_could_not_be_saved_in_the_end_is_an_error(straight, tmp_path, capsys):
    with pytest.raises(SaveError, match="final state of the run could not be saved"):
        tiny_train(tmp_path, batches=lost_disk(tmp_path, 4, 99), save_every=2)
    assert "preempted" not in capsys.readouterr().out
    (tmp_path / "checkpoints").unlink()
    (tmp_path / "away").rename(tmp_path / "checkpoints")
    assert tiny_train(tmp_path, save_every=2) == Outcome(6, 6, stopped=False)
    assert "resumed from step 2" in capsys.readouterr().out
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(straight, 6))


def test_a_disk_that_takes_no_more_in_the_background_leaves_the_checkpoint_before(straight, tmp_path):
    """Real files, of which none may grow beyond 256 bytes in the steps 3, 4 and 5; one checkpoint is kept."""
    code = f"""if True:
        import resource
        from tests.training.runs import *
        from tests.training.test_faults import wait_for_writers
        class Full(TinyBatches):
            def iterate(self, start_step):
                for step, batch in enumerate(super().iterate(start_step), start=1):
                    if step in (3, 6):
                        wait_for_writers()
                        limit = 256 if step == 3 else resource.RLIM_INFINITY
                        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                    yield batch
        print(tiny_train(Path({str(tmp_path)!r}), batches=Full, save_every=2, keep=1, log_every=1))
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "checkpoint 4 could not be saved" in done.stdout
    assert "checkpoint 2 is still the newest" in done.stdout
    assert "Outcome(step=6, steps=6, stopped=False)" in done.stdout
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["6"]
    assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(straight, 6))


def test_after_it_the_command_ends_at_once_whatever_threads_are_left():
    code = """if True:
        import threading, time
        from seqgpt_jax.train import end_after_failed_save
        from seqgpt_jax.training.checkpointing.checkpointer import SaveError
        threading.Thread(target=time.sleep, args=(300,)).start()
        with end_after_failed_save():
            raise SaveError("the final state of the run could not be saved")
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (2, "error: the final state of the run could not be saved\n")


# ---- Steps that are not finite


def broken_at(*steps: int):
    """Batches; those of these steps, counted from 1, have a target with an infinite weight."""

    class Batches(TinyBatches):
        def batch(self, step):
            batch = super().batch(step)
            if step + 1 in steps:
                batch["target_weights"][2, 0] = np.inf
            return batch

    return Batches


def test_a_skipped_step_is_reported_counted_and_costs_nothing_else(tmp_path, capsys):
    assert tiny_train(tmp_path, batches=broken_at(4)) == Outcome(6, 6, stopped=False)
    out = capsys.readouterr().out
    assert "skipped step 4: loss nan" in out or "skipped step 4: loss inf" in out
    assert "news/3-0, news/3-1" in out
    assert "1 of at most 10 (Train.max_skipped)" in out
    assert [line["skipped"] for line in read_metrics(tmp_path)] == [0, 1, 1]
    lines = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert [(line["step"], len(line["ids"])) for line in lines] == [(4, 8)]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(checkpoint_params(tmp_path, 6)))


@pytest.mark.parametrize("stopped", [False, True])
def test_too_many_in_all_end_the_run_also_when_it_was_resumed(tmp_path, stopped):
    broken = broken_at(2, 5)

    class Stopped(StoppedBatches, broken):
        pass

    if stopped:
        assert tiny_train(tmp_path, batches=Stopped, max_skipped=1).stopped
    with pytest.raises(NotFiniteError, match=r"step 5: .*news/4-0.* Train\.max_skipped = 1, .* has had 2 such steps"):
        tiny_train(tmp_path, batches=broken, max_skipped=1)
    assert max(int(path.name) for path in (tmp_path / "checkpoints").iterdir()) == (4 if stopped else 3)


def test_a_skip_is_the_same_when_it_is_done_again(tmp_path):
    class Stopped(StoppedBatches, broken_at(2, 5)):
        pass

    tiny_train(tmp_path / "one", batches=broken_at(2, 5))
    tiny_train(tmp_path / "two", batches=Stopped)
    tiny_train(tmp_path / "two", batches=broken_at(2, 5))
    metas = [json.loads((tmp_path / run / "checkpoints/6/meta/metadata").read_text()) for run in ("one", "two")]
    assert metas[0] == metas[1]
    assert metas[0]["skipped"] == 2


# ---- When checkpoints are written, and which stay


def kept(run_dir: Path) -> set[str]:
    return {path.name for path in (run_dir / "checkpoints").iterdir()}


def test_some_stay_for_good(tmp_path):
    tiny_train(tmp_path, save_every=1, keep=1, keep_every=2)
    assert kept(tmp_path) == {"2", "4", "6"}


def test_minutes_count_as_well_as_steps(tmp_path):
    tiny_train(tmp_path / "often", save_every=100, save_minutes=1e-9, keep=9)
    assert kept(tmp_path / "often") == {"2", "4", "6"}  # where a line is logged
    tiny_train(tmp_path / "never", save_every=100, save_minutes=1e9, keep=9)
    assert kept(tmp_path / "never") == {"6"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep_every": 750}, r"Train\.keep_every = 750 must be a multiple of Train\.save_every = 500"),
        ({"save_minutes": 0}, r"Train\.save_minutes must be above 0"),
        ({"max_skipped": -1}, r"Train\.max_skipped must be an integer of at least 0"),
        ({"profile_from": 0}, r"Train\.profile_from must be an integer of at least 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


# ---- Compilation and profiling


def test_another_shape_is_an_error_and_not_a_second_compilation(tmp_path):
    class Wider(TinyBatches):
        def batch(self, step):
            batch = super().batch(step)
            if step == 3:
                batch["target_ids"] = np.pad(batch["target_ids"], ((0, 0), (0, 2)))
            return batch

    with pytest.raises(RecompilationError, match=r"target_ids is int32\[8, 12\], was int32\[8, 10\]"):
        tiny_train(tmp_path, batches=Wider)


def test_a_window_of_steps_is_profiled(tmp_path, capsys):
    tiny_train(tmp_path, profile_from=3, profile_steps=2)
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))
    assert "profile written" in capsys.readouterr().out
