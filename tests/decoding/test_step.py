"""The same sequences as `transformers`, whatever the padding, the beams and the lengths."""

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from seqgpt_jax.decoding import running_batch, step
from seqgpt_jax.decoding.cache import empty_answers
from seqgpt_jax.decoding.prompt_packing import pack_prompts
from seqgpt_jax.decoding.step import for_decoding
from tests.decoding.peer import EOS, generate, padded, peer_answers, peer_of, random_prompts, tiny_model
from tests.models.peers import ROTARY_KINDS, make_rotary
from tests.models.peers import ours as model_of

VOCAB, LONGEST = 48, 12
FORBIDDEN = np.isin(np.arange(VOCAB), [0, 1, 3])


def ours(
    model,
    prompts,
    *,
    num_beams,
    max_new_tokens,
    side="right",
    width=LONGEST,
    length_penalty=1.0,
    repetition_penalty=1.0,
):
    """Ids up to and including the end token."""
    tokens, mask = padded(prompts, side, width)
    found = generate(
        for_decoding(model),
        jnp.asarray(tokens),
        jnp.asarray(mask),
        jnp.ones(len(prompts), bool),
        jnp.asarray(FORBIDDEN),
        None,
        jnp.full(len(prompts), length_penalty, jnp.float32),
        repetition_penalty=repetition_penalty,
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        eos_id=EOS,
    )
    rows = zip(np.asarray(found.ids_BxN).tolist(), found.lengths_B, found.ended_B, strict=True)
    return [ids[: int(length) + bool(ended)] for ids, length, ended in rows]


