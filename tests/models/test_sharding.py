"""Eight CPU devices as a 2x2x2 mesh: the same numbers, and constraints that are really there."""

import jax
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType

from seqgpt_jax.models.bloom import create
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.models.sharding import constrain

CONFIG = BloomConfig(vocab_size=512, hidden_size=48, n_layer=3, n_head=6, remat="full")
RULES = (
    ("batch", ("data", "fsdp")),
    ("length", None),
    ("vocab", ("tensor", "fsdp")),
    ("embed", "fsdp"),
    ("mlp", "tensor"),
    ("heads", "tensor"),
    ("qkv", None),
    ("head_dim", None),
    ("layers", None),
)


@pytest.fixture(scope="module")
def mesh():
    return jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)


@pytest.fixture(scope="module")
def batch():
    tokens = np.random.default_rng(0).integers(4, 512, (8, 16))
    segment_ids = np.repeat([[1, 2, 0]], [7, 6, 3], axis=1).repeat(8, axis=0)
    positions = np.concatenate([np.arange(n) for n in (7, 6, 3)])[None].repeat(8, axis=0)
    return tokens, positions, segment_ids


def _loss(model, tokens, positions, segment_ids):
    logits = model.logits(model(tokens, positions, segment_ids))
    return jax.nn.logsumexp(logits, axis=-1).mean(), logits


def _run(model, batch):
    return nnx.jit(nnx.value_and_grad(_loss, has_aux=True))(model, *batch)


def test_parameters_are_born_sharded_and_equal(mesh):
    plain, sharded = create(CONFIG, seed=3), create(CONFIG, seed=3, mesh=mesh, rules=RULES)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(sharded), nnx.state(plain))
    table = sharded.word_embeddings[...]
    assert table.sharding.spec == jax.P(("tensor", "fsdp"), None)
    assert table.addressable_shards[0].data.shape == (128, 48)
    assert sharded.layers.mlp.dense_h_to_4h.kernel[...].addressable_shards[0].data.shape == (3, 24, 96)


def test_sharded_equals_unsharded(mesh, batch):
    (_, expected), expected_gradient = _run(create(CONFIG, seed=3), batch)
    with jax.set_mesh(mesh), nnx.logical_axis_rules(RULES):
        (_, found), gradient = _run(create(CONFIG, seed=3, mesh=mesh, rules=RULES), batch)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5), gradient, expected_gradient)


def test_constraints_are_in_the_jaxpr_only_under_a_mesh_with_rules(mesh, batch):
    model = create(CONFIG)

    def text() -> str:
        # A new function each time: JAX caches traces by function and mesh, and knows nothing of the rules.
        return str(jax.make_jaxpr(lambda *args: _loss(*args))(model, *batch))

    assert "sharding_constraint" not in text()
    with jax.set_mesh(mesh):
        assert "sharding_constraint" not in text()
    with jax.set_mesh(mesh), nnx.logical_axis_rules(RULES):
        # embeddings; in the scanned block: four kernels, qkv, mlp, residual stream
        assert text().count("sharding_constraint") == 8


def test_no_activation_is_replicated(mesh, batch):
    """The look-up in the split table leaves each device with its own rows of the batch."""
    model = create(CONFIG, mesh=mesh, rules=RULES)
    with jax.set_mesh(mesh), nnx.logical_axis_rules(RULES):
        hidden = jax.jit(lambda model, *batch: model(*batch))(model, *batch)
    assert hidden.addressable_shards[0].data.shape[0] == 2


def test_a_name_without_a_rule_is_an_error(mesh):
    with jax.set_mesh(mesh), nnx.logical_axis_rules(RULES[1:]), pytest.raises(ValueError, match="lack batch"):
        constrain(np.zeros((8, 4)), "batch", None)
