"""Vocabulary embedding: a table [V, D] sharded by rows over the mesh, its lookup, and the collectives of the head.

BLOOM's table is large: 2 GB in bfloat16 for 7b1, whose blocks take 0.4 GB each. So it is sharded over all mesh axes
that shard anything of the model, and these include one that shards the batch as well (fsdp). Along such a *shared* axis
each device has other rows of the batch and other rows of the table, and one of the two must be gathered:

* the batch: every device of the group gets the tokens of all of them, looks them up in its own rows of the table, and
  the results are reduce-scattered back to the devices that the tokens came from;
* the table: all-gathered for one use; its gradient is reduce-scattered.

`VocabSharding.gathers_table` picks what sends less: the batch on small slices, the table on large ones. Along the other
axes of the table (tensor) devices have the same rows of the batch, and partial results are summed.

Suffixes: B rows of the batch, L tokens of a row, C tokens of a chunk, D width, V rows of the table, R rows of one
device's shard of it. Inside of `on_mesh` B is what one device has, or its group after `gather_batch`.
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
"""Bound on the embeddings that one device computes for its group at a time, in bytes."""


@dataclass(frozen=True)
class VocabSharding:
    """Mesh axes of the batch and of the vocabulary table.

    Attributes:
      batch: mesh axes that shard the batch.
      owners: mesh axes that shard the table and not the batch.
      shared: mesh axes that shard both; devices along them are one group.
    """

    batch: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @classmethod
    def current(cls) -> "VocabSharding":
        """Of the enclosing `use_sharding`; nothing is sharded outside of it, or along a mesh axis of size 1.

        Raises:
          ValueError: the rule for vocab has a shared axis before one that is not. Gathering the shared axes, which are
            then the outer ones, would not give consecutive rows of the table.
        """
        mesh = jax.sharding.get_abstract_mesh()
        batch, vocab = (tuple(axis for axis in mesh_axes(name) if mesh.shape[axis] > 1) for name in ("batch", "vocab"))
        sharding = cls(
            batch,
            owners=tuple(axis for axis in vocab if axis not in batch),
            shared=tuple(axis for axis in vocab if axis in batch),
        )
        if sharding.vocab != vocab:
            raise ValueError(
                f"the rule for vocab is {vocab}: name axes that split the batch too last, as in {sharding.vocab}"
            )
        return sharding

    @property
    def vocab(self) -> tuple[str, ...]:
        """All mesh axes that shard the table, the outermost first."""
        return (*self.owners, *self.shared)

    @property
    def replicas(self) -> tuple[str, ...]:
        """Mesh axes along which devices have the same rows of the table and other rows of the batch."""
        return tuple(axis for axis in self.batch if axis not in self.shared)

    def gathers_table(self, rows: int, activations: int, dtype: DTypeLike, back: DTypeLike) -> bool:
        """Whether to gather the table and not the batch; arguments as in `gathering_table_is_cheaper`."""
        return bool(self.shared) and gathering_table_is_cheaper(rows, activations, dtype, back)

    def on_mesh(self, function: Callable, in_specs: Any, out_specs: Any) -> Callable:
        """`function` under `jax.shard_map`, called with each device's shards; `function` itself without sharding."""
        if not self.batch and not self.vocab:
            return function
        return jax.shard_map(function, in_specs=in_specs, out_specs=out_specs, check_vma=False)

    def devices(self, axes: tuple[str, ...]) -> int:
        """Number of devices along these mesh axes together."""
        mesh = jax.sharding.get_abstract_mesh()
        return math.prod(mesh.shape[axis] for axis in axes)

    def with_gathered_table(self) -> "VocabSharding":
        """The sharding after `gather_table`: no axis is shared any more."""
        return dataclasses.replace(self, shared=())

    # Collectives, for use inside of `on_mesh`. Where no mesh axis takes part they return their argument, but for
    # `gather_table` and `scatter_table`, which are for `gathers_table` alone.

    def gather_table(self, table_RxD: jax.Array) -> jax.Array:
        """[R * group, D]: all-gather of the group's shards of the table."""
        return jax.lax.all_gather(table_RxD, self.shared, axis=0, tiled=True)

    def scatter_table(self, table_RxD: jax.Array) -> jax.Array:
        """[R / group, D]: reduce-scatter over the group, the transpose of `gather_table`; of gradients."""
        return jax.lax.psum_scatter(table_RxD, self.shared, scatter_dimension=0, tiled=True)

    def gather_batch(self, x_Bx: jax.Array) -> jax.Array:
        """[B * group, …] of `x` [B, …]: all-gather of the group's rows of the batch."""
        return jax.lax.all_gather(x_Bx, self.shared, axis=0, tiled=True) if self.shared else x_Bx

    def reduce_scatter_batch(self, x_Bx: jax.Array) -> jax.Array:
        """[B / group, …] of `x` [B, …]: the sum over the group, of which each device keeps its batch rows."""
        return jax.lax.psum_scatter(x_Bx, self.shared, scatter_dimension=0, tiled=True) if self.shared else x_Bx

    def slice_batch(self, x_Bx: jax.Array) -> jax.Array:
        """[B / group, …] of `x` [B, …], which is equal on all devices of the group: this device's rows of the batch."""
        if not self.shared:
            return x_Bx
        rows = x_Bx.shape[0] // self.devices(self.shared)
        return jax.lax.dynamic_slice_in_dim(x_Bx, jax.lax.axis_index(self.shared) * rows, rows)

    def psum_vocab(self, x: jax.Array) -> jax.Array:
        """The sum of `x`, of any shape, over all shards of the table."""
        return jax.lax.psum(x, self.vocab) if self.vocab else x

    def pmax_vocab(self, x: jax.Array) -> jax.Array:
        """The maximum of `x`, of any shape, over all shards of the table."""
        return jax.lax.pmax(x, self.vocab) if self.vocab else x

    def psum_owners(self, x: jax.Array) -> jax.Array:
        """The sum of `x`, of any shape, over devices with the same rows of the batch and other rows of the table."""
        return jax.lax.psum(x, self.owners) if self.owners else x

    def psum_replicas(self, x: jax.Array) -> jax.Array:
        """The sum of `x`, of any shape, over devices with the same rows of the table and other rows of the batch."""
        return jax.lax.psum(x, self.replicas) if self.replicas else x


