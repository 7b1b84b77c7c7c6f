"""Check for weights that are NaN or infinite, by name."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from seqgpt_jax.io.checksums import by_name
from seqgpt_jax.io.name_list import first_names
from seqgpt_jax.io.tensor_files import Tensor

_SHOWN = 8
_BLOCK = 2**24  # elements


class NotFiniteWeightsError(ValueError):
    """Weights that are NaN or infinite; the message names file or step, and tensors."""


def not_finite(params: Any) -> list[tuple[str, int | None]]:
    """(path with dots, layer) of each parameter that holds NaN or infinity; the layer is None outside of blocks.

    Args:
      params: a pure dict of arrays, on any mesh; a parameter below "layers" has a leading axis of layers. One flag for
        each parameter leaves the devices.
    """
    leaves = by_name(params)
    # Layer by layer only where there is a fault.
    faulty = [name for name, finite in jax.device_get(_are_finite(leaves)).items() if not finite]
    found: list[tuple[str, int | None]] = []
    for name in sorted(faulty):
        if not name.startswith("layers."):
            found.append((name, None))
            continue
        flags = jax.device_get(_are_finite({str(i): leaves[name][i] for i in range(leaves[name].shape[0])}))
        found += [(name, layer) for layer in range(len(flags)) if not flags[str(layer)]]
    return found


@jax.jit
def _are_finite(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return jax.tree.map(lambda leaf: jnp.isfinite(leaf).all(), leaves)


def check_finite(params: Any, where: str, fix: str) -> None:
    """Raises NotFiniteWeightsError where a parameter holds NaN or infinity.

    Args:
      params: as in `not_finite`.
      where: the file or checkpoint they are from.
      fix: what the user can do, as a sentence.
    """
    if found := not_finite(params):
        names = [name if layer is None else f"{name}[{layer}]" for name, layer in found]
        raise NotFiniteWeightsError(f"{where} holds NaN or infinity in {first_names(names, _SHOWN)}. {fix}")


def is_finite(value: np.ndarray) -> bool:
    """Whether an array of any float type has no NaN and no infinity; in blocks, so that no large copy is made."""
    rows = max(1, _BLOCK // max(1, value[:1].size)) if value.ndim else 1
    blocks = (value[start : start + rows] for start in range(0, len(value), rows)) if value.ndim else (value,)
    return all(bool(np.isfinite(block).all()) for block in blocks)


def all_finite(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors; reading one that holds NaN or infinity raises NotFiniteWeightsError with its name."""

    def read(name: str, tensor: Tensor) -> np.ndarray:
        value = tensor.read()
        if not is_finite(value):
            raise NotFiniteWeightsError(
                f"{name} holds NaN or infinity in {tensor.dtype}: fetch or train the model again; or use float32, "
                "where its values are only too large for this type"
            )
        return value

    return {
        name: Tensor(tensor.shape, tensor.dtype, functools.partial(read, name, tensor))
        for name, tensor in tensors.items()
    }
