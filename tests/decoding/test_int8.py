"""Kernels as int8: rounded by half a step at most; answers are the same with kernels that int8 holds exactly."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import load_for
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.step import for_decoding
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.models.layers import Linear
from seqgpt_jax.models.parameters import create, params_of
from seqgpt_jax.models.registry import make_config
from tests.decoding import folders
from tests.decoding.test_devices import CONFIGS, DECODE, prompts, values

INT8 = replace(DECODE, weight_dtype="int8")


def linears(model) -> list[Linear]:
    return [module for _, module in nnx.iter_modules(model) if isinstance(module, Linear)]


@pytest.fixture(scope="module", params=CONFIGS)
def folder(request, tmp_path_factory):
    """A model whose kernels are whole numbers times a power of two for each output, the largest of them 127."""
    config, path = CONFIGS[request.param], tmp_path_factory.mktemp(request.param)
    rng = np.random.default_rng(0)

    def exact(keys: tuple, value: jax.Array) -> jax.Array:
        if keys[-1].key != "kernel":
            return value
        whole = rng.integers(-127, 128, value.shape).astype(np.float32)
        whole[:, 0] = 127  # of each layer, the first input
        return jnp.asarray(whole / 2.0 ** rng.integers(8, 11, value.shape[-1:]))

    params = jax.tree_util.tree_map_with_path(exact, params_of(create(config, seed=1)))
    save_folder(path, config, params_to_hf(params, config, "float32"), folders.tokenizer())
    return path


@pytest.mark.parametrize("devices", [1, 2])
def test_kernels_that_int8_holds_exactly_answer_alike(folder, devices):
    alone = Engine.of(load_for(DECODE, folder), DECODE).generate(prompts())
    assert len({one.text for one in alone}) > 1, "the answers do not differ: the test could not see a wrong one"
    decode = replace(INT8, devices=devices)
    engine = Engine.of(load_for(decode, folder), decode)
    assert {linear.kernel[...].dtype for block in engine._model.blocks for linear in linears(block)} == {
        jnp.dtype("int8")
    }
    rounded = engine.generate(prompts())
    assert [one.text for one in rounded] == [one.text for one in alone]
    np.testing.assert_allclose(values(rounded), values(alone), atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e4))
@settings(max_examples=20, deadline=None)
def test_a_weight_is_off_by_half_a_step_at_most(seed, size):
    config = make_config(vocab_size=344, hidden_size=16, n_layer=1, n_head=2, dtype="float32")
    linear = Linear(config, "bld,dhe->blhe", (16, 2, 5), ("embed", "heads", "head_dim"), 2, rngs=nnx.Rngs(0))
    kernel = np.random.default_rng(seed).normal(0, size, (16, 2, 5)).astype(np.float32)
    kernel[:, 1, 2] = 0
    linear.kernel = nnx.Param(jnp.asarray(kernel))
    linear.quantize()
    scale = np.abs(kernel).max(axis=0) / 127
    assert linear.kernel_scale[...].shape == (2, 5)
    off = np.abs(linear.kernel[...] * linear.kernel_scale[...] - kernel)
    assert (off <= scale * 0.5001).all()
    assert not np.asarray(linear(jnp.ones((1, 1, 16))))[..., 1, 2].any()


def test_only_kernels_of_layers_are_rounded_and_from_what_they_were():
    model = create(replace(CONFIGS["bloom"], dtype="bfloat16"), seed=1)
    kernel = np.asarray(model.layers.mlp.dense_h_to_4h.kernel[0], np.float32)
    ready = for_decoding(model, "int8")
    rounded = ready.blocks[0].mlp.dense_h_to_4h
    expected = np.round(kernel / (np.abs(kernel).max(axis=0) / 127))
    np.testing.assert_array_equal(np.asarray(rounded.kernel[...], np.float32), expected)
    assert rounded.bias[...].dtype == ready.backbone.word_embeddings[...].dtype == jnp.bfloat16


def test_other_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"Decode.weight_dtype must be 'int8' or None, not 'int4'"):
        DecodeConfig(weight_dtype="int4")