def gathering_table_is_cheaper(rows: int, activations: int, dtype: DTypeLike, back: DTypeLike) -> bool:
    """Whether gathering the table, and scattering its gradient, takes fewer bytes than to do so with activations.

    Args:
      rows: rows [D] of the table on one device.
      activations: activations [D] on one device.
      dtype: of both when they are gathered. The gradient of the table is scattered in float32.
      back: dtype of the activations that are scattered.
    """
    size = jnp.dtype(dtype).itemsize
    return rows * (size + 4) < activations * (size + jnp.dtype(back).itemsize)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def lookup(table_VxD: jax.Array, tokens_BxL: jax.Array, dtype: DTypeLike) -> jax.Array:
    """[B, L, D] in `dtype`: the rows of the table. Its gradient is summed in float32, whatever `dtype` is.

    Args:
      table_VxD: parameters, sharded by the rule for `vocab`.
      tokens_BxL: int, below V; sharded by the rule for `batch`.
    """
    sharding = VocabSharding.current()
    rows, table = PartitionSpec(sharding.batch), PartitionSpec(sharding.vocab)
    return sharding.on_mesh(partial(_lookup, sharding, dtype), (table, rows), rows)(table_VxD, tokens_BxL)


def _forward(table_VxD, tokens_BxL, dtype):
    return lookup(table_VxD, tokens_BxL, dtype), (table_VxD, tokens_BxL)


def _backward(dtype, residuals, cotangent_BxLxD):
    table_VxD, tokens_BxL = residuals
    sharding = VocabSharding.current()
    rows, table = PartitionSpec(sharding.batch), PartitionSpec(sharding.vocab)
    height = table_VxD.shape[0] // sharding.devices(sharding.vocab)
    gradient = partial(_table_gradient, sharding, height)
    gradient_VxD = sharding.on_mesh(gradient, (rows, rows), table)(tokens_BxL, cotangent_BxLxD)
    return gradient_VxD.astype(table_VxD.dtype), None


lookup.defvjp(_forward, _backward)


