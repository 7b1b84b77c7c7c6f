"""GGUF files of llama.cpp: config, tensors and tokenizer of the model, under Hugging Face names.

The `gguf` package (extra `gguf`) reads the file and dequantizes; only headers are read until a tensor is used.
"""

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from seqgpt_jax.io.hf_checkpoint import ModelSource
from seqgpt_jax.io.name_list import first_names
from seqgpt_jax.io.tensor_files import Tensor, TensorFileError
from seqgpt_jax.models import gguf_names
from seqgpt_jax.models.gguf_tokenizer import make_tokenizer

if TYPE_CHECKING:
    from gguf import GGUFReader, ReaderTensor

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class GgufFileError(TensorFileError):
    """A GGUF file that cannot be imported; the message names the file and what to do."""


def read_gguf(path: Path) -> ModelSource:
    """The model of a file, or of all parts of a split one when `path` is any of them.

    Its tensors are float32 where they are stored quantized, else as stored.

    Raises:
      GgufFileError: no such file or part, no GGUF, truncated, or a model, quantization or tokenizer that is not
        supported; or the package `gguf` is not installed.
    """
    readers = [_open(part) for part in _parts(path)]
    metadata = {key: field.contents() for key, field in readers[0].fields.items()}
    if metadata.get("split.count", 1) != len(readers):
        raise GgufFileError(
            f"{path} is one of {metadata['split.count']} parts: keep them in one folder under the names that "
            "llama-gguf-split gives, -00001-of-00004.gguf and so on"
        )
    stored = {tensor.name: tensor for reader in readers for tensor in reader.tensors}
    _check_types(path, stored)
    shapes = {name: tuple(tensor.shape[::-1].tolist()) for name, tensor in stored.items()}
    factors = stored.pop(gguf_names.ROPE_FACTORS, None)
    try:
        config = gguf_names.hf_config(metadata, shapes, None if factors is None else _dequantized(factors))
        tokenizer = make_tokenizer(metadata)
    except ValueError as error:
        raise GgufFileError(f"{path} is no model that can be imported: {error}") from error
    tensors = {}
    for name, tensor in stored.items():
        read = functools.partial(_read, tensor, shapes[name], metadata)
        # One without a counterpart keeps its name and is listed as unknown with the others.
        tensors[gguf_names.hf_name(name, metadata) or name] = Tensor(shapes[name], _dtype(tensor), read)
    return ModelSource(path, config, tensors, tokenizer, license=metadata.get("general.license"))


def _parts(path: Path) -> list[Path]:
    if not path.is_file():
        raise GgufFileError(f"{path} is no file")
    match = _PART.search(path.name)
    if match is None:
        return [path]
    count = int(match[2])
    parts = [path.with_name(f"{path.name[: match.start()]}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1)]
    if missing := [part.name for part in parts if not part.is_file()]:
        raise GgufFileError(f"{path} is one of {count} parts; missing beside it: {', '.join(missing)}")
    return parts


def _open(path: Path) -> "GGUFReader":
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise GgufFileError(f"to read {path}, pip install 'seqgpt_jax[gguf]' (the package gguf is missing)") from error
    with path.open("rb") as file:
        if (magic := file.read(4)) != b"GGUF":
            raise GgufFileError(f"{path} is no GGUF file: it begins with {magic!r}")
    try:
        return GGUFReader(path)
    except Exception as error:  # the reader has no error class of its own for a file that ends too early
        raise GgufFileError(
            f"{path} cannot be read: it is truncated or corrupt (fetch it again), or newer than the installed package "
            f"gguf ({error})"
        ) from error


def _check_types(path: Path, stored: dict[str, "ReaderTensor"]) -> None:
    """Raises GgufFileError for a quantization that the package can name but not dequantize."""
    from gguf.constants import GGML_QUANT_SIZES
    from gguf.quants import dequantize

    faults = []
    for kind in {tensor.tensor_type for tensor in stored.values()}:
        try:
            dequantize(np.zeros((1, GGML_QUANT_SIZES[kind][1]), np.uint8), kind)
        except NotImplementedError:
            faults += [f"{tensor.name} ({kind.name})" for tensor in stored.values() if tensor.tensor_type == kind]
    if faults:
        raise GgufFileError(
            f"{path} has tensors of a type that the package gguf does not dequantize: {first_names(faults, 3)}; "
            "take the file of another quantization, as Q4_K_M, Q8_0, F16 or BF16"
        )


def _dtype(tensor: "ReaderTensor") -> np.dtype:
    kept = {"F16": np.float16, "BF16": ml_dtypes.bfloat16}
    return np.dtype(kept.get(tensor.tensor_type.name, np.float32))


def _dequantized(tensor: "ReaderTensor") -> np.ndarray:
    from gguf.quants import dequantize

    if (dtype := _dtype(tensor)) == np.float32:
        return dequantize(tensor.data, tensor.tensor_type)
    return tensor.data.view(dtype)


def _read(tensor: "ReaderTensor", shape: tuple[int, ...], metadata: dict[str, Any]) -> np.ndarray:
    # A plain array, as `tensor_files` gives.
    value = np.asarray(_dequantized(tensor)).reshape(shape)
    return gguf_names.hf_value(tensor.name, value, metadata)
