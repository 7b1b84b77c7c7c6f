"""Constrained decoding: only answers that `parse_answer` accepts can be generated, and each ends within its limit.

Each prompt gets a finite automaton over token ids, stored as a table of edges (source node, token, target node).

A classification (`label⇥label`) is the trie of the label texts, with node 0 as its root:

    node                            token              next node
    0, or inside a label            next of a label    deeper in the trie
    end of a label                  TAB                0; from now on only labels later in the prompt are open
    end of a label                  </s>               done
    end of `None` (no label before) </s>               done

Where a tokenizer joins the end of a label and the TAB after it (`。⇥`), the trie has that spelling too; where it joins
the TAB and the beginning of a label (`⇥name`), a second trie has the labels after another one in that spelling.

An extraction (`query: value\\n` for each query) is a chain. The tokens of `query:` are forced; then the node is a
*value node*, one for each line, in which no edge but the state of the value decides which tokens may follow
(`value_states.py`), until a token with a line break leads to the next line.

    node                            token                                 next node
    n, in `query:` of line l        the next token of `query:`            n + 1; after the last one value node l
    value node l                    any that the value's state allows     value node l
    value node l, value complete    one that ends with a line break       first node of line l + 1
    after the last line             </s>                                  done

Spans are copied from the text of the prompt: `text_copy.py`.

A token may follow only if the answer can still be ended in the tokens that are left after it: an edge of a
classification says how many it needs, a value needs those that end it and those of the lines that follow.

Suffixes: B prompts, K beams, E edges, L lines, S states of a value, V ids.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TAB, ContractError, clean_text
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding.array_sizes import power_of_two
from seqgpt_jax.decoding.candidates import Candidates, candidates_of, numbers_of
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.label_edges import DONE, Edge, label_edges
from seqgpt_jax.decoding.text_copy import CopyIndex, CopyState, TextCopy, advance_copy, copied_tokens, initial_copy
from seqgpt_jax.decoding.value_states import by_state, token_table, tokens_to_end, value_states
from seqgpt_jax.io.tokenizer import never_generated

# Nodes from here on are values of an extraction: the character state decides there, and edges lead out.
_FREE = 1 << 20
# Without any edge: nothing may follow. Also the start of rows that only fill up the batch.
_DEAD_NODE = -2


class Automaton(NamedTuple):
    """The edges of a batch of prompts, int32 [B, E] each; filler edges start at `_DEAD_NODE`.

    Attributes:
      source, token, target: from node, by id, to node.
      need: the edge is open while this is above the number of the last label written.
      writes: the number of the label that the edge completes, or -1.
      room: most tokens that the answer may still take after the edge; where fewer are left it is closed.
      start_B: the first node of each prompt.
      rest_BxL: int32, fewest tokens of the answer after line l, the end token included.
      next_SxV: int8 [S, V], the state of a value after a token (`value_states`); [B, S, U] over candidates.
      distance_S: int32 [S + 2], fewest tokens that end a value, its line break included.
      copy: which spans may be copied; None where no prompt has a text for it.
    """

    source: jax.Array
    token: jax.Array
    target: jax.Array
    need: jax.Array
    writes: jax.Array
    room: jax.Array
    start_B: jax.Array
    rest_BxL: jax.Array
    next_SxV: jax.Array
    distance_S: jax.Array
    copy: TextCopy | None


class AutomatonState(NamedTuple):
    """The state of each hypothesis in the automaton of its prompt: int32 [B, K] each but the last.

    Attributes:
      node: where it is.
      last_label: number of the last label written, -1 before the first.
      value: state of the value, of a value node.
      copied: where its span stands in the text; None where nothing is copied.
    """

    node: jax.Array
    last_label: jax.Array
    value: jax.Array
    copied: CopyState | None


def initial_state(automaton: Automaton, num_beams: int) -> AutomatonState:
    """All beams at the start of their prompt's automaton."""
    node_BxK = jnp.broadcast_to(automaton.start_B[:, None], (automaton.start_B.shape[0], num_beams))
    copied = None if automaton.copy is None else initial_copy(automaton.copy, num_beams)
    return AutomatonState(node_BxK, jnp.full_like(node_BxK, -1), jnp.zeros_like(node_BxK), copied)


