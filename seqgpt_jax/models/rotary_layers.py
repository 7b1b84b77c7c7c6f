"""Layers of the families with rotary positions: RMS norm, attention with grouped queries, gated MLP.

Suffixes: B rows, L tokens of a row, D hidden_size, H heads, G heads of keys and values, K head_dim, F mlp_size.
"""

from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from seqgpt_jax.models.attention import Window
from seqgpt_jax.models.backbone import Attend, ModelConfig
from seqgpt_jax.models.layers import Linear, make_param, recomputed
from seqgpt_jax.models.rotary import Angles
from seqgpt_jax.models.sharding import constrain


class RotaryConfig(ModelConfig, Protocol):
    """What these layers need of a config beside what every family has.

    Attributes:
      mlp_size: width inside of the MLP.
      norm_epsilon: added to the mean square in every norm.
      qkv_bias: whether queries, keys and values have biases.
      qk_norm: whether queries and keys are normed, each head by itself.
    """

    mlp_size: int
    norm_epsilon: float
    qkv_bias: bool
    qk_norm: bool


class RMSNorm(nnx.Module):
    """Root mean square norm over the last axis, computed in float32, returned in the compute dtype.

    Args:
      size, name: of that axis, and its logical name.
      offset: added to the stored scale, which is 1 − offset at first.
    """

    def __init__(self, config: RotaryConfig, size: int, name: str, *, offset: float = 0.0, rngs: nnx.Rngs):
        self.epsilon, self.offset = config.norm_epsilon, offset
        self.dtype = config.dtype
        initial = nnx.initializers.constant(1 - offset)
        self.scale = make_param(initial, (name,), rngs, (size,), config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """[..., size] in the compute dtype, of `x` [..., size] in any float dtype."""
        scale = self.scale[...]
        if self.offset:
            scale = self.offset + scale.astype(jnp.float32)
        return _rms_norm(x, scale, self.epsilon).astype(self.dtype)


@recomputed
def _rms_norm(x: jax.Array, scale: jax.Array, epsilon: float) -> jax.Array:
    x = x.astype(jnp.float32)
    mean_square = jnp.square(x).mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(mean_square + epsilon) * scale


class RotaryAttention(nnx.Module):
    """The projections around `attend`, with rotary positions between them.

    Args:
      norm_offset: `RMSNorm.offset` of the norms on queries and keys.
    """

    def __init__(self, config: RotaryConfig, *, norm_offset: float = 0.0, rngs: nnx.Rngs):
        D, H, G, K = config.hidden_size, config.n_head, config.n_kv_head, config.head_dim

        def projection(heads: int, name: str) -> Linear:
            names = ("embed", name, "head_dim")
            shape = (D, heads, K)
            return Linear(config, "bld,dhk->blhk", shape, names, n_out=2, use_bias=config.qkv_bias, rngs=rngs)

        self.query = projection(H, "heads")
        self.key = projection(G, "kv_heads")
        self.value = projection(G, "kv_heads")
        self.qk_norm = config.qk_norm
        if config.qk_norm:
            self.query_norm = RMSNorm(config, K, "head_dim", offset=norm_offset, rngs=rngs)
            self.key_norm = RMSNorm(config, K, "head_dim", offset=norm_offset, rngs=rngs)
        names = ("heads", "head_dim", "embed")
        self.out = Linear(config, "blhk,hkd->bld", (H, K, D), names, use_bias=False, rngs=rngs)

    def __call__(self, x_BxLxD: jax.Array, angles: Angles, attend: Attend, window: Window | None = None) -> jax.Array:
        """[B, L, D]: what attention adds to the residual stream, of the normed one."""
        q_BxLxHxK = constrain(self.query(x_BxLxD), "batch", "length", "heads", "head_dim")
        k_BxLxGxK = constrain(self.key(x_BxLxD), "batch", "length", "kv_heads", "head_dim")
        v_BxLxGxK = constrain(self.value(x_BxLxD), "batch", "length", "kv_heads", "head_dim")
        if self.qk_norm:
            q_BxLxHxK, k_BxLxGxK = self.query_norm(q_BxLxHxK), self.key_norm(k_BxLxGxK)
        return self.out(attend(angles.rotate(q_BxLxHxK), angles.rotate(k_BxLxGxK), v_BxLxGxK, window))


class GatedMLP(nnx.Module):
    """down(activation(gate x) · up x), arXiv:2002.05202; `activation` is elementwise."""

    def __init__(self, config: RotaryConfig, activation: Callable[[jax.Array], jax.Array], *, rngs: nnx.Rngs):
        D, F = config.hidden_size, config.mlp_size

        def linear(spec: str, shape: tuple[int, int], names: tuple[str, str]) -> Linear:
            return Linear(config, spec, shape, names, use_bias=False, rngs=rngs)

        self.activation = activation
        self.gate = linear("bld,df->blf", (D, F), ("embed", "mlp"))
        self.up = linear("bld,df->blf", (D, F), ("embed", "mlp"))
        self.down = linear("blf,fd->bld", (F, D), ("mlp", "embed"))

    def __call__(self, x_BxLxD: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype."""
        gate_BxLxF = constrain(self.gate(x_BxLxD), "batch", "length", "mlp")
        up_BxLxF = constrain(self.up(x_BxLxD), "batch", "length", "mlp")
        gated = recomputed(lambda gate, up: self.activation(gate) * up)
        return self.down(gated(gate_BxLxF, up_BxLxF))
