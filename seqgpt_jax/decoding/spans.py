"""Answers with their places in the text and their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.atomic import OriginalText, occurrences


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text.

    Attributes:
      text: the part, as the text has it.
      start, end: where it is, in code points: `text == whole_text[start:end]`.
      score: how likely the model thought it, between 0 and 1 (`decoding.value_scores`); None where that is not known.
    """

    text: str
    start: int
    end: int
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, the score with four digits."""
        return {"text": self.text, "start": self.start, "end": self.end, "score": rounded(self.score)}


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a classification.

    Attributes:
      label: as the question spells it.
      score: its probability, between 0 and 1; None where that is not known.
    """

    label: str
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, the score with four digits."""
        return {"label": self.label, "score": rounded(self.score)}


def locate(text: OriginalText, values: Sequence[str], scores: Sequence[float | None]) -> tuple[Span, ...]:
    """The spans with these values, in the order of the text; a value that stands several times is a span each time.

    Args:
      text: of the question.
      values: as `text.clean` has them; what is not in it is left out.
      scores: of the values.

    >>> [span.to_dict() for span in locate(OriginalText.of("Ada met Bob"), ["Bob", "Eve"], [0.5, 0.5])]
    [{'text': 'Bob', 'start': 8, 'end': 11, 'score': 0.5}]
    """
    found: dict[tuple[int, int], float | None] = {}
    for value, score in zip(values, scores, strict=True):
        for start in occurrences(text.clean, value):
            place = text.place(start, start + len(value))
            found[place] = _better(found.get(place), score)
    return tuple(Span(text.text[start:end], start, end, found[start, end]) for start, end in sorted(found))


def spans_to_dict(spans: Mapping[str, Sequence[Span]]) -> dict[str, list[dict[str, Any]]]:
    """Each label with its spans, as JSON has them."""
    return {label: [span.to_dict() for span in found] for label, found in spans.items()}


def merge_spans(windows: Sequence[tuple[int, Mapping[str, Sequence[Span]]]]) -> dict[str, tuple[Span, ...]]:
    """The spans of a text, of those of its overlapping windows: a span of two windows counts once, with its best score.

    Args:
      windows: (where the window begins, label -> its spans there); all have the same labels.
    """
    merged: dict[str, tuple[Span, ...]] = {}
    for label in windows[0][1]:
        found: dict[tuple[int, int], Span] = {}
        for offset, by_label in windows:
            for span in by_label[label]:
                start, end = span.start + offset, span.end + offset
                other = found.get((start, end))
                score = _better(other.score, span.score) if other else span.score
                found[start, end] = Span(span.text, start, end, score)
        merged[label] = tuple(found[place] for place in sorted(found))
    return merged


def _better(one: float | None, other: float | None) -> float | None:
    return max((score for score in (one, other) if score is not None), default=None)


def rounded(score: float | None) -> float | None:
    """The score with four digits; those of long spans are small."""
    return None if score is None else float(f"{score:.4g}")
