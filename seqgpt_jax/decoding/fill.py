"""Filling of a schema from a text: a dataclass, pydantic model or JSON schema in, an object of it out.

    field                                        question
    str, a number, a date                        extraction of the field, the span with the highest score
    list of these                                extraction, all spans
    Enum, Literal                                classification, one label (or none where the field may be left out)
    list of Enum or Literal                      classification, any number of labels
    list of objects with two such fields         relations between spans of these two types, named as the field is
    object                                       event of the type that the field names, its fields are the roles; of
                                                 several events the one with most roles, then with the best scores

A field is asked by its `description`, or by its name with spaces for underscores; a classification by its labels alone,
as the contract has no room for more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding import pipelines
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.completion import Choice, Generator
from seqgpt_jax.decoding.questions import Question, compose_windows
from seqgpt_jax.decoding.results import Event, Events, Relations
from seqgpt_jax.decoding.schema import Field, Schema
from seqgpt_jax.decoding.spans import Label, Span, spans_to_dict
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Filled:
    """What a text says of a schema.

    Attributes:
      text: as it was given.
      value: the object: of the class that was asked, or a dict for a JSON schema. None where `errors` has any.
      fields: each field with what was found: a string, a list, a dict; fields without an answer are left out.
      spans: each field that was extracted with its spans; those of nested objects under `field.name`.
      labels: each field that was classified with its labels.
      errors: why there is no object, by field: what the text does not say, or says in another form ("three").
      not_asked: pairs of spans that were not asked about; see `Relations`.
      truncated_tokens: how much of a text was too long and was not read, at its beginning.
      unfinished: whether an answer reached the token limit, so that spans or labels may be missing.
    """

    text: str
    value: Any
    fields: dict[str, Any]
    spans: dict[str, tuple[Span, ...]]
    labels: dict[str, tuple[Label, ...]]
    errors: dict[str, str]
    not_asked: int = 0
    truncated_tokens: int = 0
    unfinished: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All but `value`, as JSON has it."""
        counted = {name: getattr(self, name) for name in ("not_asked", "truncated_tokens", "unfinished")}
        return {
            "text": self.text,
            "fields": self.fields,
            "spans": spans_to_dict(self.spans),
            "labels": {field: [label.to_dict() for label in found] for field, found in self.labels.items()},
            "errors": self.errors,
            **counted,
        }


def fill(
    generator: Generator,
    texts: Sequence[str],
    schema: Schema,
    language: str | None = None,
    progress: Progress = no_progress,
) -> list[Filled]:
    """What each text says of a schema; see `SeqGPT.fill`."""
    for field in schema.fields:
        if check := _CHECKS.get(field.kind):
            with _named(field.name):
                check(_schema_of(field), language, generator.limits)
    drafts = [_Draft() for _ in texts]
    extracted = _different([field for field in schema.fields if field.kind == "spans"])
    classified = [field for field in schema.fields if field.kind == "labels"]
    answers = iter(_ask(generator, _questions(texts, extracted, classified), progress))
    for draft in drafts:
        if extracted:
            one = next(answers)
            for query, field in extracted.items():
                draft.add_spans(field, one.found[query])
            draft.add(one.truncated, not one.finished)
        for field in classified:
            one = next(answers)
            draft.add_labels(field, one.found)
            draft.add(one.truncated, not one.finished)
    for field in schema.fields:
        if field.kind == "relations":
            with _named(field.name):
                found = pipelines.relations(generator, texts, _schema_of(field), language, progress)
            for draft, one in zip(drafts, found, strict=True):
                draft.add_relations(field, one)
        elif field.kind == "events":
            with _named(field.name):
                found = pipelines.events(generator, texts, _schema_of(field), language, progress)
            for draft, one in zip(drafts, found, strict=True):
                draft.add_events(field, one)
    return [draft.filled(text, schema) for draft, text in zip(drafts, texts, strict=True)]


_CHECKS = {"relations": pipelines.check_relations, "events": pipelines.check_events}


def _schema_of(field: Field) -> Any:
    """The schema of relations or events that a nested object asks for: one of each, with the object's fields."""
    return {field.asked: tuple(field.choices.values())}


