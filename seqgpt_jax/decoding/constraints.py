"""Decoding under the contract: only answers that `parse_answer` accepts can be written.

Each prompt gets an automaton over token ids. For a classification it is the trie of the label
texts: a label, then `</s>`, or a TAB and a label that stands later in the prompt; or `None`. For an
extraction it forces `query:` line by line and leaves the values free, in which characters decide:
one space, then spans without outer spaces, joined by TABs; or `None` alone.

The automaton is a table of edges. Suffixes: B prompts, K beams, E edges, S character states, V ids.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TAB, TEMPLATES, Atom, ContractError, clean_text
from seqgpt_jax.data.tokenizer import encode

# Nodes from here on are values of an extraction: characters decide there, and edges lead out.
_FREE = 1 << 20
# The node of a prompt without an automaton: everything may follow.
ANYTHING = -1
_DEAD_NODE = -2
# The node after the end token: whatever is "written" then is never read.
_DONE = -3

# Character states of a value. FIRST waits for the space after the colon; START_k and AGAIN_k have
# read k characters of `None` at the start of the first and of a later span; INSIDE is any other
# place in a span, GAP a place after a space in it.
_FIRST, _START, _AGAIN, _INSIDE, _GAP, _DEAD = 0, 1, 6, 11, 12, 13
# Not a state to be in: the token ends the value properly, and an edge leads out of it.
_ENDED = 14
# A value may end in these: a span has begun, no space ends it, and no list holds `None`.
_ENDS = np.isin(np.arange(14), [2, 3, 4, 5, 7, 8, 9, _INSIDE])


class Automaton(NamedTuple):
    """The edges of a batch of prompts, int32 [B, E] each; filler edges start at `_DEAD_NODE`.

    Attributes:
      source, token, target: from node, by id, to node.
      need: the edge is open while this is above the number of the last label written.
      writes: the number of the label that the edge completes, or -1.
      start_B: the first node of each prompt.
      reserve_BxL: int32, tokens that are still to be written once the value of line l has ended, its
        line break included.
      next_SxV: int8 [S, V], the character state after a token, `_DEAD` where it may not follow,
        `_ENDED` where it ends the value.
    """

    source: jax.Array
    token: jax.Array
    target: jax.Array
    need: jax.Array
    writes: jax.Array
    start_B: jax.Array
    reserve_BxL: jax.Array
    next_SxV: jax.Array


class Place(NamedTuple):
    """Where each hypothesis stands: int32 [B, K] each."""

    node: jax.Array
    last: jax.Array
    character: jax.Array


def begin(automaton: Automaton, num_beams: int) -> Place:
    """All beams at the start of their prompt."""
    node_BxK = jnp.broadcast_to(automaton.start_B[:, None], (automaton.start_B.shape[0], num_beams))
    return Place(node_BxK, jnp.full_like(node_BxK, -1), jnp.full_like(node_BxK, _FIRST))


def forbidden(automaton: Automaton, place: Place, remaining: jax.Array | int) -> jax.Array:
    """bool [B, K, V]: the ids that may not follow.

    `remaining` tokens may still be written. A value that leaves just enough of them for the rest of
    the answer must end, so that a model that repeats itself does not run into the limit.
    """
    open_BxKxE = _open_edges(automaton, place)
    batch, beams, _ = open_BxKxE.shape
    vocabulary = automaton.next_SxV.shape[1]
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(beams)[None, :, None])
    allowed = jnp.zeros((batch, beams, vocabulary), bool).at[*rows, automaton.token[:, None]].max(open_BxKxE)
    after_BxKxV = automaton.next_SxV[place.character]
    line_BxK = jnp.clip(place.node - _FREE, 0, automaton.reserve_BxL.shape[1] - 1)
    in_a_hurry = remaining <= jnp.take_along_axis(automaton.reserve_BxL, line_BxK, axis=1) + 1
    ends_S = jnp.asarray(np.append(_ENDS, False))
    last_token = ends_S[after_BxKxV] & ~ends_S[place.character][..., None]
    in_value = (place.node >= _FREE)[..., None] & (after_BxKxV < _DEAD) & (~in_a_hurry[..., None] | last_token)
    return ~(allowed | in_value | (place.node == ANYTHING)[..., None])


def follow(automaton: Automaton, place: Place, parents_BxK: jax.Array, tokens_BxK: jax.Array) -> Place:
    """The places after `tokens_BxK`, each written by the hypothesis that `parents_BxK` names."""
    place = Place(*(jnp.take_along_axis(field, parents_BxK, axis=1) for field in place))
    taken = _open_edges(automaton, place) & (automaton.token[:, None] == tokens_BxK[..., None])
    edge_BxK = jnp.argmax(taken, axis=-1)
    moved = taken.any(axis=-1)
    target, writes = (jnp.take_along_axis(field, edge_BxK, axis=1) for field in (automaton.target, automaton.writes))
    stays = (place.node >= _FREE) | (place.node == ANYTHING)
    character = automaton.next_SxV[place.character, tokens_BxK].astype(jnp.int32)
    return Place(
        node=jnp.where(moved, target, jnp.where(stays, place.node, _DEAD_NODE)),
        last=jnp.where(moved & (writes >= 0), writes, place.last),
        character=jnp.where(moved, _FIRST, jnp.where(place.node >= _FREE, character, place.character)),
    )


def _open_edges(automaton: Automaton, place: Place) -> jax.Array:
    starts_here = automaton.source[:, None] == place.node[..., None]
    open_ = starts_here & (automaton.need[:, None] > place.last[..., None])
    ends_value = automaton.next_SxV[place.character[..., None], automaton.token[:, None]] == _ENDED
    return open_ & ((place.node < _FREE)[..., None] | ends_value)


class Grammar:
    """Builds automata for one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> None:
        """Args: `vocab_size` is the model's: ids beyond the tokenizer may never follow."""
        self._tokenizer = tokenizer
        self._end = tokenizer.eos_token_id
        ((self._tab,),) = encode(tokenizer, [TAB])
        table = character_table(tokenizer, vocab_size)
        self._next_SxV = jnp.asarray(table)
        # A tokenizer may join the last characters of a value and its line break into one token.
        self._breaks = np.flatnonzero((table == _ENDED).any(axis=0)).tolist()

    def automaton(self, prompts: Sequence[str], batch_size: int) -> Automaton:
        """One automaton for each prompt, then filler; a prompt that no template writes is left free."""
        tables = [self._edges(prompt) for prompt in prompts]
        tables += [([], ANYTHING, [])] * (batch_size - len(tables))
        # Few widths, so that few programs are compiled.
        width = max(64, 1 << (max(len(edges) for edges, _, _ in tables) - 1).bit_length())
        array = np.full((len(tables), width, 5), _DEAD_NODE, np.int32)
        for row, (edges, _, _) in enumerate(tables):
            array[row, : len(edges)] = np.array(edges, np.int32).reshape(-1, 5)
        array[:, :, 1] = np.maximum(array[:, :, 1], 0)
        starts = np.array([start for _, start, _ in tables], np.int32)
        reserve = np.zeros((len(tables), max(8, *(len(lines) for _, _, lines in tables))), np.int32)
        for row, (_, _, lines) in enumerate(tables):
            reserve[row, : len(lines)] = lines
        columns = (jnp.asarray(array[:, :, i]) for i in range(5))
        return Automaton(*columns, jnp.asarray(starts), jnp.asarray(reserve), self._next_SxV)

    def _edges(self, prompt: str) -> tuple[list[tuple[int, int, int, int, int]], int, list[int]]:
        question = read_question(prompt)
        if question is None:
            return [], ANYTHING, []
        atom, labels = question
        if atom == "cls":
            return self._label_edges(labels), 0, []
        lines = encode(self._tokenizer, [f"{query}:" for query in labels])
        # After a value: its line break and the end token, and for each later line at least its query,
        # one token of value and the line break.
        rest = np.cumsum([2, *(len(ids) + 2 for ids in reversed(lines[1:]))])[::-1]
        return self._line_edges(lines), 0, rest.tolist()

    def _label_edges(self, labels: tuple[str, ...]) -> list[tuple[int, int, int, int, int]]:
        root: dict = {}
        ends: list[tuple[int, int]] = []
        nodes = [root]
        highest = [len(labels) - 1]
        edges_of: list[list[tuple[int, int]]] = [[]]
        # `None`, where nothing fits, stands alone: as its need is 0, it is open before any label only.
        for number, ids in enumerate([*encode(self._tokenizer, labels), *encode(self._tokenizer, [NONE])]):
            number %= len(labels)
            node = 0
            for id in ids:
                if id not in nodes[node]:
                    nodes[node][id] = len(nodes)
                    edges_of[node].append((id, len(nodes)))
                    nodes.append({})
                    highest.append(-1)
                    edges_of.append([])
                node = nodes[node][id]
                highest[node] = max(highest[node], number)
            ends.append((node, number))
        edges = [(node, id, to, highest[to], -1) for node, out in enumerate(edges_of) for id, to in out]
        edges += [(node, self._end, _DONE, number, -1) for node, number in ends]
        edges += [(node, self._tab, 0, number, number) for node, number in ends[:-2]]
        return edges

    def _line_edges(self, lines: list[list[int]]) -> list[tuple[int, int, int, int, int]]:
        edges, node = [], 0
        always = len(lines) + 1
        for line, ids in enumerate(lines):
            value = _FREE + line
            for position, id in enumerate(ids):
                target = value if position == len(ids) - 1 else node + 1
                edges.append((node, id, target, always, -1))
                node += 1
            edges += [(value, id, node, always, -1) for id in self._breaks]
        edges.append((node, self._end, _DONE, always, -1))
        return edges


