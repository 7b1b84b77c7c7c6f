"""Constrained decoding: only answers that `parse_answer` accepts can be generated.

Each prompt gets a finite automaton over token ids, stored as a table of edges (source node, token, target node).

A classification (`label⇥label`) is the trie of the label texts, with node 0 as its root:

    node                            token              next node
    0, or inside a label            next of a label    deeper in the trie
    end of a label                  TAB                0; from now on only labels later in the prompt are open
    end of a label                  </s>               done
    end of `None` (no label before) </s>               done

An extraction (`query: value\\n` for each query) is a chain. The tokens of `query:` are forced; then the node is a
*value node*, one for each line, in which no edge but a *character state* decides which tokens may follow (the table at
`_FIRST`), until a token with a line break leads to the next line.

    node                            token                                 next node
    n, in `query:` of line l        the next token of `query:`            n + 1; after the last one value node l
    value node l                    any that the character state allows   value node l
    value node l, value complete    one that ends with a line break       first node of line l + 1
    after the last line             </s>                                  done

Suffixes: B prompts, K beams, E edges, L lines, S character states, V ids.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TAB, ContractError, clean_text
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding.completion import Prompt

# Nodes from here on are values of an extraction: the character state decides there, and edges lead out.
_FREE = 1 << 20
# Without any edge: nothing may follow. Also the start of rows that only fill up the batch.
_DEAD_NODE = -2
# The node after the end token: what is "generated" then is never read.
_DONE = -3

# Character states of a value. The values of `query:` are " None", or " span", or " span⇥span⇥…"; a span has no outer
# space and is not `None`. START_k and AGAIN_k have read k characters of `None` (k = 0 to 4):
#
#     state      where                             space    TAB      next of `None`   other    may end
#     FIRST      after the colon                   START_0   -        -               -         -
#     START_0    at the first span                  -        -        START_1         INSIDE    -
#     START_1-3  in it, so far a part of `None`     GAP      AGAIN_0  START_k+1       INSIDE    yes
#     START_4    it is `None`                       GAP      -        INSIDE          INSIDE    yes
#     AGAIN_0    at a later span                    -        -        AGAIN_1         INSIDE    -
#     AGAIN_1-3  in it, so far a part of `None`     GAP      AGAIN_0  AGAIN_k+1       INSIDE    yes
#     AGAIN_4    it is `None`: not in a list        GAP      -        INSIDE          INSIDE    -
#     INSIDE     anywhere else in a span            GAP      AGAIN_0  INSIDE          INSIDE    yes
#     GAP        after a space in a span            GAP      -        INSIDE          INSIDE    -
#     DEAD       no value begins like this          -        -        -               -         -
_FIRST, _START, _AGAIN, _INSIDE, _GAP, _DEAD = 0, 1, 6, 11, 12, 13
_STATES = 14
# Not a state to be in: the token ends the value properly, and an edge leads out of it.
_ENDED = 14
# The column "may end".
_ENDS = np.isin(np.arange(_STATES), [2, 3, 4, 5, 7, 8, 9, _INSIDE])


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


class AutomatonState(NamedTuple):
    """The state of each hypothesis in the automaton of its prompt: int32 [B, K] each.

    Attributes:
      node: where it is.
      last_label: number of the last label written, -1 before the first.
      character: character state, of a value node.
    """

    node: jax.Array
    last_label: jax.Array
    character: jax.Array


def initial_state(automaton: Automaton, num_beams: int) -> AutomatonState:
    """All beams at the start of their prompt's automaton."""
    node_BxK = jnp.broadcast_to(automaton.start_B[:, None], (automaton.start_B.shape[0], num_beams))
    return AutomatonState(node_BxK, jnp.full_like(node_BxK, -1), jnp.full_like(node_BxK, _FIRST))


