"""Llama family in Flax NNX: RMS norms, rotary positions, grouped queries, SwiGLU.

Its members are Llama 2 and 3 (arXiv:2307.09288, arXiv:2407.21783), SmolLM2, Mistral (arXiv:2310.06825), Qwen2 and
Qwen2.5 with biases on queries, keys and values (arXiv:2412.15115), Qwen3 with norms on queries and keys
(arXiv:2505.09388).

Suffixes: B rows, L tokens of a row, D hidden_size.
"""

import jax
from flax import nnx

from seqgpt_jax.models.backbone import Attend
from seqgpt_jax.models.decoder import Decoder, stack
from seqgpt_jax.models.layers import make_param
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.models.rotary_layers import GatedMLP, RMSNorm, RotaryAttention
from seqgpt_jax.models.sharding import constrain


class Block(nnx.Module):
    """x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, config: LlamaConfig, *, rngs: nnx.Rngs):
        self.rotary, self.head_dim = config.rotary(), config.head_dim
        self.input_norm = RMSNorm(config, config.hidden_size, "embed", rngs=rngs)
        self.attention = RotaryAttention(config, rngs=rngs)
        self.post_attention_norm = RMSNorm(config, config.hidden_size, "embed", rngs=rngs)
        self.mlp = GatedMLP(config, jax.nn.silu, rngs=rngs)

    def __call__(
        self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend, layer: jax.Array | int
    ) -> jax.Array:
        """[B, L, D]: the residual stream after the layer; see `backbone.Block`. All layers are alike."""
        angles = self.rotary.angles(positions_BxL, self.head_dim)
        x_BxLxD = x_BxLxD + self.attention(self.input_norm(x_BxLxD), angles, attend)
        x_BxLxD = x_BxLxD + self.mlp(self.post_attention_norm(x_BxLxD))
        return constrain(x_BxLxD, "batch", "length", None)


class Llama(Decoder):
    """The decoder-only model. `word_embeddings` [V, D] is the input table and, where it is tied, the head."""

    def __init__(self, config: LlamaConfig, *, rngs: nnx.Rngs):
        self.config = config
        normal = nnx.initializers.normal(config.initializer_range)
        shape = (config.vocab_size, config.hidden_size)
        self.word_embeddings = make_param(normal, ("vocab", None), rngs, shape, config.param_dtype)
        self.layers = stack(Block, config, rngs)
        self.final_norm = RMSNorm(config, config.hidden_size, "embed", rngs=rngs)
        if not config.tied_head:
            self.untied_head = make_param(normal, ("vocab", None), rngs, shape, config.param_dtype)

    def head(self) -> jax.Array:
        """The vocabulary head [V, D] in `param_dtype`."""
        return self.word_embeddings[...] if self.config.tied_head else self.untied_head[...]
