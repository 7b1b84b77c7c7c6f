"""BLOOM (https://arxiv.org/abs/2211.05100, section 3.2) in Flax NNX.

The blocks are one `Block` whose parameters carry a leading `layers` axis (`nnx.vmap`); `Bloom.__call__` runs them with
`jax.lax.scan`, so that compile time does not grow with depth. `Bloom.block(i)` cuts one block out.

**Sharding.** Parameters name their axes: vocab, embed, mlp, heads, qkv (3), head_dim, layers. Activations name batch,
length, heads, mlp, and never embed: one mesh axis may shard both `batch` and `embed`. `models.sharding` maps these
names to mesh axes. Parameters are not constrained while the module is built (`eager_sharding=False`), as Flax would ask
for a mesh then.

Suffixes: B rows, L tokens of a row, D hidden_size, H heads, K head_dim, F = 4·D, V vocab_size.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from seqgpt_jax.models import flash_attention
from seqgpt_jax.models.attention import alibi_bias, alibi_slopes, attend, segment_mask
from seqgpt_jax.models.backbone import Attend
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.matmul import kernel_matmul, product
from seqgpt_jax.models.sharding import constrain
from seqgpt_jax.models.vocab_embedding import lookup

_KERNEL_PRODUCT = "kernel_product"


def _param(
    init: Callable, names: tuple[str | None, ...], rngs: nnx.Rngs, shape: tuple[int, ...], dtype: str
) -> nnx.Param:
    init = nnx.with_partitioning(init, names, eager_sharding=False)
    return nnx.Param(init(rngs.params(), shape, jnp.dtype(dtype)))


class LayerNorm(nnx.Module):
    """Layer norm over the last axis, computed in float32, returned in the compute dtype."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.epsilon = config.layer_norm_epsilon
        self.dtype = config.dtype
        shape = (config.hidden_size,)
        self.scale = _param(nnx.initializers.ones, ("embed",), rngs, shape, config.param_dtype)
        self.bias = _param(nnx.initializers.zeros, ("embed",), rngs, shape, config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[..., D] in the compute dtype, of `x` [..., D] in any float dtype."""
        x = x.astype(jnp.float32)
        mean = x.mean(axis=-1, keepdims=True)
        centred = x - mean
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        normal = centred * jax.lax.rsqrt(variance + self.epsilon)
        return (normal * self.scale[...] + self.bias[...]).astype(self.dtype)


class Linear(nnx.Module):
    """`x·kernel + bias`, where the kernel may have several input or output axes.

    Args:
      spec: einsum of `x` and the kernel.
      shape, names: of the kernel, and the logical names of its axes.
      n_out: how many axes at the end of the kernel are the output's, and hence the bias's.
    """

    def __init__(
        self,
        config: BloomConfig,
        spec: str,
        shape: tuple[int, ...],
        names: tuple[str, ...],
        n_out: int = 1,
        *,
        rngs: nnx.Rngs,
    ):
        self.spec, self.names = spec, names
        self.dtype = config.dtype
        normal = nnx.initializers.normal(config.initializer_range)
        self.kernel = _param(normal, names, rngs, shape, config.param_dtype)
        self.bias = _param(nnx.initializers.zeros, names[-n_out:], rngs, shape[-n_out:], config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The result of `spec` in the compute dtype: [B, L, *output axes] of `x` [B, L, *input axes]."""
        y = kernel_matmul(self.spec, x, self.kernel[...], self.names, self.dtype)
        # The name is what remat="dots" goes by; a policy for dot products does not see into a custom gradient.
        y = checkpoint_name(y, _KERNEL_PRODUCT).astype(jnp.float32)
        # Added in float32, so that autodiff sums the gradient of the bias in float32, over tokens and devices.
        return (y + self.bias[...].astype(jnp.float32)).astype(self.dtype)


def attend_within(config: BloomConfig, positions_BxL: jax.Array, segment_ids_BxL: jax.Array) -> Attend:
    """The method that `config.attention` names, for rows [B, L] packed with texts."""
    if config.attention == "plain":
        slopes_H, mask_BxLxL = alibi_slopes(config.n_head), segment_mask(segment_ids_BxL)
        return lambda q, k, v: attend(q, k, v, alibi_bias(slopes_H, positions_BxL), mask_BxLxL)
    method = {"blockwise": flash_attention.blockwise, "splash": flash_attention.splash}[config.attention]
    return lambda q, k, v: method(q, k, v, positions_BxL, segment_ids_BxL)


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


class MLP(nnx.Module):
    """Two linear maps around a gelu (tanh form), four times as wide inside."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        D, F = config.hidden_size, 4 * config.hidden_size
        self.dense_h_to_4h = Linear(config, "bld,df->blf", (D, F), ("embed", "mlp"), rngs=rngs)
        self.dense_4h_to_h = Linear(config, "blf,fd->bld", (F, D), ("mlp", "embed"), rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype."""
        h_BxLxF = constrain(self.dense_h_to_4h(x_BxLxD), "batch", "length", "mlp")
        return self.dense_4h_to_h(jax.nn.gelu(h_BxLxF, approximate=True))


class Block(nnx.Module):
    """x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.input_norm = LayerNorm(config, rngs=rngs)
        self.attention = Attention(config, rngs=rngs)
        self.post_attention_norm = LayerNorm(config, rngs=rngs)
        self.mlp = MLP(config, rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend) -> jax.Array:
        """[B, L, D]: the residual stream after the layer; see `backbone.Block`.

        Positions are not used here: in BLOOM they are a bias on the keys, which `attend` adds.
        """
        del positions_BxL
        context_BxLxHxK = attend(*self.attention.qkv(self.input_norm(x_BxLxD)))
        x_BxLxD = x_BxLxD + self.attention.output(context_BxLxHxK)
        x_BxLxD = x_BxLxD + self.mlp(self.post_attention_norm(x_BxLxD))
        return constrain(x_BxLxD, "batch", "length", None)


class Bloom(nnx.Module):
    """The decoder-only model. `word_embeddings` [V, D] is the input table and, transposed, the head."""

    def __init__(self, config: BloomConfig, *, rngs: nnx.Rngs):
        self.config = config
        normal = nnx.initializers.normal(config.initializer_range)
        shape = (config.vocab_size, config.hidden_size)
        self.word_embeddings = _param(normal, ("vocab", None), rngs, shape, config.param_dtype)
        self.embed_norm = LayerNorm(config, rngs=rngs)

        @nnx.split_rngs(splits=config.n_layer)
        @nnx.vmap(transform_metadata={nnx.PARTITION_NAME: "layers"})
        def stacked(rngs: nnx.Rngs) -> Block:
            return Block(config, rngs=rngs)

        self.layers = stacked(rngs)
        self.final_norm = LayerNorm(config, rngs=rngs)

    def embed(self, tokens_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: normed rows of the table, as the first block takes them."""
        x_BxLxD = lookup(self.word_embeddings[...], tokens_BxL, jnp.dtype(self.config.dtype))
        return constrain(self.embed_norm(x_BxLxD), "batch", "length", None)

    def block(self, index: int) -> Block:
        """The block of one layer, without the `layers` axis."""
        graph, state = nnx.split(self.layers)
        return nnx.merge(graph, jax.tree.map(lambda leaf: leaf[index], state))

    def key_bias(self, positions_BxS: jax.Array) -> jax.Array:
        """float32 [B, H, S]: ALiBi, what a key's position adds to its scores."""
        return alibi_bias(alibi_slopes(self.config.n_head), positions_BxS)

    def head(self) -> jax.Array:
        """[V, D] in `param_dtype`: the embedding table, to which the head is tied."""
        return self.word_embeddings[...]

    def __call__(self, tokens_BxL: jax.Array, positions_BxL: jax.Array, segment_ids_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: the hidden states after the final norm.

        Args:
          tokens_BxL: int, below `vocab_size`.
          positions_BxL: int, the position of each token in its text; restarts in each segment.
          segment_ids_BxL: int, 1.. for the texts packed into a row, 0 for padding on either side. A token sees those
            before it in its own segment; what comes out at padding is finite and means nothing.
        """
        graph, state = nnx.split(self.layers)
        attend = attend_within(self.config, positions_BxL, segment_ids_BxL)

        def run(x_BxLxD: jax.Array, layer: nnx.State) -> tuple[jax.Array, None]:
            return nnx.merge(graph, layer)(x_BxLxD, positions_BxL, attend), None

        if self.config.remat != "none":
            dots = jax.checkpoint_policies.save_only_these_names(_KERNEL_PRODUCT, flash_attention.SAVED)
            # A scan keeps the compiler from merging the recomputation with the first pass; no need to forbid it.
            run = jax.checkpoint(run, prevent_cse=False, policy=dots if self.config.remat == "dots" else None)
        x_BxLxD, _ = jax.lax.scan(run, self.embed(tokens_BxL), state)
        return self.final_norm(x_BxLxD)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """float32 [..., V] of hidden states [..., D]: the tied head. Large: select the rows that matter first."""
        rows_NxD = hidden.reshape(-1, hidden.shape[-1])
        logits_NxV = product("nd,vd->nv", rows_NxD, self.head(), self.config.dtype, jnp.float32)
        return logits_NxV.reshape(*hidden.shape[:-1], -1)
