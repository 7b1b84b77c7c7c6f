"""BLOOM in Hugging Face folders: one key map, read in one direction to import and in the other to export.

A linear weight is [out, in] there and [in, out] here, with the output of the fused attention kernel cut into
[heads, 3, head_dim]; a block's tensors are one by one there and stacked along `layers` here. Every translation is a
transposition and a reshape, hence exact both ways.
"""

import copy
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.sharding import Sharding, SingleDeviceSharding
from jax.typing import DTypeLike

from seqgpt_jax.io.contract import RELEASED_CONTRACT, ModelContract, read_contract, write_contract
from seqgpt_jax.io.tensor_files import Tensor, read_tensors, write_tensors
from seqgpt_jax.io.tokenizer import fingerprint
from seqgpt_jax.models.bloom import abstract
from seqgpt_jax.models.config import BloomConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PREFIX = "transformer."
HEAD = "lm_head.weight"
# As the released inference script of SeqGPT decodes.
GENERATION = {"num_beams": 4, "do_sample": False}


class WeightsError(ValueError):
    """Weights that are not those of the model; the message lists every tensor that differs."""


@dataclass(frozen=True)
class Key:
    """One row of the map.

    Attributes:
      hf: name in a Hugging Face file after "transformer."; "{}" stands for the layer.
      ours: path in the tree of `nnx.state(model, nnx.Param)`.
      shape: the Hugging Face shape in units: V is vocab_size, D hidden_size, 3D and 4D multiples of it.
    """

    hf: str
    ours: str
    shape: str

    def hf_shape(self, config: BloomConfig) -> tuple[int, ...]:
        sizes = {"V": config.vocab_size, **{f"{n}D": n * config.hidden_size for n in (3, 4)}, "D": config.hidden_size}
        return tuple(sizes[axis] for axis in self.shape.split())

    def to_ours(self, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return (value.T if self._is_kernel else value).reshape(shape)

    def to_hf(self, value: np.ndarray, config: BloomConfig) -> np.ndarray:
        shape = self.hf_shape(config)
        return value.reshape(shape[::-1]).T if self._is_kernel else value.reshape(shape)

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.ours.split("."))

    @property
    def is_stacked(self) -> bool:
        return self.path[0] == "layers"

    @property
    def _is_kernel(self) -> bool:
        return self.path[-1] == "kernel"


