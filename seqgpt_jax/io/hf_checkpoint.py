"""Hugging Face checkpoint folders: reading and writing of config, weights and tokenizer.

The key map of the architecture (`models.key_map`) maps tensors to parameters.
"""

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.sharding import Sharding, SingleDeviceSharding
from jax.typing import DTypeLike

from seqgpt_jax.io import storage
from seqgpt_jax.io.contract import RELEASED_CONTRACT, ModelContract, read_contract, write_contract
from seqgpt_jax.io.finite import NotFiniteWeightsError, all_finite, is_finite, not_finite
from seqgpt_jax.io.name_list import first_names
from seqgpt_jax.io.tensor_files import Tensor, read_tensors, write_tensors
from seqgpt_jax.io.tokenizer import fingerprint, never_generated, read_tokenizer, rows_needed, save_tokenizer
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.key_map import Key
from seqgpt_jax.models.parameters import abstract, params_of
from seqgpt_jax.models.registry import config_from_hf, family

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

# As the released inference script of SeqGPT decodes.
GENERATION = {"num_beams": 4, "do_sample": False}


class WeightsError(ValueError):
    """Weights or a config that do not describe the model; the message lists every tensor that differs."""


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """A model to import, in the terms of a Hugging Face folder.

    Attributes:
      path: the folder or file that it comes from.
      config: what config.json says, or would.
      tensors: by their names in a Hugging Face file.
      tokenizer: its own.
      contract: how the model is asked.
      license: of its weights, as the Hugging Face hub names it; None where it does not say.
    """

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    tokenizer: "PreTrainedTokenizerFast"
    contract: ModelContract = RELEASED_CONTRACT
    license: str | None = None

    def model_config(self) -> ModelConfig:
        """The config; ValueError where it is no model of a supported architecture."""
        try:
            return config_from_hf(self.config)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a Hugging Face folder, for `registry.config_from_hf`; WeightsError where it is corrupt."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON: fetch it again ({error})") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{path} is not the configuration of a model: {type(values).__name__} instead of an object")
    return values


def read_weights(folder: Path, config: ModelConfig) -> dict[str, Tensor]:
    """The model's tensors by `Key.hf` with the layer filled in; reads only headers, and a head that is stored apart.

    A stored head must equal the vocabulary table, because the model ties the two; it is left out.

    Raises:
      WeightsError: tensors are missing, unknown or of another shape than `config` says; all are listed.
      TensorFileError: there are no weights, or they cannot be read.
    """
    return _checked(read_tensors(folder), config, folder)


def _checked(tensors: Mapping[str, Tensor], config: ModelConfig, source: Path) -> dict[str, Tensor]:
    """As `read_weights`, of tensors by their names in a file."""
    key_map = family(config.architecture).key_map(config)
    stored = {name.removeprefix(key_map.prefix): tensor for name, tensor in tensors.items()}
    # Older versions of transformers stored what they had computed from the config.
    stored = {name: tensor for name, tensor in stored.items() if not name.endswith(".rotary_emb.inv_freq")}
    head = stored.pop(key_map.tied_head, None) if key_map.tied_head else None
    expected = {key.hf.format(layer): key.hf_shape for key, layer in key_map.tensors()}
    faults = [f"  missing: {name} {list(expected[name])}" for name in expected.keys() - stored.keys()]
    faults += [f"  unknown: {name} {list(stored[name].shape)}" for name in stored.keys() - expected.keys()]
    faults += [
        f"  {name} is {list(stored[name].shape)}, the config says {list(shape)}"
        for name, shape in expected.items()
        if name in stored and stored[name].shape != shape
    ]
    if faults:
        raise WeightsError(f"the weights in {source} are not those of its config:\n" + "\n".join(sorted(faults)))
    if head is not None and not _equal(head.read(), stored[key_map.table].read()):
        raise WeightsError(
            f"{key_map.tied_head} in {source} differs from {key_map.table}, and config.json says that the two are tied"
        )
    return {name: stored[name] for name in expected}