def read_question(prompt: str) -> tuple[Atom, tuple[str, ...]] | None:
    """(atom, labels) of a prompt of any template, None for any other text."""
    for template in TEMPLATES.values():
        try:
            return template.question(prompt)
        except ContractError:
            continue
    return None


def character_table(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """int8 [S, V]: the character state after each token, from each state."""
    table = np.full((14, vocab_size), _DEAD, np.int8)
    special = set(tokenizer.all_special_ids)
    known: dict[tuple[str, bool], np.ndarray] = {}
    texts = tokenizer.batch_decode([[id] for id in range(len(tokenizer))], clean_up_tokenization_spaces=False)
    for id, text in enumerate(texts):
        if id in special or not text:
            continue
        ends = text.endswith("\n")
        classes = "".join(map(_character_class, text.removesuffix("\n")))
        if (classes, ends) not in known:
            after = np.array([_run(state, classes) for state in range(14)], np.int8)
            known[classes, ends] = np.where(_ENDS[after], _ENDED, _DEAD) if ends else after
        table[:, id] = known[classes, ends]
    return table


def _character_class(character: str) -> str:
    if character == TAB:
        return "t"
    if clean_text(character) != character:
        return "x"
    if character.isspace():
        return " "
    return character if character in NONE else "."


def _run(state: int, classes: str) -> int:
    for character in classes:
        state = _next(state, character)
    return state


def _next(state: int, character: str) -> int:
    """The state after one character class: `t` TAB, `x` never allowed, a space, a letter of `None`, or `.`."""
    if state == _DEAD or character == "x":
        return _DEAD
    if state == _FIRST:
        return _START if character == " " else _DEAD
    if character == "t":
        # After `None` alone, or after nothing, no further span may come.
        return _AGAIN if _ENDS[state] and state != _START + 4 else _DEAD
    if character == " ":
        return _DEAD if state in (_START, _AGAIN) else _GAP
    for first in (_START, _AGAIN):
        if first <= state < first + 4 and character == NONE[state - first]:
            return state + 1
    return _INSIDE
