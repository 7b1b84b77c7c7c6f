"""Key map of Gemma 3: that of the Llama family with four norms around a layer, which store what is added to 1."""

from seqgpt_jax.models.gemma_config import GemmaConfig
from seqgpt_jax.models.key_map import KeyMap
from seqgpt_jax.models.llama_keys import ATTENTION, INPUT_NORM, MLP, POST_ATTENTION_NORM, QK_NORMS, rotary_key_map

_PRE_MLP_NORM = (("pre_feedforward_layernorm.weight", "pre_mlp_norm.scale", "D"),)
_POST_MLP_NORM = (("post_feedforward_layernorm.weight", "post_mlp_norm.scale", "D"),)


def key_map(config: GemmaConfig) -> KeyMap:
    """The map for a model of this size."""
    block = INPUT_NORM + ATTENTION + QK_NORMS + POST_ATTENTION_NORM + _PRE_MLP_NORM + MLP + _POST_MLP_NORM
    return rotary_key_map(config, block, tied_head=True)
