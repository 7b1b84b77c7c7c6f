"""Key map of the Llama family. Queries, keys and values are three kernels on both sides."""

from collections.abc import Sequence

from seqgpt_jax.models.key_map import Key, KeyMap
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.models.rotary_layers import RotaryConfig

_TABLE, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
# Hugging Face name, path of the parameter, Hugging Face shape in units: D hidden_size, Q and S the widths of all heads
# of queries, and of keys; F mlp_size, K head_dim.
INPUT_NORM = (("input_layernorm.weight", "input_norm.scale", "D"),)
ATTENTION = (
    ("self_attn.q_proj.weight", "attention.query.kernel", "Q D"),
    ("self_attn.k_proj.weight", "attention.key.kernel", "S D"),
    ("self_attn.v_proj.weight", "attention.value.kernel", "S D"),
    ("self_attn.o_proj.weight", "attention.out.kernel", "D Q"),
)
POST_ATTENTION_NORM = (("post_attention_layernorm.weight", "post_attention_norm.scale", "D"),)
MLP = (
    ("mlp.gate_proj.weight", "mlp.gate.kernel", "F D"),
    ("mlp.up_proj.weight", "mlp.up.kernel", "F D"),
    ("mlp.down_proj.weight", "mlp.down.kernel", "D F"),
)
_BLOCK = INPUT_NORM + ATTENTION + POST_ATTENTION_NORM + MLP
_BIASES = (
    ("self_attn.q_proj.bias", "attention.query.bias", "Q"),
    ("self_attn.k_proj.bias", "attention.key.bias", "S"),
    ("self_attn.v_proj.bias", "attention.value.bias", "S"),
)
QK_NORMS = (
    ("self_attn.q_norm.weight", "attention.query_norm.scale", "K"),
    ("self_attn.k_norm.weight", "attention.key_norm.scale", "K"),
)


def key_map(config: LlamaConfig) -> KeyMap:
    """The map for a model of this size."""
    block = _BLOCK + (_BIASES if config.qkv_bias else ()) + (QK_NORMS if config.qk_norm else ())
    return rotary_key_map(config, block, tied_head=config.tied_head)


def rotary_key_map(config: RotaryConfig, block: Sequence[tuple[str, str, str]], *, tied_head: bool) -> KeyMap:
    """The map for a model of `rotary_layers` with these rows of a block."""
    sizes = {
        "V": config.vocab_size,
        "D": config.hidden_size,
        "Q": config.n_head * config.head_dim,
        "S": config.n_kv_head * config.head_dim,
        "F": config.mlp_size,
        "K": config.head_dim,
    }
    rows = [
        (_TABLE, "word_embeddings", "V D"),
        *((f"model.layers.{{}}.{hf}", f"layers.{ours}", shape) for hf, ours, shape in block),
        ("model.norm.weight", "final_norm.scale", "D"),
        *([] if tied_head else [(_HEAD, "untied_head", "V D")]),
    ]
    keys = tuple(Key(hf, ours, tuple(sizes[unit] for unit in shape.split())) for hf, ours, shape in rows)
    return KeyMap(keys, config.n_layer, prefix="", table=_TABLE, tied_head=_HEAD if tied_head else None)
