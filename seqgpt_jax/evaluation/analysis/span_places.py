"""Places of spans in a text, in code points, and the text cut into parts that a page can color."""

import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from seqgpt_jax.atomic import occurrences

Place = tuple[int, int]
# Before these signs a text is not cut: parts of one visible character (joiner, variation selectors, skin tones).
_JOINER = "\u200d"
_MODIFIERS = frozenset([_JOINER, "\ufe0e", "\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))])


class Mark(NamedTuple):
    """A span to color.

    Attributes:
      span: as it is in the text.
      style: its class on the page.
      label: shown behind it.
    """

    span: str
    style: str
    label: str


class Part(NamedTuple):
    """A part of a text.

    Attributes:
      text: of it.
      styles: of all spans that cover it, sorted; empty outside of spans.
      ends: (style, label) of the spans that end with it.
    """

    text: str
    styles: tuple[str, ...] = ()
    ends: tuple[tuple[str, str], ...] = ()


def places(text: str, span: str) -> list[Place]:
    """[start, end) of a span wherever it is in a text, as `occurrences` finds it.

    >>> places("an anagram is an art", "an")
    [(0, 2), (14, 16)]
    >>> places("杭州人在杭州", "杭州")
    [(0, 2), (4, 6)]
    """
    return [(start, start + len(span)) for start in occurrences(text, span)]


def overlap(one: Sequence[Place], other: Sequence[Place]) -> int:
    """Most characters that a place of one span shares with a place of another; 0 where no two of them meet.

    Args:
      one, other: places of one span each, as `places` gives them: with their starts their ends grow, too.
    """
    most = left = right = 0
    while left < len(one) and right < len(other):
        (start, end), (other_start, other_end) = one[left], other[right]
        most = max(most, min(end, other_end) - max(start, other_start))
        # What ends first shares no more with anything later than with this.
        if end <= other_end:
            left += 1
        else:
            right += 1
    return most


def parts(text: str, marks: Sequence[Mark], context: int = 150) -> list[Part]:
    """The text with its marks; long parts without any lose their middle.

    Args:
      text: all of it.
      marks: spans that are not in the text are left out.
      context: characters that are kept beside a mark; without any, four times as many of the text's beginning.
    """
    # Place -> styles of the spans that begin there, and (style, label) of those that end there.
    starting: defaultdict[int, list[str]] = defaultdict(list)
    ending: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for mark in marks:
        for start, end in places(text, mark.span):
            starting[start].append(mark.style)
            ending[end].append((mark.style, mark.label))
    if not starting:
        return [Part(_beginning(text, 4 * context))]
    found = []
    # Style -> how many spans cover the part.
    over: Counter[str] = Counter()
    for start, end in itertools.pairwise(sorted({0, len(text), *starting, *ending})):
        over.update(starting[start])
        found.append(Part(text[start:end], tuple(sorted(+over)), tuple(sorted(set(ending[end])))))
        over.subtract(style for style, _ in ending[end])
    last = len(found) - 1
    return [
        part if part.styles else Part(_middle_cut(part.text, context if number else 0, context if number < last else 0))
        for number, part in enumerate(found)
    ]


def _beginning(text: str, length: int) -> str:
    return text if len(text) <= length + 1 else f"{text[: _cut(text, length)]}…"


def _middle_cut(text: str, left: int, right: int) -> str:
    if len(text) <= left + right + 1:
        return text
    start, end = _cut(text, left), _cut(text, len(text) - right)
    return f"{text[:start]} … {text[end:]}"


def _cut(text: str, index: int) -> int:
    """The index, or the next one at which no visible character is cut."""
    while 0 < index < len(text) and (
        text[index] in _MODIFIERS or text[index - 1] == _JOINER or unicodedata.combining(text[index])
    ):
        index += 1
    return index
