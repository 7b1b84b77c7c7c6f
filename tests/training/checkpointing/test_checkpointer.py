import dataclasses

import jax
import numpy as np
import pytest

from seqgpt_jax.io import model_folder
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer
from seqgpt_jax.training.checkpointing.metadata import CheckpointError, CheckpointMetadata
from seqgpt_jax.training.initial_state import abstract_state
from seqgpt_jax.training.optimizer import make_optimizer, make_schedule
from seqgpt_jax.training.step import TrainState
from tests.training.runs import MODEL, OPTIMIZER, assert_bit_equal, mesh_of

META = CheckpointMetadata(
    step=3,
    data_fingerprint="data-1",
    seed=0,
    batch_size=8,
    length=24,
    steps=6,
    model=dataclasses.asdict(MODEL),
    optimizer=dataclasses.asdict(OPTIMIZER),
)


def like(mesh, model=MODEL) -> TrainState:
    return abstract_state(model, make_optimizer(OPTIMIZER, make_schedule(OPTIMIZER, 6)), mesh, ShardingRules())


def some_state(mesh, step: int = 3) -> TrainState:
    """Random numbers in the form of a state."""
    rng = np.random.default_rng(step)

    def draw(leaf):
        return jax.device_put(rng.normal(size=leaf.shape).astype(leaf.dtype), leaf.sharding)

    state = jax.tree.map(draw, like(mesh))
    return state._replace(step=jax.device_put(np.asarray(step, np.int32), state.step.sharding))


def saved(run_dir, mesh, **changes) -> TrainState:
    state = some_state(mesh)
    checkpoints = Checkpointer(run_dir, keep=2)
    checkpoints.save(state, dataclasses.replace(META, **changes))
    checkpoints.close()
    return state


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 2), (8, 1, 1)])
def test_another_mesh_reads_the_same_bits(tmp_path, shape):
    state = saved(tmp_path, mesh_of(2, 2, 2))
    target = like(mesh_of(*shape))
    checkpoints = Checkpointer(tmp_path, keep=2)
    restored, _ = checkpoints.restore(target, META)
    checkpoints.close()
    assert_bit_equal(restored, state)
    assert jax.tree.map(lambda leaf: leaf.sharding, restored) == jax.tree.map(lambda leaf: leaf.sharding, target)


def test_params_are_readable_on_their_own(tmp_path):
    state = saved(tmp_path, mesh_of(2, 2, 2))
    assert_bit_equal(model_folder.restore_params(tmp_path, MODEL)[0], state.params)


def test_what_is_written_is_the_state_when_it_was_saved(tmp_path):
    """Writing goes on in the background while the next step takes the state's memory."""
    mesh = mesh_of(1, 1, 1)
    state = some_state(mesh)
    kept = jax.tree.map(lambda leaf: np.array(leaf, copy=True), state)
    overwrite = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf * 0, state), donate_argnums=0)
    checkpoints = Checkpointer(tmp_path, keep=2)
    checkpoints.save(state, META)
    jax.block_until_ready(overwrite(state))
    checkpoints.close()
    checkpoints = Checkpointer(tmp_path, keep=2)
    assert_bit_equal(checkpoints.restore(like(mesh), META)[0], kept)
    checkpoints.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_fingerprint": "data-2"}, r"fingerprint of the prepared data: 'data-2' in the checkpoint, 'data-1'"),
        ({"seed": 1}, r"Train\.seed: 1 in the checkpoint, 0 in this run"),
        (
            {"optimizer": {**META.optimizer, "moment_dtype": "bfloat16"}},
            r"Optimizer\.moment_dtype: 'bfloat16' in the checkpoint, 'float32' in this run",
        ),
        ({"length": 48}, r"Train\.length: 48 in the checkpoint, 24 in this run"),
        ({"packing_version": 7}, "version of packing: 7 in the checkpoint, 1 in this run"),
        ({"model": {**META.model, "hidden_size": 32}}, r"Model\.hidden_size: 32 in the checkpoint, 16 in this run"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(tmp_path, changes, message):
    mesh = mesh_of(1, 1, 1)
    saved(tmp_path, mesh, **changes)
    checkpoints = Checkpointer(tmp_path, keep=2)
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoints.restore(like(mesh), META)
    checkpoints.close()
    assert "Train.init_from" in str(caught.value)  # the way out
    assert str(tmp_path) in str(caught.value)


def test_computation_may_change_between_save_and_restore(tmp_path):
    mesh = mesh_of(1, 1, 1)
    state = saved(tmp_path, mesh, model={**META.model, "dtype": "bfloat16", "remat": "full"})
    checkpoints = Checkpointer(tmp_path, keep=2)
    assert_bit_equal(checkpoints.restore(like(mesh), META)[0], state)
    checkpoints.close()


def test_a_checkpoint_of_before_the_architecture_was_stored_is_restored(tmp_path):
    mesh = mesh_of(1, 1, 1)
    before = {name: value for name, value in META.model.items() if name != "architecture"}
    state = saved(tmp_path, mesh, model=before)
    checkpoints = Checkpointer(tmp_path, keep=2)
    assert_bit_equal(checkpoints.restore(like(mesh), META)[0], state)
    checkpoints.close()


def test_old_ones_go_and_a_half_written_one_is_cleared_away(tmp_path):
    mesh = mesh_of(1, 1, 1)
    half = tmp_path / "checkpoints" / "9.orbax-checkpoint-tmp"
    half.mkdir(parents=True)
    (half / "params").mkdir()
    checkpoints = Checkpointer(tmp_path, keep=2)
    for step in (3, 6, 9):
        checkpoints.save(some_state(mesh, step), dataclasses.replace(META, step=step))
    checkpoints.close()
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["6", "9"]
    checkpoints = Checkpointer(tmp_path, keep=2)
    assert checkpoints.latest_step() == 9
    checkpoints.close()


def test_nothing_to_restore_is_said(tmp_path):
    checkpoints = Checkpointer(tmp_path, keep=2)
    with pytest.raises(CheckpointError, match="holds no complete checkpoint"):
        checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    checkpoints.close()
