"""Key map of BLOOM. The output of its fused attention kernel is [heads, 3, head_dim] on both sides."""

from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.key_map import Key, KeyMap

# Hugging Face name, path of the parameter, Hugging Face shape in units: V is vocab_size, D hidden_size.
_KEYS = (
    ("word_embeddings.weight", "word_embeddings", "V D"),
    ("word_embeddings_layernorm.weight", "embed_norm.scale", "D"),
    ("word_embeddings_layernorm.bias", "embed_norm.bias", "D"),
    ("h.{}.input_layernorm.weight", "layers.input_norm.scale", "D"),
    ("h.{}.input_layernorm.bias", "layers.input_norm.bias", "D"),
    ("h.{}.self_attention.query_key_value.weight", "layers.attention.query_key_value.kernel", "3D D"),
    ("h.{}.self_attention.query_key_value.bias", "layers.attention.query_key_value.bias", "3D"),
    ("h.{}.self_attention.dense.weight", "layers.attention.dense.kernel", "D D"),
    ("h.{}.self_attention.dense.bias", "layers.attention.dense.bias", "D"),
    ("h.{}.post_attention_layernorm.weight", "layers.post_attention_norm.scale", "D"),
    ("h.{}.post_attention_layernorm.bias", "layers.post_attention_norm.bias", "D"),
    ("h.{}.mlp.dense_h_to_4h.weight", "layers.mlp.dense_h_to_4h.kernel", "4D D"),
    ("h.{}.mlp.dense_h_to_4h.bias", "layers.mlp.dense_h_to_4h.bias", "4D"),
    ("h.{}.mlp.dense_4h_to_h.weight", "layers.mlp.dense_4h_to_h.kernel", "D 4D"),
    ("h.{}.mlp.dense_4h_to_h.bias", "layers.mlp.dense_4h_to_h.bias", "D"),
    ("ln_f.weight", "final_norm.scale", "D"),
    ("ln_f.bias", "final_norm.bias", "D"),
)


def key_map(config: BloomConfig) -> KeyMap:
    """The map for a model of this size."""
    sizes = {"V": config.vocab_size, "D": config.hidden_size, **{f"{n}D": n * config.hidden_size for n in (3, 4)}}
    keys = tuple(Key(hf, ours, tuple(sizes[unit] for unit in shape.split())) for hf, ours, shape in _KEYS)
    return KeyMap(
        keys, config.n_layer, prefix="transformer.", table="word_embeddings.weight", tied_head="lm_head.weight"
    )
