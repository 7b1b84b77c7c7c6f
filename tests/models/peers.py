"""A tiny BLOOM of `transformers` with every parameter away from its default, and our model with the same weights."""

from pathlib import Path

import jax
import numpy as np
import torch
from flax import nnx
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BloomConfig as PeerConfig
from transformers import BloomForCausalLM, PreTrainedTokenizerFast

from seqgpt_jax.io.hf_checkpoint import load_params, read_config
from seqgpt_jax.models.bloom import Bloom
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import from_params

VOCAB, HIDDEN, LAYERS = 512, 48, 3


def make_peer(n_head: int, *, layers: int = LAYERS, seed: int = 0) -> BloomForCausalLM:
    """Norms and biases are perturbed too: at their defaults of 1 and 0 a model that swaps or drops them passes."""
    torch.manual_seed(seed)
    config = PeerConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, n_layer=layers, n_head=n_head, initializer_range=0.2, pad_token_id=3
    )
    peer = BloomForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return peer


def save_peer(folder: Path, n_head: int, *, dtype: torch.dtype = torch.float32, **save: object) -> BloomForCausalLM:
    peer = make_peer(n_head).to(dtype)
    peer.save_pretrained(folder, **save)
    return peer


def ours(folder: Path, **dtypes: str) -> Bloom:
    config = BloomConfig.from_hf(read_config(folder), **dtypes)
    return from_params(config, load_params(folder, config))


@nnx.jit
def _logits(model: Bloom, tokens: np.ndarray, positions: np.ndarray, segment_ids: np.ndarray) -> jax.Array:
    return model.logits(model(tokens, positions, segment_ids))


def logits(model: Bloom, tokens: np.ndarray, positions: np.ndarray, segment_ids: np.ndarray) -> np.ndarray:
    return np.asarray(_logits(model, tokens, positions, segment_ids))


def run_ours(model: Bloom, tokens: np.ndarray) -> np.ndarray:
    """Logits of unpadded rows."""
    positions = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
    return logits(model, tokens, positions, np.ones_like(tokens))


def run_peer(peer: BloomForCausalLM, tokens: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
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
