"""Places of spans in a text, in code points, and the text cut into parts that a page can color."""

import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Place = tuple[int, int]
# Before these signs a text is not cut: parts of one visible character (joiner, variation selectors, skin tones).
_JOINER = "\u200d"
_MODIFIERS = frozenset([_JOINER, "\ufe0e", "\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))])
# Letters from here on are written without spaces between words.
_CJK = "\u2e80"


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
    """[start, end) of a span wherever it is in a text; whole words alone where there are any.

    >>> places("an anagram is an art", "an")
    [(0, 2), (14, 16)]
    >>> places("杭州人在杭州", "杭州")
    [(0, 2), (4, 6)]
    """
    found, start = [], text.find(span) if span else -1
    while start >= 0:
        found.append((start, start + len(span)))
        start = text.find(span, start + 1)
    words = [place for place in found if not any(_within_word(text, edge) for edge in place)]
    return words or found


def _within_word(text: str, index: int) -> bool:
    if not 0 < index < len(text):
        return False
    return all(character.isalnum() and character < _CJK for character in text[index - 1 : index + 1])


def overlap(one: Iterable[Place], other: Sequence[Place]) -> int:
    """Most characters that a place of one span shares with a place of another."""
    return max((min(a[1], b[1]) - max(a[0], b[0]) for a in one for b in other), default=0)


def parts(text: str, marks: Sequence[Mark], context: int = 150) -> list[Part]:
    """The text with its marks; long parts without any lose their middle.

    Args:
      text: all of it.
      marks: spans that are not in the text are left out.
      context: characters that are kept beside a mark; without any, four times as many of the text's beginning.
    """
    placed = [(start, end, mark) for mark in marks for start, end in places(text, mark.span)]
    edges = sorted({0, len(text), *(edge for start, end, _ in placed for edge in (start, end))})
    found = []
    for start, end in itertools.pairwise(edges):
        over = [(last, mark) for first, last, mark in placed if first <= start and end <= last]
        styles = tuple(sorted({mark.style for _, mark in over}))
        ends = tuple(sorted({(mark.style, mark.label) for last, mark in over if last == end}))
        found.append(Part(text[start:end], styles, ends))
    if not placed:
        return [Part(_beginning(text, 4 * context))]
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
