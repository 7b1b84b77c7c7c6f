"""Edges of the automaton of a classification: the trie of its labels, with what may follow a label and what still fits.

Labels are numbered in the order of the prompt, and an answer has them in that order. An edge is closed where no open
label is below it, and where the longest label below it no longer fits: whatever is begun can be completed.
"""

from collections.abc import Sequence
from typing import NamedTuple

# The node after the end token: what is "generated" then is never read.
DONE = -3


class Edge(NamedTuple):
    """An edge of an automaton: `constraints.Automaton` says what its fields are."""

    source: int
    token: int
    target: int
    need: int
    writes: int = -1
    room: int = 0


class _Trie:
    """Nodes with their children, and of the labels below each of them the highest number and the most tokens."""

    def __init__(self) -> None:
        self.children: list[dict[int, int]] = [{}]
        self.highest = [-1]
        self.longest = [0]

    def root(self) -> int:
        """A new node, to which no edge leads."""
        self.children.append({})
        self.highest.append(-1)
        self.longest.append(0)
        return len(self.children) - 1

    def add(self, ids: Sequence[int], number: int, after: int, owned: int, root: int = 0) -> int:
        """The node after `ids`, of a label with this number, `after` which an answer may take as many tokens.

        Nodes below `owned` belong to others, and are left as they are.
        """
        node = root
        for position, id in enumerate(ids, start=1):
            if id not in self.children[node]:
                self.children[node][id] = self.root()
            node = self.children[node][id]
            if node >= owned:
                self.highest[node] = max(self.highest[node], number)
                self.longest[node] = max(self.longest[node], len(ids) - position + after)
        return node


def label_edges(
    labels: Sequence[Sequence[int]],
    none: Sequence[int],
    joined: Sequence[Sequence[int]],
    tabbed: Sequence[Sequence[int]],
    tab: int,
    end: int,
) -> list[Edge]:
    """The edges of a classification, from node 0 on.

    Args:
      labels: the ids of each label.
      none: the ids of `None`.
      joined: the ids of each label and a TAB, as one text.
      tabbed: the ids of a TAB and each label, as one text.
      tab: the id of a TAB by itself.
      end: the id of the end token.
    """
    trie = _Trie()
    # `None`, where nothing fits, stands alone: as its number is 0, it is open before any label only.
    numbered = [*enumerate(labels), (0, none)]
    ends = [(trie.add(ids, number, after=1, owned=0), number) for number, ids in numbered]
    # Before a TAB a later label has to fit: the shortest way to one.
    first = [(trie.highest[node], 1 + trie.longest[node]) for node in trie.children[0].values()]
    after_tab = [min(room for highest, room in first if highest > number) for number in range(len(labels) - 1)]
    # A label after another one, where the tokenizer joins the TAB and its beginning; it has end nodes of its own.
    root = trie.root()
    beginnings = [(number, ids) for number, ids in enumerate(tabbed) if number and ids[0] != tab]
    tabbed_ends = [(trie.add(ids, number, after=1, owned=0, root=root), number) for number, ids in beginnings]
    edges = [Edge(node, end, DONE, number) for node, number in [*ends, *tabbed_ends]]
    for node, number in [*ends[: len(after_tab)], *tabbed_ends]:
        if number < len(after_tab):
            edges.append(Edge(node, tab, 0, number, number, after_tab[number]))
        firsts = [(id, to) for id, to in trie.children[root].items() if trie.highest[to] > number]
        edges += [Edge(node, id, to, number, number, trie.longest[to]) for id, to in firsts]
    owned = len(trie.children)
    for number, room in enumerate(after_tab):
        *before, last = joined[number]
        if joined[number] != [*labels[number], tab]:
            node = trie.add(before, number, after=1 + room, owned=owned)
            edges.append(Edge(node, last, 0, number, number, room))
    edges += [
        Edge(node, id, to, trie.highest[to], -1, trie.longest[to])
        for node, out in enumerate(trie.children)
        for id, to in (out.items() if node != root else ())
    ]
    return edges
