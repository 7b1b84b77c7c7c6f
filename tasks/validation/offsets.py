"""Offset conventions of spans (units, first number, ends), inferred from all spans of a file.

A convention fits a span where the span has no half words or outer spaces, and is the string that the file gives beside
its offsets. Chinese, Japanese, Korean and Thai have no spaces that show the ends of words. There, equal strings are
compared: what follows a whole word varies, and what follows half of one is nearly always the other half. On CLUENER,
Weibo and Resume NER, the character beside a repeated string is the same in 0.0-0.5 of the pairs of its occurrences
where offsets are read as they are meant, and in 0.6-0.9 where they are not.
"""

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

_CONVERSIONS = {
    "characters": "{}",
    "UTF-16 units": "len(text.encode('utf-16-le')[: 2 * ({})].decode('utf-16-le'))",
    "UTF-8 bytes": "len(text.encode()[:{}].decode())",
}
# Scripts without spaces between words, and Korean, whose particles are no part of a name.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3000-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U00020000-\U0003ffff]"
)
# What ends a clause, or a word, and is hardly ever an end of a name.
_CLAUSE = frozenset("，。；：！？、,;!?")
_SPANS = 50_000  # that are compared: enough for any file
# Where strings are compared: spans that must be repeated, and how much less the same their neighbors must be.
_REPEATED, _LESS = 20, 0.12


class Span(NamedTuple):
    """A span as a file has it: its label, its two offsets, and the string beside them, None where there is none."""

    label: str
    start: int
    end: int
    string: str | None


@dataclass(frozen=True)
class Convention:
    """What two offsets mean.

    Attributes:
      unit: what they count, a key of `_CONVERSIONS`.
      first: the number of the first one, 0 or 1.
      inclusive: whether the end is the last one rather than one past it.
    """

    unit: str = "characters"
    first: int = 0
    inclusive: bool = False

    def __str__(self) -> str:
        return f"{self.unit} from {self.first}, the end {'inclusive' if self.inclusive else 'exclusive'}"

    def conversion(self) -> str:
        """Python that turns its `start` and `end` into characters from 0, the end exclusive."""
        shift = self.inclusive - self.first
        start = "start - 1" if self.first else "start"
        end = f"end {'+' if shift > 0 else '-'} 1" if shift else "end"
        return ", ".join(_CONVERSIONS[self.unit].format(offset) for offset in (start, end))


STANDARD = Convention()
CONVENTIONS = tuple(
    Convention(unit, first, inclusive)
    for first, inclusive in ((0, False), (0, True), (1, True), (1, False))
    for unit in _CONVERSIONS
)
"""All of them; of two that fit alike, the earlier one is the guess."""


class OffsetText:
    """A text in which offsets of any convention are looked up."""

    def __init__(self, text: str) -> None:
        self.text = text

    def place(self, convention: Convention, span: Span) -> tuple[int, int] | None:
        """(start, end) in characters from 0, the end exclusive; None where the offsets lead nowhere."""
        start, end = span.start - convention.first, span.end - convention.first + convention.inclusive
        if convention.unit != "characters" and (places := self._places[convention.unit]) is not None:
            start, end = places.get(start, -1), places.get(end, -1)
        return (start, end) if 0 <= start < end <= len(self.text) else None

    @cached_property
    def _places(self) -> dict[str, Mapping[int, int] | None]:
        """Unit -> offset -> character; None where the unit counts characters in this text."""
        codes = list(map(ord, self.text))
        top = max(codes, default=0)
        sizes = {
            "UTF-16 units": None if top < 0x10000 else [1 + (code > 0xFFFF) for code in codes],
            "UTF-8 bytes": None
            if top < 0x80
            else [1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF) for code in codes],
        }
        return {
            unit: found and {offset: n for n, offset in enumerate(itertools.accumulate(found, initial=0))}
            for unit, found in sizes.items()
        }


def spans_with_offsets(value: Mapping[str, Any]) -> Iterator[Span]:
    """The spans of a raw record that are given by offsets, right or wrong."""
    answers = value.get("answers")
    for label, spans in answers.items() if isinstance(answers, dict) else ():
        for span in spans if isinstance(spans, list) else ():
            string = span.get("text") if isinstance(span, dict) else None
            offsets = [span.get("start"), span.get("end")] if isinstance(span, dict) else span
            if isinstance(offsets, list) and len(offsets) == 2 and all(type(offset) is int for offset in offsets):
                yield Span(str(label), *offsets, string if isinstance(string, str) else None)


def word_cut(text: str, start: int, end: int) -> str:
    """Which ends of a span are inside words: "begins", "ends", "begins and ends", or ""."""
    cuts = {"begins": _inside_word(text, start), "ends": _inside_word(text, end)}
    return " and ".join(name for name, cut in cuts.items() if cut)


