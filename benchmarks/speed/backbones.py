"""Models that are measured: their published shapes with random weights, or real weights of a GGUF file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

SHAPES = {
    "bloom_mini": "bloomz_560m",
    "bloom_560m": "bloomz_560m",
    "smollm2_135m": "smollm2_135m",
    "qwen3_0_6b": "qwen3_0_6b",
}
"""Name of a shape -> the file of configs/models/ with its sizes; bloom_mini has 4 of the 24 blocks."""


def config_of(name: str) -> Any:
    """The config of a shape, in float32; tiny_bloom and tiny_llama are those of `--smoke`."""
    from seqgpt_jax.models.registry import make_config

    if name == "tiny_bloom":
        return make_config("bloom", vocab_size=4096, hidden_size=64, n_layer=2, n_head=4)
    if name == "tiny_llama":
        sizes = {"hidden_size": 64, "mlp_size": 128, "n_layer": 2, "n_head": 4, "n_kv_head": 2, "head_dim": 16}
        return make_config("llama", vocab_size=4096, max_length=2048, tied_head=True, **sizes)
    from seqgpt_jax import command_line

    parser = command_line.parser("")
    flags = [f"--gin_file={SHAPES[name]}.gin"]
    config = command_line.parse(parser, flags, uses=("Model",))[1].build("Model")
    config = replace(config, dtype="float32", param_dtype="float32")
    return replace(config, n_layer=4) if name == "bloom_mini" else config


def make(name: str, folder: str, tokenizer: str, gguf: str | None) -> dict[str, Any]:
    """Writes the Hugging Face folder of a shape, in float32, which both sides read."""
    shutil.rmtree(folder, ignore_errors=True)  # that of another commit
    if gguf:
        from seqgpt_jax.import_hf import import_folder

        print(import_folder(gguf, Path(folder), gen_token="<repo_name>"))
        return {"weights": Path(gguf).name}
    import jax
    import numpy as np

    from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
    from seqgpt_jax.models.parameters import create, params_of

    config, rng = config_of(name), np.random.default_rng(0)

    def perturbed(path: Any, leaf: Any) -> Any:
        # Norms and biases away from 1 and 0, so that one that is left out shows.
        if path[-1].key not in ("scale", "bias"):
            return leaf
        return leaf + rng.normal(0, 0.02, leaf.shape).astype(np.float32)

    params = jax.tree_util.tree_map_with_path(perturbed, params_of(create(config, 0)))
    tensors = params_to_hf(params, config, "float32")
    save_folder(Path(folder), config, tensors, widened(tokenizer, config.vocab_size))
    return {"weights": "random"}


def make_tokenizer(folder: str, size: int) -> dict[str, int]:
    """Trains a tokenizer with BLOOM's settings on prompts of the data, which `widened` makes as large as a model's."""
    from examples import prepare_config, strings

    from seqgpt_jax.data.tokenizer import train_tokenizer
    from seqgpt_jax.io.tokenizer import save_tokenizer

    tokenizer = train_tokenizer(strings(prepare_config(folder, ""), 40_000 if size > 4000 else 4000), size)
    save_tokenizer(tokenizer, Path(folder))
    return {"ids": len(tokenizer)}


def widened(folder: str, rows: int) -> Any:
    """The tokenizer in `folder` with ids that no text has, up to `rows`, `[GEN]` the last: one id for each row."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.atomic import GEN
    from seqgpt_jax.io.tokenizer import add_special_token, read_tokenizer

    small = read_tokenizer(folder)
    values = json.loads(small.backend_tokenizer.to_str())
    values["added_tokens"] = [token for token in values["added_tokens"] if token["content"] != GEN]
    vocabulary = values["model"]["vocab"]
    vocabulary |= {f"zqx{number}q": number for number in range(len(vocabulary), rows - 1)}
    special = {name: getattr(small, name) for name in ("unk_token", "bos_token", "eos_token", "pad_token")}
    wide = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(values)),
        padding_side="left",
        truncation_side="left",
        clean_up_tokenization_spaces=False,
        **special,
    )
    add_special_token(wide, GEN)
    if len(wide) != rows:
        raise ValueError(f"a tokenizer of {len(wide)} ids for {rows} rows")
    return wide
