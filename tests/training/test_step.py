import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.models.parameters import create, params_of
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.initial_state import abstract_state, initial_state, owned_by_devices
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import batch_sharding
from seqgpt_jax.training.step import make_train_step
from tests.training.runs import CLS, LENGTH, MODEL, NER, ROWS, TinyBatches, assert_bit_equal, mesh_of, take_steps

# Without it Adam's first steps are signs of gradients, which rounding flips where they are next to 0.
STEADY = OptimizerConfig(learning_rate=1e-2, warmup_fraction=0.0, eps=1e-3)


@pytest.fixture(scope="module")
def batches():
    source = TinyBatches()
    return [source.batch(step) for step in range(3)]


@pytest.fixture(scope="module")
def on_one_device(batches):
    return take_steps(mesh_of(1, 1, 1), batches, optimizer=STEADY)


def assert_same_training(one, other, tolerance=2e-5):
    (state, metrics), (other_state, other_metrics) = one, other
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance), metrics, other_metrics)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=tolerance), state.params, other_state.params
    )


@pytest.mark.parametrize("shape", [(8, 1, 1), (2, 2, 2), (1, 4, 2)])
def test_any_mesh_trains_the_same(shape, batches, on_one_device):
    assert_same_training(take_steps(mesh_of(*shape), batches, optimizer=STEADY), on_one_device)


@pytest.mark.parametrize(("shape", "accumulate"), [((1, 1, 1), 4), ((2, 2, 2), 2), ((1, 2, 2, 2), 2)])
def test_micro_batches_train_like_one_batch(shape, accumulate, batches, on_one_device):
    """Rows carry different numbers of targets, so a mean of means would differ."""
    counts = batches[0]["target_weights"].sum(1)
    assert len(set(counts.tolist())) > 1
    assert_same_training(take_steps(mesh_of(*shape), batches, optimizer=STEADY, accumulate=accumulate), on_one_device)


@pytest.mark.parametrize("remat", ["full", "dots"])
def test_rematerialisation_trains_the_same(remat, batches, on_one_device):
    model = dataclasses.replace(MODEL, remat=remat)
    assert_same_training(take_steps(mesh_of(1, 1, 1), batches, model=model, optimizer=STEADY), on_one_device)


def test_metrics_count_the_batch(batches, on_one_device):
    _, metrics = on_one_device
    batch, first = batches[0], metrics[0]
    assert first.supervised == batch["target_weights"].sum()
    assert first.tokens == (batch["segment_ids"] > 0).sum()
    assert first.slots == ROWS * LENGTH
    same = (batch["segment_ids"][:, :, None] == batch["segment_ids"][:, None, :]) & (batch["segment_ids"] > 0)[:, None]
    assert first.keys == np.tril(same).sum()
    assert first.learning_rate == pytest.approx(STEADY.learning_rate)
    assert abs(first.loss - np.log(MODEL.vocab_size)) < 0.2
    assert first.grad_norm > 0


def test_losses_of_families_add_up_to_the_loss(batches, on_one_device):
    batch, first = batches[0], on_one_device[1][0]
    counts = [(batch["target_families"] == family).sum() for family in range(len(FAMILIES))]
    assert first.family_weight.tolist() == counts
    assert counts[NER] == counts[CLS] > 0
    assert np.flatnonzero(first.family_loss).tolist() == sorted((CLS, NER))
    assert first.family_loss.sum() / first.supervised == pytest.approx(first.loss, rel=1e-5)
    assert first.family_loss[NER] != first.family_loss[CLS]


def test_the_loss_of_a_family_is_that_of_its_targets_alone(batches):
    """Weight 0 for all other targets leaves the sum of one family; the parameters are those before the first step."""
    batch = batches[0]
    _, (whole,) = take_steps(mesh_of(1, 1, 1), [batch], optimizer=STEADY)
    for family in (CLS, NER):
        weights = np.where(batch["target_families"] == family, batch["target_weights"], 0)
        _, (alone,) = take_steps(mesh_of(1, 1, 1), [{**batch, "target_weights": weights}], optimizer=STEADY)
        assert alone.loss * alone.supervised == pytest.approx(whole.family_loss[family], rel=1e-5)
        assert alone.family_loss[family] == pytest.approx(whole.family_loss[family], rel=1e-5)


def test_targets_of_no_known_family_are_trained_on_all_the_same(batches, on_one_device):
    unknown = [{**batch, "target_families": np.full_like(batch["target_families"], -1)} for batch in batches]
    state, metrics = take_steps(mesh_of(1, 1, 1), unknown, optimizer=STEADY)
    assert_bit_equal(state, on_one_device[0])
    assert metrics[0].family_weight.tolist() == metrics[0].family_loss.tolist() == [0.0] * len(FAMILIES)


