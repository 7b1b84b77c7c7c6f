"""The embedding table [V, D], split by rows over the mesh, and how look-up and head reach the rows they need.

BLOOM's table is large: 2 GB in bfloat16 for 7b1, whose blocks take 0.4 GB each. So it is split over all mesh axes that
split anything of the model, and these include one that splits the batch as well (fsdp). Along such a *shared* axis
each device has other rows of the batch and other rows of the table, and one of the two must travel:

* the activations: every device of the group sees the tokens of all of them and answers with what its own rows say;
* the table: gathered for one use.

`VocabSharding.gathers_table` picks what sends less: the activations on small slices, the table on large ones.
Along the other axes of the table (tensor) devices share rows of the batch, and their answers are added up.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jax.typing import DTypeLike

from seqgpt_jax.models.sharding import mesh_axes

EMBEDDINGS_BYTES = 1 << 28
"""How large the embeddings that one device makes for its group may become at a time, in bytes."""


@dataclass(frozen=True)
class VocabSharding:
    """How rows of the batch and rows of the table lie on the mesh.

    Attributes:
      batch: mesh axes that split the batch.
      owners: mesh axes that split the table, and not the batch.
      shared: mesh axes that split both.
    """

    batch: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @classmethod
    def in_force(cls) -> "VocabSharding":
        """By the mesh and the rules of the context; nothing is split without them, or along one device.

        Raises:
          ValueError: a shared axis stands before one that is not, so that a gathered table would be out of order.
        """
        mesh = jax.sharding.get_abstract_mesh()
        batch, vocab = (tuple(axis for axis in mesh_axes(name) if mesh.shape[axis] > 1) for name in ("batch", "vocab"))
        split = cls(
            batch,
            owners=tuple(axis for axis in vocab if axis not in batch),
            shared=tuple(axis for axis in vocab if axis in batch),
        )
        if split.vocab != vocab:
            raise ValueError(
                f"the rule for vocab is {vocab}: name axes that split the batch too last, as in {split.vocab}"
            )
        return split

    @property
    def vocab(self) -> tuple[str, ...]:
        """All mesh axes that split the table, the outermost first."""
        return (*self.owners, *self.shared)

    @property
    def copies(self) -> tuple[str, ...]:
        """Mesh axes along which devices have the same rows of the table and other rows of the batch."""
        return tuple(axis for axis in self.batch if axis not in self.shared)

    def gathers_table(self, rows: int, activations: int, dtype: DTypeLike, back: DTypeLike) -> bool:
        """Whether the table is what is sent; `gathering_table_is_cheaper` says what the arguments are."""
        return bool(self.shared) and gathering_table_is_cheaper(rows, activations, dtype, back)

    def on_mesh(self, function: Callable, in_specs: Any, out_specs: Any) -> Callable:
        """`function`, called by each device with its own parts; `function` itself where nothing is split."""
        if not self.batch and not self.vocab:
            return function
        return jax.shard_map(function, in_specs=in_specs, out_specs=out_specs, check_vma=False)

    def devices(self, axes: tuple[str, ...]) -> int:
        """How many lie along these mesh axes together."""
        mesh = jax.sharding.get_abstract_mesh()
        return math.prod(mesh.shape[axis] for axis in axes)

    def with_whole_table(self) -> "VocabSharding":
        """The same split once the table has been gathered: nothing is shared any more."""
        return dataclasses.replace(self, shared=())

    # What devices exchange; for use inside of `on_mesh`.

    def whole(self, table_RxD: jax.Array) -> jax.Array:
        """The table's rows of all devices of the group."""
        return jax.lax.all_gather(table_RxD, self.shared, axis=0, tiled=True)

    def of_group(self, x_Bx: jax.Array) -> jax.Array:
        """The batch's rows of all devices of the group."""
        return jax.lax.all_gather(x_Bx, self.shared, axis=0, tiled=True) if self.shared else x_Bx

    def back(self, x_Bx: jax.Array) -> jax.Array:
        """The sum over the group, of which each device gets the rows that it gave."""
        return jax.lax.psum_scatter(x_Bx, self.shared, scatter_dimension=0, tiled=True) if self.shared else x_Bx

    def own_rows(self, x_Bx: jax.Array) -> jax.Array:
        """Of what is the same on all devices of the group, the batch's rows that this device gave."""
        if not self.shared:
            return x_Bx
        rows = x_Bx.shape[0] // self.devices(self.shared)
        return jax.lax.dynamic_slice_in_dim(x_Bx, jax.lax.axis_index(self.shared) * rows, rows)

    def reduce_vocab(self, collective: Callable, x: jax.Array) -> jax.Array:
        """psum or pmax over all devices that have other rows of the table."""
        return collective(x, self.vocab) if self.vocab else x

    def total(self, x: jax.Array) -> jax.Array:
        """The sum over devices that have the same rows of the batch and others of the table."""
        return jax.lax.psum(x, self.owners) if self.owners else x

    def psum_replicas(self, x: jax.Array) -> jax.Array:
        """The sum over devices that have the same rows of the table and others of the batch."""
        return jax.lax.psum(x, self.copies) if self.copies else x


