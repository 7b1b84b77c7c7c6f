"""Gradients of biases in bfloat16 compute: summed in float32, so no less exact than those of kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from seqgpt_jax.models.bloom import Linear
from seqgpt_jax.models.bloom_config import BloomConfig

ROWS, TOKENS, WIDTH = 4, 700, 24
SHAPES = {
    "one output axis": ("bld,df->blf", (WIDTH, 10), ("embed", "mlp"), 1),
    "three output axes": ("bld,dhck->blhck", (WIDTH, 2, 3, 5), ("embed", "heads", "qkv", "head_dim"), 3),
    "two input axes": ("blhk,hkd->bld", (4, 6, WIDTH), ("heads", "head_dim", "embed"), 1),
}


@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES)
def test_bias_gradient_is_the_float32_sum_of_the_cotangent(spec):
    einsum, shape, names, n_out = spec
    config = BloomConfig(vocab_size=8, hidden_size=WIDTH, n_layer=1, n_head=2, dtype="bfloat16")
    linear = Linear(config, einsum, shape, names, n_out, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(ROWS, TOKENS, *shape[: len(shape) - n_out])), jnp.bfloat16)
    # Cotangents of one sign, as a loss that all tokens pull the same way gives: the sum outgrows its terms.
    cotangent = jnp.asarray(rng.uniform(0.5, 1.5, (ROWS, TOKENS, *shape[-n_out:])), jnp.bfloat16)
    graph, params = nnx.split(linear)
    y, gradients = jax.vjp(lambda params: nnx.merge(graph, params)(x), params)
    assert y.dtype == jnp.bfloat16
    found = np.asarray(gradients(cotangent)[0]["bias"][...])
    exact = np.asarray(cotangent, np.float64).sum((0, 1))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-5)
    # bfloat16 has 8 bits of significand: of these sums nearly all need more.
    assert np.mean(found != found.astype(jnp.bfloat16)) > 0.8
