"""Low-rank adapters of the families: what they add, where, and merged into the weights."""

import dataclasses

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig, joined, merged, split_adapter
from seqgpt_jax.models.parameters import abstract, create, create_adapter, from_params, params_of
from seqgpt_jax.models.registry import make_config
from tests.models.peers import run_ours

SIZES = {"vocab_size": 64, "hidden_size": 24, "n_layer": 2, "n_head": 6}
GROUPED = {"mlp_size": 40, "n_kv_head": 2, "head_dim": 8, "max_length": 64, "tied_head": True}
CONFIGS = {
    "bloom": make_config(**SIZES),
    "qwen2": make_config("qwen2", **SIZES, **GROUPED),
    "qwen3": make_config("qwen3", **SIZES, **GROUPED),
    "gemma3_text": make_config(
        "gemma3_text", **SIZES, **{name: GROUPED[name] for name in GROUPED if name != "tied_head"}, sliding_window=5
    ),
}
TARGETS = {
    "bloom": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
    "qwen2": {"query", "key", "value", "out", "gate", "up", "down"},
}
TARGETS["qwen3"] = TARGETS["gemma3_text"] = TARGETS["qwen2"]
LORA = LoraConfig(rank=3, alpha=6.0)
TOKENS = np.random.default_rng(0).integers(0, 64, (2, 12))


def trained_adapter(config: ModelConfig, lora: LoraConfig = LORA) -> dict:
    """Adapters of which both factors are away from their initial values."""
    rng = np.random.default_rng(1)
    adapter = create_adapter(config, lora, seed=1)
    return jax.tree.map(lambda leaf: leaf + rng.normal(0, 0.2, leaf.shape).astype(np.float32), adapter)


@pytest.mark.parametrize("name", CONFIGS)
def test_merged_weights_compute_what_the_adapters_do(name):
    config, adapter = CONFIGS[name], trained_adapter(CONFIGS[name])
    base = params_of(create(config, seed=0))
    with_adapters = run_ours(from_params(config, joined(adapter, base), LORA), TOKENS)
    weights = merged(base, adapter, LORA, "float32")
    np.testing.assert_allclose(run_ours(from_params(config, weights), TOKENS), with_adapters, rtol=1e-5, atol=1e-5)
    assert np.abs(with_adapters - run_ours(from_params(config, base), TOKENS)).max() > 0.01
    changed = {path[-2] for path, leaf in flatten_dict(weights).items() if not (leaf == flatten_dict(base)[path]).all()}
    assert changed == TARGETS[name]


def test_the_sum_is_that_of_the_paper():
    config, lora = CONFIGS["qwen2"], dataclasses.replace(LORA, targets=("value",))
    adapter, base = trained_adapter(config, lora), params_of(create(config, seed=0))
    factors, kernel = (tree["layers"]["attention"]["value"] for tree in (adapter, base))
    assert factors["lora_a"].shape == (2, 24, 3)
    assert factors["lora_b"].shape == (2, 3, 2, 8)
    expected = np.asarray(kernel["kernel"]) + 6.0 / 3 * np.einsum("ldr,lrhk->ldhk", *factors.values())
    found = merged(base, adapter, lora, "float32")["layers"]["attention"]["value"]["kernel"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["bloom", "qwen3"])
def test_new_adapters_change_nothing(name):
    config = CONFIGS[name]
    base, adapter = params_of(create(config, seed=0)), create_adapter(config, LORA, seed=1)
    np.testing.assert_array_equal(
        run_ours(from_params(config, joined(adapter, base), LORA), TOKENS), run_ours(from_params(config, base), TOKENS)
    )
    bounds = {"gate": 24, "down": 40, "query": 24, "out": 48, "dense": 24, "dense_4h_to_h": 96}
    for path, leaf in flatten_dict(adapter).items():
        if path[-1] == "lora_b":
            assert not np.any(leaf)
        elif path[-2] in bounds:
            bound = bounds[path[-2]] ** -0.5
            assert 0.8 * bound < np.abs(leaf).max() <= bound


def test_adapters_are_float32_where_the_base_is_not():
    config = dataclasses.replace(CONFIGS["bloom"], param_dtype="bfloat16", dtype="bfloat16")
    adapter, base = split_adapter(params_of(abstract(config, LORA)))
    assert {leaf.dtype.name for leaf in jax.tree.leaves(adapter)} == {"float32"}
    assert {leaf.dtype.name for leaf in jax.tree.leaves(base)} == {"bfloat16"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rank": -1}, r"Lora\.rank must be an integer of at least 0"),
        ({"alpha": 0}, r"Lora\.alpha must be above 0"),
        ({"rank": 2, "targets": ()}, r"Lora\.targets must be a tuple of names"),
        ({"rank": 2, "targets": "query"}, r"Lora\.targets must be a tuple of names"),
    ],
)
def test_wrong_settings_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        LoraConfig(**fields)


def test_an_unknown_target_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="'q_proj' is no linear map of this model; it has down, gate, key, out, query"):
        abstract(CONFIGS["qwen2"], LoraConfig(rank=2, targets=("query", "q_proj")))