def load_params(folder: Path, config: ModelConfig, shardings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters in our layout, a pure dict of JAX arrays in `config.param_dtype`.

    Each shard of a device of this process is read, cast and transferred before the next one is read; of a safetensors
    file nothing else is read.

    Args:
      shardings: a pure dict of the same form; the default device without it.

    Raises:
      WeightsError, TensorFileError: as `read_weights`.
      NotFiniteWeightsError: weights are NaN or infinite, or too large for `config.param_dtype`.
    """
    tensors = read_weights(folder, config)
    leaves = flatten_dict(params_of(abstract(config)))
    if shardings is None:
        shardings_ = dict.fromkeys(leaves, SingleDeviceSharding(jax.local_devices()[0]))
    else:
        shardings_ = flatten_dict(shardings)
    keys = family(config.architecture).key_map(config).keys
    params = {key.path: _load_leaf(key, leaves[key.path], shardings_[key.path], tensors) for key in keys}
    params = unflatten_dict(params)
    names = {key.ours: key.hf for key in keys}
    if faulty := [names[name].format(layer) for name, layer in not_finite(params)]:
        stored = [name for name in faulty if not is_finite(tensors[name].read())]
        what = f"are too large for {config.param_dtype}: use float32" if not stored else "are NaN or infinite"
        raise NotFiniteWeightsError(f"weights of {folder} {what}: {first_names(stored or faulty, 8)}")
    return params


def _load_leaf(key: Key, leaf: jax.ShapeDtypeStruct, sharding: Sharding, tensors: Mapping[str, Tensor]) -> jax.Array:
    """One parameter; each shard of this process's devices is read once, however many devices hold it."""
    devices_of: dict[tuple[tuple[int, int], ...], list[jax.Device]] = {}
    for device, index in sharding.addressable_devices_indices_map(leaf.shape).items():
        spans = tuple(extent.indices(size)[:2] for extent, size in zip(index, leaf.shape, strict=True))
        devices_of.setdefault(spans, []).append(device)
    arrays = []
    for spans, devices in devices_of.items():
        shard = _read_shard(key, leaf, spans, tensors)
        arrays += [jax.device_put(shard, device) for device in devices]
        del shard  # before the next one is allocated
    return jax.make_array_from_single_device_arrays(leaf.shape, sharding, arrays)


def _read_shard(
    key: Key, leaf: jax.ShapeDtypeStruct, spans: Sequence[tuple[int, int]], tensors: Mapping[str, Tensor]
) -> np.ndarray:
    """The shard of a parameter given by `spans`, (start, end) of each axis; a stacked one is read layer by layer."""
    value = _aligned([end - start for start, end in spans], leaf.dtype)
    index = tuple(slice(*span) for span in spans)
    if not key.is_stacked:
        value[...] = key.to_ours(tensors[key.hf].read(), leaf.shape)[index]
        return value
    for row, layer in zip(value, range(*spans[0]), strict=True):
        row[...] = key.to_ours(tensors[key.hf.format(layer)].read(), leaf.shape[1:])[index[1:]]
    return value


def params_to_hf(params: Mapping[str, Any], config: ModelConfig, dtype: DTypeLike) -> dict[str, Tensor]:
    """The parameters as tensors of a Hugging Face file, each converted when it is read."""
    leaves = flatten_dict(params)
    tensors = {}
    key_map = family(config.architecture).key_map(config)
    for key, layer in key_map.tensors():

        def read(key: Key = key, layer: int = layer) -> np.ndarray:
            leaf = leaves[key.path]
            with np.errstate(over="ignore"):  # refused by name when it is written
                return key.to_hf(np.asarray(leaf[layer] if key.is_stacked else leaf)).astype(dtype, copy=False)

        tensors[key_map.prefix + key.hf.format(layer)] = Tensor(key.hf_shape, np.dtype(dtype), read)
    return tensors


def check_output(folder: Path) -> None:
    """Raises FileExistsError where `save_folder` would: `folder` holds something already, or cannot be replaced."""
    if folder.is_symlink() or folder.is_mount() or (folder.exists() and folder.samefile(Path())):
        raise FileExistsError(f"{folder} is the current folder, a link or a mount point: name a folder inside it")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder: name another one, or remove it")


def read_source(folder: Path) -> ModelSource:
    """The model of a Hugging Face folder, to be imported; tensors are not read yet.

    Raises:
      WeightsError: config.json is corrupt.
      TensorFileError: there are no weights, or they cannot be read.
      TokenizerError: so with the tokenizer.
    """
    # An exported folder has a contract; for other models that of the released SeqGPT is used.
    contract = read_contract(folder)
    tokenizer, license = read_tokenizer(folder), _license_of(folder)
    return ModelSource(folder, read_config(folder), read_tensors(folder), tokenizer, contract, license)


def _license_of(folder: Path) -> str | None:
    """What the front matter of its README.md says."""
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        license = (metadata_load(folder / "README.md") or {}).get("license")
    except (OSError, ValueError, YAMLError):
        return None
    return license if isinstance(license, str) else None


def import_model(
    source: ModelSource, output: Path, tokenizer: "PreTrainedTokenizerBase", *, rows: int | None = None
) -> ModelConfig:
    """Writes the checked model of `source`, its bits unchanged, with `tokenizer` in place of its own.

    Args:
      rows: those that the vocabulary table gets, at least as many as it has; None leaves it as it is.

    Raises:
      ValueError: `source` is no model of a supported architecture, a tensor is missing or of another shape, or the
        table has too few rows for the tokenizer.
    """
    config = source.model_config()
    tensors = _checked(source.tensors, config, source.path)
    if rows is not None and rows != config.vocab_size:
        config, tensors = grown(config, tensors, rows)
    prefix = family(config.architecture).key_map(config).prefix
    tensors = {prefix + name: tensor for name, tensor in tensors.items()}
    save_folder(output, config, tensors, tokenizer, contract=source.contract)
    return config


def grown(config: ModelConfig, tensors: Mapping[str, Tensor], rows: int) -> tuple[ModelConfig, dict[str, Tensor]]:
    """(config, tensors) of the same model with a table of `rows` rows, and so its head where that is not tied.

    Each new row is the mean of the old ones, so that its logit is about that of an average token.
    """
    larger = dataclasses.replace(config, vocab_size=rows)
    key_map = family(config.architecture).key_map
    shapes = {key.hf.format(layer): key.hf_shape for key, layer in key_map(larger).tensors()}
    return larger, {name: _with_rows(tensor, shapes[name]) for name, tensor in tensors.items()}


def _with_rows(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor with as many rows as `shape` has, the new ones the mean of the old."""
    if tensor.shape == shape:
        return tensor

    def read() -> np.ndarray:
        old = tensor.read()
        mean = old.mean(axis=0, dtype=np.float32, keepdims=True).astype(old.dtype)
        return np.concatenate([old, np.repeat(mean, shape[0] - len(old), axis=0)])

    return Tensor(shape, tensor.dtype, read)


def save_folder(
    folder: Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_shard_bytes: int = 5 * 10**9,
    contract: ModelContract = RELEASED_CONTRACT,
    card: str = "",
) -> None:
    """A folder that `transformers`, vLLM and `load` read: weights, configs, tokenizer, seqgpt.json, README.md (`card`).

    It appears under its name only when it is complete. The table keeps `config.vocab_size` rows.

    Args:
      tensors: what `params_to_hf` gives.
      contract: how the model is asked; the fingerprint of `tokenizer` is added.

    Raises:
      FileExistsError: `folder` holds something already.
      WeightsError: the table has no row for a token of `tokenizer`.
      NotFiniteWeightsError: a tensor holds NaN or infinity; no folder is left.
    """
    check_output(folder)
    if rows_needed(tokenizer) > config.vocab_size:
        raise WeightsError(
            f"the tokenizer has {rows_needed(tokenizer)} tokens, [GEN] among them, and the embedding table only "
            f"{config.vocab_size} rows: enlarge it first, with `python -m seqgpt_jax.import_hf --grow`"
        )
    with storage.new_folder(folder) as partial:
        write_tensors(partial, all_finite(tensors), max_shard_bytes=max_shard_bytes)
        special = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        dtype = str(next(iter(tensors.values())).dtype)
        # `torch_dtype` is the name before transformers 4.56.
        _write_json(partial / "config.json", config.to_hf() | special | {"dtype": dtype, "torch_dtype": dtype})
        generation = GENERATION | {"max_new_tokens": contract.max_target_tokens}
        generation |= {"suppress_tokens": never_generated(tokenizer, config.vocab_size)}
        _write_json(partial / "generation_config.json", generation | special)
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.padding_side = tokenizer.truncation_side = "left"
        save_tokenizer(tokenizer, partial)
        # Of the tokenizer as it will be loaded.
        saved = fingerprint(read_tokenizer(partial))
        write_contract(partial, dataclasses.replace(contract, tokenizer_fingerprint=saved))
        if card:
            (partial / "README.md").write_text(card, encoding="utf-8")


def _aligned(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """An empty array that begins at a multiple of 64 bytes: JAX takes it over on a CPU, and copies any other."""
    memory = np.empty(prod(shape) * dtype.itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + memory.size - 64].view(dtype).reshape(shape)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Compares row by row: the result of comparing two tables at once would be half as large as one of them."""
    rows = zip(one, other, strict=True) if one.shape == other.shape else [(one, other)]
    # NaN, which is refused elsewhere and by name, differs from itself.
    return all(np.array_equal(a, b) or a.tobytes() == b.tobytes() for a, b in rows)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
