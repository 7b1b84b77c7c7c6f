"""Attention for training that never holds scores of shape [batch, heads, length, length].

Two ways to compute what `attend` computes over a row packed with texts, chosen by `BloomConfig.attention`:

    blockwise   any device: an online softmax over blocks of keys (Milakov and Gimelshein, arXiv:1805.02867), gradients
                from the logsumexp of each query (Dao et al., arXiv:2205.14135). Blocks of keys in which no query of a
                block finds its own text are skipped, so packed rows cost little more than the texts alone.
    splash      TPU: the Pallas kernel of `jax.experimental.pallas.ops.tpu.splash_attention`.

**The bias in the splash kernel.** It takes no bias, but slope·position is a product, so it can be a part of query·key:
six more dimensions, which cost nothing where they fit into the 128 lanes that the chip fills anyway (head_dim 64, 80,
96), and double the product of queries and keys at 128. A bfloat16 has 8 bits, so the slope is split into three of
them (24 bits, all that float32 has) and the position into a multiple of 256 and the rest. Each of the six products is
exact and their sum is float32, as in `attend`, whatever the dtype of the queries.

On a mesh both run inside `jax.shard_map` over the axes of batch and heads: each device has its own rows and heads, and
nothing is exchanged. What they save for the backward pass (their result and the logsumexp) goes by the name `SAVED`.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.experimental.pallas.ops.tpu import splash_attention

from seqgpt_jax.models.attention import MASKED, alibi_slopes
from seqgpt_jax.models.sharding import current_rules

SAVED = "attention"

BLOCK = 128
"""Queries, and keys, of one step of `blockwise`.

