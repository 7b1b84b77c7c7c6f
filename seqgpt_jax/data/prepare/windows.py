"""Overlapping windows of texts that are too long for one prompt, cut at sentence ends."""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from seqgpt_jax.atomic import Instance, occurrences

SENTENCE_END = re.compile(r"(?:[.!?…;](?=\W|$)|[。！？；\n\t])+[\"'”’）)\]」』]*\s*")
"""Ends of sentences in English and Chinese, with the quotes and brackets that close after them."""
_WORD_START = re.compile(r"(?<=\s)\S|[\u3400-\u9fff]")
# The part of a window that the next one repeats.
_OVERLAP = 8

Offsets = Sequence[tuple[int, int]]


def text_windows(text: str, offsets: Offsets, room: int) -> list[tuple[int, int]]:
    """Windows (start, end) in characters that cover a text, each of at most `room` tokens.

    A window ends after a sentence where one ends in its second half, else before a word, else between two tokens; the
    next one starts up to an eighth of `room` before that end, at a sentence or a word.

    Args:
      text: any text.
      offsets: of its tokens, in characters.
      room: tokens, at least 1.

    >>> text = "One two. Three four. Five."
    >>> [text[a:b] for a, b in text_windows(text, [(i, i + 1) for i in range(len(text))], room=22)]
    ['One two. Three four. ', 'Five.']
    """
    if room < 1:
        raise ValueError(f"room must be at least 1 token, not {room}")
    starts = [start for start, _ in offsets]
    if len(starts) <= room:
        return [(0, len(text))]
    sentences = [bisect_left(starts, match.end()) for match in SENTENCE_END.finditer(text)]
    words = [bisect_left(starts, match.start()) for match in _WORD_START.finditer(text)]
    windows, first = [], 0
    while first + room < len(starts):
        end = _last(sentences, first + room // 2, first + room) or _last(words, first + room // 2, first + room)
        end = end or first + room
        windows.append((starts[first] if first else 0, starts[end]))
        earliest = max(end - room // _OVERLAP, first + 1)
        first = _first(sentences, earliest, end) or _first(words, earliest, end) or end
    windows.append((starts[first], len(text)))
    return windows


def window_around(text: str, offsets: Offsets, room: int, parts: Sequence[str]) -> str | None:
    """The window of at most `room` tokens of a text that holds all of `parts`, at sentence ends where that is possible.

    A part that stands several times is where all of them are closest together.

    Returns:
      None where a part is not in the text or the parts are too far from each other.
    """
    where = [occurrences(text, part) for part in parts]
    if not parts or not all(where):
        return None
    first, end = _closest(where, [len(part) for part in parts])
    starts = [start for start, _ in offsets]
    low = bisect_right(starts, first) - 1
    high = bisect_left(starts, end)
    if high - low > room:
        return None
    start = max(min(low - (room - (high - low)) // 2, len(starts) - room), 0)
    end = min(start + room, len(starts))
    sentences = [0, *(bisect_left(starts, match.end()) for match in SENTENCE_END.finditer(text))]
    start = start if not start else _first(sentences, start, low) or start
    end = end if end == len(starts) else _last(sentences, high - 1, end) or end
    return text[starts[start] : starts[end] if end < len(starts) else len(text)].strip()


def span_places(instance: Instance) -> dict[str, list[int]]:
    """Where each span of an extraction begins in its text: all of its occurrences, also those that overlap."""
    places: dict[str, list[int]] = {}
    for span in itertools.chain.from_iterable(instance.gold.values()):
        if span not in places:
            found = places[span] = []
            place = instance.text.find(span)
            while place >= 0:
                found.append(place)
                place = instance.text.find(span, place + 1)
    return places


class ExtractionWindow(NamedTuple):
    """A window of an extraction.

    Attributes:
      instance: its text, and the spans that are in it.
      barred: labels that it may not be asked about in training.
    """

    instance: Instance
    barred: frozenset[str] = frozenset()


def extraction_windows(
    instance: Instance, offsets: Offsets, room: int, places: Mapping[str, Sequence[int]] | None = None
) -> list[ExtractionWindow]:
    """An extraction's windows, each with the spans that are in it; some spans may be in none of them.

    Args:
      instance: its text and spans are clean.
      offsets: of the tokens of its text, in characters.
      room: most tokens of a window.
      places: its `span_places`, where they are known from windows of another size.
    """
    places = span_places(instance) if places is None else places
    numbers, starts, ends = [], [], []
    for number, (start, end) in enumerate(text_windows(instance.text, offsets, room)):
        if piece := instance.text[start:end].strip():
            numbers.append(number)
            starts.append(instance.text.index(piece, start))
            ends.append(starts[-1] + len(piece))
    gold: list[dict[str, list[str]]] = [{} for _ in numbers]
    barred: list[set[str]] = [set() for _ in numbers]
    for label, spans in instance.gold.items():
        # A question without an answer stays one: its empty answer is in no window in particular.
        for of_window in () if spans else gold:
            of_window[label] = []
        lost = []
        for span in spans:
            # Windows begin and end in order, so their bounds are bisected: a search for every span in every window
            # would go through the whole text again for each size of windows.
            holders = {
                window
                for place in places[span]
                for window in range(bisect_left(ends, place + len(span)), bisect_right(starts, place))
            }
            for window in holders:
                gold[window].setdefault(label, []).append(span)
            if not holders:
                lost.append(span)
        if lost:
            # An answer over a part of a lost span would be incomplete, and none at all would say that there is nothing
            # to find. So a label with a lost span is asked only where a window holds others and no part of that one.
            partly = {
                window
                for span in lost
                for place in places[span]
                for window in range(bisect_right(ends, place), bisect_left(starts, place + len(span)))
            }
            for window, of_window in enumerate(gold):
                if window in partly or label not in of_window:
                    barred[window].add(label)
    windows = []
    for number, start, end, of_window, of_none in zip(numbers, starts, ends, gold, barred, strict=True):
        present = {label: tuple(spans) for label, spans in of_window.items()}
        piece = replace(instance, id=f"{instance.id}@{number}", text=instance.text[start:end], gold=present)
        windows.append(ExtractionWindow(piece, frozenset(of_none)))
    return windows


def _closest(where: Sequence[Sequence[int]], lengths: Sequence[int]) -> tuple[int, int]:
    """(start, end) of the shortest stretch that has one place of each part, the first of several such.

    Args:
      where: the places of each part, sorted, at least one.
      lengths: of the parts.
    """
    # Of the stretches that begin at a place, the one with the next place of each part is the shortest.
    latest = min(of[-1] for of in where)
    begins = sorted({at for of in where for at in of if at <= latest})
    ends = [max(of[bisect_left(of, at)] + length for of, length in zip(where, lengths, strict=True)) for at in begins]
    return min(zip(begins, ends, strict=True), key=lambda stretch: stretch[1] - stretch[0])


def _last(places: Sequence[int], above: int, at_most: int) -> int | None:
    """The last place in (above, at_most]; places are sorted."""
    number = bisect_right(places, at_most) - 1
    return places[number] if number >= 0 and places[number] > above else None


def _first(places: Sequence[int], at_least: int, at_most: int) -> int | None:
    """The first place in [at_least, at_most]; places are sorted."""
    number = bisect_left(places, at_least)
    return places[number] if number < len(places) and places[number] <= at_most else None
