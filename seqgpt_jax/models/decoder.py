"""Decoder-only model: vocabulary table, stacked blocks under one scan with rematerialization, and the head.

What the families have in common; `bloom.py`, `llama.py` and `gemma.py` add their blocks, norms and embeddings. The
blocks are one block whose parameters carry a leading `layers` axis (`nnx.vmap`); `Decoder.__call__` runs them with
`jax.lax.scan`, so that compile time does not grow with depth. `Decoder.block(i)` cuts one block out.

**Sharding.** Parameters name their axes: vocab, embed, mlp, heads, kv_heads, qkv (3), head_dim, layers. Activations
name batch, length, heads, kv_heads, mlp, and never embed: one mesh axis may shard both `batch` and `embed`.
`models.sharding` maps these names to mesh axes.

Suffixes: B rows, L tokens of a row, D hidden_size, H heads, K head_dim, S keys, V vocab_size.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from seqgpt_jax.models import flash_attention
from seqgpt_jax.models.attention import Window, alibi_bias, attend, no_bias, segment_mask
from seqgpt_jax.models.backbone import Attend, Block, ModelConfig
from seqgpt_jax.models.layers import KERNEL_PRODUCT
from seqgpt_jax.models.matmul import product
from seqgpt_jax.models.sharding import constrain
from seqgpt_jax.models.vocab_embedding import lookup


def stack(block: Callable[..., nnx.Module], config: ModelConfig, rngs: nnx.Rngs) -> nnx.Module:
    """`n_layer` blocks as one, each parameter with a leading axis `layers`."""

    @nnx.split_rngs(splits=config.n_layer)
    @nnx.vmap(transform_metadata={nnx.PARTITION_NAME: "layers"})
    def stacked(rngs: nnx.Rngs) -> nnx.Module:
        return block(config, rngs=rngs)

    return stacked(rngs)


class Decoder(nnx.Module):
    """What every family computes in the same way; a family sets the attributes of `backbone.Backbone`."""

    config: ModelConfig
    layers: Block
    final_norm: Callable[[jax.Array], jax.Array]
    word_embeddings: nnx.Param

    def slopes(self) -> np.ndarray | None:
        """float32 [H]: what one more position of a key adds to its scores, for each head (ALiBi); None: nothing."""
        return None

    def embed(self, tokens_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: rows of the table, as the first block takes them."""
        x_BxLxD = lookup(self.word_embeddings[...], tokens_BxL, jnp.dtype(self.config.dtype))
        return constrain(x_BxLxD, "batch", "length", None)

    def block(self, index: int) -> Block:
        """The block of one layer, without the `layers` axis."""
        graph, state = nnx.split(self.layers)
        return nnx.merge(graph, jax.tree.map(lambda leaf: leaf[index], state))

    def key_bias(self, positions_BxS: jax.Array) -> jax.Array:
        """float32 [B, H, S]: what a key's position adds to its scores; zeros [B, 1, S] without slopes."""
        slopes_H = self.slopes()
        return no_bias(positions_BxS) if slopes_H is None else alibi_bias(slopes_H, positions_BxS)

    def head(self) -> jax.Array:
        """[V, D] in `param_dtype`: the vocabulary table, to which the head is tied."""
        return self.word_embeddings[...]

    def attend_within(self, positions_BxL: jax.Array, segment_ids_BxL: jax.Array) -> Attend:
        """The method that `config.attention` names, for rows [B, L] packed with texts."""
        if self.config.attention == "plain":
            bias_BxHxL, mask_BxLxL = self.key_bias(positions_BxL), segment_mask(segment_ids_BxL)

            def plain(q: jax.Array, k: jax.Array, v: jax.Array, window: Window | None = None) -> jax.Array:
                seen = mask_BxLxL if window is None else mask_BxLxL & window.mask(positions_BxL, positions_BxL)
                return attend(q, k, v, bias_BxHxL, seen)

            return plain
        method = {"blockwise": flash_attention.blockwise, "splash": flash_attention.splash}[self.config.attention]
        slopes_H = self.slopes()
        return lambda q, k, v, window=None: method(q, k, v, slopes_H, positions_BxL, segment_ids_BxL, window)

    def __call__(self, tokens_BxL: jax.Array, positions_BxL: jax.Array, segment_ids_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: the hidden states after the final norm.

        Args:
          tokens_BxL: int, below `vocab_size`.
          positions_BxL: int, the position of each token in its text; restarts in each segment.
          segment_ids_BxL: int, 1.. for the texts packed into a row, 0 for padding on either side. A token sees those
            before it in its own segment; what comes out at padding is finite and means nothing.
        """
        graph, state = nnx.split(self.layers)
        attend = self.attend_within(positions_BxL, segment_ids_BxL)

        def run(x_BxLxD: jax.Array, layer: tuple[nnx.State, jax.Array]) -> tuple[jax.Array, None]:
            parameters, number = layer
            return nnx.merge(graph, parameters)(x_BxLxD, positions_BxL, attend, number), None

        if self.config.remat != "none":
            dots = jax.checkpoint_policies.save_only_these_names(KERNEL_PRODUCT, flash_attention.SAVED)
            # A scan keeps the compiler from merging the recomputation with the first pass; no need to forbid it.
            run = jax.checkpoint(run, prevent_cse=False, policy=dots if self.config.remat == "dots" else None)
        x_BxLxD, _ = jax.lax.scan(run, self.embed(tokens_BxL), (state, jnp.arange(self.config.n_layer)))
        return self.final_norm(x_BxLxD)

    def logits(self, hidden: jax.Array) -> jax.Array:
        """float32 [..., V] of hidden states [..., D] after the final norm. Large: select the rows that matter first."""
        rows_NxD = hidden.reshape(-1, hidden.shape[-1])
        logits_NxV = product("nd,vd->nv", rows_NxD, self.head(), self.config.dtype, jnp.float32)
        return logits_NxV.reshape(*hidden.shape[:-1], -1)
