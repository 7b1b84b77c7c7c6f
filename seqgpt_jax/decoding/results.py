"""Results of the Python interface: plain data, with `to_dict` for JSON.

All of them say what was lost:

    truncated_tokens  how much of the text was too long and was not read, at its beginning; the most in one prompt
    unfinished        whether an answer reached the token limit, so that spans or labels may be missing
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.atomic import clean_text
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.spans import Label, Span, rounded, spans_to_dict

Names = Mapping[str, str] | None
"""What was asked -> the name of its label; None where labels were asked by their names."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """Spans of a text.

    Attributes:
      text: as it was given.
      spans: each label with its spans, in the order of the text.
      not_in_text: spans that the model wrote and the text does not have; constrained decoding writes none.
      unfinished, truncated_tokens: see above.
    """

    text: str
    spans: dict[str, tuple[Span, ...]]
    not_in_text: int = 0
    unfinished: bool = False
    truncated_tokens: int = 0

    @classmethod
    def of(cls, answer: Answer, names: Names = None, threshold: float = 0.0) -> "Extracted":
        """Of the answer to an extraction; spans with a lower score than `threshold` are left out."""
        spans = {
            (names or {}).get(label, label): tuple(span for span in found if _passes(span.score, threshold))
            for label, found in answer.found.items()
        }
        text = clean_text(answer.question.text)
        not_in_text = sum(value not in text for values in answer.answers.values() for value in values)
        return cls(answer.question.text, spans, not_in_text, not answer.finished, answer.truncated)

    def to_dict(self) -> dict[str, Any]:
        """`{"text": …, "spans": {label: [{"text", "start", "end", "score"}]}, "truncated_tokens": …, …}`."""
        return {"text": self.text, "spans": spans_to_dict(self.spans), **_lost(self)}


@dataclass(frozen=True, slots=True)
class Classified:
    """Labels of a text.

    Attributes:
      text: as it was given.
      labels: those that fit, with their scores.
      probabilities: of all labels that were compared, and of `None` where that could be chosen; None where labels were
        not compared (`choose="any"`).
      truncated_tokens, unfinished: see above.
    """

    text: str
    labels: tuple[Label, ...]
    probabilities: dict[str, float] | None = None
    truncated_tokens: int = 0
    unfinished: bool = False

    @classmethod
    def of(cls, answer: Answer, names: Names = None, threshold: float = 0.0) -> "Classified":
        """Of the answer to a classification; labels with a lower score than `threshold` are left out."""
        names = names or {}
        labels = tuple(
            Label(names.get(label.label, label.label), label.score)
            for label in answer.found
            if _passes(label.score, threshold)
        )
        shares = answer.label_probabilities
        named = None if shares is None else {names.get(label, label): share for label, share in shares.items()}
        return cls(answer.question.text, labels, named, answer.truncated, not answer.finished)

    def to_dict(self) -> dict[str, Any]:
        """`{"text": …, "labels": [{"label", "score"}], "probabilities": … or None, "truncated_tokens": …, …}`."""
        shares = None
        if self.probabilities is not None:
            shares = {label: rounded(share) for label, share in self.probabilities.items()}
        labels = [label.to_dict() for label in self.labels]
        return {"text": self.text, "labels": labels, "probabilities": shares, **_lost(self)}


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between two spans.

    Attributes:
      head, tail: the spans; of each the first mention.
      label, score: the relation, and its probability for this pair.
    """

    head: Span
    label: str
    tail: Span
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        ends = {"head": self.head.to_dict(), "label": self.label, "tail": self.tail.to_dict()}
        return {**ends, "score": rounded(self.score)}


@dataclass(frozen=True, slots=True)
class Relations:
    """Relations in a text.

    Attributes:
      text: as it was given.
      spans: each type with its spans.
      relations: in the order of their heads.
      not_asked: pairs of spans that are too far apart for one prompt, or beyond the first 2,000 of the text.
      truncated_tokens, unfinished: see above, of both rounds.
    """

    text: str
    spans: dict[str, tuple[Span, ...]]
    relations: tuple[Relation, ...]
    not_asked: int = 0
    truncated_tokens: int = 0
    unfinished: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        spans, relations = spans_to_dict(self.spans), [relation.to_dict() for relation in self.relations]
        return {"text": self.text, "spans": spans, "relations": relations, "not_asked": self.not_asked, **_lost(self)}


@dataclass(frozen=True, slots=True)
class Event:
    """An event in a text.

    Attributes:
      label: its type.
      triggers: the spans that tell it, in the same words.
      arguments: each role with its spans.
    """

    label: str
    triggers: tuple[Span, ...]
    arguments: dict[str, tuple[Span, ...]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        arguments = spans_to_dict(self.arguments)
        return {"label": self.label, "triggers": [span.to_dict() for span in self.triggers], "arguments": arguments}


@dataclass(frozen=True, slots=True)
class Events:
    """Events in a text: one for each event type and each of its triggers that reads differently.

    Attributes:
      text: as it was given.
      events: in the order of the schema.
      truncated_tokens, unfinished: see above, of both rounds.
    """

    text: str
    events: tuple[Event, ...]
    truncated_tokens: int = 0
    unfinished: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"text": self.text, "events": [event.to_dict() for event in self.events], **_lost(self)}


def _lost(result: Extracted | Classified | Relations | Events) -> dict[str, Any]:
    return {"truncated_tokens": result.truncated_tokens, "unfinished": result.unfinished}


def _passes(score: float | None, threshold: float) -> bool:
    """A score that is not known passes no threshold above 0."""
    return (0.0 if score is None else score) >= threshold
