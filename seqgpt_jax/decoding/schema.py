"""Schemas to fill: the fields of a dataclass, pydantic model or JSON schema, and the object that their answers make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from dataclasses import field as dataclass_field
from typing import Any

from seqgpt_jax.atomic import ContractError

_SPAN_TYPES = ("string", "integer", "number")


@dataclass(frozen=True, slots=True)
class Field:
    """A field: how it is asked, its kind ("spans", "labels", "relations", "events") and whether it holds several.

    A text need not say a field that is not `required`, which may be left out, or is `nullable`. `choices` are the
    labels, or the fields of a nested object with how they are asked; `type` is that of a span, `types` those of the
    fields of a nested object, of which the text has to say `needed`, and `nulls` are null where it does not.
    """

    name: str
    asked: str
    kind: str
    several: bool
    required: bool
    nullable: bool
    choices: dict[str, Any]
    type: str = ""
    types: dict[str, str] = dataclass_field(default_factory=dict)
    needed: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        """Whether there is an object although the text does not say the field; a list is empty then."""
        return not self.required or self.nullable or self.several


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
        self.fields = [self._field(name, field, name in required) for name, field in fields.items()]
        self._check_labels()

    def _field(self, name: str, field: Mapping[str, Any], required: bool) -> Field:
        field, nullable = self._resolved(name, field)
        asked = field.get("description") or name.replace("_", " ")
        several = field.get("type") == "array"
        if several:
            item, _ = self._resolved(name, field.get("items", {}))
        else:
            item = field
        can_be = (required, nullable)
        if "enum" in item or "const" in item:
            labels = [label for label in item.get("enum", [item.get("const")]) if label is not None]
            return Field(name, asked, "labels", several, *can_be, _choices(name, labels))
        if item.get("type") in _SPAN_TYPES:
            return Field(name, asked, "spans", several, *can_be, {}, item["type"])
        if item.get("type") == "object" and item.get("properties"):
            read = {part: self._part(f"{name}.{part}", of) for part, of in item["properties"].items()}
            parts, types = ({part: of[which] for part, of in read.items()} for which in (0, 1))
            nulls = tuple(part for part in item.get("required", ()) if read[part][2])
            needed = tuple(part for part in item.get("required", ()) if not read[part][2])
            if len(set(parts.values())) < len(parts):
                raise ContractError(f"field {name!r}: two of its fields are asked alike: {', '.join(parts.values())}")
            if several and len(parts) != 2:
                raise ContractError(
                    f"field {name!r} is a list of objects with {len(parts)} fields, which a text cannot be asked for: "
                    "a list needs two fields (a relation); without a list it is one event"
                )
            kind = "relations" if several else "events"
            return Field(name, asked, kind, several, *can_be, parts, "", types, needed, nulls)
        raise ContractError(
            f"field {name!r} is {item.get('type', 'of no type')!r}, which a text cannot be asked for: use str, a "
            "number, an Enum or Literal, a list of these, or an object of them"
        )

    def _part(self, path: str, field: Mapping[str, Any]) -> tuple[str, str, bool]:
        """(how a field of a nested object is asked, its type, whether it may be null)."""
        field, nullable = self._resolved(path, field)
        if field.get("type") not in _SPAN_TYPES or "enum" in field or "const" in field:
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
        asked: dict[frozenset[str], str] = {}
        for field in self.fields:
            if (
                field.kind == "labels"
                and (other := asked.setdefault(frozenset(field.choices), field.name)) != field.name
            ):
                raise ContractError(
                    f"fields {other!r} and {field.name!r} have the same labels, by which alone they are asked: name "
                    f"them differently, such as '{field.name} {next(iter(field.choices))}'"
                )

    def object_of(self, fields: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        """(the object, or None; why there is none, by field)."""
        missing = [one.name for one in self.fields if not one.optional and one.name not in fields]
        for one in self.fields:
            if one.kind == "events" and one.name in fields:
                missing += [f"{one.name}.{part}" for part in one.needed if part not in fields[one.name]]
        if missing:
            return None, dict.fromkeys(missing, "the text does not say it")
        try:
            return self._make(self._with_nulls(self._numbers(fields))), {}
        except ValueError as error:  # pydantic's ValidationError is one
            return None, _errors(error)

    def _with_nulls(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields, and null for each that the text does not say where the schema wants it all the same."""
        found = {}
        for field in self.fields:
            if field.name in fields:
                value = fields[field.name]
                found[field.name] = dict.fromkeys(field.nulls) | value if field.kind == "events" else value
            elif field.required and field.nullable:
                found[field.name] = None
        return found

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


def _choices(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """Label -> its value; ContractError where two values are the same label."""
    choices: dict[str, Any] = {}
    for value in values:
        if repr(other := choices.setdefault(str(value), value)) != repr(value):
            raise ContractError(f"field {name!r}: its values {other!r} and {value!r} are asked alike: leave one out")
    return choices


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