EMBEDDING_KEYS = (
    Key("word_embeddings.weight", "word_embeddings", "V D"),
    Key("word_embeddings_layernorm.weight", "embed_norm.scale", "D"),
    Key("word_embeddings_layernorm.bias", "embed_norm.bias", "D"),
)
BLOCK_KEYS = (
    Key("h.{}.input_layernorm.weight", "layers.input_norm.scale", "D"),
    Key("h.{}.input_layernorm.bias", "layers.input_norm.bias", "D"),
    Key("h.{}.self_attention.query_key_value.weight", "layers.attention.query_key_value.kernel", "3D D"),
    Key("h.{}.self_attention.query_key_value.bias", "layers.attention.query_key_value.bias", "3D"),
    Key("h.{}.self_attention.dense.weight", "layers.attention.dense.kernel", "D D"),
    Key("h.{}.self_attention.dense.bias", "layers.attention.dense.bias", "D"),
    Key("h.{}.post_attention_layernorm.weight", "layers.post_attention_norm.scale", "D"),
    Key("h.{}.post_attention_layernorm.bias", "layers.post_attention_norm.bias", "D"),
    Key("h.{}.mlp.dense_h_to_4h.weight", "layers.mlp.dense_h_to_4h.kernel", "4D D"),
    Key("h.{}.mlp.dense_h_to_4h.bias", "layers.mlp.dense_h_to_4h.bias", "4D"),
    Key("h.{}.mlp.dense_4h_to_h.weight", "layers.mlp.dense_4h_to_h.kernel", "D 4D"),
    Key("h.{}.mlp.dense_4h_to_h.bias", "layers.mlp.dense_4h_to_h.bias", "D"),
)
FINAL_KEYS = (
    Key("ln_f.weight", "final_norm.scale", "D"),
    Key("ln_f.bias", "final_norm.bias", "D"),
)


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a Hugging Face folder; `BloomConfig.from_hf` understands it."""
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def read_weights(folder: Path, config: BloomConfig) -> dict[str, Tensor]:
    """The model's tensors under their names after "transformer."; only headers are read, and a head of its own.

    A stored `lm_head.weight` must equal the embedding table, to which the head is tied; it is left out.

    Raises:
      WeightsError: tensors are missing, unknown or of another shape than `config` says; all are listed.
      TensorFileError: there are no weights, or they cannot be read.
    """
    stored = {name.removeprefix(PREFIX): tensor for name, tensor in read_tensors(folder).items()}
    head = stored.pop(HEAD, None)
    expected = {key.hf.format(layer): key.hf_shape(config) for key, layer in _keys(config)}
    faults = [f"  missing: {name} {list(expected[name])}" for name in expected.keys() - stored.keys()]
    faults += [f"  unknown: {name} {list(stored[name].shape)}" for name in stored.keys() - expected.keys()]
    faults += [
        f"  {name} is {list(stored[name].shape)}, the config says {list(shape)}"
        for name, shape in expected.items()
        if name in stored and stored[name].shape != shape
    ]
    if faults:
        raise WeightsError(f"the weights in {folder} are not those of its config.json:\n" + "\n".join(sorted(faults)))
    if head is not None and not _equal(head.read(), stored["word_embeddings.weight"].read()):
        raise WeightsError(f"{HEAD} in {folder} differs from word_embeddings.weight; only a tied head is supported")
    return {name: stored[name] for name in expected}


def load_params(folder: Path, config: BloomConfig, shardings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters in our layout, a pure dict of JAX arrays in `config.param_dtype`.

    Each part that a device of this process wants is read, cast and placed before the next one is read; of a
    safetensors file nothing else is read.

    Args:
      shardings: a pure dict of the same form; the default device without it.

    Raises:
      WeightsError, TensorFileError: as `read_weights`.
    """
    tensors = read_weights(folder, config)
    leaves = flatten_dict(nnx.to_pure_dict(nnx.state(abstract(config), nnx.Param)))
    if shardings is None:
        places = dict.fromkeys(leaves, SingleDeviceSharding(jax.local_devices()[0]))
    else:
        places = flatten_dict(shardings)
    keys = (*EMBEDDING_KEYS, *BLOCK_KEYS, *FINAL_KEYS)
    return unflatten_dict({key.path: _placed(key, leaves[key.path], places[key.path], tensors) for key in keys})


def _placed(key: Key, leaf: jax.ShapeDtypeStruct, place: Sharding, tensors: Mapping[str, Tensor]) -> jax.Array:
    """One leaf, of which this process reads each part that its devices hold once, however many hold it."""
    devices_of: dict[tuple[tuple[int, int], ...], list[jax.Device]] = {}
    for device, index in place.addressable_devices_indices_map(leaf.shape).items():
        spans = tuple(part.indices(size)[:2] for part, size in zip(index, leaf.shape, strict=True))
        devices_of.setdefault(spans, []).append(device)
    arrays = []
    for spans, devices in devices_of.items():
        part = _read_part(key, leaf, spans, tensors)
        arrays += [jax.device_put(part, device) for device in devices]
        del part  # before the next one is made
    return jax.make_array_from_single_device_arrays(leaf.shape, place, arrays)


def _read_part(
    key: Key, leaf: jax.ShapeDtypeStruct, spans: Sequence[tuple[int, int]], tensors: Mapping[str, Tensor]
) -> np.ndarray:
    """The part of a leaf that lies in `spans`, (start, end) for each axis; of a stacked one layer by layer."""
    value = _aligned([end - start for start, end in spans], leaf.dtype)
    index = tuple(slice(*span) for span in spans)
    if not key.is_stacked:
        value[...] = key.to_ours(tensors[key.hf].read(), leaf.shape)[index]
        return value
    for row, layer in zip(value, range(*spans[0]), strict=True):
        row[...] = key.to_ours(tensors[key.hf.format(layer)].read(), leaf.shape[1:])[index[1:]]
    return value


