"""Packed prompts: each token sees its own prompt and nothing else, and the pass over them gives the same cache."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.decoding import prompt_packing
from seqgpt_jax.decoding.prompt_packing import pack_prompts
from seqgpt_jax.decoding.step import for_decoding, prefill
from tests.decoding.peer import padded, tiny_model
from tests.models.peers import make_rotary
from tests.models.peers import ours as model_of

LONGEST = 48
beginnings = st.lists(st.integers(5, 6), min_size=14, max_size=30)
ends = st.lists(st.lists(st.integers(5, 8), max_size=12), min_size=1, max_size=6)
# Families of prompts with a common beginning, and prompts of their own.
families = st.lists(
    st.one_of(
        st.tuples(beginnings, ends).map(lambda family: [family[0] + end for end in family[1]]),
        st.lists(st.integers(5, 60), min_size=1, max_size=LONGEST).map(lambda prompt: [prompt]),
    ),
    min_size=1,
    max_size=5,
)


@given(families=families, side=st.sampled_from(["left", "right"]))
@settings(max_examples=100, deadline=None)
def test_each_token_sees_what_is_before_it_in_its_prompt(families, side) -> None:
    prompts = [prompt for family in families for prompt in family]
    packed = pack_prompts(*padded(prompts, side, LONGEST))
    places = packed.places_BxP
    if places is None:
        assert len(packed.tokens_RxP) == len(prompts)
        places = np.arange(len(prompts) * LONGEST).reshape(-1, LONGEST)
    else:
        assert len(packed.tokens_RxP) < len(prompts)
    visible = np.asarray(packed.visible())
    assert not (visible & (packed.segments_RxP == 0)[:, None, :] & (packed.segments_RxP != 0)[:, :, None]).any()
    for prompt, row, mask in zip(prompts, places, packed.mask_BxP, strict=True):
        of_prompt = row[mask]
        assert packed.tokens_RxP.reshape(-1)[of_prompt].tolist() == prompt
        assert packed.positions_RxP.reshape(-1)[of_prompt].tolist() == list(range(len(prompt)))
        for number, place in enumerate(of_prompt):
            seen = visible[place // LONGEST, place % LONGEST].nonzero()[0] + place // LONGEST * LONGEST
            assert seen.tolist() == of_prompt[: number + 1].tolist()


def test_a_text_that_is_asked_for_further_labels_is_read_once() -> None:
    text = list(range(5, 45))
    prompts = [[*text, *end] for end in ([60, 61], [61, 60], [60], [61, 62])]
    tokens, mask = padded(prompts, "right", 64)
    packed = pack_prompts(tokens, mask)
    assert len(packed.tokens_RxP) == 1
    assert (packed.segments_RxP > 0).sum() == len(text) + 7


def test_a_family_that_is_longer_than_a_row_is_split() -> None:
    text = list(range(5, 45))
    packed = pack_prompts(*padded([[*text, 60 + end] for end in range(16)], "right", LONGEST))
    assert (packed.segments_RxP > 0).sum(axis=1).tolist() == [48, 48]


@pytest.mark.parametrize("kind", ["bloom", "llama", "qwen3", "gemma3_text"])
def test_caches_and_hidden_states_are_those_of_padded_prompts(kind, tmp_path, monkeypatch) -> None:
    if kind == "bloom":
        model = tiny_model(3, vocab_size=61)
    else:
        make_rotary(kind, seed=3, vocab_size=61).save_pretrained(tmp_path)
        model = model_of(tmp_path)
    model, rng = for_decoding(model), np.random.default_rng(0)
    text = rng.integers(5, 60, 25).tolist()
    prompts = [text + rng.integers(5, 60, length).tolist() for length in (3, 1, 9)]
    prompts += [rng.integers(5, 60, length).tolist() for length in (2, 40, 7, 11, 20)]
    tokens, mask = padded(prompts, "right", LONGEST)
    packed = pack_prompts(tokens, mask)
    assert len(packed.tokens_RxP) == 3
    cache, hidden = prefill(model, packed, last=2)
    monkeypatch.setattr(prompt_packing, "_ROW_NUMBERS", 1)
    expected_cache, expected_hidden = prefill(model, pack_prompts(tokens, mask), last=2)
    np.testing.assert_allclose(hidden[:, -1], expected_hidden[:, -1], atol=2e-5)
    long = np.array([len(prompt) > 1 for prompt in prompts])
    np.testing.assert_allclose(hidden[long], expected_hidden[long], atol=2e-5)
    for found, expected in zip(jax.tree.leaves(cache[:2]), jax.tree.leaves(expected_cache[:2]), strict=True):
        real = np.asarray(found).swapaxes(1, 2)[mask]
        np.testing.assert_allclose(real, np.asarray(expected).swapaxes(1, 2)[mask], atol=2e-5)
