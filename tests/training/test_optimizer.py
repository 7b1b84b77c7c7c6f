import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from seqgpt_jax.models.parameters import abstract, params_of
from seqgpt_jax.training.optimizer import OptimizerConfig, decay_mask, make_optimizer, make_schedule
from tests.training.runs import MODEL, TinyBatches, mesh_of, take_steps


def rates(steps: int, **fields) -> list[float]:
    schedule = make_schedule(OptimizerConfig(learning_rate=1.0, **fields), steps)
    return [float(schedule(step)) for step in range(steps)]


def test_warm_up_rises_from_the_first_update_on():
    np.testing.assert_allclose(rates(8, schedule="constant", warmup_fraction=0.5), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1])


def test_cosine_falls_from_the_top_to_the_final_fraction():
    values = rates(100, schedule="cosine", warmup_fraction=0.03, final_fraction=0.1)
    np.testing.assert_allclose(values[:3], [1 / 3, 2 / 3, 1.0])
    for step in (3, 50, 99):
        expected = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * (step - 3) / 97))
        assert values[step] == pytest.approx(expected, abs=1e-5)


def test_linear():
    values = rates(10, schedule="linear", warmup_fraction=0.2)
    np.testing.assert_allclose(values, [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125], atol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_short_runs_have_usable_rates(schedule, warmup, steps):
    values = rates(steps, schedule=schedule, warmup_fraction=warmup)
    assert np.isfinite(values).all()
    assert all(0 < value <= 1 for value in values)


def test_only_matrices_decay():
    shapes = params_of(abstract(MODEL))
    mask = {
        jax.tree_util.keystr(path): value for path, value in jax.tree_util.tree_leaves_with_path(decay_mask(shapes))
    }
    assert {path for path, value in mask.items() if value} == {
        "['word_embeddings']",
        "['layers']['attention']['query_key_value']['kernel']",
        "['layers']['attention']['dense']['kernel']",
        "['layers']['mlp']['dense_h_to_4h']['kernel']",
        "['layers']['mlp']['dense_4h_to_h']['kernel']",
    }
    assert len(mask) == len(jax.tree.leaves(shapes)) > 5


def test_first_update_by_hand():
    """Clipped gradient -> Adam's first step is its sign -> plus decay -> times the rate."""
    config = OptimizerConfig(learning_rate=0.1, schedule="constant", warmup_fraction=0, weight_decay=0.5, clip_norm=1.0)
    optimizer = make_optimizer(config, make_schedule(config, 10))
    params = {"kernel": jnp.array([[2.0, -4.0]]), "bias": jnp.array([3.0])}
    grads = {"kernel": jnp.array([[30.0, -40.0]]), "bias": jnp.array([0.0])}
    updates, state = optimizer.update(grads, optimizer.init(params), params)
    np.testing.assert_allclose(updates["kernel"], [[-0.1 * (1 + 0.5 * 2), -0.1 * (-1 + 0.5 * -4)]], rtol=1e-4)
    np.testing.assert_allclose(updates["bias"], [0.0])
    mean = optax.tree_utils.tree_get(state, "mu")
    np.testing.assert_allclose(mean["kernel"], 0.1 * np.array([[0.6, -0.8]]), rtol=1e-5)  # clipped to norm 1
    assert mean["kernel"].dtype == jnp.float32


def test_the_mean_of_gradients_can_be_kept_in_half_the_memory():
    """What is kept is rounded; what is computed from it is not."""
    fields = {"learning_rate": 0.1, "schedule": "constant", "warmup_fraction": 0, "clip_norm": 100.0}
    params = {"kernel": jnp.array([[2.0, -4.0]])}
    grads = [{"kernel": jnp.array([[1.0 + 2**-8, -0.3]])}, {"kernel": jnp.array([[0.5, 0.1]])}]
    means, updates = {}, {}
    for dtype in ("float32", "bfloat16"):
        config = OptimizerConfig(moment_dtype=dtype, **fields)
        optimizer = make_optimizer(config, make_schedule(config, 10))
        _, state = optimizer.update(grads[0], optimizer.init(params), params)
        means[dtype] = optax.tree_utils.tree_get(state, "mu")["kernel"]
        assert means[dtype].dtype == dtype
        assert optax.tree_utils.tree_get(state, "nu")["kernel"].dtype == jnp.float32
        updates[dtype], _ = optimizer.update(grads[1], state, params)
        assert updates[dtype]["kernel"].dtype == jnp.float32
    np.testing.assert_array_equal(means["bfloat16"], means["float32"].astype(jnp.bfloat16))
    assert (means["bfloat16"] != means["float32"]).all()
    np.testing.assert_allclose(updates["bfloat16"]["kernel"], updates["float32"]["kernel"], rtol=2**-8)


def test_half_width_means_learn_as_well():
    batches = [TinyBatches().batch(0)] * 40
    losses = {}
    for dtype in ("float32", "bfloat16"):
        config = OptimizerConfig(learning_rate=1e-2, schedule="constant", warmup_fraction=0.0, moment_dtype=dtype)
        state, metrics = take_steps(mesh_of(1, 1, 1), batches, optimizer=config)
        assert {leaf.dtype for leaf in jax.tree.leaves(state.opt_state[1].mu)} == {jnp.dtype(dtype)}
        losses[dtype] = float(metrics[-1].loss)
    assert losses["float32"] < 2
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"schedule": "cosin"}, "Optimizer.schedule"),
        ({"moment_dtype": "float16"}, "Optimizer.moment_dtype"),
        ({"learning_rate": 0.0}, "Optimizer.learning_rate"),
        ({"warmup_fraction": 3}, "Optimizer.warmup_fraction"),
        ({"weight_decay": -1.0}, "Optimizer.weight_decay"),
    ],
)
def test_a_wrong_field_is_named(fields, named):
    with pytest.raises(ValueError, match=named):
        OptimizerConfig(**fields)


@pytest.mark.parametrize("norm", [0.0, 0.3, 1.0, 50.0])
def test_gradients_are_clipped_as_optax_does(norm):
    rng = np.random.default_rng(0)
    grads = {"kernel": rng.normal(size=(5, 3)), "bias": rng.normal(size=3)}
    scale = norm / optax.tree.norm(grads)
    grads = jax.tree.map(lambda grad: jnp.asarray(grad * scale, jnp.float32), grads)
    config = OptimizerConfig(clip_norm=1.0, b1=0.0, warmup_fraction=0)
    optimizer = make_optimizer(config, make_schedule(config, 10))
    _, state = optimizer.update(grads, optimizer.init(grads), grads)
    wanted, _ = optax.clip_by_global_norm(1.0).update(grads, optax.EmptyState())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), optax.tree.get(state, "mu"), wanted)
