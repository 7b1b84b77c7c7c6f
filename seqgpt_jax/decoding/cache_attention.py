"""Attention of several queries of a prompt over keys in parts: those of the prompt, and those that came after it.

Suffixes: B examples, K queries (beams), H heads, G heads of keys, R = H / G, S keys of a part, E head_dim.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqgpt_jax.models.attention import MASKED, Window
from seqgpt_jax.models.matmul import product


class Part(NamedTuple):
    """Keys in a cache, or new ones.

    Attributes:
      keys_BxGxSxE, values_BxGxSxE: in the compute dtype.
      bias: float32, added to the scores; broadcasts with [B, H, S, K]. `MASKED` where a query does not see a key.
      positions_BxS: int, of the keys in their text; what masked ones have means nothing.
    """

    keys_BxGxSxE: jax.Array
    values_BxGxSxE: jax.Array
    bias: jax.Array
    positions_BxS: jax.Array


def attend_parts(
    q_BxKxHxE: jax.Array, parts: Sequence[Part], positions_BxK: jax.Array, window: Window | None = None
) -> jax.Array:
    """One softmax over the keys of several parts, as [B, K, H, E] in the dtype of `q`.

    Args:
      q_BxKxHxE: the queries; H / G successive heads of them share one of the keys.
      parts: the keys.
      positions_BxK: int, of the queries in their text.
      window: None: a query sees all keys that are not masked.
    """
    dtype, scale = q_BxKxHxE.dtype, q_BxKxHxE.shape[-1] ** -0.5
    B, K, H, E = q_BxKxHxE.shape
    G = parts[0].keys_BxGxSxE.shape[1]
    # The heads of a group are further queries of the one head of keys: nothing is repeated.
    q_BxGxRKxE = q_BxKxHxE.swapaxes(1, 2).reshape(B, G, -1, E)
    # Keys times queries and a swap afterwards, in this order: XLA's CPU backend rearranges the keys for
    # other orders, which made the whole twice as slow.
    scores = []
    for keys_BxGxSxE, _, bias, positions_BxS in parts:
        if window is not None:
            near_BxSxK = window.mask(positions_BxK, positions_BxS).swapaxes(1, 2)
            bias = jnp.where(near_BxSxK[:, None], bias, MASKED)
        scores_BxGxSxRK = product("bgse,bgke->bgsk", keys_BxGxSxE, q_BxGxRKxE, dtype, jnp.float32) * scale
        scores.append(scores_BxGxSxRK + _by_group(bias, G, H // G, K))
    weights_BxGxSxRK = jax.nn.softmax(jnp.concatenate(scores, axis=2), axis=2)
    weights_BxGxRKxS = weights_BxGxSxRK.swapaxes(2, 3).astype(dtype)
    context_BxGxRKxE, start = 0.0, 0
    for part in parts:
        end = start + part.keys_BxGxSxE.shape[2]
        weights = weights_BxGxRKxS[..., start:end]
        context_BxGxRKxE += product("bgks,bgse->bgke", weights, part.values_BxGxSxE, dtype, jnp.float32)
        start = end
    return context_BxGxRKxE.reshape(B, H, K, E).swapaxes(1, 2).astype(dtype)


def _by_group(bias: jax.Array, groups: int, of_group: int, queries: int) -> jax.Array:
    """A bias that broadcasts with [B, H, S, K] as one that does with [B, G, S, R·K]."""
    if of_group == 1:
        return bias
    B, H, S, K = bias.shape
    bias_BxGxSxRxK = bias.reshape(B, groups if H > 1 else 1, -1, S, K).swapaxes(2, 3)
    return jnp.broadcast_to(bias_BxGxSxRxK, (*bias_BxGxSxRxK.shape[:3], of_group, queries)).reshape(
        B, bias_BxGxSxRxK.shape[1], S, -1
    )
