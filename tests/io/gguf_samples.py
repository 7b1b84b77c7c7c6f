"""Tiny GGUF files, written from models of `transformers` as llama.cpp's converter writes them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quants
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCAB = 320
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXTS = ["the year 1984 and 2026, the years 84 and 26: it's the 19th", "x  =  1;\n\n\ty = 2\n", "THE YEAR it'S Ends"]
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100_000.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_GEMMA_PARTS = _PARTS | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
_OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def make_model(model_type: str, **changes: Any) -> PreTrainedModel:
    """With every parameter away from its default."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, **SIZES | {"tie_word_embeddings": True} | changes)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def make_bpe(split: pre_tokenizers.PreTokenizer | None = None) -> Tokenizer:
    """A byte-level BPE that splits as `split` does, as GPT-2 without it."""
    tokenizer = Tokenizer(models.BPE())
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    tokenizer.pre_tokenizer = bytes_ if split is None else pre_tokenizers.Sequence([split, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    texts = [
        "the year 1984 and 2026, the years 84 and 26: it's the 19th",
        "输入 输出 分类 抽取",
        "x  =  1;\n\n\ty = 2\n",
    ]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCAB - 10, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return tokenizer


def bpe_metadata(
    tokenizer: Tokenizer, pre: str = "gpt-2", *, rows: int | None = None, **changes: Any
) -> dict[str, Any]:
    """`tokenizer.ggml.*` of a byte-level BPE; rows of the table without a token are filled as llama.cpp does.

    Args:
      rows: so many tokens, which may be more than the table has rows; by default those of the tokenizer, and filling.
    """
    count = tokenizer.get_vocab_size()
    merges = [" ".join(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    filling = [f"<more {i}>" for i in range(count, rows)] if rows else [f"[PAD{i}]" for i in range(count, VOCAB)]
    return {
        "model": "gpt2",
        "pre": pre,
        "tokens": [tokenizer.id_to_token(i) for i in range(count)] + filling,
        "token_type": [3] * len(SPECIAL) + [1] * (count - len(SPECIAL)) + [4 if rows else 5] * len(filling),
        "merges": merges,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "padding_token_id": 2,
        "add_bos_token": False,
    } | changes


def model_metadata(model: PreTrainedModel) -> dict[str, Any]:
    """The keys of the architecture, without its name."""
    config = model.config
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    rope, own = config.rope_parameters, {}
    if config.model_type == "gemma3_text":
        own = {
            "attention.sliding_window": config.sliding_window,
            "rope.freq_base_swa": rope["sliding_attention"]["rope_theta"],
        }
        rope = rope["full_attention"]
    return own | {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        "rope.dimension_count": head_dim,
        "rope.freq_base": rope["rope_theta"],
        "vocab_size": config.vocab_size,
    }


def model_tensors(model: PreTrainedModel) -> dict[str, np.ndarray]:
    """Tensors by GGUF name, changed as llama.cpp does: rows of Llama's queries and keys, scales of Gemma's norms."""
    tensors = {}
    config = model.config
    gemma = config.model_type == "gemma3_text"
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        module, kind = name.rsplit(".", 1)
        array = value.numpy()
        if gemma and "norm" in module:
            array = array + np.float32(1)
        if module in _OUTER:
            tensors[f"{_OUTER[module]}.{kind}"] = array
            continue
        _, _, layer, part = module.split(".", 3)
        if config.model_type in ("llama", "mistral") and part in ("self_attn.q_proj", "self_attn.k_proj"):
            heads = config.num_attention_heads if part == "self_attn.q_proj" else config.num_key_value_heads
            halves = array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
            array = halves.swapaxes(1, 2).reshape(array.shape)
        tensors[f"blk.{layer}.{(_GEMMA_PARTS if gemma else _PARTS)[part]}.{kind}"] = array
    return tensors


def write(
    path: Path,
    model: PreTrainedModel,
    tokenizer: dict[str, Any] | None = None,
    *,
    architecture: str | None = None,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    metadata: dict[str, Any] | None = None,
    tensors: dict[str, np.ndarray] | None = None,
    as_is: Collection[str] = (),
    split: tuple[int, int] | None = None,
) -> Path:
    """Writes the model as one file, or as part (number, count) of a split one.

    Args:
      metadata: added to the keys of the architecture; None leaves one out.
      tensors: those of the model without it.
      as_is: tensors that are not of `kind`.
    """
    name = architecture or model.config.model_type
    writer = GGUFWriter(path, name)
    writer.add_name("tiny")
    if split is not None:
        writer.add_uint16("split.no", split[0])
        writer.add_uint16("split.count", split[1])
    tokenizer = bpe_metadata(make_bpe()) if tokenizer is None else tokenizer
    values = {f"{name}.{key}": value for key, value in (model_metadata(model) | (metadata or {})).items()}
    for key, value in (values | {f"tokenizer.ggml.{key}": value for key, value in tokenizer.items()}).items():
        _add(writer, key, value)
    for tensor, value in (model_tensors(model) if tensors is None else tensors).items():
        # llama.cpp keeps norms and biases in float32.
        if value.ndim == 1 or tensor in as_is:
            writer.add_tensor(tensor, value)
        else:
            writer.add_tensor(tensor, quants.quantize(value, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif value is not None:
        writer.add_array(key, value)
