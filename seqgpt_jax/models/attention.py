"""Reference attention with grouped queries and a bias on the keys; linear biases (ALiBi), sliding windows.

Suffixes: B rows, Q queries, S keys, H heads of queries, G heads of keys and values, R = H / G, K head_dim.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from seqgpt_jax.models.matmul import product

# Finite, so that a row in which everything is masked becomes a mean and not NaN.
MASKED = float(np.finfo(np.float32).min)


def alibi_slopes(n_head: int) -> np.ndarray:
    """float32 [n_head]: the slope of each head's bias (arXiv:2108.12409).

    For a power of two n: 2^(-8/n), 2^(-16/n), …, 2^-8. Otherwise the slopes of the next lower power of two, followed
    by every second slope of the next higher one (section 3 and the released code of the ALiBi paper; BLOOM-176B has
    112 heads).

    >>> alibi_slopes(6).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]
    """

    def geometric(n: int) -> np.ndarray:
        return 2.0 ** (-8.0 / n * np.arange(1, n + 1))

    lower = 1 << (n_head.bit_length() - 1)
    extra = geometric(2 * lower)[::2][: n_head - lower]
    return np.concatenate([geometric(lower), extra]).astype(np.float32)


def alibi_bias(slopes_H: jax.Array | np.ndarray, positions_BxS: jax.Array) -> jax.Array:
    """float32 [B, H, S]: slope * position of the key.

    The bias depends on the key alone: BLOOM drops the query's part of the distance, which the softmax does not see.

    Args:
      slopes_H: `alibi_slopes(n_head)`.
      positions_BxS: int, position of each key in its text.
    """
    # In float32 whatever the compute dtype is: at position 2,047 a bfloat16 bias is off by up to 4.
    return slopes_H[:, None] * positions_BxS[:, None, :].astype(jnp.float32)


def no_bias(positions_BxS: jax.Array) -> jax.Array:
    """float32 [B, 1, S] of zeros: the bias of keys whose position adds nothing, in any head."""
    return jnp.zeros_like(positions_BxS, jnp.float32)[:, None]


def segment_mask(segment_ids_BxL: jax.Array) -> jax.Array:
    """bool [B, L, L], query by key: the same segment, and the key is not after the query in the row."""
    same_BxLxL = segment_ids_BxL[:, :, None] == segment_ids_BxL[:, None, :]
    length = segment_ids_BxL.shape[1]
    return same_BxLxL & np.tri(length, dtype=bool)


class Window(NamedTuple):
    """Sliding window (arXiv:2004.05150) of one layer, of a model that has it in some layers and not in others.

    Attributes:
      size: tokens that a query sees, itself included.
      applies: bool scalar, whether the layer has it; else a query sees all tokens before it.
    """

    size: int
    applies: jax.Array

    def reach(self) -> jax.Array:
        """int32 scalar: how many tokens a query sees at most, itself included."""
        return jnp.where(self.applies, self.size, np.iinfo(np.int32).max).astype(jnp.int32)

    def mask(self, q_positions_BxQ: jax.Array, k_positions_BxS: jax.Array) -> jax.Array:
        """bool [B, Q, S]: the key is not too far before the query, both in one text."""
        return q_positions_BxQ[:, :, None] - k_positions_BxS[:, None, :] < self.reach()


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _softmax(scores: jax.Array, dtype: DTypeLike) -> jax.Array:
    """Softmax over the last axis, in `dtype`; the backward pass keeps nothing but this result.

    The product that follows keeps the same array. Autodiff of `jax.nn.softmax` would keep one more, in float32.
    """
    return jax.nn.softmax(scores, axis=-1).astype(dtype)


def _softmax_forward(scores, dtype):
    weights = _softmax(scores, dtype)
    return weights, weights


def _softmax_backward(dtype, weights, cotangent):
    weights, cotangent = weights.astype(jnp.float32), cotangent.astype(jnp.float32)
    return (weights * (cotangent - jnp.sum(weights * cotangent, axis=-1, keepdims=True)),)


_softmax.defvjp(_softmax_forward, _softmax_backward)


def attend(
    q_BxQxHxK: jax.Array,
    k_BxSxGxK: jax.Array,
    v_BxSxGxK: jax.Array,
    bias_BxHxS: jax.Array,
    mask_BxQxS: jax.Array,
) -> jax.Array:
    """softmax(q·k / sqrt(head_dim) + bias)·v, as [B, Q, H, K] in the dtype of `q`.

    Scores, bias and softmax are float32 whatever the dtype of `q`.

    Args:
      q_BxQxHxK: queries; R successive heads of them share one of the keys.
      k_BxSxGxK, v_BxSxGxK: keys and values.
      bias_BxHxS: float32, added to the scores of each key: `alibi_bias`, or `no_bias` [B, 1, S].
      mask_BxQxS: True where a query sees a key; a query that sees none gets the mean of all values.
    """
    dtype = q_BxQxHxK.dtype
    B, Q, H, K = q_BxQxHxK.shape
    S, G = k_BxSxGxK.shape[1:3]
    # The heads of a group are further queries of the one head of keys: nothing is repeated.
    q_BxRQxGxK = q_BxQxHxK.reshape(B, Q, G, -1, K).transpose(0, 3, 1, 2, 4).reshape(B, -1, G, K)
    # Keys first: with queries first, einsum turns the gradient of the keys into a product that sums over the first axis
    # of its left matrix, which XLA's CPU runtime refuses in bfloat16 (jaxlib 0.10.2: "Unsupported element type").
    scores_BxGxRQxS = product("bsgk,bqgk->bgqs", k_BxSxGxK, q_BxRQxGxK, dtype, jnp.float32)
    scores_BxGxRxQxS = scores_BxGxRQxS.reshape(B, G, -1, Q, S) * K**-0.5
    heads = (1, 1) if bias_BxHxS.shape[1] == 1 else (G, -1)
    scores_BxGxRxQxS += bias_BxHxS.reshape(B, *heads, 1, S)
    scores_BxGxRxQxS = jnp.where(mask_BxQxS[:, None, None], scores_BxGxRxQxS, MASKED)
    weights_BxGxRQxS = _softmax(scores_BxGxRxQxS.reshape(B, G, -1, S), dtype)
    context_BxRQxGxK = product("bgqs,bsgk->bqgk", weights_BxGxRQxS, v_BxSxGxK, dtype, dtype)
    return context_BxRQxGxK.reshape(B, -1, Q, G, K).transpose(0, 2, 3, 1, 4).reshape(B, Q, H, K)
