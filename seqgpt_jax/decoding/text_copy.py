"""Copying of spans: which tokens may follow in a value, so that each span is a part of the text of its prompt.

A value is written as bytes (`value_states.py` says which), and a span is copied from byte to byte of the text: a
hypothesis knows the *set* of places in the text where it may stand. A place is the number of bytes before it, plus one;
place 0 is that before the first span of a line. For each prompt there are edges between places: a token whose bytes
stand there leads from where they begin to where they end, whatever the tokenizer makes of the text.

    token                    from                                to
    a part of the text       where it begins                     where it ends
    space and such a part    0                                   where it ends
    space alone              0                                   where spans may begin
    TAB                      any place                           where spans may begin
    TAB and a part           any place                           where it ends
    a part and TAB           where it begins                     where spans may begin
    line break               any place                           (the next line)
    a part and line break    where it begins                     (the next line)

Beside them `None` may be written wherever the line is a beginning of it. An edge is closed where a span that goes on
from there cannot be completed in the tokens that are left, and one that begins with TAB where the span before it is in
the line already: a model that repeats itself would go on until no token is left for other lines. (Known of each place
is the last span that begins there, so that two that begin alike may still alternate; tokens that are a part and TAB are
not looked at.)

Suffixes: B prompts, K beams, C edges, P places, S states of a value, V ids.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE
from seqgpt_jax.decoding.array_sizes import power_of_two
from seqgpt_jax.decoding.value_states import by_state, byte_strings, value_states

# Place before the first span of a line; from any place; to where spans may begin; out of the value.
_FIRST, _ANY, _BEGINNINGS, _NEXT_LINE = 0, -1, -1, -2
_NEVER = 1 << 20
_SMALLEST_WIDTH = 256
# Texts whose edges are remembered.
_MOST_TEXTS = 64
EDGES_PER_PLACE = 8
"""Room for edges, where a text has not got more."""


class TextCopy(NamedTuple):
    """The edges of a batch of prompts, int32 [B, C] each; filler edges have a `need` that no answer has room for.

    Attributes:
      source, token, target: from place, by id, to place; -1 is any place, and wherever spans may begin.
      bytes: how many of the text the token copies.
      need: fewest tokens that complete a value after the edge, its line break included.
      begins_BxP: bool, places where spans may begin.
      free_B: bool, prompts without a text: their spans are not copied.
      none_SxV: bool, whether a token continues `None` after what has been written, [S, V]; [B, S, U] over candidates.
      none_need_S: int32 [S + 2], fewest tokens that complete a value that is `None` so far.
    """

    source: jax.Array
    token: jax.Array
    target: jax.Array
    bytes: jax.Array
    need: jax.Array
    begins_BxP: jax.Array
    free_B: jax.Array
    none_SxV: jax.Array
    none_need_S: jax.Array


class CopyState(NamedTuple):
    """Where each hypothesis is in the text of its prompt.

    Attributes:
      places_BxKxP: bool, places in the text where its span may stand.
      bytes_BxK: int32, bytes of the span so far.
      written_BxKxP: int32, by the place where spans begin in the text for the first time: bytes of the last one of them
        in this line; 0 without one.
    """

    places_BxKxP: jax.Array
    bytes_BxK: jax.Array
    written_BxKxP: jax.Array


def initial_copy(copy: TextCopy, num_beams: int) -> CopyState:
    """All beams before the first span of a line."""
    batch, places = copy.begins_BxP.shape
    nowhere = jnp.zeros((batch, num_beams, places), bool)
    written = jnp.zeros((batch, num_beams, places), jnp.int32)
    return CopyState(nowhere.at[..., _FIRST].set(True), jnp.zeros((batch, num_beams), jnp.int32), written)


def _first_begin(state: CopyState) -> jax.Array:
    """int32 [B, K]: the place where the span so far begins in the text for the first time."""
    return jnp.maximum(jnp.argmax(state.places_BxKxP, axis=-1) - state.bytes_BxK, _FIRST)


def _open_edges(copy: TextCopy, places_BxKxP: jax.Array) -> jax.Array:
    """bool [B, K, C]: the edges that leave the places of each hypothesis."""
    shape = (*places_BxKxP.shape[:2], copy.source.shape[1])
    source_BxKxC = jnp.broadcast_to(copy.source[:, None], shape)
    here_BxKxC = jnp.take_along_axis(places_BxKxP, jnp.maximum(source_BxKxC, _FIRST), axis=2)
    # A value that is but a beginning of `None` is at no place.
    somewhere_BxK = places_BxKxP[..., _FIRST + 1 :].any(axis=-1)
    return jnp.where(source_BxKxC == _ANY, somewhere_BxK[..., None], here_BxKxC)


def copied_tokens(
    copy: TextCopy, state: CopyState, value_BxK: jax.Array, next_BxKxV: jax.Array, left_BxK: jax.Array
) -> jax.Array:
    """bool [B, K, V]: the tokens that copy the text or write `None`, and leave enough tokens to end the value.

    Args:
      copy: of the prompts.
      state: of the hypotheses.
      value_BxK: int32, state of the value.
      next_BxKxV: int8, state of the value after each token.
      left_BxK: int32, tokens that the value may still take after this one, its line break included.
    """
    open_BxKxC = _open_edges(copy, state.places_BxKxP) & (copy.need[:, None] <= left_BxK[..., None])
    written_BxK = jnp.take_along_axis(state.written_BxKxP, _first_begin(state)[..., None], axis=-1)[..., 0]
    repeated_BxK = (state.bytes_BxK > 0) & (written_BxK == state.bytes_BxK)
    open_BxKxC &= ~(repeated_BxK[..., None] & ((copy.source == _ANY) & (copy.target != _NEXT_LINE))[:, None])
    batch, beams, vocabulary = next_BxKxV.shape
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(beams)[None, :, None])
    copied = jnp.zeros((batch, beams, vocabulary), bool).at[*rows, copy.token[:, None]].max(open_BxKxC)
    copied &= next_BxKxV != value_states().listed_none
    none = by_state(copy.none_SxV, value_BxK) & (copy.none_need_S[next_BxKxV] <= left_BxK[..., None])
    return copied | none | copy.free_B[:, None, None]


def advance_copy(
    copy: TextCopy, state: CopyState, tokens_BxK: jax.Array, in_value_BxK: jax.Array, moved_BxK: jax.Array
) -> CopyState:
    """The states after a token (int32 [B, K]) of each hypothesis.

    Args:
      in_value_BxK: whether the token belongs to a value; states stay where it does not.
      moved_BxK: whether it has ended the value.
    """
    taken_BxKxC = _open_edges(copy, state.places_BxKxP) & (copy.token[:, None] == tokens_BxK[..., None])
    begins_BxK = (taken_BxKxC & (copy.target == _BEGINNINGS)[:, None]).any(axis=-1)
    reached_BxKxC = taken_BxKxC & (copy.target >= 0)[:, None]
    batch, beams = tokens_BxK.shape
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(beams)[None, :, None])
    after = jnp.zeros_like(state.places_BxKxP).at[*rows, jnp.maximum(copy.target, _FIRST)[:, None]].max(reached_BxKxC)
    after |= begins_BxK[..., None] & copy.begins_BxP[:, None]
    # All edges of a token copy as many bytes.
    copied_BxK = jnp.max(jnp.where(taken_BxKxC, copy.bytes[:, None], 0), axis=-1)
    goes_on_BxK = (taken_BxKxC & (copy.source > _FIRST)[:, None]).any(axis=-1)
    so_far_BxK = jnp.where(begins_BxK, 0, copied_BxK + jnp.where(goes_on_BxK, state.bytes_BxK, 0))
    # A TAB ends a span. What is at no place is a beginning of `None`.
    ends_BxK = (taken_BxKxC & (copy.source == _ANY)[:, None]).any(axis=-1)
    where = (jnp.arange(batch)[:, None], jnp.arange(beams)[None, :], _first_begin(state))
    written = state.written_BxKxP.at[where].set(jnp.where(ends_BxK, state.bytes_BxK, state.written_BxKxP[where]))
    new = CopyState(after, so_far_BxK, written)

    def choose(condition_BxK: jax.Array, one: CopyState, other: CopyState) -> CopyState:
        return jax.tree.map(
            lambda a, b: jnp.where(condition_BxK.reshape(batch, beams, *[1] * (a.ndim - 2)), a, b), one, other
        )

    new = choose(in_value_BxK, new, state)
    return choose(in_value_BxK & moved_BxK, initial_copy(copy, beams), new)


class CopyIndex:
    """The tokens of a vocabulary by their bytes: builds the edges of texts."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> None:
        """Args: `vocab_size` is the model's."""
        # Those of parts of a text alone, with a TAB before or behind them, and with a line break behind them.
        self._parts: dict[bytes, list[int]] = {}
        self._before_tab: dict[bytes, list[int]] = {}
        self._after_tab: dict[bytes, list[int]] = {}
        self._before_break: dict[bytes, list[int]] = {}
        # By two bytes, the length of the longest part that begins with them, so that few lengths are looked up.
        self._longest: dict[bytes, int] = {}
        for id, token in byte_strings(tokenizer):
            ids_of, part = self._parts, token
            if token.endswith(b"\n"):
                ids_of, part = self._before_break, token[:-1]
            elif token.endswith(b"\t"):
                ids_of, part = self._before_tab, token[:-1]
            elif token.startswith(b"\t"):
                ids_of, part = self._after_tab, token[1:]
            if b"\t" in part or b"\n" in part:
                continue
            ids_of.setdefault(part, []).append(id)
            for begun in (part, part.removeprefix(b" ")):
                self._longest[begun[:2]] = max(self._longest.get(begun[:2], 0), len(begun))
        continues, need = self._none(vocab_size)
        self._none_tokens = int(need[0])
        self._none_ids = np.flatnonzero(continues.any(axis=0))
        self._none_SxV, self._none_need_S = continues, need
        self._known: dict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def none_tokens(self) -> int:
        """Fewest tokens of the value ` None` and its line break."""
        return self._none_tokens

    def _none(self, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
        """(`none_SxV`, `none_need_S`) of `TextCopy`."""
        states = value_states()
        whole = f" {NONE}\n".encode()
        state_at = [0]  # after so many bytes of it
        for byte in whole[:-1]:
            state_at.append(int(states.after_SxB[state_at[-1], byte]))
        continues = np.zeros((states.dead, vocab_size), bool)
        need = np.full(states.dead + 2, _NEVER, np.int32)
        need[states.ended] = 0
        for place in range(len(whole) - 1, -1, -1):
            ends = [end for end in range(place + 1, len(whole) + 1) if self._spelled(whole[place:end])]
            for end in ends:
                continues[state_at[place], self._spelled(whole[place:end])] = True
                following = states.ended if end == len(whole) else state_at[end]
                need[state_at[place]] = min(need[state_at[place]], 1 + need[following])
        return continues, need

    def _spelled(self, part: bytes) -> list[int]:
        """The tokens with these bytes."""
        return self._before_break.get(part[:-1], []) if part.endswith(b"\n") else self._parts.get(part, [])

    def batch(self, texts: Sequence[str | None], batch_size: int) -> TextCopy:
        """The edges of these texts, NumPy arrays; None is one whose spans are not copied, and so is a row beyond."""
        nothing = np.zeros((0, 5), np.int32), np.zeros(0, np.int64)
        encoded = [None if text is None else text.encode() for text in texts]
        tables = [nothing if text is None else self._edges(text)[:2] for text in encoded]
        places = max((len(text) for text in encoded if text is not None), default=0) + 2
        width = power_of_two(places, _SMALLEST_WIDTH)
        edges = power_of_two(max((len(rows) for rows, _ in tables), default=0), EDGES_PER_PLACE * width)
        array = np.zeros((batch_size, edges, 5), np.int32)
        array[:, :, 4] = _NEVER
        begins = np.zeros((batch_size, width), bool)
        free = np.ones(batch_size, bool)
        for row, (rows, beginnings) in enumerate(tables):
            free[row] = texts[row] is None
            array[row, : len(rows)] = rows
            begins[row, beginnings] = True
        columns = (array[:, :, i] for i in range(5))
        return TextCopy(*columns, begins, free, self._none_SxV, self._none_need_S)

    def _edges(self, text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(int32 [C, 5]: source, token, target, bytes, need; where spans may begin; the different tokens) of a text."""
        found = self._known.get(text)
        if found is None:
            rows, begins = self._found_edges(text)
            found = rows, begins, np.unique(rows[rows[:, 4] < _NEVER, 1])
            # The labels of a text are asked in several prompts, one after the other.
            if len(self._known) >= _MOST_TEXTS:
                self._known = {}
            self._known[text] = found
        return found

    def _found_edges(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        begins, ends = _edges_of_spans(text)
        edges = list(self._copying(text, begins))
        # Fewest tokens from a place to one where a span may end: what is behind a place is known before it.
        to_end = np.where(ends, 0, _NEVER)
        for source, _, target, _ in sorted(edges, key=lambda edge: -edge[0]):
            if source > _FIRST and target > _FIRST:
                to_end[source] = min(to_end[source], 1 + to_end[target])
        from_beginning = 1 + min(
            (to_end[t] for s, _, t, _ in edges if t > _FIRST and s > _FIRST and begins[s]), default=_NEVER
        )

        def need(target: int) -> int:
            if target == _NEXT_LINE:
                return 0
            return min(int(from_beginning if target == _BEGINNINGS else to_end[target]) + 1, _NEVER)

        rows = np.array([(*edge, need(edge[2])) for edge in edges], np.int32).reshape(-1, 5)
        return rows, np.flatnonzero(begins)

    def tokens(self, text: str) -> np.ndarray:
        """int [.]: the tokens that copy a text or write `None`."""
        return np.concatenate([self._edges(text.encode())[2], self._none_ids])

    def _copying(self, text: bytes, begins: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
        """(source, token, target, bytes) of each edge."""
        yield from ((_FIRST, id, _BEGINNINGS, 0) for id in self._parts.get(b" ", ()))
        yield from ((_ANY, id, _BEGINNINGS, 0) for id in self._before_tab.get(b"", ()))
        yield from ((_ANY, id, _NEXT_LINE, 0) for id in self._before_break.get(b"", ()))
        for start in range(len(text)):
            longest = max(self._longest.get(text[start : start + 2], 1), 1)
            for end in range(start + 1, min(start + longest, len(text)) + 1):
                part, source, target, size = text[start:end], start + 1, end + 1, end - start
                yield from ((source, id, target, size) for id in self._parts.get(part, ()))
                yield from ((source, id, _BEGINNINGS, size) for id in self._before_tab.get(part, ()))
                yield from ((source, id, _NEXT_LINE, size) for id in self._before_break.get(part, ()))
                if begins[source]:
                    yield from ((_FIRST, id, target, size) for id in self._parts.get(b" " + part, ()))
                    yield from ((_ANY, id, target, size) for id in self._after_tab.get(part, ()))


def _edges_of_spans(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    """bool [places] each: where a span may begin, and where it may end; not at a space, nor within a character."""
    begins, ends = np.zeros(len(text) + 2, bool), np.zeros(len(text) + 2, bool)
    place = _FIRST + 1
    for character in text.decode():
        begins[place] = not character.isspace()
        place += len(character.encode())
        ends[place] = not character.isspace()
    return begins, ends