def params_to_hf(params: Mapping[str, Any], config: BloomConfig, dtype: DTypeLike) -> dict[str, Tensor]:
    """The same parameters as tensors of a Hugging Face file, converted when they are read."""
    leaves = flatten_dict(params)
    tensors = {}
    for key, layer in _keys(config):

        def read(key: Key = key, layer: int = layer) -> np.ndarray:
            leaf = leaves[key.path]
            return key.to_hf(np.asarray(leaf[layer] if key.is_stacked else leaf), config).astype(dtype, copy=False)

        tensors[PREFIX + key.hf.format(layer)] = Tensor(key.hf_shape(config), np.dtype(dtype), read)
    return tensors


def check_output(folder: Path) -> None:
    """Raises FileExistsError where `save_folder` would: `folder` holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder: name another one, or remove it")


def import_folder(source: Path, output: Path, tokenizer: "PreTrainedTokenizerBase") -> BloomConfig:
    """Writes the checked model of `source`, its bits unchanged, with `tokenizer` in place of its own.

    Raises:
      ValueError: `source` is no BLOOM model (its config, a tensor, or the number of rows).
    """
    config = BloomConfig.from_hf(read_config(source))
    tensors = {PREFIX + name: tensor for name, tensor in read_weights(source, config).items()}
    # An exported folder has a contract; other models are asked as the released SeqGPT is.
    save_folder(output, config, tensors, tokenizer, contract=read_contract(source))
    return config


def save_folder(
    folder: Path,
    config: BloomConfig,
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
    """
    from transformers import AutoTokenizer

    check_output(folder)
    if len(tokenizer) > config.vocab_size:
        raise WeightsError(
            f"the tokenizer has {len(tokenizer)} tokens, [GEN] among them, and the embedding table only "
            f"{config.vocab_size} rows: enlarge it first, in transformers with model.resize_token_embeddings"
        )
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was interrupted
    partial.mkdir(parents=True)
    write_tensors(partial, tensors, max_shard_bytes=max_shard_bytes)
    special = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    dtype = str(next(iter(tensors.values())).dtype)
    _write_json(partial / "config.json", config.to_hf() | special | {"dtype": dtype})
    limit = {"max_new_tokens": contract.max_target_tokens}
    _write_json(partial / "generation_config.json", GENERATION | limit | special)
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    # Attributes are saved only under the names that the tokenizer was made with.
    tokenizer.init_kwargs |= {"padding_side": "left", "truncation_side": "left"}
    tokenizer.save_pretrained(str(partial))
    # Of the tokenizer as it will be loaded.
    saved = AutoTokenizer.from_pretrained(str(partial), local_files_only=True)
    write_contract(partial, dataclasses.replace(contract, tokenizer_fingerprint=fingerprint(saved)))
    if card:
        (partial / "README.md").write_text(card, encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)


def _keys(config: BloomConfig) -> Iterator[tuple[Key, int]]:
    """Each (key, layer) of a file, in the order of the computation."""
    yield from ((key, 0) for key in EMBEDDING_KEYS)
    yield from ((key, layer) for layer in range(config.n_layer) for key in BLOCK_KEYS)
    yield from ((key, 0) for key in FINAL_KEYS)


def _aligned(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """An empty array that begins at a multiple of 64 bytes: JAX takes it over on a CPU, and copies any other."""
    memory = np.empty(prod(shape) * dtype.itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + memory.size - 64].view(dtype).reshape(shape)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Compares row by row: the result of comparing two tables at once would be half as large as one of them."""
    return one.shape == other.shape and all(map(np.array_equal, one, other))


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
