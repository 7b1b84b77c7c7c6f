"""Reading of own files: the format is recognized by content, and its records come in the own-data schema."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqgpt_jax.tasks.readers.own_formats import (
    brat,
    conll,
    doccano,
    gliner2,
    label_studio,
    prodigy,
    questions,
    rasa,
    tokens,
)
from seqgpt_jax.tasks.readers.own_formats.columns import (
    Columns,
    field_record,
    matched,
    missing_roles,
    own_record,
    row_record,
)
from seqgpt_jax.tasks.readers.own_formats.encodings import encoding_of
from seqgpt_jax.tasks.readers.own_formats.forms import in_base_form
from seqgpt_jax.tasks.readers.own_formats.items import Convert, Fields, Item, LeftOut, Note, Remark, converted
from seqgpt_jax.tasks.readers.own_formats.json_values import json_records, not_an_object
from seqgpt_jax.tasks.readers.own_formats.tables import WrongHeader, header, rows
from seqgpt_jax.tasks.readers.own_formats.workbooks import is_parquet, is_workbook, sheet_notes
from seqgpt_jax.tasks.readers.record import BROKEN, Record

# First bytes -> (what a file is, what to do).
_BINARY = (
    (b"PK\x03\x04", "an archive, or a broken workbook", "unpack it, or save its sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls)", "save its sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it"),
    (b"%PDF", "a PDF", "own data are texts with answers"),
)
# Records of a file that are looked at to recognize its format.
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """A format whose records are JSON.

    Attributes:
      fits: whether a value is a record of the format.
      convert: see `Convert`.
      description: for lists of formats.
      survey: further arguments of `convert`, which the values of all records and the columns decide.
    """

    fits: Callable[[Any], bool]
    convert: Callable[..., Iterator[Fields | Remark | LeftOut]]
    description: str
    survey: Callable[[Iterable[Any], Columns], Fields] | None = None


def _true_of(says: Callable[[Any], bool], value: Any) -> bool:
    """Whether a format says so of a value; what is no record of it is none of which anything is so."""
    try:
        return says(value)
    except BROKEN:
        return False


def _with_spans(has_spans: Callable[[Any], bool]) -> Callable[[Iterable[Any], Columns], Fields]:
    """The survey of a format whose spans, anywhere in the file, tell what an empty annotation means."""
    return lambda values, columns: {"spans": any(_true_of(has_spans, value) for value in values)}


def _own_fits(record: Fields) -> bool:
    if {"head", "tail"} <= record.keys() or {"text_a", "text_b"} <= record.keys():
        return True
    return bool(record.keys() & {"answers", "task", "mention", "events"}) or isinstance(record.get("text"), list)


JSON_FORMATS: Mapping[str, JsonFormat] = {
    "squad": JsonFormat(questions.fits, questions.convert, "SQuAD document"),
    "squad_rows": JsonFormat(questions.row_fits, questions.convert_row, "rows with context, question and answers"),
    "label_studio": JsonFormat(
        label_studio.fits, label_studio.convert, "Label Studio, JSON export", label_studio.survey
    ),
    "label_studio_min": JsonFormat(
        label_studio.flat_fits, label_studio.convert_flat, "Label Studio, JSON-MIN export", label_studio.flat_survey
    ),
    "rasa_json": JsonFormat(rasa.json_fits, rasa.convert, "Rasa NLU, older JSON"),
    "gliner": JsonFormat(tokens.gliner_fits, tokens.gliner, "GLiNER training data"),
    "gliner2": JsonFormat(gliner2.fits, gliner2.convert, "GLiNER2 training data"),
    "tokens": JsonFormat(tokens.tagged_fits, tokens.tagged, "tokens with a tag each"),
    "own": JsonFormat(_own_fits, own_record, "own-data records (docs/own_data.md)"),
    "prodigy": JsonFormat(
        prodigy.fits, prodigy.convert, "Prodigy export or spaCy training data", _with_spans(prodigy.has_spans)
    ),
    "doccano": JsonFormat(doccano.fits, doccano.convert, "doccano, JSONL export", _with_spans(doccano.has_spans)),
}
"""Name -> format, in the order in which they are tried."""

FILE_FORMATS: Mapping[str, tuple[Callable[[Path], Iterator[Item]], str]] = {
    "brat": (brat.records, "brat: .txt with .ann, or a folder of them"),
    "rasa": (rasa.records, "Rasa NLU, YAML"),
    "conll": (conll.records, "CoNLL: a token and its tag on each line"),
}
"""Formats that are neither JSON nor tables: name -> (their reader, what they are)."""

TABLES = {
    "table": "CSV, TSV or Excel workbook (.xlsx) with a header",
    "doccano_csv": "doccano, CSV export",
    "label_studio_csv": "Label Studio, CSV export",
}
# What columns name of the exports of Label Studio.
_NAMED_OF_LABEL_STUDIO = {
    "label_studio": {"text"},
    "label_studio_min": {"text", "label"},
    "label_studio_csv": {"text", "label"},
}
JSON_FIELDS = "fields"
"""JSON records of any other names, read by `Columns`."""

FORMATS: Mapping[str, str] = {
    **{name: form.description for name, form in JSON_FORMATS.items()},
    JSON_FIELDS: "JSON records with a text and a label",
    **TABLES,
    **{name: description for name, (_, description) in FILE_FORMATS.items()},
}
"""Name of every format -> what it is."""


def recognized(path: Path, columns: Columns | None = None) -> str:
    """The name of a file's format.

    Raises:
      ValueError: it is in no known format; what is near is named.
    """
    if brat.fits(path):
        return "brat"
    if path.is_dir():
        raise ValueError(f"{path}: a folder is own data where it has .ann files of brat; name a file")
    if is_workbook(path):
        return _table_format(path, header(path, columns or {})[1], columns or {})
    if is_parquet(path):
        return _json_format(path, columns or {})
    _refuse_binary(path)
    if _start(path) in ("[", "{"):
        return _json_format(path, columns or {})
    if rasa.fits(path):
        return "rasa"
    _, names, _ = header(path, columns or {})
    if not columns and not (matched(names, {}).keys() & {"text", "text_a"}) and conll.fits(path):
        return "conll"
    return _table_format(path, names, columns or {})


def _refuse_binary(path: Path) -> None:
    """Says what a file is that is no text."""
    with path.open("rb") as file:
        head = file.read(8)
    for magic, kind, way in _BINARY:
        if head.startswith(magic):
            raise ValueError(f"{path} is {kind}: {way}")


def records_of(path: Path, *, format: str = "", columns: Columns | None = None, answers: bool = True) -> Iterator[Item]:
    """The records of a file in the own-data schema, in its order.

    Args:
      path: the file.
      format: a name of `FORMATS`; "" recognizes it by content.
      columns: see `Columns`.
      answers: whether records need answers; questions for a model need none.

    Raises:
      ValueError: the format is not known or has no columns, or the file lacks what it needs.
      RecordError: nothing after this place can be read.
    """
    columns = columns or {}
    if format and format not in FORMATS:
        raise ValueError(f"there is no format {format!r}; there are {', '.join(FORMATS)}")
    format = format or recognized(path, columns)
    _check_columns(path, format, columns)
    if is_workbook(path):
        yield from sheet_notes(path)
    elif path.is_file() and not is_parquet(path) and (encoding := encoding_of(path)).guessed:
        detail = f"nothing says the encoding of the file, it was read as {encoding.name}: save it as UTF-8 to be sure"
        yield Note(path, 1, Remark("guessed_encoding", detail))
    if format in FILE_FORMATS:
        found = FILE_FORMATS[format][0](path)
    elif format in JSON_FORMATS:
        found = converted(_objects(path, format), _convert(path, format, columns, answers))
    elif format == JSON_FIELDS:
        found = converted(_objects(path, format), _fields(path, columns, answers))
    else:
        found = converted(rows(path, columns), _row(path, format, columns, answers))
    yield from in_base_form(found)


def _objects(path: Path, format: str) -> Iterator[Item]:
    # Our own records have the fields of their kind; a row of Parquet has those of all kinds.
    own_rows = format == "own" and is_parquet(path)
    for record in json_records(path):
        if own_rows and isinstance(record, Record):
            record = replace(record, value={name: v for name, v in record.value.items() if v is not None})
        # spaCy's records alone are lists.
        if isinstance(record, Record) and not isinstance(record.value, dict) and format != "prodigy":
            yield not_an_object(path, record.line, record.value)
        else:
            yield record


def _check_columns(path: Path, format: str, columns: Columns) -> None:
    """Columns name parts of tables and of JSON fields, and the text of Label Studio; elsewhere nothing reads them."""
    if not columns or format in (JSON_FIELDS, "table"):
        return
    given = ",".join(f"{role}={name}" for role, name in columns.items())
    if format not in _NAMED_OF_LABEL_STUDIO:
        raise ValueError(
            f"{path}: --columns={given} has no use for the format {format!r}, which says itself what is what: leave it "
            f"out, or read the file with --format=table or --format={JSON_FIELDS}"
        )
    if not columns.keys() <= (known := _NAMED_OF_LABEL_STUDIO[format]):
        raise ValueError(
            f"{path}: --columns={given}: of this export of Label Studio can be named: {', '.join(sorted(known))}"
        )


def _convert(path: Path, format: str, columns: Columns, answers: bool) -> Convert:
    form = JSON_FORMATS[format]
    convert: Callable[..., Iterator] = form.convert
    if form.survey is not None:
        values = (record.value for record in json_records(path) if isinstance(record, Record))
        convert = functools.partial(convert, **form.survey(values, columns))
    return convert if answers else functools.partial(_with_unlabeled, convert)


def _with_unlabeled(convert: Convert, record: Fields) -> Iterator[Fields | Remark | LeftOut]:
    """Texts that nobody has labeled are what a model is asked about."""
    for item in convert(record):
        yield item.question if isinstance(item, LeftOut) and item.question else item


def _start(path: Path) -> str:
    """The first character that is no space."""
    encoding = encoding_of(path)
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return head.decode(encoding.name, errors="replace").lstrip("\ufeff \t\r\n")[:1]


def _sample(path: Path) -> list[Any]:
    """The values of the first records that can be read."""
    records = itertools.islice(json_records(path), _SAMPLE)
    return [record.value for record in records if isinstance(record, Record)]


def _json_format(path: Path, columns: Columns) -> str:
    values = _sample(path)
    if not values and not columns:
        # What is wrong with each line is said when it is read.
        return "own"
    for name, form in JSON_FORMATS.items():
        # Columns name fields of JSON, except for what Label Studio wraps: there they name its text.
        if columns and not (
            name == "label_studio" or (name == "label_studio_min" and columns.keys() <= _NAMED_OF_LABEL_STUDIO[name])
        ):
            continue
        # Prodigy's neighbor spaCy alone has records that are lists.
        usable = values if name == "prodigy" else [value for value in values if isinstance(value, dict)]
        fitting = sum(_true_of(form.fits, value) for value in usable)
        if 2 * fitting > len(values):
            return name
    return JSON_FIELDS


def _table_format(path: Path, names: list[str], columns: Columns) -> str:
    if label_studio.flat_fits(dict.fromkeys(names)) and columns.keys() <= _NAMED_OF_LABEL_STUDIO["label_studio_csv"]:
        return "label_studio_csv"
    if columns:
        return "table"
    if not doccano.row_fits(names):
        return "table"
    labels = [row.value["label"] for row in rows(path, columns) if isinstance(row, Record)]
    return "doccano_csv" if doccano.cells_fit(names, labels) else "table"


def _fields(path: Path, columns: Columns, answers: bool) -> Convert:
    """JSON records by their fields; each has to have the ones that the columns name."""
    names = list(dict.fromkeys(name for value in _sample(path) if isinstance(value, dict) for name in value))
    found = matched(names, columns)
    if problem := missing_roles(found, names, answers=answers):
        if not answers and not columns:
            return own_record  # each question says what it lacks
        raise WrongHeader(path, 1, f"no known format: {problem.replace('column', 'field', 1)}")

    def convert(record: Fields) -> Iterator[Fields | LeftOut]:
        if missing := [name for role, name in found.items() if name not in record and role in columns]:
            raise ValueError(f"field {missing[0]!r} is missing; there are {', '.join(record) or 'none'}")
        if "label" in found and record.get(found["label"], "") is None:
            question = {"text": record.get(found["text"]), "task": "cls"} if "text" in found else None
            yield LeftOut("no_label", "its label is null", question)
        else:
            yield field_record(record, found)

    return convert if answers else functools.partial(_with_unlabeled, convert)


def _row(path: Path, format: str, columns: Columns, answers: bool) -> Convert:
    if format == "label_studio_csv":
        values = (record.value for record in rows(path, columns) if isinstance(record, Record))
        flat = functools.partial(label_studio.convert_flat, **label_studio.flat_survey(values, columns))
        return flat if answers else functools.partial(_with_unlabeled, flat)
    if format == "doccano_csv":
        return doccano.convert_row if answers else functools.partial(_with_unlabeled, doccano.convert_row)
    _, names, skipped = header(path, columns)
    try:
        found = matched(names, columns)
    except ValueError as error:
        raise WrongHeader(path, skipped + 1, str(error)) from error
    if problem := missing_roles(found, names, answers=answers):
        raise WrongHeader(path, skipped + 1, f"the first row has to name the columns text and label: {problem}")
    # Further columns are carried through to the answers of a model; training has no use for them.
    return lambda row: [row_record(row, found, further=not answers)]
