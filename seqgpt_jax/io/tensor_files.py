"""Tensor files of a model folder, without PyTorch: safetensors and PyTorch files are read, safetensors are written.

Both kinds may be one file or several shards, listed in `<file>.index.json`. A tensor is memory-mapped: only the parts
that are used are read, and the memory is released with the array.
"""

import functools
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import safe_open

_SAFETENSORS_DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}
_SAFETENSORS_NAMES = {np.dtype(dtype): name for name, dtype in _SAFETENSORS_DTYPES.items()}
_TORCH_DTYPES = {"FloatStorage": np.float32, "HalfStorage": np.float16, "BFloat16Storage": ml_dtypes.bfloat16}


class TensorFileError(ValueError):
    """Weights that cannot be read: the message names the file and how to fix it."""


@dataclass(frozen=True)
class Tensor:
    """A tensor that is not in memory yet; `read()` gives it as a read-only array of that shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        return prod(self.shape) * self.dtype.itemsize


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of a folder by name; only headers are read here.

    Raises:
      TensorFileError: there are no weights, a shard is missing or a file is corrupt.
    """
    for name, open_file in (("model.safetensors", _open_safetensors), ("pytorch_model.bin", _open_torch)):
        index = folder / f"{name}.index.json"
        # In this order, as `transformers` does: it leaves an older index beside a file that it saves.
        if (folder / name).is_file():
            files = [name]
        elif index.is_file():
            files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        else:
            continue
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise TensorFileError(f"{index} lists files that are not there: {', '.join(missing)}")
        tensors: dict[str, Tensor] = {}
        for file in files:
            try:
                tensors.update(open_file(folder / file))
            except TensorFileError:
                raise
            except Exception as error:  # each reader has its own error for a corrupt file
                raise TensorFileError(f"{folder / file} cannot be read; is it complete? ({error})") from error
        return tensors
    raise TensorFileError(f"{folder} holds no weights: neither model.safetensors nor pytorch_model.bin, nor an index")


def _open_safetensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    with safe_open(path, framework="numpy"):  # checks the header against the length of the file
        pass
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    for name, entry in header.items():
        dtype = _SAFETENSORS_DTYPES.get(entry["dtype"])
        if dtype is None:
            raise TensorFileError(f"{path}: {name} is {entry['dtype']}; only F32, F16 and BF16 are supported")
        shape, start = tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        yield name, Tensor(shape, np.dtype(dtype), functools.partial(_map, path, np.dtype(dtype), start, shape))


def _map(path: Path, dtype: np.dtype, start: int, shape: tuple[int, ...]) -> np.ndarray:
    # A plain array, because results of a computation on a memmap would be memmaps too.
    return np.asarray(np.memmap(path, dtype, "r", start, shape))


def _open_torch(path: Path) -> dict[str, Tensor]:
    """Reads what `torch.save` writes since 1.6: a ZIP with a pickle of the structure and one entry for each storage."""
    if not zipfile.is_zipfile(path):
        raise TensorFileError(f"{path} is not in the format that torch.save writes since version 1.6; save it again")
    with zipfile.ZipFile(path) as archive:
        structure = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(structure) as file:
            return _StateDictUnpickler(file, path, structure.removesuffix("data.pkl")).load()


@dataclass(frozen=True)
class _Storage:
    path: Path
    entry: str
    dtype: np.dtype

    @functools.cached_property
    def _start(self) -> int:
        """Offset of its bytes in the file; first compares them with their checksum, which a memory map does not."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                info = archive.getinfo(self.entry)
                with archive.open(info) as stream:
                    while stream.read(2**20):
                        pass
        except (zipfile.BadZipFile, EOFError) as error:
            raise TensorFileError(f"{self.path} is corrupt; fetch it again ({error})") from error
        if info.compress_type != zipfile.ZIP_STORED:
            raise TensorFileError(f"{self.path} is compressed, as torch.save never writes it; save it again")
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(30)  # its last two fields are the lengths of the name and the extra field that follow
        return info.header_offset + 30 + sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28))

    def map(self, first: int, count: int) -> np.ndarray:
        """Its elements from `first` on, read only."""
        return _map(self.path, self.dtype, self._start + first * self.dtype.itemsize, (count,))


class _StateDictUnpickler(pickle.Unpickler):
    """Unpickler that knows only the few names of a state dict, so that a file cannot run code."""

    def __init__(self, file: Any, path: Path, root: str) -> None:
        super().__init__(file)
        self._path, self._root = path, root

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _strided
        if module == "torch" and name in _TORCH_DTYPES:
            return np.dtype(_TORCH_DTYPES[name])
        raise TensorFileError(f"{self._path} holds {module}.{name}, which is not part of a model's state dict")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, _ = pid
        return _Storage(self._path, f"{self._root}data/{key}", dtype)


def _strided(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    def read() -> np.ndarray:
        span = 1 + sum((length - 1) * step for length, step in zip(shape, stride, strict=True))
        strides = tuple(step * storage.dtype.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(storage.map(offset, span), shape, strides, writeable=False)

    return Tensor(tuple(shape), storage.dtype, read)


def write_tensors(folder: Path, tensors: Mapping[str, Tensor], *, max_shard_bytes: int) -> None:
    """Writes `model.safetensors`, or shards of at most `max_shard_bytes` (or one tensor) and their index.

    One tensor is in memory at a time.
    """
    shards: list[dict[str, Tensor]] = [{}]
    for name, tensor in tensors.items():
        if shards[-1] and sum(held.nbytes for held in shards[-1].values()) + tensor.nbytes > max_shard_bytes:
            shards.append({})
        shards[-1][name] = tensor
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        one = len(shards) == 1
        file = "model.safetensors" if one else f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_safetensors(folder / file, shard)
        weight_map |= dict.fromkeys(shard, file)
    if len(shards) > 1:
        metadata = {"total_size": sum(tensor.nbytes for tensor in tensors.values())}
        text = json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=2)
        (folder / "model.safetensors.index.json").write_text(text + "\n", encoding="utf-8")


def write_safetensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """One file: 8 bytes with the header's length, the header in JSON, the tensors (huggingface.co/docs/safetensors).

    The library's own writer wants all tensors in memory, and copies them there.
    """
    # The widest first, so that each begins at a multiple of its element's size.
    tensors = dict(sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize))
    # transformers before version 5 refuses files that do not say "pt".
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        kind = _SAFETENSORS_NAMES[tensor.dtype]
        header[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            np.ascontiguousarray(tensor.read()).tofile(file)
