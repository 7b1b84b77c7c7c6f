"""Values of extractions byte by byte: what may end is what the parser takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import ContractError, parse_answer
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding.value_states import token_bytes, token_table, tokens_to_end, value_states
from tests.decoding import folders

STATES = value_states()


def may_end(value: bytes) -> bool:
    state = 0
    for byte in value:
        state = STATES.after_SxB[state, byte]
    return state < STATES.dead and bool(STATES.ends_S[state])


def parses(value: str) -> bool:
    try:
        parse_answer("ext", ("q",), f"q:{value}\n")
    except ContractError:
        return False
    return True


PIECES = [
    *"Noneab \t<[/>]",
    "None",
    "</s>",
    "<pa",
    "[GEN]",
    "é",
    "🙂",
    "期",
    "\u00a0",
    "\u3000",
    "\u2009",
    "\u2028",
    "\x85",
    "\x1f",
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_states_agree_with_the_parser(value) -> None:
    assert may_end(f" {value}".encode()) == parses(f" {value}")
    assert may_end(value.encode()) == parses(value)


@settings(max_examples=600, deadline=None)
@given(st.characters(codec="utf-8"))
def test_any_character_at_any_place(character) -> None:
    for value in (f" {character}a", f" a{character}", f" a{character}b", f" a\t{character}", f"{character}a"):
        assert may_end(value.encode()) == parses(value)


@pytest.mark.parametrize(
    "broken",
    [
        b"\x80",
        b"\xc0\x80",
        b"\xe2\x82",
        b"\xe2(",
        b"\xed\xa0\x80",
        b"\xe0\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x99",
    ],
)
def test_bytes_that_are_no_character_are_in_no_value(broken) -> None:
    assert not may_end(b" a" + broken)
    assert not may_end(b" a" + broken + b"b")


def test_the_table_reads_tokens_as_the_machine_reads_their_bytes() -> None:
    tokenizer = folders.tokenizer()
    table = token_table(tokenizer, len(tokenizer) + 3)
    assert (table[:, [*tokenizer.all_special_ids, *range(len(tokenizer), len(tokenizer) + 3)]] == STATES.dead).all()
    for text in (" Ada", " 杭州。", " é🙂\t<a", " N"):
        state = 0
        for id in encode(tokenizer, [text])[0]:
            state = table[state, id]
        assert STATES.ends_S[state] == parses(text)
        assert table[state, tokenizer.convert_tokens_to_ids("Ċ")] == STATES.ended


def test_how_many_tokens_end_a_value() -> None:
    """Byte tokens: space, letter and line break; two bytes less once a character of three has begun."""
    tokenizer = folders.tokenizer()
    ids = [id for id, token in enumerate(token_bytes(tokenizer)) if len(token) == 1]
    table = np.full((STATES.dead, len(tokenizer)), STATES.dead, np.int8)
    table[:, ids] = token_table(tokenizer, len(tokenizer))[:, ids]
    distance = tokens_to_end(table)
    assert distance[[0, STATES.ended]].tolist() == [3, 0]
    begun = STATES.after_SxB[STATES.after_SxB[0, 0x20], 0xE4]
    assert distance[begun] == 3


def test_tokens_of_a_tokenizer_that_falls_back_to_bytes() -> None:
    """As of SentencePiece: spaces are `▁`, and the decoder drops the first of them."""
    vocabulary = {
        "<unk>": 0,
        "<s>": 1,
        "</s>": 2,
        "<pad>": 3,
        "a": 4,
        "▁a": 5,
        "▁": 6,
        "<0xE3>": 7,
        "<0x80>": 8,
        "<0x0A>": 9,
    }
    backend = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>"))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    assert token_bytes(tokenizer)[4:] == (b"a", b" a", b" ", b"\xe3", b"\x80", b"\n")
    table = token_table(tokenizer, 10)
    inside = table[0, 5]
    begun = table[table[inside, 7], 8]
    assert STATES.ends_S[inside]
    # U+3000 is a space: a span does not end with it.
    assert not STATES.ends_S[table[begun, 8]]
    assert table[inside, 9] == STATES.ended
