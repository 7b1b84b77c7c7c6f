"""Forced tokens that a step of greedy search reads together: the answers are those of one token a step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.decoding import constraints, engine, forced_tokens, running_batch
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.parameters import create
from tests.decoding import folders
from tests.decoding.test_devices import CONFIGS

TEXTS = ("Ada saw Turin", "杭州欢迎你", "Ada Lovelace visited Turin in 1840", "a", "Turin, Turin", "1840 person 体育")
LABELS = ("person", "name of a company that is visited", "地点", "x", "city")
GRAMMAR = Grammar(folders.tokenizer(), 344)
# One operation after the other, they take a minute.
closed_tokens, advance = jax.jit(constraints.closed_tokens), jax.jit(constraints.advance)


def asked(labels: tuple[str, ...], text: str) -> Prompt:
    return Prompt("ext", labels, f"输入: {text}\n抽取: {'，'.join(labels)}\n输出: [GEN]", source_text=text)


@given(labels=st.lists(st.sampled_from(LABELS), min_size=1, unique=True), most=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_they_are_those_that_the_automaton_allows_alone(labels: list[str], most: int) -> None:
    """From every node of every `query:`, and none from a value, the end or a row that is filler."""
    prompts = [asked(tuple(labels), TEXTS[0])]
    automaton, candidates = GRAMMAR.narrowed(GRAMMAR.automaton(prompts, 2), [TEXTS[0]])
    echoes = forced_tokens.echo_arrays(GRAMMAR, prompts, candidates)
    state = constraints.initial_state(automaton, 1)
    starts = np.unique(np.asarray(automaton.source[0]))
    seen = 0
    for node in starts[starts != automaton.start_B[1]]:
        at = state._replace(node=jnp.full_like(state.node, node))
        ids_BxF, counts_B, after_B = echoes.after(at.node[:, 0], most, jnp.array([True, True]))
        for id in np.asarray(ids_BxF)[0, : counts_B[0]]:
            remaining_B = jnp.array([99, 99])
            (allowed,) = np.flatnonzero(~np.asarray(closed_tokens(automaton, at, remaining_B))[0, 0])
            assert id == allowed
            at = advance(automaton, at, jnp.zeros((2, 1), jnp.int32), jnp.full((2, 1), id))
        assert at.node[0, 0] == after_B[0]
        seen += int(counts_B[0])
        open_ = ~np.asarray(closed_tokens(automaton, at, jnp.array([99, 99])))[0, 0]
        # Fewer than asked for only where something can be chosen, or the answer ends.
        assert counts_B[0] == most or open_.sum() > 1 or open_[0]
        assert not counts_B[1]
    assert seen


@pytest.mark.parametrize(("family", "most"), [("bloom", 8), ("qwen3", 2), ("gemma3_text", 4)])
def test_answers_are_those_of_one_token_a_step(family, most, monkeypatch) -> None:
    """Echoes longer than a step, room that grows, and more prompts than rows."""
    monkeypatch.setattr(running_batch, "_FIRST_ROOM", 8)
    model = create(CONFIGS[family], seed=1)
    prompts = [asked(LABELS[number % 3 :], text) for number, text in enumerate((*TEXTS, *TEXTS[::-1]))]
    contract = ModelContract(max_prompt_tokens=120)
    found = []
    for tokens in (1, most):
        monkeypatch.setattr(engine, "tokens_a_step", lambda *_, tokens=tokens: tokens)
        decode = DecodeConfig(num_beams=1, batch_size=4, max_new_tokens=100)
        found.append(Engine(model, folders.tokenizer(), decode, contract).generate(prompts))
    assert len({one.text for one in found[0]}) > 6
    assert max(len(one.ids) for one in found[0]) > 40
    for one, other in zip(*found, strict=True):
        assert (one.ids, one.finished) == (other.ids, other.finished)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        for values, others in zip(one.value_scores, other.value_scores, strict=True):
            assert values == pytest.approx(others, abs=1e-4)


def test_large_batches_and_cpus_read_fewer_tokens_a_step(monkeypatch) -> None:
    assert [forced_tokens.tokens_a_step(rows, 99, None) for rows in (1, 32)] == [1, 1]
    monkeypatch.setattr(forced_tokens.jax, "default_backend", lambda: "tpu")
    assert [forced_tokens.tokens_a_step(rows, 99, None) for rows in (1, 16, 32, 64, 128, 256)] == [8, 8, 4, 2, 1, 1]
    assert [forced_tokens.tokens_a_step(rows, 99, "int8") for rows in (8, 16)] == [8, 4]
    assert forced_tokens.tokens_a_step(1, 3, None) == 3
