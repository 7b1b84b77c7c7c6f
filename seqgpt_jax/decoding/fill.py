"""Filling of a schema from a text: a dataclass, pydantic model or JSON schema in, an object of it out.

    field                                        question
    str, a number, a date                        extraction of the field, the span with the highest score
    list of these                                extraction, all spans
    Enum, Literal                                classification, one label (or none where the field may be None)
    list of Enum or Literal                      classification, any number of labels
    list of objects with two such fields         relations between spans of these two types, named as the field is
    object, or list of objects, with others      event of the type that the field names, its fields are the roles

A field is asked by its `description`, or by its name with spaces for underscores.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding import pipelines
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Generator
from seqgpt_jax.decoding.questions import Question
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
    """

    text: str
    value: Any
    fields: dict[str, Any]
    spans: dict[str, tuple[Span, ...]]
    labels: dict[str, tuple[Label, ...]]
    errors: dict[str, str]
    not_asked: int = 0

    def to_dict(self) -> dict[str, Any]:
        """`{"text": …, "fields": …, "spans": {field: […]}, "labels": {field: […]}, "errors": {field: …}}`."""
        labels = {field: [label.to_dict() for label in found] for field, found in self.labels.items()}
        spans = spans_to_dict(self.spans)
        return {"text": self.text, "fields": self.fields, "spans": spans, "labels": labels, "errors": self.errors}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: how it is asked, its kind ("spans", "labels", "relations", "events") and whether it holds several.

    `optional` fields may be left out; `choices` are the labels, or the fields of a nested object with how they are
    asked.
    """

    name: str
    asked: str
    kind: str
    several: bool
    optional: bool
    choices: dict[str, Any]


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
        self._definitions = described.get("$defs", {})
        required = described.get("required", ())
        fields = described.get("properties")
        if not fields:
            raise ContractError("the schema has no fields: give an object with properties")
        self.fields = [self._field(name, field, name not in required) for name, field in fields.items()]

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
            labels = item.get("enum", [item.get("const")])
            return _Field(name, asked, "labels", several, optional, {str(label): label for label in labels})
        if item.get("type") in _SPAN_TYPES:
            return _Field(name, asked, "spans", several, optional, {})
        if item.get("type") == "object" and item.get("properties"):
            parts = {part: self._part(f"{name}.{part}", of) for part, of in item["properties"].items()}
            kind = "relations" if several and len(parts) == 2 else "events"
            return _Field(name, asked, kind, several, optional, parts)
        raise ContractError(
            f"field {name!r} is {item.get('type', 'of no type')!r}, which a text cannot be asked for: use str, a "
            "number, an Enum or Literal, a list of these, or an object of them"
        )

    def _part(self, path: str, field: Mapping[str, Any]) -> str:
        """How a field of a nested object is asked."""
        field, _ = self._resolved(path, field)
        if field.get("type") not in _SPAN_TYPES or "enum" in field:
            raise ContractError(f"field {path!r}: a nested object holds strings and numbers alone")
        return field.get("description") or path.rpartition(".")[2].replace("_", " ")

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
            field = {**self._definitions[field["$ref"].rpartition("/")[2]]}
            field.pop("description", None)
        if "allOf" in field or "oneOf" in field:
            raise ContractError(f"field {name!r} combines schemas: give one type")
        return {**field, **described}, nullable

    def object_of(self, fields: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        """(the object, or None; why there is none, by field)."""
        missing = {one.name: "the text does not say it" for one in self.fields if self._lacks(one, fields)}
        if missing:
            return None, missing
        try:
            return self._make(fields), {}
        except ValueError as error:  # pydantic's ValidationError is one
            return None, _errors(error)

    @staticmethod
    def _lacks(field: _Field, fields: Mapping[str, Any]) -> bool:
        return not field.optional and field.name not in fields


def fill(
    generator: Generator,
    texts: Sequence[str],
    schema: Schema,
    language: str | None = None,
    progress: Progress = no_progress,
) -> list[Filled]:
    """What each text says of a schema; see `SeqGPT.fill`."""
    fields: list[dict[str, Any]] = [{} for _ in texts]
    spans: list[dict[str, tuple[Span, ...]]] = [{} for _ in texts]
    labels: list[dict[str, tuple[Label, ...]]] = [{} for _ in texts]
    not_asked = [0] * len(texts)
    extracted = [one for one in schema.fields if one.kind == "spans"]
    asked = _different(extracted)
    if extracted:
        for n, one in enumerate(answer(generator, [Question(t, "ext", tuple(asked)) for t in texts], progress)):
            for query, field in asked.items():
                _add_spans(fields[n], spans[n], field, one.found[query])
    for field in schema.fields:
        if field.kind == "labels":
            choose = "any" if field.several else "one_or_none" if field.optional else "one"
            questions = [Question(text, "cls", tuple(field.choices), choose) for text in texts]
            for n, one in enumerate(answer(generator, questions, progress)):
                labels[n][field.name] = one.found
                values = [field.choices[label.label] for label in one.found]
                if field.several or values:
                    fields[n][field.name] = values if field.several else values[0]
        elif field.kind == "relations":
            (head, head_asked), (tail, tail_asked) = field.choices.items()
            found = pipelines.relations(generator, texts, {field.asked: (head_asked, tail_asked)}, language, progress)
            for n, one in enumerate(found):
                not_asked[n] += one.not_asked
                fields[n][field.name] = [{head: r.head.text, tail: r.tail.text} for r in one.relations]
                spans[n][f"{field.name}.{head}"] = tuple(r.head for r in one.relations)
                spans[n][f"{field.name}.{tail}"] = tuple(r.tail for r in one.relations)
        elif field.kind == "events":
            names = {role: name for name, role in field.choices.items()}
            for n, one in enumerate(pipelines.events(generator, texts, {field.asked: list(names)}, language, progress)):
                objects = [
                    {names[role]: _best(found).text for role, found in event.arguments.items() if found}
                    for event in one.events
                ]
                for event in one.events:
                    spans[n] |= {f"{field.name}.{names[role]}": found for role, found in event.arguments.items()}
                if field.several or objects:
                    fields[n][field.name] = objects if field.several else objects[0]
    results = []
    for n, text in enumerate(texts):
        value, errors = schema.object_of(fields[n])
        results.append(Filled(text, value, fields[n], spans[n], labels[n], errors, not_asked[n]))
    return results


def _different(fields: Sequence[_Field]) -> dict[str, _Field]:
    """Query -> its field; ContractError where two fields are asked alike."""
    asked: dict[str, _Field] = {}
    for field in fields:
        if (other := asked.setdefault(field.asked, field)) is not field:
            raise ContractError(f"fields {other.name!r} and {field.name!r} are asked alike, as {field.asked!r}")
    return asked


def _add_spans(fields: dict[str, Any], spans: dict[str, tuple[Span, ...]], field: _Field, found: Any) -> None:
    spans[field.name] = tuple(found)
    if field.several:
        fields[field.name] = list(dict.fromkeys(span.text for span in found))
    elif found:
        fields[field.name] = _best(found).text


def _best(found: Sequence[Span]) -> Span:
    """The span with the highest score, the first of several."""
    return max(found, key=lambda span: 0.0 if span.score is None else span.score)


def _adapter(schema: type) -> Any:
    try:
        from pydantic import TypeAdapter
    except ImportError as error:
        raise ImportError(f"to fill {schema.__name__} install pydantic, or give a JSON schema") from error
    return TypeAdapter(schema)


def _errors(error: ValueError) -> dict[str, str]:
    """Field -> what is wrong with it, of pydantic's error."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return {"": str(error)}
    return {".".join(map(str, one["loc"])): f"{one['msg']}: {one['input']!r}" for one in errors()}
