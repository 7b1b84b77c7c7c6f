"""State machine over the bytes of a value in an extraction, and its table over the tokens of a vocabulary.

The values of `query:` are " None", or " span", or " span⇥span⇥…". A span has no outer space and no line break (any of
Unicode's), is not `None` and holds no control token. A token may hold a part of a character, so the machine reads
bytes. A *kind* says where in the value it is; START_k and AGAIN_k have read k characters of `None`:

    kind       where                             space    TAB      next of `None`   other    may end
    FIRST      after the colon                   START_0   -        -               -         -
    START_0    at the first span                  -        -        START_1         INSIDE    -
    START_1-3  in it, so far a part of `None`     GAP      AGAIN_0  START_k+1       INSIDE    yes
    START_4    it is `None`                       GAP      -        INSIDE          INSIDE    yes
    AGAIN_0    at a later span                    -        -        AGAIN_1         INSIDE    -
    AGAIN_1-3  in it, so far a part of `None`     GAP      AGAIN_0  AGAIN_k+1       INSIDE    yes
    AGAIN_4    it is `None`: not in a list        GAP      -        INSIDE          INSIDE    -
    INSIDE     anywhere else in a span            GAP      AGAIN_0  INSIDE          INSIDE    yes
    GAP        after a space in a span            GAP      -        INSIDE          INSIDE    -

After the colon the space is U+0020, elsewhere any. Beside its kind a state knows the bytes of a character that has
begun, which has to be completed before anything else may come, and how much of a control token it has just read.

Suffixes: S states, V ids.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import CONTROL_TOKENS, NONE, TAB, clean_text
from seqgpt_jax.io.tokenizer import control_ids, rows_needed

# Bytes that begin a character are alike where the same may follow and no space or line break comes of it.
_ALIKE = {
    **dict.fromkeys(range(0xC3, 0xE0), b"\xc3"),
    **dict.fromkeys([*range(0xE4, 0xED), 0xEE, 0xEF], b"\xe4"),
    **dict.fromkeys(range(0xF1, 0xF4), b"\xf1"),
}
_SPECIAL_PAIRS = (b"\xe1\x9a", b"\xe2\x80", b"\xe2\x81", b"\xe3\x80")
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
# Those of a large vocabulary take a second, and are asked for in three places.
_TOKEN_BYTES: WeakKeyDictionary[PreTrainedTokenizerFast, tuple[int, tuple[bytes, ...]]] = WeakKeyDictionary()


class _State(NamedTuple):
    """Kind of the table above, characters of `None` read, beginning of a control token, bytes of a character."""

    kind: str
    none: int = 0
    control: str = ""
    character: bytes = b""


_FIRST = _State("first")


class ValueStates(NamedTuple):
    """The machine, over bytes; state 0 is after the colon.

    Attributes:
      after_SxB: int8 [S + 2, 256], the state after each byte.
      ends_S: bool, whether the value may end there.
      dead: not a state to be in: no value begins like this.
      ended: not a state to be in: a line break has ended the value properly.
      listed_none: the state of a later span that is `None`, which must go on.
    """

    after_SxB: np.ndarray
    ends_S: np.ndarray
    dead: int
    ended: int
    listed_none: int


@functools.cache
def value_states() -> ValueStates:
    """The machine, with as many states as can be reached."""
    numbers, rows = {_FIRST: 0}, []
    queue = [_FIRST]
    for state in queue:
        row = [_after(state, byte) for byte in range(256)]
        rows.append(row)
        for following in row:
            if following is not None and following not in numbers:
                numbers[following] = len(numbers)
                queue.append(following)
    dead = len(numbers)
    after = np.full((dead + 2, 256), dead, np.int8)
    for number, row in enumerate(rows):
        after[number] = [dead if state is None else numbers[state] for state in row]
    ends = np.array([_may_end(state) for state in numbers])
    after[:dead][ends, ord("\n")] = dead + 1
    return ValueStates(after, ends, dead, dead + 1, numbers[_State("again", len(NONE))])


def token_table(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """int8 [S, V]: the state after each token, from each state; control tokens and ids without a token never follow."""
    states = value_states()
    table = np.full((states.dead, vocab_size), states.dead, np.int8)
    by_length: dict[int, list[tuple[int, bytes]]] = {}
    for id, token in byte_strings(tokenizer):
        by_length.setdefault(len(token), []).append((id, token))
    for length, tokens in by_length.items():
        ids = [id for id, _ in tokens]
        bytes_TxN = np.frombuffer(b"".join(token for _, token in tokens), np.uint8).reshape(-1, length)
        now_SxT = np.broadcast_to(np.arange(states.dead)[:, None], (states.dead, len(ids)))
        for column_T in bytes_TxN.T:
            now_SxT = states.after_SxB[now_SxT, column_T]
        table[:, ids] = now_SxT
    return table


def by_state(table: jax.Array, *index: jax.Array) -> jax.Array:
    """Entries of a table [S, V], or of one [B, S, U] for each prompt.

    Args:
      index: int [B, K, ...], of states, and of tokens where a state's whole row is not wanted.
    """
    if table.ndim == 2:
        return table[index]
    rows_B = jnp.arange(len(table))
    return table[rows_B.reshape(-1, *[1] * (index[0].ndim - 1)), *index]


def tokens_to_end(table_SxV: np.ndarray) -> np.ndarray:
    """int32 [S + 2]: fewest tokens that end a value from each state, its line break included; none from "ended"."""
    states = value_states()
    distance = np.full(states.dead + 2, np.iinfo(np.int32).max // 4, np.int32)
    distance[states.ended] = 0
    following = [np.unique(row) for row in table_SxV]
    for _ in range(states.dead):
        better = np.array([distance[row].min() + 1 for row in following])
        if (better >= distance[: states.dead]).all():
            break
        distance[: states.dead] = np.minimum(better, distance[: states.dead])
    return distance


def byte_strings(tokenizer: PreTrainedTokenizerFast) -> list[tuple[int, bytes]]:
    """(id, what it writes behind other text) of each token that may stand in a value."""
    special = control_ids(tokenizer)
    return [(id, token) for id, token in enumerate(token_bytes(tokenizer)) if token and id not in special]


def token_bytes(tokenizer: PreTrainedTokenizerFast) -> Sequence[bytes]:
    """What each token writes behind other text: of a byte-level tokenizer maybe a part of a character.

    Ids may have gaps: nothing is written there.
    """
    size, known = _TOKEN_BYTES.get(tokenizer, (None, ()))
    if size != len(tokenizer):
        known = tuple(_token_bytes(tokenizer))
        _TOKEN_BYTES[tokenizer] = len(tokenizer), known
    return known


def _token_bytes(tokenizer: PreTrainedTokenizerFast) -> Iterator[bytes]:
    names = [name or "" for name in tokenizer.convert_ids_to_tokens(range(rows_needed(tokenizer)))]
    if "ByteLevel" in repr(tokenizer.backend_tokenizer.decoder):
        added, values = tokenizer.added_tokens_decoder, {name: byte for byte, name in _byte_characters().items()}
        for id, name in enumerate(names):
            # A name of other characters stands for itself.
            named = id not in added and values.keys() >= {*name}
            yield bytes([values[character] for character in name]) if named else name.encode()
        return
    # Decoders drop the space before the first word: a token comes behind another one.
    (before,) = tokenizer("a", add_special_tokens=False).input_ids[-1:]
    start = len(_decoded(tokenizer, [[before]])[0])
    texts = _decoded(tokenizer, [[before, id] for id in range(len(names))])
    for name, text in zip(names, texts, strict=True):
        byte = _BYTE_TOKEN.fullmatch(name)
        yield bytes([int(byte[1], 16)]) if byte else text[start:].encode()


def _decoded(tokenizer: PreTrainedTokenizerFast, ids: list[list[int]]) -> list[str]:
    return tokenizer.backend_tokenizer.decode_batch(ids, skip_special_tokens=False)


def _byte_characters() -> dict[int, str]:
    """The characters by which byte-level tokenizers name bytes: printable ones by themselves, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + i) for i, byte in enumerate(others)}


