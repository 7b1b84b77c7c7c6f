"""Llama family in Flax NNX: RMS norms, rotary positions, grouped queries, SwiGLU.

Its members are Llama 2 and 3 (arXiv:2307.09288, arXiv:2407.21783), SmolLM2, Mistral (arXiv:2310.06825), Qwen2 and
Qwen2.5 with biases on queries, keys and values (arXiv:2412.15115), Qwen3 with norms on queries and keys
(arXiv:2505.09388).

Suffixes: B rows, L tokens of a row, D hidden_size, H heads, G heads of keys and values, K head_dim, F mlp_size.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from seqgpt_jax.models.backbone import Attend
from seqgpt_jax.models.decoder import Decoder, stack
from seqgpt_jax.models.layers import Linear, make_param, recomputed
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.models.sharding import constrain


class RMSNorm(nnx.Module):
    """Root mean square norm over the last axis, computed in float32, returned in the compute dtype.

    Args:
      size, name: of that axis, and its logical name.
    """

    def __init__(self, config: LlamaConfig, size: int, name: str, *, rngs: nnx.Rngs):
        self.epsilon = config.norm_epsilon
        self.dtype = config.dtype
        self.scale = make_param(nnx.initializers.ones, (name,), rngs, (size,), config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[..., size] in the compute dtype, of `x` [..., size] in any float dtype."""
        return _rms_norm(x, self.scale[...], self.epsilon).astype(self.dtype)


@recomputed
def _rms_norm(x: jax.Array, scale: jax.Array, epsilon: float) -> jax.Array:
    x = x.astype(jnp.float32)
    mean_square = jnp.square(x).mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(mean_square + epsilon) * scale


class Attention(nnx.Module):
    """The projections around `attend`, with rotary positions between them."""

    def __init__(self, config: LlamaConfig, *, rngs: nnx.Rngs):
        D, H, G, K = config.hidden_size, config.n_head, config.n_kv_head, config.head_dim
        self.rotary = config.rotary()

        def projection(heads: int, name: str) -> Linear:
            names = ("embed", name, "head_dim")
            shape = (D, heads, K)
            return Linear(config, "bld,dhk->blhk", shape, names, n_out=2, use_bias=config.qkv_bias, rngs=rngs)

        self.query = projection(H, "heads")
        self.key = projection(G, "kv_heads")
        self.value = projection(G, "kv_heads")
        self.qk_norm = config.qk_norm
        if config.qk_norm:
            self.query_norm = RMSNorm(config, K, "head_dim", rngs=rngs)
            self.key_norm = RMSNorm(config, K, "head_dim", rngs=rngs)
        names = ("heads", "head_dim", "embed")
        self.out = Linear(config, "blhk,hkd->bld", (H, K, D), names, use_bias=False, rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend) -> jax.Array:
        """[B, L, D]: what attention adds to the residual stream, of the normed one."""
        q_BxLxHxK = constrain(self.query(x_BxLxD), "batch", "length", "heads", "head_dim")
        k_BxLxGxK = constrain(self.key(x_BxLxD), "batch", "length", "kv_heads", "head_dim")
        v_BxLxGxK = constrain(self.value(x_BxLxD), "batch", "length", "kv_heads", "head_dim")
        if self.qk_norm:
            q_BxLxHxK, k_BxLxGxK = self.query_norm(q_BxLxHxK), self.key_norm(k_BxLxGxK)
        q_BxLxHxK = self.rotary.rotate(q_BxLxHxK, positions_BxL)
        k_BxLxGxK = self.rotary.rotate(k_BxLxGxK, positions_BxL)
        return self.out(attend(q_BxLxHxK, k_BxLxGxK, v_BxLxGxK))


@recomputed
def _gated(gate_BxLxF: jax.Array, up_BxLxF: jax.Array) -> jax.Array:
    return jax.nn.silu(gate_BxLxF) * up_BxLxF


class MLP(nnx.Module):
    """SwiGLU (arXiv:2002.05202): down(silu(gate x) · up x)."""

    def __init__(self, config: LlamaConfig, *, rngs: nnx.Rngs):
        D, F = config.hidden_size, config.mlp_size

        def linear(spec: str, shape: tuple[int, int], names: tuple[str, str]) -> Linear:
            return Linear(config, spec, shape, names, use_bias=False, rngs=rngs)

        self.gate = linear("bld,df->blf", (D, F), ("embed", "mlp"))
        self.up = linear("bld,df->blf", (D, F), ("embed", "mlp"))
        self.down = linear("blf,fd->bld", (F, D), ("mlp", "embed"))

    def __call__(self, x_BxLxD: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype."""
        gate_BxLxF = constrain(self.gate(x_BxLxD), "batch", "length", "mlp")
        up_BxLxF = constrain(self.up(x_BxLxD), "batch", "length", "mlp")
        return self.down(_gated(gate_BxLxF, up_BxLxF))


class Block(nnx.Module):
    """x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, config: LlamaConfig, *, rngs: nnx.Rngs):
        self.input_norm = RMSNorm(config, config.hidden_size, "embed", rngs=rngs)
        self.attention = Attention(config, rngs=rngs)
        self.post_attention_norm = RMSNorm(config, config.hidden_size, "embed", rngs=rngs)
        self.mlp = MLP(config, rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend) -> jax.Array:
        """[B, L, D]: the residual stream after the layer; see `backbone.Block`."""
        x_BxLxD = x_BxLxD + self.attention(self.input_norm(x_BxLxD), positions_BxL, attend)
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
