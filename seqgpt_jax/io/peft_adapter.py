"""Adapter folder of PEFT: low-rank adapters as `peft`, `transformers` and vLLM load them onto their base model."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from flax.traverse_util import flatten_dict
from jax.typing import DTypeLike

from seqgpt_jax.io import storage
from seqgpt_jax.io.contract import ModelContract, write_contract
from seqgpt_jax.io.finite import all_finite
from seqgpt_jax.io.hf_checkpoint import check_output
from seqgpt_jax.io.tensor_files import Tensor, write_safetensors
from seqgpt_jax.io.tokenizer import save_tokenizer
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig
from seqgpt_jax.models.registry import family

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def peft_tensors(adapter: Mapping[str, Any], config: ModelConfig, dtype: DTypeLike) -> dict[str, Tensor]:
    """Adapters under PEFT's names: `….lora_A.weight` [rank, in] and `….lora_B.weight` [out, rank] of each linear map.

    Args:
      adapter: pure dict of the parameters of adapters, of a model like `config`.
      dtype: of the tensors.
    """
    leaves, tensors = flatten_dict(adapter), {}
    key_map = family(config.architecture).key_map(config)
    for key, layer in key_map.tensors():
        if (a := leaves.get((*key.path[:-1], "lora_a"))) is None or key.path[-1] != "kernel":
            continue
        module = f"base_model.model.{key_map.prefix}{key.hf.format(layer).removesuffix('.weight')}"
        rank, (n_out, n_in) = a.shape[-1], key.hf_shape
        factors = {"lora_A": (a, (n_in, rank)), "lora_B": (leaves[*key.path[:-1], "lora_b"], (rank, n_out))}
        for name, (leaf, shape) in factors.items():
            read = partial(_transposed, leaf, layer, shape, dtype)
            tensors[f"{module}.{name}.weight"] = Tensor(shape[::-1], np.dtype(dtype), read)
    return tensors


def _transposed(leaf: Any, layer: int, shape: tuple[int, int], dtype: DTypeLike) -> np.ndarray:
    """One layer of a factor as a matrix of `shape`, transposed."""
    with np.errstate(over="ignore"):  # refused by name when it is written
        return np.asarray(leaf[layer]).reshape(shape).T.astype(dtype)


def save_peft_folder(
    folder: Path,
    tensors: Mapping[str, Tensor],
    lora: LoraConfig,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    base: str,
    contract: ModelContract,
    card: str = "",
) -> None:
    """A folder that `peft.PeftModel.from_pretrained` reads, with tokenizer and seqgpt.json; complete or not at all.

    Args:
      tensors: what `peft_tensors` gives.
      base: hub name or path of the base model, in which `peft` looks for it.
      contract: how the model is asked.

    Raises:
      FileExistsError: `folder` holds something already.
      NotFiniteWeightsError: a tensor holds NaN or infinity; no folder is left.
    """
    check_output(folder)
    values = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "target_modules": sorted({name.split(".")[-3] for name in tensors}),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    with storage.new_folder(folder) as partial_folder:
        write_safetensors(partial_folder / "adapter_model.safetensors", all_finite(tensors))
        text = json.dumps(values, indent=2) + "\n"
        (partial_folder / "adapter_config.json").write_text(text, encoding="utf-8")
        save_tokenizer(tokenizer, partial_folder)
        write_contract(partial_folder, contract)
        if card:
            (partial_folder / "README.md").write_text(card, encoding="utf-8")
