"""Tiny models of `transformers` with every parameter away from its default, and ours with the same weights."""

from pathlib import Path

import jax
import numpy as np
import torch
from flax import nnx
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, BloomForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers import BloomConfig as PeerConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from seqgpt_jax.io.hf_checkpoint import load_params, read_config
from seqgpt_jax.models.backbone import Backbone
from seqgpt_jax.models.parameters import from_params
from seqgpt_jax.models.registry import config_from_hf

VOCAB, HIDDEN, LAYERS = 512, 48, 3


def make_peer(n_head: int, *, layers: int = LAYERS, seed: int = 0) -> BloomForCausalLM:
    """Norms and biases are perturbed too: at their defaults of 1 and 0 a model that swaps or drops them passes."""
    torch.manual_seed(seed)
    config = PeerConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, n_layer=layers, n_head=n_head, initializer_range=0.2, pad_token_id=3
    )
    return _perturbed(BloomForCausalLM(config))


def _perturbed(peer: PreTrainedModel) -> PreTrainedModel:
    peer = peer.eval()
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return peer


ROTARY_KINDS: dict[str, dict] = {
    "llama": {"tie_word_embeddings": True, "rms_norm_eps": 1e-5},
    "llama, untied, scaled": {
        "tie_word_embeddings": False,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500_000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
    },
    "mistral": {"sliding_window": None},
    "qwen2": {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    "qwen3": {
        "head_dim": 20,
        "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    },
    # Two layers in which a token sees eight, and one in which it sees all.
    "gemma3_text": {
        "head_dim": 20,
        "query_pre_attn_scalar": 20,
        "sliding_window": 8,
        "sliding_window_pattern": 3,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
            "full_attention": {"rope_type": "linear", "rope_theta": 1e5, "factor": 2.0},
        },
        "eos_token_id": 2,
        "bos_token_id": 1,
    },
}
"""Settings beside the sizes, by `model_type` and remarks."""


def make_rotary(kind: str, *, seed: int = 0, **changes: object) -> PreTrainedModel:
    """A member of the Llama family, or Gemma 3: six heads, two of keys and values."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": VOCAB, "hidden_size": HIDDEN, "intermediate_size": 80, "num_hidden_layers": LAYERS}
    heads = {"num_attention_heads": 6, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": 3}
    values = sizes | heads | {"initializer_range": 0.2} | ROTARY_KINDS[kind] | changes
    return _perturbed(AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind.split(",")[0]](**values)))


def save_rotary(folder: Path, kind: str, **changes: object) -> PreTrainedModel:
    peer = make_rotary(kind, **changes)
    peer.save_pretrained(folder)
    return peer


def save_peer(folder: Path, n_head: int, *, dtype: torch.dtype = torch.float32, **save: object) -> BloomForCausalLM:
    peer = make_peer(n_head).to(dtype)
    peer.save_pretrained(folder, **save)
    return peer


def ours(folder: Path, **dtypes: str) -> Backbone:
    config = config_from_hf(read_config(folder), **dtypes)
    return from_params(config, load_params(folder, config))


@nnx.jit
def _logits(model: Backbone, tokens: np.ndarray, positions: np.ndarray, segment_ids: np.ndarray) -> jax.Array:
    return model.logits(model(tokens, positions, segment_ids))


def logits(model: Backbone, tokens: np.ndarray, positions: np.ndarray, segment_ids: np.ndarray) -> np.ndarray:
    return np.asarray(_logits(model, tokens, positions, segment_ids))


def run_ours(model: Backbone, tokens: np.ndarray) -> np.ndarray:
    """Logits of unpadded rows."""
    positions = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
    return logits(model, tokens, positions, np.ones_like(tokens))


def run_peer(peer: PreTrainedModel, tokens: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    mask = None if mask is None else torch.from_numpy(mask)
    with torch.no_grad():
        return peer(torch.from_numpy(tokens), attention_mask=mask).logits.float().numpy()


def make_tokenizer(*, gen: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level BPE with BLOOM's first four ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - 100,
        special_tokens=["<unk>", "<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["a tiny corpus of a few words", "输入 输出 分类 抽取"], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    if gen:
        fast.add_special_tokens({"additional_special_tokens": ["[GEN]"]})
    return fast