def _lookup(sharding: VocabSharding, dtype: DTypeLike, table_RxD: jax.Array, tokens_BxL: jax.Array) -> jax.Array:
    """`lookup` of one device: [B, L, D] of its shards of table and batch."""
    if not sharding.vocab:
        return jnp.take(table_RxD, tokens_BxL, axis=0).astype(dtype)
    # Cast before anything is sent: half the bytes in bfloat16.
    table_RxD = table_RxD.astype(dtype)
    if sharding.gathers_table(table_RxD.shape[0], tokens_BxL.size, dtype, dtype):
        table_RxD, sharding = sharding.gather_table(table_RxD), sharding.with_gathered_table()

    def lookup_chunk(tokens_BxC: jax.Array) -> jax.Array:
        rows_BxC = _local_rows(sharding, sharding.gather_batch(tokens_BxC), table_RxD.shape[0])
        # Tokens of other devices read a row past the end, which is 0. One device has the row and all others have zeros,
        # so that these sums round nothing.
        x_BxCxD = jnp.take(table_RxD, rows_BxC, axis=0, mode="fill", fill_value=0)
        return sharding.reduce_scatter_batch(sharding.psum_owners(x_BxCxD))

    chunks = _num_chunks(sharding, *tokens_BxL.shape, table_RxD.shape[1], dtype)
    x_NxBxCxD = jax.lax.map(lookup_chunk, _split_chunks(tokens_BxL, chunks))
    return jnp.moveaxis(x_NxBxCxD, 0, 1).reshape(*tokens_BxL.shape, -1)


def _table_gradient(
    sharding: VocabSharding, height: int, tokens_BxL: jax.Array, cotangent_BxLxD: jax.Array
) -> jax.Array:
    """float32 [height, D]: the gradient of this device's rows of the table."""
    B, L, D = cotangent_BxLxD.shape
    gather = sharding.gathers_table(height, B * L, cotangent_BxLxD.dtype, cotangent_BxLxD.dtype)
    # Where `_lookup` has gathered the table, each device adds up a gradient of all rows of the group from its own
    # tokens, which is reduce-scattered at the end; else one of its own rows from the tokens of the group.
    inner = sharding.with_gathered_table() if gather else sharding
    height *= sharding.devices(sharding.shared) if gather else 1

    def add_chunk(gradient_RxD: jax.Array, chunk: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        tokens_BxC, cotangent_BxCxD = map(inner.gather_batch, chunk)
        rows_BxC = _local_rows(inner, tokens_BxC, height)
        return gradient_RxD.at[rows_BxC].add(cotangent_BxCxD.astype(jnp.float32), mode="drop"), None

    chunks = _num_chunks(inner, B, L, D, cotangent_BxLxD.dtype)
    zeros = jnp.zeros((height, D), jnp.float32)
    inputs = (_split_chunks(tokens_BxL, chunks), _split_chunks(cotangent_BxLxD, chunks))
    gradient_RxD, _ = jax.lax.scan(add_chunk, zeros, inputs)
    return sharding.psum_replicas(sharding.scatter_table(gradient_RxD) if gather else gradient_RxD)


def _local_rows(sharding: VocabSharding, tokens: jax.Array, height: int) -> jax.Array:
    """Rows of this device's shard of the table, which has `height` of them; `height` for tokens of other devices."""
    if not sharding.vocab:
        return tokens
    rows = tokens - jax.lax.axis_index(sharding.vocab) * height
    return jnp.where((rows >= 0) & (rows < height), rows, height)


def _num_chunks(sharding: VocabSharding, B: int, L: int, D: int, dtype: DTypeLike) -> int:
    """Into how many chunks L is cut, so that the embeddings of a group fit into `EMBEDDINGS_BYTES`."""
    if not sharding.shared:
        return 1
    size = sharding.devices(sharding.shared) * B * L * D * jnp.dtype(dtype).itemsize
    fits = (chunks for chunks in range(1, L) if L % chunks == 0 and size <= chunks * EMBEDDINGS_BYTES)
    return next(fits, L)


def _split_chunks(x_BxL: jax.Array, chunks: int) -> jax.Array:
    """[chunks, B, L / chunks, …] of `x` [B, L, …]."""
    B, L, *rest = x_BxL.shape
    return jnp.moveaxis(x_BxL.reshape(B, chunks, L // chunks, *rest), 1, 0)