def _may_end(state: _State) -> bool:
    if state.character or state.kind in ("first", "gap"):
        return False
    if state.kind == "inside":
        return True
    return 0 < state.none < len(NONE) or (state.kind == "start" and state.none == len(NONE))


def _after(state: _State, byte: int) -> _State | None:
    """The state after one byte; None where no value begins like this."""
    begun = state.character + bytes([byte])
    try:
        character = begun.decode()
    except UnicodeDecodeError as error:
        return _within_character(state, begun) if error.reason == "unexpected end of data" else None
    if state.character:
        state = state._replace(character=b"")
    return _after_character(state, character)


def _within_character(state: _State, begun: bytes) -> _State | None:
    """The state when these bytes begin a character: of what is before it only whether a space may come matters."""
    if state.kind == "first":
        return None
    at_edge = state.kind in ("start", "again") and state.none == 0
    character = begun
    if len(begun) == 1:
        character = _ALIKE.get(begun[0], begun)
    elif begun not in _SPECIAL_PAIRS:
        # As many bytes are left as of these; none of them makes a space or a line break.
        character = b"\xc3" if len(begun) == 3 or begun[0] < 0xF0 else b"\xe4"
    return _State("start" if at_edge else "inside", character=character)


def _after_character(state: _State, character: str) -> _State | None:
    """The state after a whole character: the table above."""
    kind, none = state.kind, state.none
    if kind == "first":
        return _State("start") if character == " " else None
    at_edge = kind in ("start", "again") and none == 0
    if character == TAB:
        return _State("again") if _may_end(state) and none < len(NONE) else None
    if clean_text(character) != character:
        return None
    if character.isspace():
        return None if at_edge else _State("gap")
    control = state.control + character
    if control in CONTROL_TOKENS:
        return None
    if not any(token.startswith(control) for token in CONTROL_TOKENS):
        control = character if any(token.startswith(character) for token in CONTROL_TOKENS) else ""
    if kind in ("start", "again") and none < len(NONE) and character == NONE[none]:
        return _State(kind, none + 1)
    return _State("inside", control=control)
