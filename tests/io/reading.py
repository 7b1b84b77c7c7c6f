"""Counts what is read of a model's files."""

from functools import partial

import numpy as np
import pytest

from seqgpt_jax.io import hf_checkpoint
from seqgpt_jax.io.tensor_files import Tensor


def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Elements of each part that is cut out of a map of a file, from now on."""
    sizes: list[int] = []

    class Counted(np.ndarray):
        def __getitem__(self, index):
            part = super().__getitem__(index).view(np.ndarray)
            sizes.append(part.size)
            return part

    def counted(tensor: Tensor) -> np.ndarray:
        return tensor.read().view(Counted)

    read_weights = hf_checkpoint.read_weights

    def read_counted(*args):
        tensors = read_weights(*args)
        return {name: Tensor(one.shape, one.dtype, partial(counted, one)) for name, one in tensors.items()}

    monkeypatch.setattr(hf_checkpoint, "read_weights", read_counted)
    return sizes