@dataclass(slots=True)
class _Draft:
    """What has been found in one text so far: the parts of a `Filled`."""

    fields: dict[str, Any] = dataclass_field(default_factory=dict)
    spans: dict[str, tuple[Span, ...]] = dataclass_field(default_factory=dict)
    labels: dict[str, tuple[Label, ...]] = dataclass_field(default_factory=dict)
    not_asked: int = 0
    truncated: int = 0
    unfinished: bool = False

    def add(self, truncated: int, unfinished: bool) -> None:
        self.truncated = max(self.truncated, truncated)
        self.unfinished |= unfinished

    def add_spans(self, field: Field, found: Sequence[Span]) -> None:
        self.spans[field.name] = tuple(found)
        if field.several:
            self.fields[field.name] = list(dict.fromkeys(span.text for span in found))
        elif found:
            self.fields[field.name] = _best(found).text

    def add_labels(self, field: Field, found: Sequence[Label]) -> None:
        self.labels[field.name] = tuple(found)
        values = [field.choices[label.label] for label in found]
        if field.several or values:
            self.fields[field.name] = values if field.several else values[0]

    def add_relations(self, field: Field, found: Relations) -> None:
        head, tail = field.choices
        self.add(found.truncated_tokens, found.unfinished)
        self.not_asked += found.not_asked
        self.fields[field.name] = [{head: r.head.text, tail: r.tail.text} for r in found.relations]
        self.spans[f"{field.name}.{head}"] = tuple(r.head for r in found.relations)
        self.spans[f"{field.name}.{tail}"] = tuple(r.tail for r in found.relations)

    def add_events(self, field: Field, found: Events) -> None:
        self.add(found.truncated_tokens, found.unfinished)
        if not found.events:
            return
        # One event: roles of several would make one that the text does not have.
        event = max(found.events, key=_fullness)
        arguments = {name: spans for name, role in field.choices.items() if (spans := event.arguments[role])}
        self.fields[field.name] = {name: _best(spans).text for name, spans in arguments.items()}
        self.spans |= {f"{field.name}.{name}": spans for name, spans in arguments.items()}

    def filled(self, text: str, schema: Schema) -> Filled:
        value, errors = schema.object_of(self.fields)
        counts = (self.not_asked, self.truncated, self.unfinished)
        return Filled(text, value, self.fields, self.spans, self.labels, errors, *counts)


def _questions(
    texts: Sequence[str], extracted: Mapping[str, Field], classified: Sequence[Field]
) -> list[tuple[str, Question]]:
    """(field, question) of each text: all extracted fields in one question (field ""), then each classified one."""
    questions = []
    for text in texts:
        if extracted:
            questions.append(("", Question(text, "ext", tuple(extracted))))
        for field in classified:
            choose: Choice = "any" if field.several else "one_or_none" if field.optional else "one"
            questions.append((field.name, Question(text, "cls", tuple(field.choices), choose)))
    return questions


def _ask(generator: Generator, questions: Sequence[tuple[str, Question]], progress: Progress) -> list[Answer]:
    """The answers to all questions, of one call; an error names the field of its question."""
    try:
        return answer(generator, [question for _, question in questions], progress)
    except ContractError:
        for field, question in questions:
            with _named(field):
                compose_windows(question, generator.limits)
        raise


@contextmanager
def _named(field: str) -> Iterator[None]:
    """Names the field in errors about its question."""
    try:
        yield
    except ContractError as error:
        raise ContractError(f"field {field!r}: {error}" if field else str(error)) from error


def _different(fields: Sequence[Field]) -> dict[str, Field]:
    """Query -> its field; ContractError where two fields are asked alike."""
    asked: dict[str, Field] = {}
    for field in fields:
        if (other := asked.setdefault(field.asked, field)) is not field:
            raise ContractError(f"fields {other.name!r} and {field.name!r} are asked alike, as {field.asked!r}")
    return asked


def _fullness(event: Event) -> tuple[int, float]:
    """(roles that are filled, the mean score of their best spans)."""
    scores = [_best(spans).score or 0.0 for spans in event.arguments.values() if spans]
    return len(scores), sum(scores) / max(len(scores), 1)


def _best(found: Sequence[Span]) -> Span:
    """The span with the highest score, the first of several."""
    return max(found, key=lambda span: 0.0 if span.score is None else span.score)