def forbidden_tokens(automaton: Automaton, state: AutomatonState, remaining: jax.Array | int) -> jax.Array:
    """bool [B, K, V]: the ids that may not follow.

    `remaining` (int32 []) tokens may still be generated. A value that leaves just enough of them for the rest of
    the answer must end, so that a model that repeats itself does not run into the limit.
    """
    open_BxKxE = _open_edges(automaton, state)
    batch, beams, _ = open_BxKxE.shape
    vocabulary = automaton.next_SxV.shape[1]
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(beams)[None, :, None])
    allowed = jnp.zeros((batch, beams, vocabulary), bool).at[*rows, automaton.token[:, None]].max(open_BxKxE)
    after_BxKxV = automaton.next_SxV[state.character]
    line_BxK = jnp.clip(state.node - _FREE, 0, automaton.reserve_BxL.shape[1] - 1)
    must_end_BxK = remaining <= jnp.take_along_axis(automaton.reserve_BxL, line_BxK, axis=1) + 1
    ends_S = jnp.asarray(np.append(_ENDS, False))
    # A value that must end and cannot yet (it is empty, or ends with a space) gets one token after which it can.
    last_token_BxKxV = ends_S[after_BxKxV] & ~ends_S[state.character][..., None]
    in_value_BxK = state.node >= _FREE
    continues_BxKxV = in_value_BxK[..., None] & (after_BxKxV < _DEAD) & (~must_end_BxK[..., None] | last_token_BxKxV)
    return ~(allowed | continues_BxKxV)


def advance(
    automaton: Automaton, state: AutomatonState, parents_BxK: jax.Array, tokens_BxK: jax.Array
) -> AutomatonState:
    """The states after `tokens_BxK`, each a continuation of hypothesis `parents_BxK` (both int32 [B, K])."""
    state = AutomatonState(*(jnp.take_along_axis(field, parents_BxK, axis=1) for field in state))
    taken_BxKxE = _open_edges(automaton, state) & (automaton.token[:, None] == tokens_BxK[..., None])
    edge_BxK = jnp.argmax(taken_BxKxE, axis=-1)
    moved_BxK = taken_BxKxE.any(axis=-1)
    target, writes = (jnp.take_along_axis(field, edge_BxK, axis=1) for field in (automaton.target, automaton.writes))
    in_value_BxK = state.node >= _FREE
    character = automaton.next_SxV[state.character, tokens_BxK].astype(jnp.int32)
    return AutomatonState(
        node=jnp.where(moved_BxK, target, jnp.where(in_value_BxK, state.node, _DEAD_NODE)),
        last_label=jnp.where(moved_BxK & (writes >= 0), writes, state.last_label),
        character=jnp.where(moved_BxK, _FIRST, jnp.where(in_value_BxK, character, state.character)),
    )