def closed_tokens(automaton: Automaton, state: AutomatonState, remaining_B: jax.Array) -> jax.Array:
    """bool [B, K, V]: the ids that may not follow.

    `remaining_B` (int32) tokens may still be generated, this one included. The first call needs as many as `Grammar`
    has checked; then a hypothesis always has a token that may follow.
    """
    open_BxKxE = _open_edges(automaton, state) & (automaton.room < remaining_B[:, None])[:, None]
    batch, beams, _ = open_BxKxE.shape
    vocabulary = automaton.next_SxV.shape[-1]
    rows = (jnp.arange(batch)[:, None, None], jnp.arange(beams)[None, :, None])
    allowed = jnp.zeros((batch, beams, vocabulary), bool).at[*rows, automaton.token[:, None]].max(open_BxKxE)
    after_BxKxV = by_state(automaton.next_SxV, state.value)
    line_BxK = jnp.clip(state.node - _FREE, 0, automaton.rest_BxL.shape[1] - 1)
    left_BxK = remaining_B[:, None] - 1 - jnp.take_along_axis(automaton.rest_BxL, line_BxK, axis=1)
    # Nor does a token follow here that ends the value: an edge leads out.
    distance_S = automaton.distance_S.at[value_states().ended].set(_FREE)
    in_value_BxK = state.node >= _FREE
    continues_BxKxV = in_value_BxK[..., None] & (distance_S[after_BxKxV] <= left_BxK[..., None])
    allowed |= continues_BxKxV
    if automaton.copy is not None:
        copied = copied_tokens(automaton.copy, state.copied, state.value, after_BxKxV, left_BxK)
        allowed &= copied | ~in_value_BxK[..., None]
    return ~allowed


def advance(
    automaton: Automaton, state: AutomatonState, parents_BxK: jax.Array, tokens_BxK: jax.Array
) -> AutomatonState:
    """The states after `tokens_BxK`, each a continuation of hypothesis `parents_BxK` (both int32 [B, K])."""

    def of_parents(field: jax.Array) -> jax.Array:
        return jnp.take_along_axis(field, parents_BxK.reshape(*parents_BxK.shape, *[1] * (field.ndim - 2)), axis=1)

    state = jax.tree.map(of_parents, state)
    taken_BxKxE = _open_edges(automaton, state) & (automaton.token[:, None] == tokens_BxK[..., None])
    edge_BxK = jnp.argmax(taken_BxKxE, axis=-1)
    moved_BxK = taken_BxKxE.any(axis=-1)
    target, writes = (jnp.take_along_axis(field, edge_BxK, axis=1) for field in (automaton.target, automaton.writes))
    in_value_BxK = state.node >= _FREE
    value = by_state(automaton.next_SxV, state.value, tokens_BxK).astype(jnp.int32)
    copied = state.copied
    if automaton.copy is not None:
        copied = advance_copy(automaton.copy, copied, tokens_BxK, in_value_BxK, moved_BxK)
    return AutomatonState(
        node=jnp.where(moved_BxK, target, jnp.where(in_value_BxK, state.node, _DEAD_NODE)),
        last_label=jnp.where(moved_BxK & (writes >= 0), writes, state.last_label),
        value=jnp.where(moved_BxK, 0, jnp.where(in_value_BxK, value, state.value)),
        copied=copied,
    )


def _open_edges(automaton: Automaton, state: AutomatonState) -> jax.Array:
    """bool [B, K, E]: the edges that each hypothesis may take."""
    starts_here = automaton.source[:, None] == state.node[..., None]
    open_ = starts_here & (automaton.need[:, None] > state.last_label[..., None])
    # Out of a value node only with a token that ends a complete value.
    ends_value = by_state(automaton.next_SxV, state.value[..., None], automaton.token[:, None]) == value_states().ended
    return open_ & ((state.node < _FREE)[..., None] | ends_value)


# Labels whose spelling is remembered.
_MOST_LABELS = 1 << 16