On a CPU, forward and gradient over 1,024 tokens then take half the time of `attend`, a quarter where texts of 170
tokens are packed; 64 is as fast over one text and a little faster over packed ones, 512 hardly gains anything.
"""

SPLASH_BLOCKS = (512, 256, 128)
"""Block sizes of the kernel, the fastest first; the first that divides the length is taken."""

POSITION_BASE = 256
"""Positions are split into a multiple of it and a rest, which bfloat16 both holds exactly."""

_HEADS = ("batch", None, "heads", None)
_ROWS = ("batch", None)


def blockwise(
    q_BxLxHxK: jax.Array, k_BxLxHxK: jax.Array, v_BxLxHxK: jax.Array, positions_BxL: jax.Array, segments_BxL: jax.Array
) -> jax.Array:
    """What `attend` gives with `segment_mask`, in blocks: memory grows with length, not with its square.

    Args:
      q_BxLxHxK, k_BxLxHxK, v_BxLxHxK: queries, keys and values in the compute dtype.
      positions_BxL: int, position of each token in its text.
      segments_BxL: int, a token sees those before it with its own number. It sees itself, so nothing is ever empty.

    Returns:
      [B, L, H, head_dim] in the dtype of `q`. In float32 it differs from `attend` by less than 1e-5 of the largest
      value, and so do the gradients; in bfloat16 by what rounding the weights before and not after the division makes.

    Raises:
      ValueError: the length is above `BLOCK` and no multiple of it, or length is split over the mesh.
    """
    length = q_BxLxHxK.shape[1]
    if length > BLOCK and length % BLOCK:
        raise ValueError(
            f"Model.attention = 'blockwise' cannot cut rows of {length} tokens into blocks of {BLOCK}: "
            f"set Train.length to a multiple of {BLOCK}, for example {_above(length, BLOCK)}, "
            "or Model.attention to 'plain'"
        )
    slopes_H = jnp.asarray(alibi_slopes(q_BxLxHxK.shape[2]))
    names = (_HEADS, _HEADS, _HEADS, ("heads",), _ROWS, _ROWS)
    return _on_mesh("blockwise", _blocks, names)(q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL)


def splash(
    q_BxLxHxK: jax.Array,
    k_BxLxHxK: jax.Array,
    v_BxLxHxK: jax.Array,
    positions_BxL: jax.Array,
    segments_BxL: jax.Array,
    *,
    interpret: bool = False,
) -> jax.Array:
    """What `attend` gives with `segment_mask`, from a TPU kernel that keeps the scores of a block on the chip.

    In float32 the interpreted kernel differs from `attend` by less than 1e-5 of the largest value, and so do the
    gradients; in bfloat16 it is within twice the error that `attend` makes.

    Args:
      q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, positions_BxL, segments_BxL: as in `blockwise`.
      interpret: run the kernel step by step on any device, as tests do.

    Returns:
      [B, L, H, head_dim] in the dtype of `q`.

    Raises:
      ValueError: not on a TPU, the length is no multiple of the smallest block or above 65,536, or it is split.
    """
    _, L, H, K = q_BxLxHxK.shape
    smallest, longest = SPLASH_BLOCKS[-1], POSITION_BASE**2
    if not interpret and (platform := _platform()) != "tpu":
        raise ValueError(
            f"Model.attention = 'splash' is a kernel for TPUs, and this runs on {platform}: "
            "set Model.attention to 'blockwise' or 'plain'"
        )
    if L % smallest or longest < L:
        raise ValueError(
            f"Model.attention = 'splash' cannot take rows of {L} tokens: set Train.length to a multiple of {smallest}, "
            f"{longest:,} at most, for example {min(_above(L, smallest), longest)}, or Model.attention to 'plain'"
        )
    dtype = q_BxLxHxK.dtype
    slopes, positions = _slope_parts(H), _position_parts(positions_BxL)
    wide = (*q_BxLxHxK.shape[:3], slopes.shape[1])
    q_BxLxHxE = jnp.concatenate([q_BxLxHxK * K**-0.5, jnp.broadcast_to(slopes, wide).astype(dtype)], axis=-1)
    k_BxLxHxE = jnp.concatenate([k_BxLxHxK, jnp.broadcast_to(positions[:, :, None], wide).astype(dtype)], axis=-1)
    names = (_HEADS, _HEADS, _HEADS, _ROWS)
    kernel = partial(_splash_kernel, interpret=interpret)
    return _on_mesh("splash", kernel, names)(q_BxLxHxE, k_BxLxHxE, v_BxLxHxK, segments_BxL)


def _on_mesh(method: str, function: Callable, names: tuple[tuple[str | None, ...], ...]) -> Callable:
    """`function`, each device calling it with its own rows and heads; the axes of its arguments have logical names."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return function
    rules = current_rules()
    if rules is None:
        raise ValueError(
            f"Model.attention = {method!r} on a mesh needs sharding rules: call it inside use_sharding(mesh, rules)"
        )
    if rules.length is not None:
        raise ValueError(
            f"Model.attention = {method!r} needs whole rows on a device, and the rule for length splits them over "
            f"{rules.length!r}: set it to None, or Model.attention to 'plain'"
        )
    specs = tuple(rules.spec(*axes) for axes in names)
    return jax.shard_map(function, in_specs=specs, out_specs=specs[0], check_vma=False)


def _platform() -> str:
    """Where the program will run: with a mesh that is told by its devices, which need not be here."""
    device = jax.sharding.get_abstract_mesh().abstract_device
    return device.platform if device is not None else jax.default_backend()


