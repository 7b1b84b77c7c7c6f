"""Filling of a schema from a text: a dataclass, pydantic model or JSON schema in, an object of it out.

    field                                        question
    str, a number, a date                        extraction of the field, the span with the highest score
    list of these                                extraction, all spans
    Enum, Literal                                classification, one label (or none where the field may be left out)
    list of Enum or Literal                      classification, any number of labels
    list of objects with two such fields         relations between spans of these two types, named as the field is
    object                                       event of the type that the field names, its fields are the roles

A field is asked by its `description`, or by its name with spaces for underscores; a classification by its labels alone,
as the contract has no room for more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from dataclasses import field as dataclass_field
from typing import Any

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding import pipelines
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.completion import Choice, Generator
from seqgpt_jax.decoding.questions import Question, compose_windows
from seqgpt_jax.decoding.results import Events, Relations
from seqgpt_jax.decoding.spans import Label, Span, spans_to_dict
from seqgpt_jax.io.progress import Progress, no_progress

_SPAN_TYPES = ("string", "integer", "number")


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
      not_asked: pairs of spans that are too far apart for a question about their relation.
      truncated_tokens: how much of a pair of texts (with a TAB between them) was too long to be classified whole.
      unfinished: whether an answer reached the token limit, so that spans may be missing.
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


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: how it is asked, its kind ("spans", "labels", "relations", "events") and whether it holds several.

    `optional` fields may be left out; `choices` are the labels, or the fields of a nested object with how they are
    asked; `type` is that of a span, `types` those of the fields of a nested object, of which it must have `required`.
    """

    name: str
    asked: str
    kind: str
    several: bool
    optional: bool
    choices: dict[str, Any]
    type: str = ""
    types: dict[str, str] = dataclass_field(default_factory=dict)
    required: tuple[str, ...] = ()


