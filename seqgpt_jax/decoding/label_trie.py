"""Trie of the labels of one prompt, as arrays for one pass of the model over all of them.

A node is a token of a label after a prefix, so that labels with a common beginning share it. A *pair* is a node and a
token that may follow it: its probability is needed, and the log-probability of a label is the sum over its pairs, of
which the last one ends the label with `</s>`. Pairs that follow the prompt itself are kept apart: the pass over the
prompt has their logits already.

Suffixes: M nodes, Q pairs, B prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class LabelTrie:
    """The trie of one prompt.

    Attributes:
      tokens: the token of each node; a parent comes before its children.
      parents: the parent of each node, -1 where the prompt itself is.
      first_tokens: tokens that labels begin with.
      pairs: (node, token that may follow) of all nodes.
      label_pairs: of each label, where in `pairs` its continuations are.
      label_firsts: of each label, where in `first_tokens` its first token is.
      lengths: tokens of each label, the end token included.
    """

    tokens: list[int]
    parents: list[int]
    first_tokens: list[int]
    pairs: list[tuple[int, int]]
    label_pairs: list[list[int]]
    label_firsts: list[int]
    lengths: list[int]

    @property
    def size(self) -> int:
        """The width of the arrays that hold it."""
        return max(len(self.tokens), len(self.pairs))

    def label_scores(self, first_log_probs: np.ndarray, pair_log_probs: np.ndarray) -> list[float]:
        """The log-probability of each label, from those of `first_tokens` and of `pairs`."""
        firsts, pairs = first_log_probs.astype(np.float64), pair_log_probs.astype(np.float64)
        return [
            float(firsts[first] + pairs[where].sum())
            for first, where in zip(self.label_firsts, self.label_pairs, strict=True)
        ]


class TrieArrays(NamedTuple):
    """The tries of a batch of prompts, filled up to one width M.

    Attributes:
      tokens_BxM, depths_BxM: int32, each node's token and how many nodes are before it on its way.
      visible_BxMxM: bool, query by key: the key is the node itself or before it on its way.
      first_tokens_BxM: int32.
      sources_BxM, targets_BxM: int32, the node and the token of each pair.
    """

    tokens_BxM: np.ndarray
    depths_BxM: np.ndarray
    visible_BxMxM: np.ndarray
    first_tokens_BxM: np.ndarray
    sources_BxM: np.ndarray
    targets_BxM: np.ndarray


def label_trie(labels: Sequence[Sequence[int]], end_id: int) -> LabelTrie:
    """The trie of labels that have these ids, each of at least one.

    >>> trie = label_trie([[5, 6], [5], [7]], end_id=2)
    >>> trie.tokens, trie.parents, trie.first_tokens, trie.pairs
    ([5, 6, 7], [-1, 0, -1], [5, 7], [(0, 6), (1, 2), (0, 2), (2, 2)])
    """
    nodes: dict[tuple[int, int], int] = {}
    firsts: dict[int, int] = {}
    pairs: dict[tuple[int, int], int] = {}
    label_pairs, label_firsts = [], []
    for ids in labels:
        label_firsts.append(firsts.setdefault(ids[0], len(firsts)))
        node = nodes.setdefault((-1, ids[0]), len(nodes))
        where = []
        for id in ids[1:]:
            where.append(pairs.setdefault((node, id), len(pairs)))
            node = nodes.setdefault((node, id), len(nodes))
        label_pairs.append([*where, pairs.setdefault((node, end_id), len(pairs))])
    return LabelTrie(
        tokens=[token for _, token in nodes],
        parents=[parent for parent, _ in nodes],
        first_tokens=list(firsts),
        pairs=list(pairs),
        label_pairs=label_pairs,
        label_firsts=label_firsts,
        lengths=[len(ids) + 1 for ids in labels],
    )


def trie_arrays(tries: Sequence[LabelTrie], batch_size: int, width: int) -> TrieArrays:
    """The arrays of a batch; rows beyond the tries and entries beyond a trie's are filler that sees only itself."""
    tokens, depths, first_tokens, sources, targets = np.zeros((5, batch_size, width), np.int32)
    visible = np.broadcast_to(np.eye(width, dtype=bool), (batch_size, width, width)).copy()
    for row, trie in enumerate(tries):
        tokens[row, : len(trie.tokens)] = trie.tokens
        first_tokens[row, : len(trie.first_tokens)] = trie.first_tokens
        for node, parent in enumerate(trie.parents):
            if parent >= 0:
                depths[row, node] = depths[row, parent] + 1
                visible[row, node] |= visible[row, parent]
        sources[row, : len(trie.pairs)], targets[row, : len(trie.pairs)] = zip(*trie.pairs, strict=True)
    return TrieArrays(tokens, depths, visible, first_tokens, sources, targets)
