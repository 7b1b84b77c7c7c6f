"""Key map of Gemma 3. Queries, keys and values are three kernels on both sides; norms store what is added to 1."""

from seqgpt_jax.models.gemma_config import GemmaConfig
from seqgpt_jax.models.key_map import Key, KeyMap

_TABLE = "model.embed_tokens.weight"
# Hugging Face name, path of the parameter, Hugging Face shape in units: D hidden_size, Q and S the widths of all heads
# of queries, and of keys; F mlp_size, K head_dim.
_BLOCK = (
    ("input_layernorm.weight", "input_norm.scale", "D"),
    ("self_attn.q_proj.weight", "attention.query.kernel", "Q D"),
    ("self_attn.k_proj.weight", "attention.key.kernel", "S D"),
    ("self_attn.v_proj.weight", "attention.value.kernel", "S D"),
    ("self_attn.q_norm.weight", "attention.query_norm.scale", "K"),
    ("self_attn.k_norm.weight", "attention.key_norm.scale", "K"),
    ("self_attn.o_proj.weight", "attention.out.kernel", "D Q"),
    ("post_attention_layernorm.weight", "post_attention_norm.scale", "D"),
    ("pre_feedforward_layernorm.weight", "pre_mlp_norm.scale", "D"),
    ("mlp.gate_proj.weight", "mlp.gate.kernel", "F D"),
    ("mlp.up_proj.weight", "mlp.up.kernel", "F D"),
    ("mlp.down_proj.weight", "mlp.down.kernel", "D F"),
    ("post_feedforward_layernorm.weight", "post_mlp_norm.scale", "D"),
)


def key_map(config: GemmaConfig) -> KeyMap:
    """The map for a model of this size."""
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
        *((f"model.layers.{{}}.{hf}", f"layers.{ours}", shape) for hf, ours, shape in _BLOCK),
        ("model.norm.weight", "final_norm.scale", "D"),
    ]
    keys = tuple(Key(hf, ours, tuple(sizes[unit] for unit in shape.split())) for hf, ours, shape in rows)
    return KeyMap(keys, config.n_layer, prefix="", table=_TABLE, tied_head="lm_head.weight")
