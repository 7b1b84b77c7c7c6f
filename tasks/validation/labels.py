"""Label spellings of a file: lists in one string, and labels that differ in nothing that matters."""

import ast
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from seqgpt_jax.atomic import TEMPLATES

# Between labels in one string. A weak one is also part of names (`Food & Drink`): all parts must be labels themselves.
_STRONG = ("||", "|", "#", ";", "；", "、", "\n", "\t")
_WEAK = (",", "，", "/", "+", "&")
_QUOTES = " .,;:!?。，；：！？、\"'“”‘’«»「」『』`"
_EMPTY_CELLS = frozenset(("nan", "null", "n/a", "#n/a", "<na>", "nat", "undefined"))
_WHOLE_FLOAT = re.compile(r"(-?\d+)\.0+")


def labels_of(value: Mapping[str, Any]) -> list[str]:
    """The labels of a raw record as they are spelled there, answers and candidates."""
    answers, candidates = value.get("answers"), value.get("labels")
    found = [answers] if isinstance(answers, str) else [*answers] if isinstance(answers, list | dict) else []
    found += candidates if isinstance(candidates, list) else []
    return [label for label in dict.fromkeys(label for label in found if isinstance(label, str))]


def listed(label: str) -> list[str] | None:
    """The labels of a string that is a Python or JSON list of them, or Label Studio's object with a list of choices.

    >>> listed("['late', 'torn']"), listed('{"choices": ["late"]}'), listed("[late]")
    (['late', 'torn'], ['late'], None)
    """
    text = label.strip()
    if (text[:1], text[-1:]) not in (("[", "]"), ("{", "}"), ("(", ")")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            value = next((inner for inner in value.values() if isinstance(inner, list)), None)
        if isinstance(value, list | tuple | set):
            return [str(item) for item in value]
    return None


def plain(label: str) -> str:
    """The label without case, width, Unicode form, outer punctuation, repeated spaces and `.0`.

    >>> plain(" Ｌate. ") == plain("late"), plain("1.0"), plain("C++") == plain("C")
    (True, '1', False)
    """
    folded = " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()).split())
    bare = folded.strip(_QUOTES) or folded
    whole = _WHOLE_FLOAT.fullmatch(bare)
    return whole[1] if whole else bare


class LabelSpellings:
    """The spellings of all labels of one kind of record in a file."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, labels: list[str]) -> None:
        """Counts the labels of one record."""
        self.counts.update(labels)

    def problems(self) -> dict[str, tuple[str, str]]:
        """label -> (reason, sentence) of each label that should be written in another way."""
        return {**self._similar(), **self._unlike_others(), **dict(self._lists())}

    def _lists(self) -> Iterator[tuple[str, tuple[str, str]]]:
        parts = {label: _parts(label) for label in self.counts}
        used = Counter(part for _, found in parts.values() for part in {*found})
        for label, (separator, found) in parts.items():
            if (items := listed(label)) is not None:
                names = ", ".join(map(repr, items)) or "none"
                yield label, ("list_in_label", f"label {label!r} is a list written as one label: {_WAY} ({names})")
                continue
            alone = [part in self.counts for part in found]
            shared = any(alone) or any(used[part] > 1 for part in found)
            if len(found) > 1 and (all(alone) or (separator in _STRONG and shared)):
                names = ", ".join(map(repr, found))
                yield label, ("list_in_label", f"label {label!r} seems to be the labels {names}: {_WAY}")

    def _similar(self) -> dict[str, tuple[str, str]]:
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for label in self.counts:  # in the order in which they came, so that of two equal counts the first is kept
            groups[plain(label)].append(label)
        found, clean = {}, TEMPLATES["chinese"].clean_label
        for group in groups.values():
            most = max(group, key=lambda label: self.counts[label])
            for label in group:
                if label == most:
                    continue
                if clean(label) == clean(most):
                    way = f"is the same as {most!r} in a prompt, {clean(label)!r}: they are one label"
                else:
                    way = f"({_times(self.counts[label])}) differs from {most!r} ({_times(self.counts[most])}) in "
                    way += f"{_difference(label, most)} only"
                found[label] = ("similar_label", f"label {label!r} {way}")
        return found

    def _unlike_others(self) -> dict[str, tuple[str, str]]:
        return {
            label: ("empty_cell", f"label {label!r} looks like an empty cell: leave the record out, or name the label")
            for label in self.counts
            if label.strip().casefold() in _EMPTY_CELLS
        }


_WAY = "write several labels as a JSON list, or as `a|b` in a table"


def _parts(label: str) -> tuple[str, list[str]]:
    """(the separator in it, what it separates); ("", []) without one."""
    for separator in (*_STRONG, *_WEAK):
        parts = [part.strip() for part in label.split(separator)]
        if len(parts) > 1 and all(parts):
            return separator, parts
    return "", []


def _times(count: int) -> str:
    return f"{count:,} record{'s' * (count > 1)}"


def _difference(label: str, other: str) -> str:
    """In what two labels with one plain form differ, in a word or two."""
    if label.casefold() == other.casefold():
        return "case"
    if unicodedata.normalize("NFC", label) == unicodedata.normalize("NFC", other):
        return "Unicode normal form"
    if unicodedata.normalize("NFKC", label).casefold() == unicodedata.normalize("NFKC", other).casefold():
        return "width or Unicode form"
    if _WHOLE_FLOAT.fullmatch(label.strip()) or _WHOLE_FLOAT.fullmatch(other.strip()):
        return "`.0`"
    return "spaces, case or punctuation"