class Grammar:
    """Builds automata for one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> None:
        """Args: `vocab_size` is the model's: ids beyond the tokenizer may never follow."""
        self._tokenizer = tokenizer
        self._end = tokenizer.eos_token_id
        ((self._tab,),) = encode(tokenizer, [TAB])
        self._never = frozenset(never_generated(tokenizer, vocab_size))
        self._written: dict[str, str] = {}
        table = token_table(tokenizer, vocab_size)
        self._distance = tokens_to_end(table)
        self._next_SxV, self._vocab_size = table, vocab_size
        # On the device once, not with every batch.
        self._device_next_SxV, self._distance_S = jnp.asarray(table), jnp.asarray(self._distance)
        self._copy = CopyIndex(tokenizer, vocab_size)
        # A tokenizer may join the last characters of a value and its line break into one token.
        self._breaks = np.flatnonzero((table == value_states().ended).any(axis=0)).tolist()

    def check(self, prompts: Sequence[Prompt], answer_tokens: int | None = None) -> None:
        """Raises ContractError where no answer to a prompt would parse, because of its labels.

        Args:
          prompts: with their labels.
          answer_tokens: most tokens of an answer, the end token included; None does not look at their number.
        """
        for prompt in prompts:
            _check_labels(prompt)
            self._check_written(prompt.labels)
        for prompt in prompts if answer_tokens else ():
            if (needed := self._needed_tokens(prompt)) > answer_tokens:
                raise ContractError(
                    f"an answer with label {prompt.labels[0]!r} and others takes {needed} tokens, but may have only "
                    f"{answer_tokens}: set Decode.max_new_tokens to {needed} or more, or ask fewer labels at once"
                )

    def _check_written(self, labels: Sequence[str]) -> None:
        """Raises ContractError where the tokenizer does not know a label, or writes two of them alike."""
        label_of: dict[str, str] = {}
        for label, written in zip(labels, self._write(labels), strict=True):
            if (other := label_of.setdefault(written, label)) != label:
                raise ContractError(
                    f"labels {other!r} and {label!r} are the same to the model's tokenizer: ask one of them, or put "
                    "them into other words"
                )

    def written(self, prompt: Prompt) -> list[str]:
        """The labels of a prompt that has been checked, as the tokenizer writes them."""
        return self._write(prompt.labels)

    def _write(self, labels: Sequence[str]) -> list[str]:
        """The labels as the tokenizer writes them; ContractError where it does not know one."""
        known = self._written
        if len(known) > _MOST_LABELS:  # a server is asked new ones for ever
            known = self._written = {}
        new = [label for label in dict.fromkeys(labels) if label not in known]
        decode = self._tokenizer.backend_tokenizer.decode
        for label, ids in zip(new, encode(self._tokenizer, new), strict=True):
            if not self._never.isdisjoint(ids):
                raise ContractError(f"label {label!r} has characters that the model's tokenizer does not know")
            known[label] = decode(ids, skip_special_tokens=False)
        return [known[label] for label in labels]

    def as_asked(self, prompt: Prompt, text: str) -> str:
        """A constrained answer with the labels as they are asked: tokenizers that normalize write some otherwise.

        Args:
          prompt: has been checked.
          text: that the ids of the answer were decoded to.
        """
        written = self.written(prompt)
        if written == list(prompt.labels):
            return text
        if prompt.atom == "cls":
            asked = dict(zip(written, prompt.labels, strict=True))
            return TAB.join(asked.get(label, label) for label in text.split(TAB))
        lines = text.split("\n")
        queries = zip(prompt.labels, written, lines, strict=False)
        return "\n".join([query + line.removeprefix(other) for query, other, line in queries] + lines[len(written) :])

    def _needed_tokens(self, prompt: Prompt) -> int:
        """Tokens of the longest answer with one label, or of the shortest extraction, the end token included."""
        if prompt.atom == "cls":
            return 1 + max(map(len, encode(self._tokenizer, [*prompt.labels, NONE])))
        return 1 + sum(len(ids) + self._shortest_value(prompt) for ids in self._echoes(prompt.labels))

    def _shortest_value(self, prompt: Prompt) -> int:
        """Fewest tokens of a value and its line break, whatever the text: what is copied may take more than `None`."""
        return int(self._distance[0]) if prompt.source_text is None else self._copy.none_tokens()

    def first_echo(self, prompt: Prompt) -> list[int]:
        """The tokens that each answer to a prompt begins with: `query:` of the first line of an extraction."""
        return self._echoes(prompt.labels[:1])[0] if prompt.atom == "ext" else []

    def forced_tokens(self, prompt: Prompt) -> list[tuple[int, int, int]]:
        """(token, how many are forced from it on, node after it) of each node inside a `query:`, in their order."""
        lines = self._echoes(prompt.labels) if prompt.atom == "ext" else []
        sizes = [len(ids) - place for ids in lines for place in range(len(ids))]
        edges = [edge for edge in self._line_edges(lines, ()) if edge.target != DONE]
        return [(edge.token, left, edge.target) for edge, left in zip(edges, sizes, strict=True)]

    def automaton(
        self,
        prompts: Sequence[Prompt],
        batch_size: int,
        texts: Sequence[str | None] | None = None,
        prefilled: Sequence[int] | None = None,
    ) -> Automaton:
        """One automaton for each prompt (see `check`); rows beyond them, up to `batch_size`, let nothing follow.

        Args:
          texts: what spans are copied from, where it is not `Prompt.source_text`: what is left of a text that was cut.
          prefilled: tokens of `first_echo` that each answer has already, where it begins behind them.
        """
        texts = texts or [prompt.source_text for prompt in prompts]
        texts = [text if prompt.atom == "ext" else None for prompt, text in zip(prompts, texts, strict=True)]
        copy = self._copy.batch(texts, batch_size) if any(text is not None for text in texts) else None
        tables = [
            self._edges(prompt, self._breaks if text is None else self._copied_breaks(text))
            for prompt, text in zip(prompts, texts, strict=True)
        ]
        width = power_of_two(max((len(edges) for edges, _ in tables), default=1), least=64)
        array = np.full((batch_size, width, 6), _DEAD_NODE, np.int32)
        array[:, :, 1] = 0
        starts = np.full(batch_size, _DEAD_NODE, np.int32)
        rest = np.zeros((batch_size, max([8, *(len(lines) for _, lines in tables)])), np.int32)
        for row, (edges, lines) in enumerate(tables):
            array[row, : len(edges)] = edges
            # The edges of a first line begin with those of its echo, in order.
            starts[row] = edges[prefilled[row] - 1].target if prefilled and prefilled[row] else 0
            rest[row, : len(lines)] = lines
        columns = (array[:, :, i] for i in range(6))
        return Automaton(*columns, starts, rest, self._device_next_SxV, self._distance_S, copy)

    def _copied_breaks(self, text: str) -> list[int]:
        return np.intersect1d(self._breaks, self._copy.tokens(text)).tolist()

    def narrowed(self, automaton: Automaton, texts: Sequence[str]) -> tuple[Automaton, Candidates]:
        """An automaton of extractions over the candidates of its prompts; see `candidates`.

        Args:
          automaton: of prompts with a text each, and filler.
          texts: what their spans are copied from.
        """
        written = (automaton.token[row][automaton.source[row] != _DEAD_NODE] for row in range(len(texts)))
        tokens = [np.concatenate([ids, self._copy.tokens(text)]) for ids, text in zip(written, texts, strict=True)]
        candidates = candidates_of(tokens, self._end, len(automaton.start_B), self._vocab_size)

        def narrow(table_SxV: np.ndarray) -> np.ndarray:
            return np.moveaxis(table_SxV[:, candidates.ids_BxU], 0, 1)

        copy = automaton.copy
        copy = copy._replace(token=numbers_of(copy.token, candidates), none_SxV=narrow(copy.none_SxV))
        automaton = automaton._replace(
            token=numbers_of(automaton.token, candidates), next_SxV=narrow(self._next_SxV), copy=copy
        )
        return automaton, candidates

    def _edges(self, prompt: Prompt, breaks: Sequence[int]) -> tuple[list[Edge], list[int]]:
        """(edges, fewest tokens after each line) of one prompt, whose values may end with the tokens `breaks`."""
        if prompt.atom == "cls":
            labels = encode(self._tokenizer, prompt.labels)
            joined = encode(self._tokenizer, [label + TAB for label in prompt.labels])
            tabbed = encode(self._tokenizer, [TAB + label for label in prompt.labels])
            (none,) = encode(self._tokenizer, [NONE])
            return label_edges(labels, none, joined, tabbed, self._tab, self._end), []
        lines = self._echoes(prompt.labels)
        least = [len(ids) + self._shortest_value(prompt) for ids in lines]
        rest = np.cumsum([1, *reversed(least[1:])])[::-1]
        return self._line_edges(lines, breaks), rest.tolist()

    def _echoes(self, queries: Sequence[str]) -> list[list[int]]:
        return encode(self._tokenizer, [f"{query}:" for query in queries])

    def _line_edges(self, lines: list[list[int]], breaks: Sequence[int]) -> list[Edge]:
        """The edges of an extraction whose `query:` have these ids."""
        edges, node = [], 0
        always = len(lines) + 1  # a need that is above any `last_label`
        for line, ids in enumerate(lines):
            value = _FREE + line
            for position, id in enumerate(ids):
                target = value if position == len(ids) - 1 else node + 1
                edges.append(Edge(node, id, target, always))
                node += 1
            edges += [Edge(value, id, node, always) for id in breaks]
        edges.append(Edge(node, self._end, DONE, always))
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
