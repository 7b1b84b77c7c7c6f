"""One number for every array of a state, from all of its bits: what was read is what was written."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def array_checksums(tree: Any) -> dict[str, int]:
    """Path of each array -> a sum over its words modulo 2^32, each times an odd number that its place gives.

    Whole numbers are added, so that neither the mesh nor the order of the sum matters. Any single changed bit
    changes the sum, and so do words that change places; other damage stays unseen once in 2^32.

    Args:
      tree: arrays of 8, 16 or 32 bits, on any mesh. Nothing but the sums leaves the devices.

    >>> array_checksums({"a": jnp.array([1.0, 2.0]), "b": jnp.array(3)})
    {'a': 4286578688, 'b': 3}
    """
    return {name: int(total) for name, total in sorted(jax.device_get(_sums(by_name(tree))).items())}


def by_name(tree: Any) -> dict[str, Any]:
    """Each leaf by its path: `{"params": {"bias": x}}` becomes `{"params.bias": x}`."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@jax.jit
def _sums(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return jax.tree.map(_sum, leaves)


def _sum(leaf: jax.Array) -> jax.Array:
    words = jax.lax.bitcast_convert_type(leaf, f"uint{8 * leaf.dtype.itemsize}").astype(jnp.uint32)
    places = jnp.zeros(leaf.shape, jnp.uint32)
    for axis, size in enumerate(leaf.shape):
        places = places * np.uint32(size) + jax.lax.broadcasted_iota(jnp.uint32, leaf.shape, axis)
    return jnp.sum(words * (2 * places + 1), dtype=jnp.uint32)


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)