def _open_edges(automaton: Automaton, state: AutomatonState) -> jax.Array:
    """bool [B, K, E]: the edges that each hypothesis may take."""
    starts_here = automaton.source[:, None] == state.node[..., None]
    open_ = starts_here & (automaton.need[:, None] > state.last_label[..., None])
    # Out of a value node only with a token that ends a complete value.
    ends_value = automaton.next_SxV[state.character[..., None], automaton.token[:, None]] == _ENDED
    return open_ & ((state.node < _FREE)[..., None] | ends_value)


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

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Raises ContractError where no answer to a prompt would parse, because of its labels."""
        for prompt in prompts:
            _check_labels(prompt)

    def automaton(self, prompts: Sequence[Prompt], batch_size: int) -> Automaton:
        """One automaton for each prompt (see `check`); rows beyond them, up to `batch_size`, let nothing follow."""
        tables = [self._edges(prompt) for prompt in prompts]
        # Few widths, so that few programs are compiled.
        width = max(64, 1 << (max((len(edges) for edges, _ in tables), default=1) - 1).bit_length())
        array = np.full((batch_size, width, 5), _DEAD_NODE, np.int32)
        array[:, :, 1] = 0
        starts = np.full(batch_size, _DEAD_NODE, np.int32)
        reserve = np.zeros((batch_size, max([8, *(len(lines) for _, lines in tables)])), np.int32)
        for row, (edges, lines) in enumerate(tables):
            array[row, : len(edges)] = edges
            starts[row] = 0
            reserve[row, : len(lines)] = lines
        columns = (jnp.asarray(array[:, :, i]) for i in range(5))
        return Automaton(*columns, jnp.asarray(starts), jnp.asarray(reserve), self._next_SxV)

    def _edges(self, prompt: Prompt) -> tuple[list[tuple[int, int, int, int, int]], list[int]]:
        """(edges, tokens to reserve for each line) of one prompt."""
        if prompt.atom == "cls":
            return self._label_edges(encode(self._tokenizer, prompt.labels)), []
        lines = encode(self._tokenizer, [f"{query}:" for query in prompt.labels])
        # After a value: its line break and the end token, and for each later line at least its query,
        # one token of value and the line break.
        rest = np.cumsum([2, *(len(ids) + 2 for ids in reversed(lines[1:]))])[::-1]
        return self._line_edges(lines), rest.tolist()

    def _label_edges(self, labels: list[list[int]]) -> list[tuple[int, int, int, int, int]]:
        """The edges of a classification whose labels have these ids."""
        children: list[dict[int, int]] = [{}]
        # Of the labels below a node, the highest number: an edge to it is open while a later label can still follow.
        highest = [len(labels) - 1]
        ends: list[tuple[int, int]] = []
        # `None`, where nothing fits, stands alone: as its number is 0, it is open before any label only.
        for number, ids in enumerate([*labels, *encode(self._tokenizer, [NONE])]):
            number %= len(labels)
            node = 0
            for id in ids:
                if id not in children[node]:
                    children[node][id] = len(children)
                    children.append({})
                    highest.append(-1)
                node = children[node][id]
                highest[node] = max(highest[node], number)
            ends.append((node, number))
        edges = [(node, id, to, highest[to], -1) for node, out in enumerate(children) for id, to in out.items()]
        edges += [(node, self._end, _DONE, number, -1) for node, number in ends]
        # Neither after the last label nor after `None` may another one come.
        edges += [(node, self._tab, 0, number, number) for node, number in ends[:-2]]
        return edges

    def _line_edges(self, lines: list[list[int]]) -> list[tuple[int, int, int, int, int]]:
        """The edges of an extraction whose `query:` have these ids."""
        edges, node = [], 0
        always = len(lines) + 1  # a need that is above any `last_label`
        for line, ids in enumerate(lines):
            value = _FREE + line
            for position, id in enumerate(ids):
                target = value if position == len(ids) - 1 else node + 1
                edges.append((node, id, target, always, -1))
                node += 1
            edges += [(value, id, node, always, -1) for id in self._breaks]
        edges.append((node, self._end, _DONE, always, -1))
        return edges


def _check_labels(prompt: Prompt) -> None:
    """Raises ContractError unless `parse_answer` can read some answer with these labels."""
    if not prompt.labels:
        raise ContractError("constrained decoding needs labels, and a prompt has none")
    if len(set(prompt.labels)) != len(prompt.labels):
        raise ContractError(f"constrained decoding needs different labels, not {prompt.labels!r}")
    for label in prompt.labels:
        if not label or label != label.strip() or TAB in label or clean_text(label) != label:
            raise ContractError(
                f"label {label!r} is empty or holds a line break, TAB, outer space or control token: no answer with it "
                "can be read (Template.clean_label fixes it)"
            )
        if label == NONE and prompt.atom == "cls":
            raise ContractError(f"a classification cannot have the label {NONE!r}, which says that nothing fits")


def character_table(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """int8 [S, V]: the character state after each token, from each state."""
    table = np.full((_STATES, vocab_size), _DEAD, np.int8)
    special = set(tokenizer.all_special_ids)
    # Many tokens consist of the same classes of characters: each such word is run once.
    columns: dict[tuple[str, bool], np.ndarray] = {}
    texts = tokenizer.batch_decode([[id] for id in range(len(tokenizer))], clean_up_tokenization_spaces=False)
    for id, text in enumerate(texts):
        if id in special or not text:
            continue
        ends = text.endswith("\n")
        classes = "".join(map(_character_class, text.removesuffix("\n")))
        if (classes, ends) not in columns:
            after = np.array([_run(state, classes) for state in range(_STATES)], np.int8)
            columns[classes, ends] = np.where(_ENDS[after], _ENDED, _DEAD) if ends else after
        table[:, id] = columns[classes, ends]
    return table


def _character_class(character: str) -> str:
    """`t` TAB, `x` never allowed, a space, a letter of `None`, or `.` for all else."""
    if character == TAB:
        return "t"
    if clean_text(character) != character:
        return "x"
    if character.isspace():
        return " "
    return character if character in NONE else "."


def _run(state: int, classes: str) -> int:
    """The character state after these character classes."""
    for character in classes:
        state = _next(state, character)
    return state


def _next(state: int, character: str) -> int:
    """The state after one character class: the table at `_FIRST`."""
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