def gathering_table_is_cheaper(rows: int, activations: int, dtype: DTypeLike, back: DTypeLike) -> bool:
    """Whether the table takes fewer bytes than the activations, there and (as gradient) back.

    Args:
      rows: [D] of the table that one device has.
      activations: [D] that one device has.
      dtype: of both on the way there. The gradient of the table comes back in float32.
      back: dtype of activations on the way back.
    """
    size = jnp.dtype(dtype).itemsize
    return rows * (size + 4) < activations * (size + jnp.dtype(back).itemsize)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def lookup(table_VxD: jax.Array, tokens_BxL: jax.Array, dtype: DTypeLike) -> jax.Array:
    """[B, L, D] in `dtype`: the rows of the table. Its gradient is summed in float32, whatever `dtype` is.

    Args:
      table_VxD: parameters, split by the rule for `vocab`.
      tokens_BxL: int, below V; split by the rule for `batch`.
    """
    split = VocabSharding.in_force()
    rows, table = PartitionSpec(split.batch), PartitionSpec(split.vocab)
    return split.on_mesh(partial(_look_up, split, dtype), (table, rows), rows)(table_VxD, tokens_BxL)


def _forward(table_VxD, tokens_BxL, dtype):
    return lookup(table_VxD, tokens_BxL, dtype), (table_VxD, tokens_BxL)


def _backward(dtype, residuals, cotangent_BxLxD):
    table_VxD, tokens_BxL = residuals
    split = VocabSharding.in_force()
    rows, table = PartitionSpec(split.batch), PartitionSpec(split.vocab)
    height = table_VxD.shape[0] // split.devices(split.vocab)
    gradient_VxD = split.on_mesh(partial(_add_up, split, height), (rows, rows), table)(tokens_BxL, cotangent_BxLxD)
    return gradient_VxD.astype(table_VxD.dtype), None


lookup.defvjp(_forward, _backward)


def _look_up(split: VocabSharding, dtype: DTypeLike, table_RxD: jax.Array, tokens_BxL: jax.Array) -> jax.Array:
    if not split.vocab:
        return jnp.take(table_RxD, tokens_BxL, axis=0).astype(dtype)
    table_RxD = table_RxD.astype(dtype)
    if split.gathers_table(table_RxD.shape[0], tokens_BxL.size, dtype, dtype):
        table_RxD, split = split.whole(table_RxD), split.with_whole_table()

    def answer(tokens_BxC: jax.Array) -> jax.Array:
        own_BxC = _own(split, split.of_group(tokens_BxC), table_RxD.shape[0])
        # One device has the row and the others zeros, so these sums round nothing.
        return split.back(split.total(jnp.take(table_RxD, own_BxC, axis=0, mode="fill", fill_value=0)))

    pieces = _pieces(split, *tokens_BxL.shape, table_RxD.shape[1], dtype)
    x_NxBxCxD = jax.lax.map(answer, _cut(tokens_BxL, pieces))
    return jnp.moveaxis(x_NxBxCxD, 0, 1).reshape(*tokens_BxL.shape, -1)


def _add_up(split: VocabSharding, height: int, tokens_BxL: jax.Array, cotangent_BxLxD: jax.Array) -> jax.Array:
    """float32 [height, D]: the gradient of this device's rows."""
    B, L, D = cotangent_BxLxD.shape
    travels = split.gathers_table(height, B * L, cotangent_BxLxD.dtype, cotangent_BxLxD.dtype)
    inner = split.with_whole_table() if travels else split
    height *= split.devices(split.shared) if travels else 1

    def add(gradient_RxD: jax.Array, piece: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        tokens_BxC, cotangent_BxCxD = map(inner.of_group, piece)
        own_BxC = _own(inner, tokens_BxC, height)
        return gradient_RxD.at[own_BxC].add(cotangent_BxCxD.astype(jnp.float32), mode="drop"), None

    pieces = _pieces(inner, B, L, D, cotangent_BxLxD.dtype)
    zeros = jnp.zeros((height, D), jnp.float32)
    gradient_RxD, _ = jax.lax.scan(add, zeros, (_cut(tokens_BxL, pieces), _cut(cotangent_BxLxD, pieces)))
    return split.psum_replicas(split.back(gradient_RxD) if travels else gradient_RxD)


def _own(split: VocabSharding, tokens: jax.Array, height: int) -> jax.Array:
    """Rows of this device's part of the table, which has `height` of them; `height` for tokens of other devices."""
    if not split.vocab:
        return tokens
    rows = tokens - jax.lax.axis_index(split.vocab) * height
    return jnp.where((rows >= 0) & (rows < height), rows, height)


def _pieces(split: VocabSharding, B: int, L: int, D: int, dtype: DTypeLike) -> int:
    """Into how many pieces L is cut, so that the embeddings of a group fit into `EMBEDDINGS_BYTES`."""
    if not split.shared:
        return 1
    size = split.devices(split.shared) * B * L * D * jnp.dtype(dtype).itemsize
    fits = (pieces for pieces in range(1, L) if L % pieces == 0 and size <= pieces * EMBEDDINGS_BYTES)
    return next(fits, L)


def _cut(x_BxL: jax.Array, pieces: int) -> jax.Array:
    """[pieces, B, L / pieces, …]"""
    B, L, *rest = x_BxL.shape
    return jnp.moveaxis(x_BxL.reshape(B, pieces, L // pieces, *rest), 1, 0)
