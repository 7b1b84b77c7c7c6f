"""Tiny random models, ours and the same in `transformers`, made without the package's own key map."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import torch
from transformers import BloomConfig as PeerConfig
from transformers import BloomForCausalLM

from seqgpt_jax.decoding.beam_search import Hypotheses
from seqgpt_jax.decoding.running_batch import RunningBatch
from seqgpt_jax.models.bloom import Bloom
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import abstract, from_params, params_of

EOS = 2
# Products this small only wait for each other on more threads.
torch.set_num_threads(1)


def tiny_model(
    seed: int,
    *,
    vocab_size: int = 48,
    n_head: int = 4,
    n_layer: int = 2,
    end_bias: float = 0.0,
    sharpness: float = 1.0,
    mixing: float = 1.0,
) -> Bloom:
    """A random model.

    `end_bias` makes the end token likelier, less `sharpness` the distribution flatter; more `mixing` lets the text
    before the last token weigh more.
    """
    config = BloomConfig(vocab_size=vocab_size, hidden_size=8 * n_head, n_layer=n_layer, n_head=n_head)
    random = np.random.default_rng(seed)
    shapes = params_of(abstract(config))
    params = jax.tree.map(lambda leaf: random.normal(0, 0.3, leaf.shape).astype(np.float32), shapes)
    params["layers"]["attention"]["dense"]["kernel"] *= mixing
    end_D = params["word_embeddings"][EOS]
    params["final_norm"]["bias"] = end_bias * end_D / (end_D @ end_D)
    params["final_norm"]["scale"] = sharpness * (1 + params["final_norm"]["scale"])
    return from_params(config, jax.tree.map(jnp.asarray, params))


def peer_of(model: Bloom) -> BloomForCausalLM:
    """The same model in PyTorch."""
    config = model.config
    peer = BloomForCausalLM(
        PeerConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            n_layer=config.n_layer,
            n_head=config.n_head,
            layer_norm_epsilon=config.layer_norm_epsilon,
            pad_token_id=3,
            eos_token_id=EOS,
        )
    ).eval()
    params = jax.tree.map(np.asarray, params_of(model))
    width, layers = config.hidden_size, params["layers"]
    weights = {"word_embeddings.weight": params["word_embeddings"]}
    for ours, theirs in (("embed_norm", "word_embeddings_layernorm"), ("final_norm", "ln_f")):
        weights |= {f"{theirs}.weight": params[ours]["scale"], f"{theirs}.bias": params[ours]["bias"]}
    for i in range(config.n_layer):
        for ours, theirs in (("input_norm", "input_layernorm"), ("post_attention_norm", "post_attention_layernorm")):
            weights[f"h.{i}.{theirs}.weight"] = layers[ours]["scale"][i]
            weights[f"h.{i}.{theirs}.bias"] = layers[ours]["bias"][i]
        for part, ours, theirs in (
            ("attention", "query_key_value", "self_attention.query_key_value"),
            ("attention", "dense", "self_attention.dense"),
            ("mlp", "dense_h_to_4h", "mlp.dense_h_to_4h"),
            ("mlp", "dense_4h_to_h", "mlp.dense_4h_to_h"),
        ):
            linear = layers[part][ours]
            bias = linear["bias"][i].reshape(-1)
            rows = linear["kernel"][i].size // bias.size
            weights[f"h.{i}.{theirs}.weight"] = linear["kernel"][i].reshape(rows, -1).T
            weights[f"h.{i}.{theirs}.bias"] = bias
    assert weights["h.0.self_attention.dense.weight"].shape == (width, width)
    tensors = {f"transformer.{name}": torch.tensor(np.array(value)) for name, value in weights.items()}
    missing, unexpected = peer.load_state_dict(tensors, strict=False)
    assert not unexpected
    assert missing in ([], ["lm_head.weight"])
    return peer


def random_prompts(seed: int, count: int, vocab_size: int, longest: int) -> list[list[int]]:
    """Prompts of different lengths without control tokens."""
    random = np.random.default_rng(seed)
    return [random.integers(4, vocab_size, random.integers(1, longest + 1)).tolist() for _ in range(count)]


def padded(prompts: list[list[int]], side: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(tokens, mask), int32 and bool [B, width]."""
    tokens = np.zeros((len(prompts), width), np.int32)
    mask = np.zeros((len(prompts), width), bool)
    for row, ids in enumerate(prompts):
        where = slice(width - len(ids), width) if side == "left" else slice(0, len(ids))
        tokens[row, where] = ids
        mask[row, where] = True
    return tokens, mask


def peer_answers(
    peer: BloomForCausalLM,
    prompts: list[list[int]],
    num_beams: int,
    max_new_tokens: int,
    suppressed: Sequence[int] = (0, 1, 3),
    **settings: float,
) -> list[list[int]]:
    """What `transformers` generates for the left-padded batch: ids up to and including the end token."""
    width = max(map(len, prompts))
    tokens, mask = padded(prompts, "left", width)
    with torch.no_grad():
        found = peer.generate(
            input_ids=torch.tensor(np.where(mask, tokens, 3), dtype=torch.long),
            attention_mask=torch.tensor(mask, dtype=torch.long),
            num_beams=num_beams,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            pad_token_id=3,
            eos_token_id=EOS,
            suppress_tokens=list(suppressed),
            **settings,
        )
    return [up_to_end(row) for row in found[:, width:].tolist()]


def up_to_end(ids: list[int]) -> list[int]:
    """The ids up to and including the first end token."""
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids


def generate(
    model,
    tokens_BxP,
    mask_BxP,
    real_B,
    forbidden_V,
    automaton=None,
    length_penalty_B=None,
    candidates=None,
    **settings,
) -> Hypotheses:
    """The best answers to one batch of prompts, whose rows nobody takes; settings are those of `RunningBatch`."""
    batch = RunningBatch(model, forbidden_V, **settings)
    batch.admit(None, tokens_BxP, mask_BxP, real_B, automaton, candidates, length_penalty_B)
    batch.run()
    return batch.best()