def _inside_word(text: str, at: int) -> bool:
    """Between two letters, two digits, or a letter and its mark; `5|kg` and `iPhone|6` are often cut like this."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if unicodedata.category(after)[0] == "M":
        return unicodedata.category(before)[0] in "LM"
    if _UNSPACED.match(before) or _UNSPACED.match(after):
        return False
    return (_is_letter(before) and after.isalpha()) or (before.isdigit() and after.isdigit())


def _is_letter(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character)[0] == "M"


def _fits(text: str, place: tuple[int, int] | None, string: str | None) -> bool:
    if place is None:
        return False
    start, end = place
    found = text[start:end]
    if string is not None:
        return found.strip() == string.strip() != ""
    ends = {found[0], found[-1]}
    return not (any(map(str.isspace, ends)) or ends & _CLAUSE or word_cut(text, start, end))


@dataclass(frozen=True)
class Guess:
    """The convention that fits a file better than characters from 0 with an exclusive end.

    Attributes:
      convention: the best one.
      reason: why, in numbers.
    """

    convention: Convention
    reason: str


class ConventionCount:
    """Counts which conventions fit the spans of a file."""

    def __init__(self) -> None:
        self.spans = 0
        self.fitting: Counter[Convention] = Counter()
        # Of spans in scripts without spaces: (text, label, place by the standard, place by convention).
        self._unspaced: list[tuple[str, dict[Convention, tuple[int, int] | None]]] = []

    def add(self, text: OffsetText, span: Span) -> None:
        """Tries every convention on one span; beyond `_SPANS` it does nothing."""
        if self.spans == _SPANS:
            return
        self.spans += 1
        places = {convention: text.place(convention, span) for convention in CONVENTIONS}
        fits = {place: _fits(text.text, place, span.string) for place in set(places.values())}
        self.fitting.update(convention for convention, place in places.items() if fits[place])
        place = places[STANDARD]
        if span.string is None and place and _UNSPACED.search(text.text[place[0] : place[1]]):
            self._unspaced.append((text.text, places))

    def guess(self) -> Guess | None:
        """The convention that fits most spans, where it fixes most of those that the standard one does not fit.

        None where the standard one is as good.
        """
        best = max(CONVENTIONS, key=lambda convention: self.fitting[convention])
        wrong, better = self.spans - self.fitting[STANDARD], self.fitting[best] - self.fitting[STANDARD]
        if 2 * better >= wrong > 0 < better:
            return Guess(
                best,
                f"{self.fitting[best]:,} of {self.spans:,} spans agree with word ends and given strings when offsets "
                f"are read as {best}, {self.fitting[STANDARD]:,} when read as {STANDARD}",
            )
        return self._guess_by_neighbors()

    def _guess_by_neighbors(self) -> Guess | None:
        """The same for scripts without spaces between words."""
        found: list[tuple[float, float, int, int, Convention]] = []
        for convention in CONVENTIONS[1:]:
            moved = [(text, places) for text, places in self._unspaced if places[convention] != places[STANDARD]]
            if not moved or 10 * sum(places[convention] is None for _, places in moved) > len(moved):
                continue
            (as_is, repeated), (changed, others) = (
                _same_neighbors([(text, places[read]) for text, places in moved if places[read]])
                for read in (STANDARD, convention)
            )
            if min(repeated, others) >= _REPEATED and as_is - changed >= _LESS:
                found.append((as_is - changed, as_is, others, len(moved), convention))
        if not found:
            return None
        # Names that have one character too many have varied neighbors as well, but are repeated less often.
        most = max(gain for gain, *_ in found)
        gain, as_is, _, moved_spans, best = max(
            (item for item in found if item[0] > 0.7 * most), key=lambda item: item[2]
        )
        return Guess(
            best,
            f"spans seem to be half words: what is beside equal ones is the same in {as_is:.0%} of all pairs, and in "
            f"{as_is - gain:.0%} when the offsets of these {moved_spans:,} spans are read as {best}",
        )


def _same_neighbors(spans: list[tuple[str, tuple[int, int]]]) -> tuple[float, int]:
    """(how often the characters beside equal spans are the same, mean over strings, 0-1; spans that are repeated)."""
    before: defaultdict[str, Counter[str]] = defaultdict(Counter)
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, (start, end) in spans:
        before[text[start:end]][text[start - 1 : start]] += 1
        after[text[start:end]][text[end : end + 1]] += 1
    repeated = [string for string, counts in after.items() if counts.total() > 1]
    shares = [_same_pairs(side[string]) for side in (before, after) for string in repeated]
    return sum(shares) / max(len(shares), 1), sum(after[string].total() for string in repeated)


def _same_pairs(counts: Counter[str]) -> float:
    """Of all pairs of these characters, the share that is twice the same one; the edge of a text is like no other."""
    total = counts.total()
    return sum(count * (count - 1) for character, count in counts.items() if character) / (total * (total - 1))
