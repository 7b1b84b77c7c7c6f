"""Map from a GGUF file of llama.cpp to the Hugging Face config and tensors of the same model.

`io.gguf_file` reads files. Here is what differs between architectures: names, the order of rows, offsets of norms.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqgpt_jax.models import gemma_config
from seqgpt_jax.models.llama_config import CLASSES
from seqgpt_jax.models.rotary import Rotary

TABLE, HEAD, ROPE_FACTORS = "token_embd.weight", "output.weight", "rope_freqs.weight"
"""Tensors of a GGUF file: the vocabulary table, the head that is not tied to it, factors of rotary frequencies."""

_CLASSES = CLASSES | {"gemma3_text": gemma_config.CLASS}
_OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_GEMMA_BLOCK = _BLOCK | {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
# Settings that change what a model computes, and those of them that are read below or change nothing.
_COMPUTED = re.compile(r"rope\.|attention\.|expert_count|\w+_scale$|\w+_softcapping$")
_KNOWN = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.value_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
}
_NAME = re.compile(r"(?:blk\.(?P<layer>\d+)\.)?(?P<part>\w+)\.(?P<kind>weight|bias)")


@dataclass(frozen=True)
class _Architecture:
    """What is particular to the files of one `general.architecture`.

    Attributes:
      model_type: that of Hugging Face.
      permuted: whether llama.cpp stores the rows of queries and keys as pairs (i, i + half) of a head side by side.
      norm_offset: what llama.cpp has added to the scales of norms.
      block: names of a block's modules.
      known: settings that are read below, beside those of all.
    """

    model_type: str
    permuted: bool = False
    norm_offset: float = 0.0
    block: Mapping[str, str] = field(default_factory=lambda: _BLOCK)
    known: frozenset[str] = frozenset()


_ARCHITECTURES = {
    "llama": _Architecture("llama", permuted=True),
    "qwen2": _Architecture("qwen2"),
    "qwen3": _Architecture("qwen3"),
    "gemma3": _Architecture(
        "gemma3_text",
        norm_offset=1.0,
        block=_GEMMA_BLOCK,
        known=frozenset({"attention.sliding_window", "rope.freq_base_swa"}),
    ),
}
# The only Gemma 3 whose queries are not divided by sqrt(head_dim); a file does not say so.
_LAYERS_OF_GEMMA_27B = 62


class GgufModelError(ValueError):
    """A model that has no counterpart here; the message names what is not supported."""


def _architecture(metadata: Mapping[str, Any]) -> _Architecture:
    name = metadata.get("general.architecture")
    if name not in _ARCHITECTURES:
        raise GgufModelError(f"general.architecture is {name!r}; supported: {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[name]


def hf_name(name: str, metadata: Mapping[str, Any]) -> str | None:
    """The Hugging Face name of a tensor, as "model.layers.0.mlp.up_proj.weight"; None for an unknown one.

    >>> hf_name("blk.7.attn_q.bias", {"general.architecture": "qwen2"})
    'model.layers.7.self_attn.q_proj.bias'
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    layer, part, kind = match.groups()
    module = (_OUTER if layer is None else _architecture(metadata).block).get(part)
    return module and (f"{module}.{kind}" if layer is None else f"model.layers.{layer}.{module}.{kind}")


def hf_value(name: str, value: np.ndarray, metadata: Mapping[str, Any]) -> np.ndarray:
    """A tensor [rows, ...] of the file as Hugging Face has it.

    Rows of queries and keys are put into the order of the halves; what was added to the scales of norms is taken off.
    """
    part, kind = name.split(".")[-2], _architecture(metadata)
    if kind.norm_offset and part.endswith("_norm"):
        return (value.astype(np.float32) - kind.norm_offset).astype(value.dtype)
    if not kind.permuted or part not in ("attn_q", "attn_k"):
        return value
    sizes = _Sizes(metadata)
    heads = sizes.heads if part == "attn_q" else sizes.kv_heads
    pairs = value.reshape(heads, value.shape[0] // heads // 2, 2, *value.shape[1:])
    return pairs.swapaxes(1, 2).reshape(value.shape)


def hf_config(
    metadata: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], rope_factors: np.ndarray | None = None
) -> dict[str, Any]:
    """The values of a Hugging Face config.json.

    Args:
      metadata: the file's keys and values.
      shapes: of all tensors by GGUF name, rows first.
      rope_factors: float32 [head_dim / 2], what ROPE_FACTORS holds where the file has it.

    Raises:
      GgufModelError: another architecture, a missing key, or a variant that has no such config.
    """
    kind, sizes = _architecture(metadata), _Sizes(metadata)
    if unknown := sizes.unknown():
        raise GgufModelError(f"it has settings that are not supported: {', '.join(unknown)}")
    if TABLE not in shapes:
        raise GgufModelError(f"missing: {TABLE}")
    values = {
        "model_type": kind.model_type,
        "architectures": [_CLASSES[kind.model_type]],
        "vocab_size": shapes[TABLE][0],
        "hidden_size": sizes["embedding_length"],
        "intermediate_size": sizes["feed_forward_length"],
        "num_hidden_layers": sizes["block_count"],
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "head_dim": sizes.head_dim,
        "max_position_embeddings": sizes["context_length"],
        "rms_norm_eps": _decimal(sizes["attention.layer_norm_rms_epsilon"]),
        "rope_theta": _theta(sizes),
        "rope_scaling": _rope_scaling(sizes, rope_factors),
        "tie_word_embeddings": HEAD not in shapes,
    }
    if kind.model_type == "gemma3_text":
        if sizes["block_count"] == _LAYERS_OF_GEMMA_27B:
            raise GgufModelError("Gemma 3 27B scales its queries in a way of its own: not supported")
        values["hidden_activation"] = "gelu_pytorch_tanh"
        values["query_pre_attn_scalar"] = sizes.head_dim
        values["sliding_window"] = sizes["attention.sliding_window"]
        values["rope_local_base_freq"] = _decimal(sizes.get("rope.freq_base_swa", 10_000.0))
    else:
        values["hidden_act"] = "silu"
    if kind.model_type != "qwen2":  # there the three are always biased and the output is not
        values["attention_bias"] = "blk.0.attn_q.bias" in shapes
    if kind.model_type == "llama":
        values["mlp_bias"] = "blk.0.ffn_up.bias" in shapes
    ids = {"bos_token_id": "bos", "eos_token_id": "eos", "pad_token_id": "padding"}
    return values | {key: metadata.get(f"tokenizer.ggml.{name}_token_id") for key, name in ids.items()}


