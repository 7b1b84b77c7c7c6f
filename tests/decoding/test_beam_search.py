"""The search over a Markov chain: a table says how likely each token is after each other one."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.decoding import beam_search

VOCAB, EOS, FIRST = 7, 2, 4
NONE_FORBIDDEN = np.zeros(VOCAB, bool)


@partial(jax.jit, static_argnames=("num_beams", "max_new_tokens"))
def search(tables_BxVxV, real_B, forbidden_V, *, num_beams: int, max_new_tokens: int) -> beam_search.Hypotheses:
    """The best hypotheses of one chain for each example; all start after the token FIRST."""
    batch = tables_BxVxV.shape[0]
    state = beam_search.start(real_B, num_beams=num_beams, max_new_tokens=max_new_tokens, eos_id=EOS)
    first = jnp.broadcast_to(tables_BxVxV[:, None, FIRST], (batch, num_beams, VOCAB))
    state = beam_search.step(state, first, forbidden_V, eos_id=EOS)

    def step(state: beam_search.SearchState) -> beam_search.SearchState:
        logits_BxKxV = jax.vmap(lambda table, tokens: table[tokens])(tables_BxVxV, state.last_tokens_BxK)
        return beam_search.step(state, logits_BxKxV, forbidden_V, eos_id=EOS)

    return beam_search.best(jax.lax.while_loop(lambda state: state.undecided_B.any(), step, state), eos_id=EOS)


def tables(seed: int, batch: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (batch, VOCAB, VOCAB)).astype(np.float32)


def log_probs(table: np.ndarray) -> np.ndarray:
    return table - np.log(np.exp(table.astype(np.float64)).sum(axis=1, keepdims=True))


def score(table: np.ndarray, ids: list[int]) -> float:
    """Log-probability per token."""
    return sum(log_probs(table)[before, token] for before, token in zip([FIRST, *ids], ids, strict=False)) / len(ids)


def sequences(found: beam_search.Hypotheses) -> list[list[int]]:
    """With their end token."""
    lengths = np.asarray(found.lengths_B) + np.asarray(found.ended_B)
    return [ids[:length] for ids, length in zip(np.asarray(found.ids_BxN).tolist(), lengths, strict=True)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_of_all_pairs(seed) -> None:
    chains = tables(seed)
    found = search(chains, np.ones(3, bool), NONE_FORBIDDEN, num_beams=VOCAB, max_new_tokens=2)
    others = [token for token in range(VOCAB) if token != EOS]
    candidates = [[EOS], *([a, b] for a, b in itertools.product(others, range(VOCAB)))]
    for chain, ids in zip(chains, sequences(found), strict=True):
        assert ids == max(candidates, key=partial(score, chain))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_one_beam_follows_the_likeliest_token(seed) -> None:
    chains = tables(seed)
    found = search(chains, np.ones(3, bool), NONE_FORBIDDEN, num_beams=1, max_new_tokens=9)
    for chain, ids, ended in zip(chains, sequences(found), found.ended_B, strict=True):
        expected = [FIRST]
        while len(expected) < 10 and expected[-1] != EOS:
            expected.append(int(chain[expected[-1]].argmax()))
        assert ids == expected[1:]
        assert bool(ended) == (expected[-1] == EOS)


@pytest.mark.parametrize("num_beams", [1, 3])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), forbidden=st.sets(st.sampled_from([0, 1, 3, 5]), max_size=4))
def test_scores_are_those_of_the_sequences_and_forbidden_tokens_never_come(num_beams, seed, forbidden) -> None:
    chains, mask = tables(seed), np.isin(np.arange(VOCAB), list(forbidden))
    found = search(chains, np.ones(3, bool), mask, num_beams=num_beams, max_new_tokens=9)
    for chain, ids, per_token in zip(chains, sequences(found), found.scores_B, strict=True):
        assert not set(ids) & forbidden
        assert float(per_token) == pytest.approx(score(chain, ids), abs=1e-5)
        assert EOS not in ids[:-1]


@pytest.mark.parametrize("num_beams", [1, 3])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), forbidden=st.sets(st.sampled_from([0, 1, 3, 5]), max_size=4))
def test_token_scores_share_out_what_is_allowed(num_beams, seed, forbidden) -> None:
    chains, mask = tables(seed), np.isin(np.arange(VOCAB), list(forbidden))
    found = search(chains, np.ones(3, bool), mask, num_beams=num_beams, max_new_tokens=9)
    for chain, ids, scores in zip(chains, sequences(found), found.token_scores_BxN, strict=True):
        allowed = log_probs(np.where(mask, -np.inf, chain))
        assert scores[: len(ids)].tolist() == pytest.approx(
            [allowed[before, id] for before, id in itertools.pairwise([FIRST, *ids])], abs=1e-5
        )
        assert not scores[len(ids) :].any()


def test_examples_do_not_touch_each_other() -> None:
    chains = tables(5, batch=8)
    together = sequences(search(chains, np.ones(8, bool), NONE_FORBIDDEN, num_beams=4, max_new_tokens=12))
    for row in range(8):
        alone = np.zeros(8, bool)
        alone[row] = True
        found = search(chains, alone, NONE_FORBIDDEN, num_beams=4, max_new_tokens=12)
        assert sequences(found)[row] == together[row]


def test_nothing_waits_for_filler() -> None:
    """Chain 0 ends at once, chain 1 never: with chain 1 as filler one step is enough."""
    chains = np.zeros((2, VOCAB, VOCAB), np.float32)
    chains[0, :, EOS], chains[1, :, EOS] = 50, -50
    state = beam_search.start(np.array([True, False]), num_beams=1, max_new_tokens=9, eos_id=EOS)
    state = beam_search.step(state, chains[:, None, FIRST], NONE_FORBIDDEN, eos_id=EOS)
    assert not state.undecided_B.any()
