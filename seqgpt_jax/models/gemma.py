"""Gemma 3 (arXiv:2503.19786) in Flax NNX, its text models: sliding windows in most layers, four norms around a layer.

Beside the Llama family: queries and keys are normed, the embeddings are multiplied by sqrt(hidden_size), the MLP has a
GELU, norms store what is added to 1, and positions of layers with a sliding window have a base of their own.

Suffixes: B rows, L tokens of a row, D hidden_size, F pairs of a head.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from seqgpt_jax.models.attention import Window
from seqgpt_jax.models.backbone import Attend
from seqgpt_jax.models.decoder import Decoder, stack
from seqgpt_jax.models.gemma_config import GemmaConfig
from seqgpt_jax.models.layers import make_param
from seqgpt_jax.models.rotary import Angles
from seqgpt_jax.models.rotary_layers import GatedMLP, RMSNorm, RotaryAttention
from seqgpt_jax.models.sharding import constrain

_gelu = partial(jax.nn.gelu, approximate=True)


class Block(nnx.Module):
    """x + norm(attention(norm x)), then x + norm(mlp(norm x))."""

    def __init__(self, config: GemmaConfig, *, rngs: nnx.Rngs):
        def norm() -> RMSNorm:
            return RMSNorm(config, config.hidden_size, "embed", offset=1.0, rngs=rngs)

        self.config = config
        self.input_norm = norm()
        self.attention = RotaryAttention(config, norm_offset=1.0, rngs=rngs)
        self.post_attention_norm = norm()
        self.pre_mlp_norm = norm()
        self.mlp = GatedMLP(config, _gelu, rngs=rngs)
        self.post_mlp_norm = norm()

    def __call__(
        self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend, layer: jax.Array | int
    ) -> jax.Array:
        """[B, L, D]: the residual stream after the layer; see `backbone.Block`."""
        config = self.config
        windowed = jnp.asarray(config.windowed_layers())[layer]
        local_F, full_F = (rotary.frequencies(config.head_dim) for rotary in (config.local_rotary(), config.rotary()))
        angles = Angles.at(positions_BxL, jnp.where(windowed, local_F, full_F))
        window = Window(config.sliding_window, windowed)
        attended_BxLxD = self.attention(self.input_norm(x_BxLxD), angles, attend, window)
        x_BxLxD = x_BxLxD + self.post_attention_norm(attended_BxLxD)
        x_BxLxD = x_BxLxD + self.post_mlp_norm(self.mlp(self.pre_mlp_norm(x_BxLxD)))
        return constrain(x_BxLxD, "batch", "length", None)


class Gemma(Decoder):
    """The decoder-only model. `word_embeddings` [V, D] is the input table and the head."""

    def __init__(self, config: GemmaConfig, *, rngs: nnx.Rngs):
        self.config = config
        normal = nnx.initializers.normal(config.initializer_range)
        shape = (config.vocab_size, config.hidden_size)
        self.word_embeddings = make_param(normal, ("vocab", None), rngs, shape, config.param_dtype)
        self.layers = stack(Block, config, rngs)
        self.final_norm = RMSNorm(config, config.hidden_size, "embed", offset=1.0, rngs=rngs)

    def embed(self, tokens_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype: rows of the table times sqrt(hidden_size), which is rounded to that dtype."""
        # In NumPy, as XLA may leave out a conversion to bfloat16 and back.
        scale = np.float32(math.sqrt(self.config.hidden_size)).astype(jnp.dtype(self.config.dtype))
        return super().embed(tokens_BxL) * scale
