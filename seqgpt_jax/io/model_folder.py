"""Model folders of both kinds: a run of `train`, and a Hugging Face checkpoint."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from etils import epath
from jax.sharding import Mesh
from transformers import PreTrainedTokenizerBase

from seqgpt_jax.io import hf_checkpoint, storage
from seqgpt_jax.io.contract import CONTRACT_FILE, ModelContract, read_contract
from seqgpt_jax.io.lora_folder import (
    Adapters,
    adapters_fingerprint,
    check_base,
    read_adapters,
    weights_fingerprint,
    where_to_name_it,
)
from seqgpt_jax.io.run_checkpoints import LoadingError, restore_params
from seqgpt_jax.io.tokenizer import fingerprint, load_tokenizer, rows_needed
from seqgpt_jax.models.backbone import Backbone, ModelConfig
from seqgpt_jax.models.lora import merged, split_adapter
from seqgpt_jax.models.parameters import from_params, param_shardings, params_of
from seqgpt_jax.models.registry import config_from_hf, make_config
from seqgpt_jax.models.sharding import ShardingRules

# What a run folder holds.
MODEL_FILE = "model.json"
TOKENIZER_FOLDER = "tokenizer"


@dataclass(frozen=True)
class Loaded:
    """A model with its tokenizer and its contract: how it is asked.

    The tokenizer knows `contract.prompt_end` (`[GEN]`) as one token. `step` is that of the checkpoint of a run.
    """

    config: ModelConfig
    model: Backbone
    tokenizer: PreTrainedTokenizerBase
    contract: ModelContract
    step: int | None = None


def load(
    path: epath.PathLike,
    *,
    step: int | Literal["best"] | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    dtype: str | None = None,
    mesh: Mesh | None = None,
    rules: ShardingRules | None = None,
    log: Callable[[str], None] = print,
) -> Loaded:
    """The model in `path`. Of a run of adapters (LoRA) the base model with these added to its weights.

    Args:
      path: a Hugging Face folder (it has config.json), or a run folder (it has model.json), which may lie in a bucket.
      step: of a run: the checkpoint to load, "best" for that with the lowest validation loss; by default the last one
        that is not corrupt.
      tokenizer: that of the folder, where it is loaded already.
      dtype: of parameters and computation. By default a run keeps its own two, and a Hugging Face folder gets
        float32, whatever its weights are stored in.
      mesh, rules: lay the parameters out over a mesh, as `create` does; one device by default.
      log: called with a line for each corrupt checkpoint that is left out.

    Raises:
      LoadingError: the path or a checkpoint is missing or corrupt, the tokenizer is not that of the contract, or shapes
        differ.
      NotFiniteWeightsError: weights are NaN or infinite, or too large for `dtype`.
      TokenizerError: the tokenizer or its `[GEN]` is missing.
      ContractFileError: its seqgpt.json is not a contract.
      StorageError: the bucket cannot be reached.
      WeightsError, TensorFileError: the weights of a Hugging Face folder are not those of its config.
    """
    folder = open_folder(path)
    contract = read_contract(folder)
    if tokenizer is None:
        tokenizer = load_tokenizer(tokenizer_folder(folder), contract.prompt_end)
    _check_fingerprint(folder, tokenizer, contract)
    if is_run(folder):
        config = _with_dtype(read_config(folder), dtype)
        _check_rows(folder, tokenizer, config)
        if adapters := read_adapters(folder):
            params, step = _with_adapters(folder, adapters, config, step, mesh, rules, log)
        else:
            params, step = restore_params(folder, config, step=step, shardings=_shardings(config, mesh, rules), log=log)
    else:
        if step is not None:
            raise LoadingError(f"{folder} is a Hugging Face folder, which has no steps: leave out step={step}")
        local = Path(folder)
        config = _with_dtype(read_config(folder), dtype)
        _check_rows(folder, tokenizer, config)
        params = hf_checkpoint.load_params(local, config, _shardings(config, mesh, rules))
    return Loaded(config, from_params(config, params), tokenizer, contract, step)


def _with_adapters(
    folder: epath.Path,
    adapters: Adapters,
    config: ModelConfig,
    step: int | Literal["best"] | None,
    mesh: Mesh | None,
    rules: ShardingRules | None,
    log: Callable[[str], None],
) -> tuple[dict[str, Any], int]:
    """(the base model with the adapters of a run added, in `config.param_dtype`; their step)."""
    adapter, adapter_step = load_adapter(folder, adapters, step=step, mesh=mesh, rules=rules, log=log)
    # As they were when the adapters were trained; the sum is rounded, not what is added up.
    dtype = read_run_config(folder).param_dtype
    try:
        base = params_of(load(adapters.base, dtype=dtype, mesh=mesh, rules=rules, log=log).model)
    except LoadingError as error:
        raise LoadingError(
            f"{folder} holds adapters (LoRA) of the model in {adapters.base}, which cannot be loaded ({error}): "
            f"{where_to_name_it(folder)}"
        ) from error
    check_base(folder, adapters, base_fingerprint(adapters.base, base, mesh=mesh, rules=rules, log=log))
    return merged(base, adapter, adapters.config, config.param_dtype), adapter_step


def base_fingerprint(
    path: epath.PathLike,
    params: Any,
    *,
    mesh: Mesh | None = None,
    rules: ShardingRules | None = None,
    log: Callable[[str], None] = print,
) -> str:
    """Fingerprint of the model in `path`, whose weights are `params`, for adapters that are trained on it."""
    folder = open_folder(path)
    adapters = read_adapters(folder) if is_run(folder) else None
    if adapters is None:
        return weights_fingerprint(params)
    return adapters_fingerprint(adapters, load_adapter(folder, adapters, mesh=mesh, rules=rules, log=log)[0])


def load_adapter(
    folder: epath.Path,
    adapters: Adapters,
    *,
    step: int | Literal["best"] | None = None,
    mesh: Mesh | None = None,
    rules: ShardingRules | None = None,
    log: Callable[[str], None] = print,
) -> tuple[dict[str, Any], int]:
    """(the trained parameters of a run of adapters, a pure dict of float32; their step).

    Arguments and errors as for `load`.
    """
    config = read_run_config(folder)
    shardings = None
    if mesh is not None:
        shardings, _ = split_adapter(param_shardings(config, mesh, rules or ShardingRules(), adapters.config))
    return restore_params(folder, config, step=step, shardings=shardings, lora=adapters.config, log=log)


def open_folder(path: epath.PathLike) -> epath.Path:
    """The model folder `path`, a run or a Hugging Face folder; nothing in it is loaded.

    Raises:
      LoadingError: it is neither, or a Hugging Face folder in a bucket.
      StorageError: the bucket cannot be reached.
    """
    folder = storage.open_path(path)
    if not folder.is_dir():
        raise LoadingError(
            f"no folder {str(path)!r}: give a run folder or a Hugging Face folder. "
            "`python -m seqgpt_jax.import_hf --source=NAME --output=FOLDER` fetches a model from the hub"
        )
    if is_run(folder):
        return folder
    if not (folder / "config.json").is_file():
        raise LoadingError(
            f"{folder} is neither a run folder (no {MODEL_FILE}) nor a Hugging Face folder (no config.json)"
        )
    if storage.is_bucket(folder):
        raise LoadingError(f"{folder} is a Hugging Face folder, which is read from local disk: copy it to this machine")
    return folder


def read_config(path: epath.PathLike) -> ModelConfig:
    """The config of the model in a folder of either kind; of a Hugging Face folder with float32 dtypes.

    Raises:
      LoadingError: there is no such folder, or its model.json is corrupt.
      WeightsError, ValueError: its config.json is corrupt, or describes a model that is not supported.
      StorageError: the bucket cannot be reached.
    """
    folder = open_folder(path)
    return read_run_config(folder) if is_run(folder) else config_from_hf(hf_checkpoint.read_config(Path(folder)))


def is_run(folder: epath.Path) -> bool:
    """Whether a model folder is that of a run of `train`."""
    return (folder / MODEL_FILE).is_file()


def tokenizer_folder(folder: epath.Path) -> epath.Path:
    """The folder of a model folder's tokenizer."""
    return folder / TOKENIZER_FOLDER if is_run(folder) else folder