@pytest.mark.parametrize("num_beams", [1, 2, 4])
def test_equals_transformers(num_beams) -> None:
    """Flat and sharp distributions, ends that never, sometimes and always come, both paddings."""
    lengths = []
    for seed in range(24):
        sharpness, end_bias = ((1.0, 4.0), (0.6, 2.5), (0.3, 1.0), (1.0, 0.0))[seed % 4]
        model = tiny_model(seed, end_bias=end_bias, sharpness=sharpness)
        prompts = random_prompts(seed, 5, VOCAB, LONGEST)
        expected = peer_answers(peer_of(model), prompts, num_beams, 20)
        side = ("left", "right")[seed // 12]
        assert ours(model, prompts, num_beams=num_beams, max_new_tokens=20, side=side) == expected
        lengths += map(len, expected)
    assert min(lengths) == 1
    assert max(lengths) == 20
    assert sum(1 < length < 20 for length in lengths) >= 5, "hardly any sequence ends on its way"


@pytest.mark.parametrize(
    ("num_beams", "penalties"),
    [
        (3, {"length_penalty": 0.0}),
        (3, {"length_penalty": 2.5}),
        (3, {"length_penalty": -1.0, "repetition_penalty": 1.3}),
        (3, {"repetition_penalty": 0.7}),
        (1, {"repetition_penalty": 1.5}),
    ],
)
def test_penalties_are_those_of_transformers(num_beams, penalties) -> None:
    changed = 0
    for seed in range(8):
        model = tiny_model(seed, end_bias=(4.0, 2.5, 1.0)[seed % 3], sharpness=(1.0, 0.6, 0.3)[seed % 3])
        prompts = random_prompts(seed, 5, VOCAB, LONGEST)
        expected = peer_answers(peer_of(model), prompts, num_beams, 16, **penalties)
        found = ours(model, prompts, num_beams=num_beams, max_new_tokens=16, **penalties)
        assert found == expected
        changed += found != ours(model, prompts, num_beams=num_beams, max_new_tokens=16)
    assert changed > 2, "the penalties hardly change an answer"


def test_equals_transformers_for_heads_that_are_no_power_of_two() -> None:
    model = tiny_model(3, n_head=6, n_layer=3, end_bias=2.0, sharpness=0.5)
    prompts = random_prompts(3, 5, VOCAB, LONGEST)
    expected = peer_answers(peer_of(model), prompts, 3, 20)
    assert ours(model, prompts, num_beams=3, max_new_tokens=20) == expected


@pytest.mark.parametrize("kind", ROTARY_KINDS)
def test_rotary_families_equal_transformers(kind, tmp_path) -> None:
    """Grouped queries in the cache, rotary positions behind padding, sliding windows over prompt and answer."""
    lengths = []
    for seed in range(3):
        peer = make_rotary(kind, seed=seed, vocab_size=VOCAB, eos_token_id=EOS)
        with torch.no_grad():
            # Else hardly any sequence ends.
            peer.get_output_embeddings().weight[EOS] *= 6 if kind == "gemma3_text" else 2
        peer.save_pretrained(tmp_path / str(seed))
        model = model_of(tmp_path / str(seed))
        prompts = random_prompts(seed, 5, VOCAB, LONGEST)
        expected = peer_answers(peer, prompts, 3, 12)
        assert ours(model, prompts, num_beams=3, max_new_tokens=12, side=("left", "right")[seed % 2]) == expected
        lengths += map(len, expected)
    assert min(lengths) < 12, "no sequence ends on its way"


@pytest.mark.parametrize("num_beams", [1, 3])
def test_growing_room_changes_nothing(num_beams, monkeypatch) -> None:
    model = tiny_model(5)
    prompts = random_prompts(5, 4, VOCAB, LONGEST)
    at_once = ours(model, prompts, num_beams=num_beams, max_new_tokens=23)
    monkeypatch.setattr(running_batch, "_FIRST_ROOM", 4)
    monkeypatch.setattr(running_batch, "_GROWTH", 3)
    assert ours(model, prompts, num_beams=num_beams, max_new_tokens=23) == at_once


def test_logits_of_the_steps_are_those_of_one_pass() -> None:
    """Each step's logits against the model's own forward pass over prompt and answer."""
    model = tiny_model(7)
    ready = for_decoding(model)
    prompt, answer = [5, 6, 7, 8, 9], [10, 11, 12]
    tokens, mask = padded([prompt], "left", 8)

    @jax.jit
    def advance(model, cache, state, answers):
        hidden, answers = step.advance(model, cache, state, answers, state.last_tokens_BxK)
        return model.backbone.logits(model.backbone.final_norm(hidden)), answers

    cache, hidden = step.prefill(ready, pack_prompts(tokens, mask))
    settings = {"num_beams": 1, "max_new_tokens": 4, "eos_id": EOS}
    state = step.begin(ready, cache, hidden, np.ones(1, bool), FORBIDDEN, None, **settings).state
    answers = empty_answers(cache, 1, 4)
    found = [model.logits(hidden)[0, 0]]
    for i, token in enumerate(answer):
        state = state._replace(length_B=jnp.int32([i + 1]), ids_BxKxN=state.ids_BxKxN.at[0, 0, i].set(token))
        logits_BxKxV, answers = advance(ready, cache, state, answers)
        found.append(logits_BxKxV[0, 0])
    whole = jnp.asarray([prompt + answer])
    forward = jax.jit(lambda model, *batch: model.logits(model(*batch)))
    expected = forward(model, whole, jnp.arange(8)[None], jnp.ones((1, 8), jnp.int32))[0, 4:]
    np.testing.assert_allclose(np.stack(found), expected, atol=2e-5)


def test_bfloat16_matrices_are_converted_once_and_norms_stay() -> None:
    model = tiny_model(1)
    model.config = replace(model.config, dtype="bfloat16")
    ready = for_decoding(model)
    assert ready.backbone.word_embeddings[...].dtype == jnp.bfloat16
    assert ready.blocks[1].mlp.dense_h_to_4h.kernel[...].dtype == jnp.bfloat16
    assert ready.blocks[1].input_norm.scale[...].dtype == jnp.float32
    assert model.word_embeddings[...].dtype == jnp.float32


def test_a_model_that_is_taken_over_leaves_nothing_behind_that_was_converted() -> None:
    model = tiny_model(1)
    model.config = replace(model.config, dtype="bfloat16")
    ready = for_decoding(model, take_over=True)
    kept = [leaf for leaf in jax.tree.leaves(model) if not leaf.is_deleted()]
    assert kept
    assert {leaf.dtype for leaf in kept} == {jnp.dtype("float32")}
    assert all(any(leaf is other for other in jax.tree.leaves(ready.backbone)) for leaf in kept)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(ready))


def test_steps_write_the_cache_in_place() -> None:
    """A copy of keys or values in the loop would cost more than all else in a step."""
    model = for_decoding(tiny_model(0))
    tokens, mask = padded([[5] * 8] * 2, "right", 8)
    cache, hidden = step.prefill(model, pack_prompts(tokens, mask))
    settings = {"num_beams": 3, "max_new_tokens": 16, "eos_id": EOS}
    search = step.begin(model, cache, hidden, np.ones(2, bool), FORBIDDEN, None, **settings)
    answers = empty_answers(cache, 3, 16)
    program = step.extend.lower(model, search, answers, FORBIDDEN, eos_id=EOS).compile().as_text()
    shape = ",".join(map(str, answers.keys[0].shape))
    assert f"f32[{shape}]" in program
    assert not re.search(rf"f32\[{shape}\]\S* copy\(", program)
