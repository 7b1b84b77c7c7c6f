"""Cross-entropy of the answers, without ever holding logits of shape [batch, length, vocabulary].

BLOOM's tied head has 250,880 rows: logits for 8 rows of 2,048 tokens would take 16.4 GB in float32.
Only the answer of an example is supervised, so three things keep the head small:

* the hidden states that predict a target are gathered first ([B, L, D] -> [B, T, D], T << L);
* these meet the head in chunks along T, whose logits fit into `LOGITS_BYTES`;
* the gradient is made together with the loss, chunk by chunk (`jax.custom_vjp`), so nothing of
  size [.., V] is kept or computed twice: three matrix products instead of the four of rematerialisation.
  (Idea: fused linear cross-entropy, Hsu et al. 2024, arXiv:2410.10989.)

Every matrix product takes operands of the compute dtype and accumulates in float32; softmax and
logsumexp are float32. On a mesh the loop over chunks runs inside `jax.shard_map`: the head is gathered
once per step and its gradient reduced once per step, not once per chunk, and a head split over the
vocabulary needs no gather of logits (the target's logit is a masked sum).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from seqgpt_jax.training.partitioning import Rules

LOGITS_BYTES = 1 << 28
"""How large one chunk of float32 logits may become on one device, in bytes."""


class LossSums(NamedTuple):
    """Two float32 scalars. Micro-batches and hosts combine as sum(loss) / sum(weight).

    Attributes:
      loss: sum over targets of weight * cross-entropy, in nats.
      weight: sum of the weights.
    """

    loss: jax.Array
    weight: jax.Array


def target_loss(
    hidden_BxLxD: jax.Array,
    embedding_VxD: jax.Array,
    target_positions_BxT: jax.Array,
    target_ids_BxT: jax.Array,
    target_weights_BxT: jax.Array,
    *,
    rules: Rules | None = None,
    logits_bytes: int = LOGITS_BYTES,
) -> LossSums:
    """Sum of weight * -log p(target id | hidden state at the target's position).

    Args:
      hidden_BxLxD: hidden states after the final layer norm; their dtype is the compute dtype.
      embedding_VxD: the tied vocabulary head, in any float dtype; cast to the compute dtype.
      target_positions_BxT: int32, which input position predicts the target.
      target_ids_BxT: int32.
      target_weights_BxT: float32, 0 for filler.
      rules: how logical axes lie on the mesh of the context; without a mesh it is not used.
      logits_bytes: bound on one chunk of logits, per device.

    Returns:
      The sums over the whole (global) batch.
    """
    rules = rules or Rules()
    hidden_BxTxD = jnp.take_along_axis(hidden_BxLxD, target_positions_BxT[:, :, None], axis=1)
    loss = _head_loss(rules, logits_bytes, hidden_BxTxD, embedding_VxD, target_ids_BxT, target_weights_BxT)
    return LossSums(loss, jnp.sum(target_weights_BxT, dtype=jnp.float32))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _head_loss(
    rules: Rules, logits_bytes: int, hidden_BxTxD: jax.Array, head_VxD: jax.Array, ids: jax.Array, weights: jax.Array
) -> jax.Array:
    return _on_mesh(rules, logits_bytes, hidden_BxTxD, head_VxD, ids, weights, with_gradient=False)[0]


def _head_loss_forward(rules, logits_bytes, hidden_BxTxD, head_VxD, ids, weights):
    loss, hidden_gradient, head_gradient = _on_mesh(
        rules, logits_bytes, hidden_BxTxD, head_VxD, ids, weights, with_gradient=True
    )
    return loss, (hidden_gradient, head_gradient, jnp.zeros((), head_VxD.dtype))


def _head_loss_backward(rules, logits_bytes, residuals, cotangent):
    hidden_gradient, head_gradient, like_head = residuals
    hidden_gradient = (cotangent * hidden_gradient).astype(hidden_gradient.dtype)
    # The head is cast inside this function, so its gradient never passes through the compute dtype.
    return hidden_gradient, (cotangent * head_gradient).astype(like_head.dtype), None, None


_head_loss.defvjp(_head_loss_forward, _head_loss_backward)


def _on_mesh(rules, logits_bytes, hidden_BxTxD, head_VxD, ids, weights, *, with_gradient):
    """The loss and its two gradients, each device working on its own rows and its own part of the vocabulary."""
    head_VxD = head_VxD.astype(hidden_BxTxD.dtype)
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return _chunks(hidden_BxTxD, head_VxD, ids, weights, logits_bytes, with_gradient, ())
    batch, vocab = rules.mesh_axes("batch"), rules.mesh_axes("vocab")
    rows = PartitionSpec(batch)
    head = PartitionSpec(vocab, None)

    def local(hidden, head, ids, weights):
        loss, hidden_gradient, head_gradient = _chunks(hidden, head, ids, weights, logits_bytes, with_gradient, vocab)
        return loss[None], hidden_gradient, head_gradient if head_gradient is None else head_gradient[None]

    # Sums over rows are left to the caller's side of the border, where the partitioner knows how the
    # result must lie and can reduce and scatter in one go.
    loss, hidden_gradient, head_gradient = jax.shard_map(
        local,
        in_specs=(rows, head, rows, rows),
        out_specs=(rows, rows if with_gradient else None, PartitionSpec(batch, *head) if with_gradient else None),
        check_vma=False,
    )(hidden_BxTxD, head_VxD, ids, weights)
    if with_gradient:
        head_gradient = jax.lax.with_sharding_constraint(jnp.sum(head_gradient, axis=0), rules.spec("vocab", "embed"))
    return jnp.sum(loss), hidden_gradient, head_gradient


def _chunks(hidden_BxTxD, head_VxD, ids, weights, logits_bytes, with_gradient, vocab_axes):
    """Sum of losses, [B, T, D] gradient in the compute dtype and float32 [V, D] gradient (None, None without)."""
    B, T, D = hidden_BxTxD.shape
    V = head_VxD.shape[0]
    chunks = -(-T // max(1, logits_bytes // (4 * B * V)))
    chunk = functools.partial(_chunk, head_VxD=head_VxD, with_gradient=with_gradient, vocab_axes=vocab_axes)
    if chunks == 1:
        return chunk(hidden_BxTxD, ids, weights)

    C = -(-T // chunks)
    filler = chunks * C - T

    def split(x_BxTx):
        x_BxTx = jnp.pad(x_BxTx, [(0, 0), (0, filler)] + [(0, 0)] * (x_BxTx.ndim - 2))
        return jnp.moveaxis(x_BxTx.reshape(B, chunks, C, *x_BxTx.shape[2:]), 1, 0)

    def add(sums, inputs):
        loss, hidden_gradient, head_gradient = chunk(*inputs)
        return jax.tree.map(jnp.add, sums, (loss, head_gradient)), hidden_gradient

    zeros = (jnp.zeros((), jnp.float32), jnp.zeros((V, D), jnp.float32) if with_gradient else None)
    (loss, head_gradient), hidden_gradient = jax.lax.scan(add, zeros, (split(hidden_BxTxD), split(ids), split(weights)))
    if with_gradient:
        hidden_gradient = jnp.moveaxis(hidden_gradient, 0, 1).reshape(B, chunks * C, D)[:, :T]
    return loss, hidden_gradient, head_gradient


def _chunk(hidden_BxCxD, ids_BxC, weights_BxC, *, head_VxD, with_gradient, vocab_axes):
    logits_BxCxV = jnp.einsum("bcd,vd->bcv", hidden_BxCxD, head_VxD, preferred_element_type=jnp.float32)
    rows_V = jax.lax.broadcasted_iota(jnp.int32, (1, 1, logits_BxCxV.shape[-1]), 2)
    if vocab_axes:
        rows_V = rows_V + jax.lax.axis_index(vocab_axes) * logits_BxCxV.shape[-1]
    is_target_BxCxV = rows_V == ids_BxC[:, :, None]
    largest_BxC = _over_vocabulary(jax.lax.pmax, jnp.max(logits_BxCxV, axis=-1), vocab_axes)
    exponents_BxCxV = jnp.exp(logits_BxCxV - largest_BxC[:, :, None])
    sums_BxC = _over_vocabulary(jax.lax.psum, jnp.sum(exponents_BxCxV, axis=-1), vocab_axes)
    targets_BxC = _over_vocabulary(
        jax.lax.psum, jnp.sum(jnp.where(is_target_BxCxV, logits_BxCxV, 0.0), axis=-1), vocab_axes
    )
    loss = jnp.sum(weights_BxC * (jnp.log(sums_BxC) + largest_BxC - targets_BxC))
    if not with_gradient:
        return loss, None, None

    # d loss / d logits = weight * (softmax - one hot)
    slope_BxCxV = exponents_BxCxV * (weights_BxC / sums_BxC)[:, :, None] - jnp.where(
        is_target_BxCxV, weights_BxC[:, :, None], 0.0
    )
    slope_BxCxV = slope_BxCxV.astype(hidden_BxCxD.dtype)
    hidden_gradient = jnp.einsum("bcv,vd->bcd", slope_BxCxV, head_VxD, preferred_element_type=jnp.float32)
    hidden_gradient = _over_vocabulary(jax.lax.psum, hidden_gradient, vocab_axes)
    head_gradient = jnp.einsum("bcv,bcd->vd", slope_BxCxV, hidden_BxCxD, preferred_element_type=jnp.float32)
    return loss, hidden_gradient.astype(hidden_BxCxD.dtype), head_gradient


def _over_vocabulary(collective, x: jax.Array, vocab_axes: tuple[str, ...]) -> jax.Array:
    return collective(x, vocab_axes) if vocab_axes else x
