"""Copying of spans: what is written is a part of the text, and every part of the text can be written."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Extraction, clean_text, parse_answer
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding import constraints
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from tests.data.tokenizer_kinds import KINDS
from tests.data.tokenizer_kinds import imported as tokenizer_of

CHINESE = TEMPLATES["chinese"]
ROWS = 512
forbidden, advance = jax.jit(constraints.closed_tokens), jax.jit(constraints.advance)


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return tokenizer_of(request.param)


@pytest.fixture(scope="module")
def grammar(tokenizer) -> Grammar:
    return Grammar(tokenizer, ROWS)


def prompt_of(text: str, labels: tuple[str, ...]) -> Prompt:
    return Prompt("ext", labels, CHINESE.prompt("ext", text, labels), source_text=text)


def accepts(grammar: Grammar, tokenizer, text: str, labels: tuple[str, ...], output: str) -> bool:
    """Whether these lines, then the end token, can be generated."""
    automaton = grammar.automaton([prompt_of(text, labels)], 1)
    state = constraints.initial_state(automaton, 1)
    for id in [*encode(tokenizer, [output])[0], tokenizer.eos_token_id]:
        if bool(forbidden(automaton, state, np.array([999]))[0, 0, id]):
            return False
        state = advance(automaton, state, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), id))
    return True


def walk(grammar: Grammar, tokenizer, text: str, labels: tuple[str, ...], limit: int, seed: int) -> str:
    """An answer of tokens that are drawn among those that may follow; the end only where nothing else may."""
    drawn = random.Random(seed)
    automaton = grammar.automaton([prompt_of(text, labels)], 1)
    state, ids = constraints.initial_state(automaton, 1), []
    while True:
        (may_follow,) = np.nonzero(~np.asarray(forbidden(automaton, state, np.array([limit - len(ids)])))[0, 0])
        assert len(may_follow), f"nothing may follow {tokenizer.decode(ids)!r}"
        others = [int(id) for id in may_follow if id != tokenizer.eos_token_id]
        if not others:
            return tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        ids.append(drawn.choice(others))
        state = advance(automaton, state, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), ids[-1]))


TEXTS = (
    "Maria flew from Lisbon to New York, NY.",
    "昨天李明在北京。他说None",
    "None of it: 👩\u200d👩\u200d👧 e\u0301te\u0301, a\u3000b  c",
    "No",
)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (TEXTS[0], (("Maria",), ("Lisbon", "New York, NY"), ("York, NY.",))),
        (TEXTS[0], (("aria f",), (), (TEXTS[0],))),
        (TEXTS[1], (("李明", "他"), ("北京。",), ("说None",))),
        (TEXTS[2], (("None of it",), ("👧", "e\u0301"), ("a\u3000b  c", "👩\u200d👩"))),
        (TEXTS[3], (("No",), ("N", "o"), ())),
    ],
)
def test_every_part_of_the_text_can_be_written(grammar, tokenizer, text, spans) -> None:
    labels = ("person", "place", "c")
    _, target = CHINESE.render(Extraction(text, labels, spans))
    written = encode(tokenizer, [target])[0]
    if tokenizer.decode(written, clean_up_tokenization_spaces=False) != target:
        pytest.skip("this tokenizer writes other characters")
    assert accepts(grammar, tokenizer, text, labels, target)


@pytest.mark.parametrize(
    "value",
    ["Mario", "Maria  flew", "maria", "Lisbon\tOslo", "York\tNew", "Lisbon New", "N", "Nope", "Maria\tMariaa"],
)
def test_what_is_not_in_the_text_cannot_be_written(grammar, tokenizer, value) -> None:
    text = "Maria flew from Lisbon to York."
    assert accepts(grammar, tokenizer, text, ("a",), "a: Maria\tLisbon\n")
    assert not accepts(grammar, tokenizer, text, ("a",), f"a: {value}\n")


@pytest.mark.parametrize(
    ("lines", "may"),
    [
        ("a: Ann\tBo\tAnna\tAn\nb: Ann\n", True),
        ("a: Ann\tAnn\nb: None\n", True),  # read as one, and nothing comes after it
        ("a: Ann\tAnn\tBo\nb: None\n", False),
        ("a: Bo\tAnn\tBo\tAnna\nb: None\n", False),
        ("a: 日日\t日\t日日日\nb: None\n", True),
        ("a: 日日\t日日\t日\nb: None\n", False),
    ],
)
def test_no_other_span_follows_one_that_is_in_the_line_already(grammar, tokenizer, lines, may) -> None:
    text = "Bo saw Ann, Anna saw Bo. 日日日"
    if tokenizer.decode(encode(tokenizer, [text + lines])[0], clean_up_tokenization_spaces=False) != text + lines:
        pytest.skip("this tokenizer writes other characters")
    assert accepts(grammar, tokenizer, text, ("a", "b"), lines) == may


def check_walk(grammar, tokenizer, text: str, more: int, seed: int) -> None:
    labels = ("a", "b c")
    needed = grammar._needed_tokens(prompt_of(text, labels))
    answer = walk(grammar, tokenizer, text, labels, needed + more, seed)
    for line, spans in zip(answer.split("\n"), parse_answer("ext", labels, answer), strict=False):
        assert all(span in text for span in spans), (text, answer)
        written = line.partition(": ")[2].split("\t")
        # Only what begins like another one can come again, after it.
        again = [two for one, two, _ in zip(written, written[1:], written[2:], strict=False) if one == two]
        assert not again, (text, answer)


@pytest.mark.parametrize("more", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("text", TEXTS)
def test_answers_end_within_any_limit_and_copy(grammar, tokenizer, text, more) -> None:
    if tokenizer.decode(encode(tokenizer, [text])[0], clean_up_tokenization_spaces=False) != text:
        pytest.skip("this tokenizer writes other characters")
    check_walk(grammar, tokenizer, text, more, seed=more)


BYTES = tokenizer_of("chatml")
BYTE_GRAMMAR = Grammar(BYTES, ROWS)
PIECES = st.sampled_from(
    ["a", "None", "No", " ", "  ", "é", "日", "👩\u200d👧", "\u0301", "\u3000", "。", ".", "<", "Lis"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, min_size=1, max_size=8), st.integers(0, 9), st.integers(0, 99))
def test_any_text_is_copied(pieces, more, seed) -> None:
    text = clean_text("".join(pieces) + "x")
    check_walk(BYTE_GRAMMAR, BYTES, text, more, seed)


def test_a_batch_holds_texts_of_any_kind() -> None:
    """A classification, spans that are anything, and spans that are copied, beside rows that only fill it up."""
    labels = ("a",)
    free = Prompt("ext", labels, CHINESE.prompt("ext", "x", labels))
    prompts = [Prompt("cls", labels, "x", source_text="x"), free, prompt_of("Ann", labels)]
    automaton = BYTE_GRAMMAR.automaton(prompts, 4)
    state = constraints.initial_state(automaton, 1)
    for id in encode(BYTES, ["a:"])[0]:
        state = advance(automaton, state, jnp.zeros((4, 1), jnp.int32), jnp.full((4, 1), id))
    first = [~np.asarray(forbidden(automaton, state, np.full(4, 99)))[row, 0] for row in range(4)]
    assert first[1].sum() > first[2].sum() > 0
    assert first[3].sum() == 0