def _above(length: int, block: int) -> int:
    return -(-length // block) * block


# Splash


def _slope_parts(n_head: int) -> np.ndarray:
    """float32 [H, 6]: the slope as three bfloat16 numbers, each twice; they meet `_position_parts`."""
    rest = alibi_slopes(n_head)
    parts = []
    for _ in range(3):
        # In NumPy, as XLA may leave out a conversion to bfloat16 and back.
        part = rest.astype(jnp.bfloat16).astype(np.float32)
        parts += [part, part]
        rest = rest - part
    return np.stack(parts, axis=-1)


def _position_parts(positions_BxL: jax.Array) -> jax.Array:
    """int [B, L, 6]: the multiple of 256 in the position and what is left, three times."""
    low = positions_BxL % POSITION_BASE
    return jnp.stack([positions_BxL - low, low] * 3, axis=-1)


def _splash_kernel(q_BxLxHxE, k_BxLxHxE, v_BxLxHxK, segments_BxL, *, interpret):
    _, L, H, _ = q_BxLxHxE.shape
    block = next(size for size in SPLASH_BLOCKS if L % size == 0)
    sizes = splash_attention.BlockSizes(
        **dict.fromkeys(("block_q", "block_kv", "block_q_dkv", "block_kv_dkv", "block_q_dq", "block_kv_dq"), block)
    )
    kernel = splash_attention.make_splash_mha(
        splash_attention.MultiHeadMask([splash_attention.CausalMask((L, L))] * H),
        block_sizes=sizes,
        head_shards=1,
        q_seq_shards=1,
        residual_checkpoint_name=SAVED,
        interpret=interpret,
    )
    segments = splash_attention.SegmentIds(segments_BxL, segments_BxL)
    q_BxHxLxE, k_BxHxLxE, v_BxHxLxK = (jnp.swapaxes(x, 1, 2) for x in (q_BxLxHxE, k_BxLxHxE, v_BxLxHxK))
    return jnp.swapaxes(jax.vmap(kernel)(q_BxHxLxE, k_BxHxLxE, v_BxHxLxK, segments), 1, 2)


# Blockwise. N blocks of C tokens; a block of queries is q_BxHxCxK, one of keys k_BxHxSxK with S = C.


@jax.custom_vjp
def _blocks(q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL):
    return _blocks_forward(q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL)[0]


def _blocks_forward(q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL):
    dtype = q_BxLxHxK.dtype
    q_NxBxHxCxK, k_NxBxHxCxK, v_NxBxHxCxK = (_cut_heads(x) for x in (q_BxLxHxK, k_BxLxHxK, v_BxLxHxK))
    score = _scorer(slopes_H, positions_BxL, segments_BxL)
    first_N, _ = _reach(segments_BxL)

    def query_block(_, block):
        i, q_BxHxCxK, first = block

        def key_block(j, carry):
            largest_BxHxC, sum_BxHxC, context_BxHxCxK = carry
            scores_BxHxCxS = score(i, j, q_BxHxCxK, k_NxBxHxCxK[j])
            new_BxHxC = jnp.maximum(largest_BxHxC, jnp.max(scores_BxHxCxS, axis=-1))
            # Where nothing was seen so far all scores are MASKED; what they add is multiplied by 0 as soon as a real
            # one comes, at the latest that of the token itself.
            weights_BxHxCxS = jnp.exp(scores_BxHxCxS - new_BxHxC[..., None])
            shrink_BxHxC = jnp.exp(largest_BxHxC - new_BxHxC)
            sum_BxHxC = shrink_BxHxC * sum_BxHxC + jnp.sum(weights_BxHxCxS, axis=-1)
            found_BxHxCxK = _dot("bhcs,bhsk->bhck", weights_BxHxCxS.astype(dtype), v_NxBxHxCxK[j])
            return new_BxHxC, sum_BxHxC, shrink_BxHxC[..., None] * context_BxHxCxK + found_BxHxCxK

        nothing_BxHxC = jnp.zeros(q_BxHxCxK.shape[:-1], jnp.float32)
        start = (nothing_BxHxC + MASKED, nothing_BxHxC, jnp.zeros(q_BxHxCxK.shape, jnp.float32))
        largest_BxHxC, sum_BxHxC, context_BxHxCxK = jax.lax.fori_loop(first, i + 1, key_block, start)
        context_BxHxCxK = (context_BxHxCxK / sum_BxHxC[..., None]).astype(dtype)
        return None, (context_BxHxCxK, largest_BxHxC + jnp.log(sum_BxHxC))

    blocks = (jnp.arange(len(q_NxBxHxCxK)), q_NxBxHxCxK, first_N)
    _, (context_NxBxHxCxK, logsumexp_NxBxHxC) = jax.lax.scan(query_block, None, blocks)
    context_BxLxHxK = checkpoint_name(_join_heads(context_NxBxHxCxK), SAVED)
    logsumexp_NxBxHxC = checkpoint_name(logsumexp_NxBxHxC, SAVED)
    arguments = (q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL)
    return context_BxLxHxK, (arguments, context_BxLxHxK, logsumexp_NxBxHxC)


def _blocks_backward(residuals, cotangent_BxLxHxK):
    (q_BxLxHxK, k_BxLxHxK, v_BxLxHxK, slopes_H, positions_BxL, segments_BxL), context_BxLxHxK, logsumexp_NxBxHxC = (
        residuals
    )
    dtype = q_BxLxHxK.dtype
    scale = q_BxLxHxK.shape[-1] ** -0.5
    q_NxBxHxCxK, k_NxBxHxCxK, v_NxBxHxCxK = (_cut_heads(x) for x in (q_BxLxHxK, k_BxLxHxK, v_BxLxHxK))
    cotangent_NxBxHxCxK = _cut_heads(cotangent_BxLxHxK)
    # sum over keys of weight * d weight, which the softmax takes off: the same as context * d context.
    mean_NxBxHxC = _cut_heads(context_BxLxHxK).astype(jnp.float32) * cotangent_NxBxHxCxK.astype(jnp.float32)
    mean_NxBxHxC = jnp.sum(mean_NxBxHxC, axis=-1)
    score = _scorer(slopes_H, positions_BxL, segments_BxL)
    _, last_N = _reach(segments_BxL)

    def key_block(dq_NxBxHxCxK, block):
        j, k_BxHxSxK, v_BxHxSxK, last = block

        def query_block(i, carry):
            dq_NxBxHxCxK, dk_BxHxSxK, dv_BxHxSxK = carry
            q_BxHxCxK, cotangent_BxHxCxK = q_NxBxHxCxK[i], cotangent_NxBxHxCxK[i]
            weights_BxHxCxS = jnp.exp(score(i, j, q_BxHxCxK, k_BxHxSxK) - logsumexp_NxBxHxC[i][..., None])
            dv_BxHxSxK += _dot("bhcs,bhck->bhsk", weights_BxHxCxS.astype(dtype), cotangent_BxHxCxK)
            dweights_BxHxCxS = _dot("bhck,bhsk->bhcs", cotangent_BxHxCxK, v_BxHxSxK)
            dscores_BxHxCxS = scale * weights_BxHxCxS * (dweights_BxHxCxS - mean_NxBxHxC[i][..., None])
            dscores_BxHxCxS = dscores_BxHxCxS.astype(dtype)
            dk_BxHxSxK += _dot("bhcs,bhck->bhsk", dscores_BxHxCxS, q_BxHxCxK)
            dq_NxBxHxCxK = dq_NxBxHxCxK.at[i].add(_dot("bhcs,bhsk->bhck", dscores_BxHxCxS, k_BxHxSxK))
            return dq_NxBxHxCxK, dk_BxHxSxK, dv_BxHxSxK

        nothing_BxHxSxK = jnp.zeros(k_BxHxSxK.shape, jnp.float32)
        start = (dq_NxBxHxCxK, nothing_BxHxSxK, nothing_BxHxSxK)
        dq_NxBxHxCxK, dk_BxHxSxK, dv_BxHxSxK = jax.lax.fori_loop(j, last + 1, query_block, start)
        return dq_NxBxHxCxK, (dk_BxHxSxK.astype(dtype), dv_BxHxSxK.astype(dtype))

    blocks = (jnp.arange(len(k_NxBxHxCxK)), k_NxBxHxCxK, v_NxBxHxCxK, last_N)
    dq_NxBxHxCxK, (dk_NxBxHxCxK, dv_NxBxHxCxK) = jax.lax.scan(
        key_block, jnp.zeros(q_NxBxHxCxK.shape, jnp.float32), blocks
    )
    dq_BxLxHxK, dk_BxLxHxK, dv_BxLxHxK = (_join_heads(x) for x in (dq_NxBxHxCxK, dk_NxBxHxCxK, dv_NxBxHxCxK))
    return dq_BxLxHxK.astype(dtype), dk_BxLxHxK, dv_BxLxHxK, None, None, None


_blocks.defvjp(_blocks_forward, _blocks_backward)


def _scorer(slopes_H, positions_BxL, segments_BxL) -> Callable:
    """score(i, j, queries of block i, keys of block j): float32 [B, H, C, S], `MASKED` where a query sees no key."""
    segments_NxBxC = _cut(segments_BxL)
    bias_NxBxHxC = slopes_H[:, None] * _cut(positions_BxL).astype(jnp.float32)[:, :, None]
    place_C = jnp.arange(segments_NxBxC.shape[-1])

    def score(i, j, q_BxHxCxK, k_BxHxSxK):
        scores_BxHxCxS = _dot("bhck,bhsk->bhcs", q_BxHxCxK, k_BxHxSxK) * q_BxHxCxK.shape[-1] ** -0.5
        scores_BxHxCxS += bias_NxBxHxC[j][:, :, None]
        before_CxS = (i * len(place_C) + place_C)[:, None] >= j * len(place_C) + place_C
        same_BxCxS = segments_NxBxC[i][:, :, None] == segments_NxBxC[j][:, None]
        return jnp.where((same_BxCxS & before_CxS)[:, None], scores_BxHxCxS, MASKED)

    return score


def _reach(segments_BxL: jax.Array) -> tuple[jax.Array, jax.Array]:
    """int [N], twice: the first block of keys that a block of queries sees, the last of queries that see one of keys.

    Over all rows, from the least and the largest segment in each block: exact where texts are numbered in their order,
    and never too narrow. Padding goes by itself, or a block that ends in it would seem to hold all texts.
    """
    segments_NxBxC = _cut(segments_BxL)
    padding_NxBxC = segments_NxBxC == 0
    least_NxB = jnp.min(jnp.where(padding_NxBxC, jnp.iinfo(jnp.int32).max, segments_NxBxC), axis=-1)
    largest_NxB = jnp.max(segments_NxBxC, axis=-1)
    padded_NxB = jnp.any(padding_NxBxC, axis=-1)
    texts_NxNxB = (least_NxB[:, None] <= largest_NxB) & (least_NxB <= largest_NxB[:, None])
    common_NxNxB = texts_NxNxB | (padded_NxB[:, None] & padded_NxB)
    sees_NxN = jnp.any(common_NxNxB, axis=-1) & np.tri(len(segments_NxBxC), dtype=bool)
    return jnp.argmax(sees_NxN, axis=1), len(sees_NxN) - 1 - jnp.argmax(sees_NxN[::-1], axis=0)


def _cut(x_BxLx: jax.Array) -> jax.Array:
    """[N, B, C, …] of [B, L, …]."""
    B, L = x_BxLx.shape[:2]
    return jnp.swapaxes(x_BxLx.reshape(B, -1, min(L, BLOCK), *x_BxLx.shape[2:]), 0, 1)


def _cut_heads(x_BxLxHxK: jax.Array) -> jax.Array:
    """[N, B, H, C, K], so that the products of a block read what lies together."""
    return jnp.swapaxes(_cut(x_BxLxHxK), 2, 3)


def _join_heads(x_NxBxHxCxK: jax.Array) -> jax.Array:
    """[B, L, H, K]: undoes `_cut_heads`."""
    N, B, H, C, K = x_NxBxHxCxK.shape
    return jnp.transpose(x_NxBxHxCxK, (1, 0, 3, 2, 4)).reshape(B, N * C, H, K)


def _dot(spec: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(spec, x, y, preferred_element_type=jnp.float32)