class _Sizes:
    """The keys of the architecture, without its name, and what follows from them."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata, self._prefix = metadata, metadata.get("general.architecture")

    def get(self, key: str, default: Any = None) -> Any:
        return self._metadata.get(f"{self._prefix}.{key}", default)

    def unknown(self) -> list[str]:
        """The settings, as "llama.expert_count = 8", that change what the model computes and have no counterpart."""
        start, known = f"{self._prefix}.", _KNOWN | _architecture(self._metadata).known
        values = {key.removeprefix(start): value for key, value in self._metadata.items() if key.startswith(start)}
        return [
            f"{start}{key} = {value}"
            for key, value in values.items()
            if _COMPUTED.match(key) and key not in known and value and (key, value) != ("attention.causal", True)
        ]

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if not isinstance(value, int | float):
            found = "is missing" if value is None else "differs between layers, which is not supported"
            raise GgufModelError(f"{self._prefix}.{key} {found}")
        if not value > 0:
            raise GgufModelError(f"{self._prefix}.{key} is {value}, and must be above 0")
        return value

    @property
    def heads(self) -> int:
        return self["attention.head_count"]

    @property
    def kv_heads(self) -> int:
        key = "attention.head_count_kv"
        return self.heads if self.get(key) is None else self[key]

    @property
    def head_dim(self) -> int:
        size = self.get("attention.key_length") or self["embedding_length"] // self.heads
        for key, what in (("rope.dimension_count", "are rotated"), ("attention.value_length", "are values")):
            if self.get(key, size) != size:
                raise GgufModelError(f"{self.get(key)} of {size} dimensions of a head {what}: not supported")
        return size


def _decimal(value: float) -> float:
    """The decimal number that was rounded to float32: 1e-05 for 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def _theta(sizes: _Sizes) -> float:
    return _decimal(sizes.get("rope.freq_base", 10_000.0))


def _rope_scaling(sizes: _Sizes, factors: np.ndarray | None) -> dict[str, Any] | None:
    kind = sizes.get("rope.scaling.type", "none")
    if factors is not None and kind != "none":
        raise GgufModelError(f"it has both rope.scaling.type = {kind} and {ROPE_FACTORS}: not supported")
    if factors is not None:
        return _llama3_scaling(sizes, factors)
    if kind == "none":
        return None
    scaling = {"rope_type": kind, "factor": _decimal(sizes["rope.scaling.factor"])}
    original = sizes.get("rope.scaling.original_context_length")
    return scaling if original is None else scaling | {"original_max_position_embeddings": original}


def _llama3_scaling(sizes: _Sizes, factors: np.ndarray) -> dict[str, Any]:
    """The published scaling of Llama 3.1 and 3.2, of which a file holds only what each frequency is divided by."""
    plain = Rotary(theta=_theta(sizes))
    scaled = dataclasses.replace(
        plain,
        scaling="llama3",
        factor=_decimal(factors.max()),
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_length=8192,
    )
    expected = plain.frequencies(sizes.head_dim) / scaled.frequencies(sizes.head_dim)
    scaling = scaled.to_hf()["rope_scaling"]
    if factors.shape != expected.shape or not np.allclose(factors, expected, rtol=1e-4):
        raise GgufModelError(f"{ROPE_FACTORS} holds other factors than those of {scaling}: not supported")
    return scaling
