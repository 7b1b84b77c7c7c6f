"""Fused cross-entropy of the answer tokens, without logits of shape [batch, length, vocabulary].

BLOOM's tied head has 250,880 rows: logits for 8 rows of 2,048 tokens would take 16.4 GB in float32.
Only the answer of an example is supervised, so three things keep the head small:

* the hidden states that predict a target are gathered first ([B, L, D] -> [B, T, D], T << L);
* these are projected to the vocabulary in chunks along T, whose logits fit into `LOGITS_BYTES`;
* the gradient is computed together with the loss, chunk by chunk (`jax.custom_vjp`), so nothing of
  size [.., V] is stored or computed twice: three matrix products instead of the four of rematerialization.
  (Idea: fused linear cross-entropy, Hsu et al. 2024, arXiv:2410.10989.)

Every matrix product takes operands of the compute dtype and accumulates in float32; softmax and
logsumexp are float32. On a mesh the loop over chunks runs inside `jax.shard_map`, each device with its own
rows of the table (`models.vocab_embedding` has their sharding): logits are never exchanged, only maxima and sums over
the vocabulary. Either hidden states are exchanged, or the table is gathered, once for each micro-batch: whichever
moves fewer bytes.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from seqgpt_jax.models.vocab_embedding import VocabSharding

LOGITS_BYTES = 1 << 28
"""Upper bound on one chunk of float32 logits on one device, in bytes."""


class LossSums(NamedTuple):
    """Sums over a batch. Micro-batches and hosts combine as sum(loss) / sum(weight).

    Attributes:
      loss: float32 scalar, sum over targets of weight * cross-entropy, in nats.
      weight: float32 scalar, sum of the weights.
      by_target: float32 [B, T], the contribution of each target to `loss`; no gradient flows through it.
    """

    loss: jax.Array
    weight: jax.Array
    by_target: jax.Array


def target_loss(
    hidden_BxLxD: jax.Array,
    embedding_VxD: jax.Array,
    target_positions_BxT: jax.Array,
    target_ids_BxT: jax.Array,
    target_weights_BxT: jax.Array,
    *,
    logits_bytes: int = LOGITS_BYTES,
) -> LossSums:
    """Sum of weight * -log p(target id | hidden state at the target's position).

    Args:
      hidden_BxLxD: hidden states after the final layer norm; their dtype is the compute dtype.
      embedding_VxD: the tied vocabulary head, in any float dtype; cast to the compute dtype.
      target_positions_BxT: int32, the input position that predicts each target.
      target_ids_BxT: int32.
      target_weights_BxT: float32, 0 for padding.
      logits_bytes: bound on one chunk of logits, per device.

    Returns:
      The sums over the whole (global) batch.
    """
    hidden_BxTxD = jnp.take_along_axis(hidden_BxLxD, target_positions_BxT[:, :, None], axis=1)
    loss, by_target_BxT = _head_loss(logits_bytes, hidden_BxTxD, embedding_VxD, target_ids_BxT, target_weights_BxT)
    return LossSums(loss, jnp.sum(target_weights_BxT, dtype=jnp.float32), by_target_BxT)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _head_loss(
    logits_bytes: int, hidden_BxTxD: jax.Array, head_VxD: jax.Array, ids: jax.Array, weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """(scalar loss, [B, T] losses), from hidden_BxTxD, head_VxD, ids [B, T] and weights [B, T]."""
    by_target_BxT, *_ = _on_mesh(logits_bytes, hidden_BxTxD, head_VxD, ids, weights, with_gradient=False)
    return jnp.sum(by_target_BxT), by_target_BxT


def _head_loss_forward(logits_bytes, hidden_BxTxD, head_VxD, ids, weights):
    """The loss, and as residuals its gradients [B, T, D] and [V, D], already complete for a cotangent of 1.

    The last residual is a scalar that only carries the dtype of the head to the backward pass.
    """
    by_target_BxT, *gradients = _on_mesh(logits_bytes, hidden_BxTxD, head_VxD, ids, weights, with_gradient=True)
    return (jnp.sum(by_target_BxT), by_target_BxT), (*gradients, jnp.zeros((), head_VxD.dtype))


def _head_loss_backward(logits_bytes, residuals, cotangents):
    """Scales the stored gradients: the loss is linear in its cotangent. `by_target` has no gradient by contract."""
    cotangent, _ = cotangents
    hidden_gradient, head_gradient, like_head = residuals
    hidden_gradient = (cotangent * hidden_gradient).astype(hidden_gradient.dtype)
    # The head was cast to the compute dtype inside `_local`; its gradient stays float32 and never passes through the
    # compute dtype.
    return hidden_gradient, (cotangent * head_gradient).astype(like_head.dtype), None, None


_head_loss.defvjp(_head_loss_forward, _head_loss_backward)


def _on_mesh(logits_bytes, hidden_BxTxD, head_VxD, ids, weights, *, with_gradient):
    """[B, T] losses and gradients [B, T, D] and [V, D] (or None), each device working on its own rows of the head."""
    sharding = VocabSharding.current()
    rows, head = PartitionSpec(sharding.batch), PartitionSpec(sharding.vocab)
    gradients = (rows, head) if with_gradient else (None, None)
    local = functools.partial(_local, sharding, logits_bytes, with_gradient)
    return sharding.on_mesh(local, (rows, head, rows, rows), (rows, *gradients))(hidden_BxTxD, head_VxD, ids, weights)


def _local(sharding, logits_bytes, with_gradient, hidden_BxTxD, head_RxD, ids, weights):
    """`_on_mesh` for one device: its [b, T] rows of the batch, and its head_RxD, R rows of the vocabulary."""
    head_RxD = head_RxD.astype(hidden_BxTxD.dtype)
    gather = sharding.gathers_table(head_RxD.shape[0], ids.size, head_RxD.dtype, jnp.float32)
    if gather:
        head_RxD, inner = sharding.gather_table(head_RxD), sharding.with_gathered_table()
    else:
        inner = sharding
    by_target, hidden_gradient, head_gradient = _chunks(
        inner, hidden_BxTxD, head_RxD, ids, weights, logits_bytes, with_gradient
    )
    if with_gradient:
        head_gradient = sharding.psum_replicas(sharding.scatter_table(head_gradient) if gather else head_gradient)
    return by_target, hidden_gradient, head_gradient


def _chunks(sharding, hidden_BxTxD, head_RxD, ids, weights, logits_bytes, with_gradient):
    """Scans over chunks of the targets.

    Returns:
      [B, T] losses, [B, T, D] gradient in the compute dtype and float32 [R, D] gradient (None, None without gradient).
    """
    B, T, D = hidden_BxTxD.shape
    rows = head_RxD.shape[0]
    # Bytes of float32 logits for one target position: rows of this device, for the batch rows of its whole group.
    position = 4 * sharding.devices(sharding.shared) * B * rows
    chunks = -(-T // max(1, logits_bytes // position))
    chunk = functools.partial(_chunk, sharding, head_RxD, with_gradient)
    if chunks == 1:
        return chunk(hidden_BxTxD, ids, weights)

    # Chunks of equal length, so that one compiled body scans over all of them; the padding has weight 0 and so adds
    # neither loss nor gradient.
    C = -(-T // chunks)
    padding = chunks * C - T

    def split_chunks(x_BxTx):
        # [B, T, …] -> [N, B, C, …]
        x_BxTx = jnp.pad(x_BxTx, [(0, 0), (0, padding)] + [(0, 0)] * (x_BxTx.ndim - 2))
        return jnp.moveaxis(x_BxTx.reshape(B, chunks, C, *x_BxTx.shape[2:]), 1, 0)

    def join_chunks(x_NxBxCx):
        # [N, B, C, …] -> [B, T, …]
        return jnp.moveaxis(x_NxBxCx, 0, 1).reshape(B, chunks * C, *x_NxBxCx.shape[3:])[:, :T]

    # The gradient of the head is a sum over all targets: the carry, in float32. The others are outputs of each chunk.
    def add_chunk(head_gradient, inputs):
        by_target, hidden_gradient, more = chunk(*inputs)
        return jax.tree.map(jnp.add, head_gradient, more), (by_target, hidden_gradient)

    zeros = jnp.zeros((rows, D), jnp.float32) if with_gradient else None
    inputs = (split_chunks(hidden_BxTxD), split_chunks(ids), split_chunks(weights))
    head_gradient, outputs = jax.lax.scan(add_chunk, zeros, inputs)
    return *jax.tree.map(join_chunks, outputs), head_gradient


def _chunk(sharding, head_RxD, with_gradient, hidden_BxCxD, ids_BxC, weights_BxC):
    """Losses [B, C] of one chunk, its gradient [B, C, D], and its share of the head's gradient, float32 [R, D]."""
    # Devices that share batch rows but hold different vocabulary rows first gather the rows of their group.
    hidden_BxCxD, ids_BxC, weights_BxC = map(sharding.gather_batch, (hidden_BxCxD, ids_BxC, weights_BxC))
    logits_BxCxR = jnp.einsum("bcd,rd->bcr", hidden_BxCxD, head_RxD, preferred_element_type=jnp.float32)
    rows_R = jax.lax.broadcasted_iota(jnp.int32, (1, 1, logits_BxCxR.shape[-1]), 2)
    if sharding.vocab:
        rows_R = rows_R + jax.lax.axis_index(sharding.vocab) * logits_BxCxR.shape[-1]
    # At most one of the devices of a group has a target's row; on all others the comparison is False everywhere.
    is_target_BxCxR = rows_R == ids_BxC[:, :, None]
    # A softmax over the sharded vocabulary: the maximum (for stability), the sum and the target's logit are reduced
    # over devices, [B, C] each, instead of the logits, which are R times larger.
    largest_BxC = sharding.pmax_vocab(jnp.max(logits_BxCxR, axis=-1))
    exponents_BxCxR = jnp.exp(logits_BxCxR - largest_BxC[:, :, None])
    sums_BxC = sharding.psum_vocab(jnp.sum(exponents_BxCxR, axis=-1))
    targets_BxC = sharding.psum_vocab(jnp.sum(jnp.where(is_target_BxCxR, logits_BxCxR, 0.0), axis=-1))
    by_target_BxC = sharding.slice_batch(weights_BxC * (jnp.log(sums_BxC) + largest_BxC - targets_BxC))
    if not with_gradient:
        return by_target_BxC, None, None

    # d loss / d logits = weight * (softmax - one_hot), from the exponents that are still here: a separate backward pass
    # would have to recompute the logits.
    slope_BxCxR = exponents_BxCxR * (weights_BxC / sums_BxC)[:, :, None] - jnp.where(
        is_target_BxCxR, weights_BxC[:, :, None], 0.0
    )
    slope_BxCxR = slope_BxCxR.astype(hidden_BxCxD.dtype)
    hidden_gradient = jnp.einsum("bcr,rd->bcd", slope_BxCxR, head_RxD, preferred_element_type=jnp.float32)
    # Each device has the contribution of its own vocabulary rows: sum them, then return each row to its owner.
    hidden_gradient = sharding.reduce_scatter_batch(sharding.psum_owners(hidden_gradient)).astype(hidden_BxCxD.dtype)
    head_gradient = jnp.einsum("bcr,bcd->rd", slope_BxCxR, hidden_BxCxD, preferred_element_type=jnp.float32)
    return by_target_BxC, hidden_gradient, head_gradient
