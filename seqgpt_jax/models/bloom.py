"""BLOOM (https://arxiv.org/abs/2211.05100, section 3.2) in Flax NNX: ALiBi, layer norms with biases, a fused kernel.

Suffixes: B rows, L tokens of a row, D hidden_size, H heads, K head_dim, F = 4·D, V vocab_size.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from seqgpt_jax.models.attention import alibi_slopes
from seqgpt_jax.models.backbone import Attend
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.decoder import Decoder, stack
from seqgpt_jax.models.layers import Linear, make_param, recomputed
from seqgpt_jax.models.sharding import constrain
from seqgpt_jax.models.vocab_embedding import lookup


class LayerNorm(nnx.Module):
    """Layer norm over the last axis, computed in float32, returned in the compute dtype."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.epsilon = config.layer_norm_epsilon
        self.dtype = config.dtype
        shape = (config.hidden_size,)
        self.scale = make_param(nnx.initializers.ones, ("embed",), rngs, shape, config.param_dtype)
        self.bias = make_param(nnx.initializers.zeros, ("embed",), rngs, shape, config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[..., D] in the compute dtype, of `x` [..., D] in any float dtype."""
        return _layer_norm(x, self.scale[...], self.bias[...], self.epsilon).astype(self.dtype)


@recomputed
def _layer_norm(x: jax.Array, scale: jax.Array, bias: jax.Array, epsilon: float) -> jax.Array:
    x = x.astype(jnp.float32)
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + epsilon) * scale + bias


class Attention(nnx.Module):
    """The projections around `attend`. BLOOM's fused kernel is laid out [heads, 3, head_dim], not [3, heads, …]."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        D, H, K = config.hidden_size, config.n_head, config.head_dim
        names = ("embed", "heads", "qkv", "head_dim")
        self.query_key_value = Linear(config, "bld,dhck->blhck", (D, H, 3, K), names, n_out=3, rngs=rngs)
        self.dense = Linear(config, "blhk,hkd->bld", (H, K, D), ("heads", "head_dim", "embed"), rngs=rngs)

    def qkv(self, x_BxLxD: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Queries, keys and values, each [B, L, H, K] in the compute dtype, of the normed residual stream."""
        fused_BxLxHx3xK = self.query_key_value(x_BxLxD)
        fused_BxLxHx3xK = constrain(fused_BxLxHx3xK, "batch", "length", "heads", "qkv", "head_dim")
        return fused_BxLxHx3xK[..., 0, :], fused_BxLxHx3xK[..., 1, :], fused_BxLxHx3xK[..., 2, :]

    def output(self, context_BxLxHxK: jax.Array) -> jax.Array:
        """[B, L, D]: the output projection of the contexts of all heads."""
        return self.dense(context_BxLxHxK)


_gelu = recomputed(partial(jax.nn.gelu, approximate=True))


class MLP(nnx.Module):
    """Two linear maps around a gelu (tanh form), four times as wide inside."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        D, F = config.hidden_size, 4 * config.hidden_size
        self.dense_h_to_4h = Linear(config, "bld,df->blf", (D, F), ("embed", "mlp"), rngs=rngs)
        self.dense_4h_to_h = Linear(config, "blf,fd->bld", (F, D), ("mlp", "embed"), rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype."""
        h_BxLxF = constrain(self.dense_h_to_4h(x_BxLxD), "batch", "length", "mlp")
        return self.dense_4h_to_h(_gelu(h_BxLxF))


class Block(nnx.Module):
    """x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.input_norm = LayerNorm(config, rngs=rngs)
        self.attention = Attention(config, rngs=rngs)
        self.post_attention_norm = LayerNorm(config, rngs=rngs)
        self.mlp = MLP(config, rngs=rngs)

    def __call__(
        self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend, layer: jax.Array | int
    ) -> jax.Array:
        """[B, L, D]: the residual stream after the layer; see `backbone.Block`.

        Positions are not used here: in BLOOM they are a bias on the keys, which `attend` adds.
        """
        del positions_BxL
        context_BxLxHxK = attend(*self.attention.qkv(self.input_norm(x_BxLxD)))
        x_BxLxD = x_BxLxD + self.attention.output(context_BxLxHxK)
        x_BxLxD = x_BxLxD + self.mlp(self.post_attention_norm(x_BxLxD))
        return constrain(x_BxLxD, "batch", "length", None)


class Bloom(Decoder):
    """The decoder-only model. `word_embeddings` [V, D] is the input table and, transposed, the head."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.config = config
        normal = nnx.initializers.normal(config.initializer_range)
        shape = (config.vocab_size, config.hidden_size)
        self.word_embeddings = make_param(normal, ("vocab", None), rngs, shape, config.param_dtype)
        self.embed_norm = LayerNorm(config, rngs=rngs)
        self.layers = stack(Block, config, rngs)
        self.final_norm = LayerNorm(config, rngs=rngs)

    def slopes(self) -> np.ndarray:
        """float32 [H]: those of ALiBi."""
        return alibi_slopes(self.config.n_head)

    def embed(self, tokens_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: normed rows of the table, as the first block takes them."""
        x_BxLxD = lookup(self.word_embeddings[...], tokens_BxL, jnp.dtype(self.config.dtype))
        return constrain(self.embed_norm(x_BxLxD), "batch", "length", None)
