"""Key map between parameters and the tensors of a Hugging Face checkpoint, read in both directions.

A linear weight is [out, in] there and [in, out] here, where input and output may have several axes (heads, head_dim).
There is one tensor for each block there, and one parameter with a leading axis `layers` here. Every translation is a
transposition and a reshape, hence exact both ways.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Key:
    """One row of the map.

    Attributes:
      hf: name in a Hugging Face file after the prefix; "{}" stands for the layer.
      ours: path in the parameters, with dots.
      hf_shape: shape of the Hugging Face tensor.
    """

    hf: str
    ours: str
    hf_shape: tuple[int, ...]

    def to_ours(self, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The tensor [out, in] of one layer as a parameter of that shape, [*in axes, *out axes]; a view of `value`."""
        return (value.T if self._is_kernel else value).reshape(shape)

    def to_hf(self, value: np.ndarray) -> np.ndarray:
        """The parameter of one layer as the tensor of `hf_shape`; the inverse of `to_ours`."""
        return value.reshape(self.hf_shape[::-1]).T if self._is_kernel else value.reshape(self.hf_shape)

    @property
    def path(self) -> tuple[str, ...]:
        """`ours` as keys of nested dicts."""
        return tuple(self.ours.split("."))

    @property
    def is_stacked(self) -> bool:
        """Whether the parameter has a leading axis `layers`."""
        return self.path[0] == "layers"

    @property
    def _is_kernel(self) -> bool:
        return self.path[-1] == "kernel"


@dataclass(frozen=True)
class KeyMap:
    """All tensors of a model.

    Attributes:
      keys: in the order of the computation; those of a block once.
      n_layer: how many blocks there are.
      prefix: before all names of a file; it may be missing in files that are read. Empty where names differ in it.
      table: the vocabulary table's `Key.hf`.
      tied_head: name of a head that some files hold although it is tied to the table; None where it is not tied.
    """

    keys: tuple[Key, ...]
    n_layer: int
    prefix: str
    table: str
    tied_head: str | None

    def tensors(self) -> Iterator[tuple[Key, int]]:
        """Each (key, layer) of a file, in the order of the computation; layer 0 for what is in no block."""
        first = next(i for i, key in enumerate(self.keys) if key.is_stacked)
        blocks = [key for key in self.keys if key.is_stacked]
        yield from ((key, 0) for key in self.keys[:first])
        yield from ((key, layer) for layer in range(self.n_layer) for key in blocks)
        yield from ((key, 0) for key in self.keys[first:] if not key.is_stacked)
