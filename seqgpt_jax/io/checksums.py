"""Mesh-independent checksum of each array of the train state."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def array_checksums(tree: Any) -> dict[str, int]:
    """Path of each array -> sum of its words, each times an odd weight that depends on its position, modulo 2^32.

    Integer addition is associative, so neither the mesh nor the order of summation changes the result. Every flipped
    bit changes it (odd weights are invertible modulo 2^32), and so do words that swap places; other corruption goes
    undetected with probability 2^-32.

    Args:
      tree: arrays of any shape, of 8, 16 or 32 bits an element, on any mesh. Only the sums leave the devices.

    >>> array_checksums({"a": jnp.array([1.0, 2.0]), "b": jnp.array(3)})
    {'a': 4286578688, 'b': 3}
    """
    return {name: int(total) for name, total in sorted(jax.device_get(_checksums(by_name(tree))).items())}


def by_name(tree: Any) -> dict[str, Any]:
    """Each leaf by its path: `{"params": {"bias": x}}` becomes `{"params.bias": x}`."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@jax.jit
def _checksums(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return jax.tree.map(_checksum, leaves)


def _checksum(leaf: jax.Array) -> jax.Array:
    """uint32 scalar, of an array of any shape."""
    words = jax.lax.bitcast_convert_type(leaf, f"uint{8 * leaf.dtype.itemsize}").astype(jnp.uint32)
    # The flat row-major index, from iotas: a reshape would move data between the devices of a mesh.
    index = jnp.zeros(leaf.shape, jnp.uint32)
    for axis, size in enumerate(leaf.shape):
        index = index * np.uint32(size) + jax.lax.broadcasted_iota(jnp.uint32, leaf.shape, axis)
    return jnp.sum(words * (2 * index + 1), dtype=jnp.uint32)


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)
