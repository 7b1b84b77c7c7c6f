"""Eight CPU devices as a 2x2x2 mesh: the same numbers, and constraints that are really there."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType

from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.gemma_config import GemmaConfig
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.models.parameters import create
from seqgpt_jax.models.sharding import ShardingRules, constrain, mesh_axes, use_sharding

LLAMA = LlamaConfig(
    architecture="qwen3",
    vocab_size=512,
    hidden_size=48,
    mlp_size=80,
    n_layer=3,
    n_head=8,
    n_kv_head=2,
    head_dim=6,
    max_length=64,
    tied_head=False,
)
GEMMA = GemmaConfig(
    architecture="gemma3_text",
    vocab_size=512,
    hidden_size=48,
    mlp_size=80,
    n_layer=3,
    n_head=8,
    n_kv_head=2,
    head_dim=6,
    max_length=64,
    sliding_window=4,
    full_attention_every=2,
)
CONFIG = BloomConfig(vocab_size=512, hidden_size=48, n_layer=3, n_head=6, remat="full")
RULES = ShardingRules(batch=("data", "fsdp"))  # this mesh has no axis `replica`


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


@pytest.mark.parametrize("config", [CONFIG, LLAMA, GEMMA], ids=lambda config: config.architecture)
def test_sharded_equals_unsharded(mesh, batch, config):
    (_, expected), expected_gradient = _run(create(config, seed=3), batch)
    with use_sharding(mesh, RULES):
        (_, found), gradient = _run(create(config, seed=3, mesh=mesh, rules=RULES), batch)
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
    with use_sharding(mesh, RULES):
        # embeddings; in the scanned block: four kernels, qkv, mlp, residual stream
        assert text().count("sharding_constraint") == 8


def test_no_activation_is_replicated(mesh, batch):
    """The look-up in the split table leaves each device with its own rows of the batch."""
    model = create(CONFIG, mesh=mesh, rules=RULES)
    with use_sharding(mesh, RULES):
        hidden = jax.jit(lambda model, *batch: model(*batch))(model, *batch)
    assert hidden.addressable_shards[0].data.shape[0] == 2


def test_a_name_without_a_rule_is_an_error(mesh):
    with use_sharding(mesh, RULES), pytest.raises(ValueError, match=r"no rule for the logical axis 'batc'.*batch"):
        constrain(np.zeros((8, 4)), "batc", None)


def test_a_mesh_axis_used_twice_is_an_error(mesh):
    """In an activation, and in a parameter that is created or loaded."""
    with use_sharding(mesh, RULES), pytest.raises(ValueError, match="'fsdp' twice"):
        constrain(np.zeros((8, 4)), "batch", "embed")
    with pytest.raises(ValueError, match=r"parameter layers\..* 'tensor' twice"):
        create(CONFIG, mesh=mesh, rules=dataclasses.replace(RULES, embed="tensor"))


def test_rules_are_those_of_the_innermost_context(mesh):
    assert mesh_axes("mlp") == ()
    with use_sharding(mesh, RULES):
        with use_sharding(mesh, dataclasses.replace(RULES, mlp=None)):
            assert mesh_axes("mlp") == ()
        assert mesh_axes("mlp") == ("tensor",)
    assert mesh_axes("mlp") == ()