class Schema:
    """The fields of a class or a JSON schema, and how an object is made of their answers."""

    def __init__(self, schema: Any) -> None:
        """Reads a dataclass, a pydantic model or a JSON schema.

        Raises:
          ContractError: a field is something that a text cannot be asked for; it is named.
          TypeError: not a schema.
          ImportError: the schema is a class, and pydantic is not installed.
        """
        self._make: Callable[[dict[str, Any]], Any] = dict
        if isinstance(schema, Mapping):
            described = schema
        elif isinstance(schema, type) and (is_dataclass(schema) or hasattr(schema, "model_fields")):
            adapter = _adapter(schema)
            described, self._make = adapter.json_schema(), adapter.validate_python
        else:
            raise TypeError(f"a schema is a dataclass, a pydantic model or a JSON schema, not {schema!r}")
        self._definitions = described.get("$defs") or described.get("definitions") or {}
        required = described.get("required", ())
        fields = described.get("properties")
        if not fields:
            raise ContractError("the schema has no fields: give an object with properties")
        self.fields = [self._field(name, field, name not in required) for name, field in fields.items()]
        self._check_labels()

    def _field(self, name: str, field: Mapping[str, Any], optional: bool) -> _Field:
        field, nullable = self._resolved(name, field)
        asked = field.get("description") or name.replace("_", " ")
        several = field.get("type") == "array"
        if several:
            item, _ = self._resolved(name, field.get("items", {}))
        else:
            item = field
        optional = optional or nullable or several
        if "enum" in item or "const" in item:
            labels = [label for label in item.get("enum", [item.get("const")]) if label is not None]
            return _Field(name, asked, "labels", several, optional, {str(label): label for label in labels})
        if item.get("type") in _SPAN_TYPES:
            return _Field(name, asked, "spans", several, optional, {}, item["type"])
        if item.get("type") == "object" and item.get("properties"):
            read = {part: self._part(f"{name}.{part}", of) for part, of in item["properties"].items()}
            parts, types = ({part: of[which] for part, of in read.items()} for which in (0, 1))
            required = tuple(part for part in item.get("required", ()) if not read[part][2])
            if len(set(parts.values())) < len(parts):
                raise ContractError(f"field {name!r}: two of its fields are asked alike: {', '.join(parts.values())}")
            if several and len(parts) != 2:
                raise ContractError(
                    f"field {name!r} is a list of objects with {len(parts)} fields, which a text cannot be asked for: "
                    "a list needs two fields (a relation); without a list it is one event"
                )
            kind = "relations" if several else "events"
            return _Field(name, asked, kind, several, optional, parts, "", types, required)
        raise ContractError(
            f"field {name!r} is {item.get('type', 'of no type')!r}, which a text cannot be asked for: use str, a "
            "number, an Enum or Literal, a list of these, or an object of them"
        )

    def _part(self, path: str, field: Mapping[str, Any]) -> tuple[str, str, bool]:
        """(how a field of a nested object is asked, its type, whether it may be null)."""
        field, nullable = self._resolved(path, field)
        if field.get("type") not in _SPAN_TYPES or "enum" in field:
            raise ContractError(f"field {path!r}: a nested object holds strings and numbers alone")
        return field.get("description") or path.rpartition(".")[2].replace("_", " "), field["type"], nullable

    def _resolved(self, name: str, field: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """(the field without references and without null, whether it may be null)."""
        nullable = False
        described = {key: field[key] for key in ("description",) if key in field}
        if "anyOf" in field:
            others = [one for one in field["anyOf"] if one.get("type") != "null"]
            nullable = len(others) < len(field["anyOf"])
            if len(others) != 1:
                raise ContractError(f"field {name!r} may be of {len(others)} types: give one")
            (field,) = others
        if "$ref" in field:
            # The description of a class is its docstring: no question to a text.
            reference = field["$ref"].rpartition("/")[2]
            if reference not in self._definitions:
                raise ContractError(f"field {name!r} refers to {field['$ref']!r}, which the schema does not define")
            field = {**self._definitions[reference]}
            field.pop("description", None)
        if isinstance(field.get("type"), list):
            types = [kind for kind in field["type"] if kind != "null"]
            if len(types) != 1:
                raise ContractError(f"field {name!r} may be of {len(types)} types: give one")
            nullable = nullable or len(types) < len(field["type"])
            field = {**field, "type": types[0]}
        nullable = nullable or None in field.get("enum", ())
        if "allOf" in field or "oneOf" in field:
            raise ContractError(f"field {name!r} combines schemas: give one type")
        return {**field, **described}, nullable

    def _check_labels(self) -> None:
        """Raises ContractError where two fields have the same labels: nothing in their questions would differ."""
        asked: dict[tuple[str, ...], str] = {}
        for field in self.fields:
            if field.kind == "labels" and (other := asked.setdefault(tuple(field.choices), field.name)) != field.name:
                raise ContractError(
                    f"fields {other!r} and {field.name!r} have the same labels, by which alone they are asked: name "
                    f"them differently, such as '{field.name} {next(iter(field.choices))}'"
                )

    def object_of(self, fields: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        """(the object, or None; why there is none, by field)."""
        missing = [one.name for one in self.fields if not one.optional and one.name not in fields]
        for one in self.fields:
            if one.kind == "events" and one.name in fields:
                missing += [f"{one.name}.{part}" for part in one.required if part not in fields[one.name]]
        if missing:
            return None, dict.fromkeys(missing, "the text does not say it")
        try:
            return self._make(self._numbers(fields)), {}
        except ValueError as error:  # pydantic's ValidationError is one
            return None, _errors(error)

    def _numbers(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields with numbers where the schema has numbers; ValueError names the field that has none.

        Classes read their own numbers: pydantic does.
        """
        if self._make is not dict:
            return dict(fields)
        found = dict(fields)
        for field in self.fields:
            if field.name not in found or field.kind == "labels":
                continue
            values = found[field.name] if field.several else [found[field.name]]
            if field.types:
                read = [
                    {part: _read(f"{field.name}.{part}", field.types[part], value) for part, value in one.items()}
                    for one in values
                ]
            else:
                read = [_read(field.name, field.type, value) for value in values]
            found[field.name] = read if field.several else read[0]
        return found


def fill(
    generator: Generator,
    texts: Sequence[str],
    schema: Schema,
    language: str | None = None,
    progress: Progress = no_progress,
) -> list[Filled]:
    """What each text says of a schema; see `SeqGPT.fill`."""
    drafts = [_Draft() for _ in texts]
    extracted = _different([field for field in schema.fields if field.kind == "spans"])
    classified = [field for field in schema.fields if field.kind == "labels"]
    answers = iter(_ask(generator, _questions(texts, extracted, classified), progress))
    for draft in drafts:
        if extracted:
            one = next(answers)
            for query, field in extracted.items():
                draft.add_spans(field, one.found[query])
            draft.add(one)
        for field in classified:
            one = next(answers)
            draft.add_labels(field, one.found)
            draft.add(one)
    for field in schema.fields:
        if field.kind == "relations":
            schema_of_field = {field.asked: tuple(field.choices.values())}
            with _named(field.name):
                found = pipelines.relations(generator, texts, schema_of_field, language, progress)
            for draft, one in zip(drafts, found, strict=True):
                draft.add_relations(field, one)
        elif field.kind == "events":
            with _named(field.name):
                roles = {field.asked: list(field.choices.values())}
                found = pipelines.events(generator, texts, roles, language, progress)
            for draft, one in zip(drafts, found, strict=True):
                draft.add_events(field, one)
    return [draft.filled(text, schema) for draft, text in zip(drafts, texts, strict=True)]


@dataclass(slots=True)
class _Draft:
    """What has been found in one text so far: the parts of a `Filled`."""

    fields: dict[str, Any] = dataclass_field(default_factory=dict)
    spans: dict[str, tuple[Span, ...]] = dataclass_field(default_factory=dict)
    labels: dict[str, tuple[Label, ...]] = dataclass_field(default_factory=dict)
    not_asked: int = 0
    truncated: int = 0
    unfinished: bool = False

    def add(self, answer: Answer) -> None:
        self.truncated = max(self.truncated, answer.truncated)
        self.unfinished |= not answer.finished

    def add_spans(self, field: _Field, found: Sequence[Span]) -> None:
        self.spans[field.name] = tuple(found)
        if field.several:
            self.fields[field.name] = list(dict.fromkeys(span.text for span in found))
        elif found:
            self.fields[field.name] = _best(found).text

    def add_labels(self, field: _Field, found: Sequence[Label]) -> None:
        self.labels[field.name] = tuple(found)
        values = [field.choices[label.label] for label in found]
        if field.several or values:
            self.fields[field.name] = values if field.several else values[0]

    def add_relations(self, field: _Field, found: Relations) -> None:
        head, tail = field.choices
        self.not_asked += found.not_asked
        self.fields[field.name] = [{head: r.head.text, tail: r.tail.text} for r in found.relations]
        self.spans[f"{field.name}.{head}"] = tuple(r.head for r in found.relations)
        self.spans[f"{field.name}.{tail}"] = tuple(r.tail for r in found.relations)

    def add_events(self, field: _Field, found: Events) -> None:
        if not found.events:
            return
        arguments: dict[str, tuple[Span, ...]] = {}
        for name, role in field.choices.items():  # events of one type: the object takes the surest span of them all
            if spans := [span for event in found.events for span in event.arguments[role]]:
                arguments[name] = tuple(dict.fromkeys(spans))
        self.fields[field.name] = {name: _best(spans).text for name, spans in arguments.items()}
        self.spans |= {f"{field.name}.{name}": spans for name, spans in arguments.items()}

    def filled(self, text: str, schema: Schema) -> Filled:
        value, errors = schema.object_of(self.fields)
        counts = (self.not_asked, self.truncated, self.unfinished)
        return Filled(text, value, self.fields, self.spans, self.labels, errors, *counts)


def _questions(
    texts: Sequence[str], extracted: Mapping[str, _Field], classified: Sequence[_Field]
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


def _different(fields: Sequence[_Field]) -> dict[str, _Field]:
    """Query -> its field; ContractError where two fields are asked alike."""
    asked: dict[str, _Field] = {}
    for field in fields:
        if (other := asked.setdefault(field.asked, field)) is not field:
            raise ContractError(f"fields {other.name!r} and {field.name!r} are asked alike, as {field.asked!r}")
    return asked


def _best(found: Sequence[Span]) -> Span:
    """The span with the highest score, the first of several."""
    return max(found, key=lambda span: 0.0 if span.score is None else span.score)


class _NumberError(ValueError):
    """A field that is no number."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _read(path: str, type_: str, value: str) -> Any:
    """A value as a schema has it: a number, or the text; `_NumberError` where it is no number."""
    make = {"integer": int, "number": float}.get(type_)
    try:
        return value if make is None else make(value)
    except ValueError as error:
        raise _NumberError(path, f"not of type {type_}: {value!r}") from error


def _adapter(schema: type) -> Any:
    try:
        from pydantic import TypeAdapter
    except ImportError as error:
        raise ImportError(f"to fill {schema.__name__} install pydantic, or give a JSON schema") from error
    return TypeAdapter(schema)


def _errors(error: ValueError) -> dict[str, str]:
    """Field -> what is wrong with it, of pydantic's error."""
    if isinstance(error, _NumberError):
        return {error.field: str(error)}
    errors = getattr(error, "errors", None)
    if errors is None:
        return {"": str(error)}
    return {".".join(map(str, one["loc"])): f"{one['msg']}: {one['input']!r}" for one in errors()}