@pytest.mark.parametrize(("shape", "accumulate"), [((1, 1, 1), 1), ((2, 2, 2), 2)])
def test_a_step_that_is_not_finite_changes_nothing_but_its_number(shape, accumulate, batches):
    """Weights, moments, the count of updates and with it the learning rate are those of a run without that batch."""
    broken = {**batches[2], "target_weights": batches[2]["target_weights"].copy()}
    broken["target_weights"][2, 0] = np.inf
    run = functools.partial(take_steps, mesh_of(*shape), optimizer=STEADY, accumulate=accumulate)
    state, metrics = run([batches[0], broken, batches[1]])
    wanted, fine = run(batches[:2])
    assert [bool(one.skipped) for one in metrics] == [False, True, False]
    assert state.step == 3
    assert_bit_equal((state.params, state.opt_state), (wanted.params, wanted.opt_state))
    assert metrics[2].learning_rate == fine[1].learning_rate != fine[0].learning_rate
    assert metrics[2].param_norm == fine[1].param_norm > 0


def test_bfloat16_computation_keeps_float32_weights(batches):
    model = dataclasses.replace(MODEL, dtype="bfloat16")
    state, metrics = take_steps(mesh_of(1, 1, 1), batches, model=model, optimizer=STEADY)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {np.dtype("float32")}
    assert all(np.isfinite(one.loss) for one in metrics)


def test_it_learns_a_batch_by_heart(batches):
    optimizer = OptimizerConfig(learning_rate=3e-2, schedule="constant", warmup_fraction=0.0)
    _, metrics = take_steps(mesh_of(1, 1, 1), [batches[0]] * 150, optimizer=optimizer)
    assert metrics[0].loss > 5
    assert metrics[-1].loss < 0.1


def test_activations_and_state_are_constrained_and_the_old_state_is_given_away(batches):
    mesh, rules = mesh_of(2, 2, 2), ShardingRules()
    schedule = make_schedule(STEADY, 10)
    optimizer = make_optimizer(STEADY, schedule)
    with use_sharding(mesh, rules):
        params = params_of(create(MODEL, 0, mesh=mesh, rules=rules))
        state = initial_state(params, MODEL, optimizer, mesh, rules)
        step = make_train_step(MODEL, optimizer, schedule, mesh)
        batch = jax.device_put(batches[0], batch_sharding(mesh, rules))
        assert "sharding_constraint" in str(step.trace(state, batch).jaxpr)
        table = state.params["word_embeddings"]
        assert table.addressable_shards[0].data.shape == (MODEL.vocab_size // 4, MODEL.hidden_size)
        moments = state.opt_state[1].mu["word_embeddings"]
        assert moments.sharding == table.sharding
        after, _ = step(state, batch)
    assert table.is_deleted()
    assert after.params["word_embeddings"].sharding == moments.sharding
    assert after.step == jnp.asarray(1)


def test_a_step_needs_no_copy_of_parameters_moments_or_clipped_gradients(batches):
    """Beside the state: the gradients, and twice that of the tied table, of the lookup and of the head."""
    model = dataclasses.replace(MODEL, vocab_size=4096, hidden_size=256, n_layer=3)
    mesh, rules, schedule = mesh_of(1, 1, 1), ShardingRules(), make_schedule(STEADY, 10)
    optimizer = make_optimizer(STEADY, schedule)
    with use_sharding(mesh, rules):
        state = abstract_state(model, optimizer, mesh, rules)
        batch = jax.device_put(batches[0], batch_sharding(mesh, rules))
        memory = make_train_step(model, optimizer, schedule, mesh).lower(state, batch).compile().memory_analysis()
    parameters = sum(leaf.size * 4 for leaf in jax.tree.leaves(state.params))
    assert memory.alias_size_in_bytes > 3 * parameters
    assert parameters < memory.temp_size_in_bytes < 2.5 * parameters


def test_the_first_step_takes_over_what_was_loaded(batches):
    mesh, rules, schedule = mesh_of(1, 1, 1), ShardingRules(), make_schedule(STEADY, 10)
    optimizer = make_optimizer(STEADY, schedule)

    def loaded(leaf: jax.Array) -> jax.Array:
        memory = np.empty(leaf.nbytes + 64, np.uint8)
        start = -memory.ctypes.data % 64
        value = memory[start : start + leaf.nbytes].view(leaf.dtype).reshape(leaf.shape)
        value[...] = leaf
        array = jax.device_put(value, leaf.sharding)
        assert array.unsafe_buffer_pointer() == value.ctypes.data
        return array

    with use_sharding(mesh, rules):
        params = jax.tree.map(loaded, params_of(create(MODEL, 0, mesh=mesh, rules=rules)))
        expected = jax.device_get(params)
        state = owned_by_devices(initial_state(params, MODEL, optimizer, mesh, rules))
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(params))
        assert_bit_equal(state.params, expected)
        before = jax.tree.map(lambda leaf: leaf.unsafe_buffer_pointer(), (state.params, state.opt_state))
        step = make_train_step(MODEL, optimizer, schedule, mesh)
        state, _ = step(state, jax.device_put(batches[0], batch_sharding(mesh, rules)))
        after = jax.tree.map(lambda leaf: leaf.unsafe_buffer_pointer(), (state.params, state.opt_state))
    assert after == before