def _check_fingerprint(folder: epath.Path, tokenizer: PreTrainedTokenizerBase, contract: ModelContract) -> None:
    expected, actual = contract.tokenizer_fingerprint, fingerprint(tokenizer)
    if expected not in (None, actual):
        raise LoadingError(
            f"the tokenizer in {tokenizer_folder(folder)} is not the one that the model was trained with (fingerprint "
            f"{actual}, not {expected}). Put that one back; or, if this one gives the same ids, remove "
            f"tokenizer_fingerprint from {folder / CONTRACT_FILE}"
        )


def _check_rows(folder: epath.Path, tokenizer: PreTrainedTokenizerBase, config: ModelConfig) -> None:
    """Raises LoadingError where the table has no row for a token; before the weights are read."""
    if rows_needed(tokenizer) > config.vocab_size:
        raise LoadingError(
            f"{folder}: the tokenizer has {rows_needed(tokenizer)} tokens, the model {config.vocab_size} rows"
        )


def save_run_config(folder: epath.PathLike, config: ModelConfig) -> None:
    """Writes the model.json of a run folder."""
    content = json.dumps(asdict(config), indent=2) + "\n"
    storage.write(storage.open_path(folder) / MODEL_FILE, content.encode())


def read_run_config(folder: epath.PathLike) -> ModelConfig:
    """Reads the model.json of a run folder.

    Raises:
      LoadingError: it is not what `save_run_config` writes.
    """
    path = storage.open_path(folder) / MODEL_FILE
    try:
        return make_config(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise LoadingError(f"{path} does not describe a model: {error}") from error


def _with_dtype(config: ModelConfig, dtype: str | None) -> ModelConfig:
    return config if dtype is None else replace(config, dtype=dtype, param_dtype=dtype)


def _shardings(config: ModelConfig, mesh: Mesh | None, rules: ShardingRules | None) -> dict[str, Any] | None:
    return None if mesh is None else param_shardings(config, mesh, rules or ShardingRules())
