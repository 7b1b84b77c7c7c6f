"""Exports of doccano: JSON lines of all its versions, and its CSV."""

from collections.abc import Iterable, Iterator

from seqgpt_jax.tasks.readers.own_formats.items import Fields, LeftOut, first_field
from seqgpt_jax.tasks.readers.own_formats.spans import extraction, parsed_span, relations

_SEPARATOR = "#"


def fits(record: Fields) -> bool:
    """Whether a record is doccano's: a text with a list of labels or spans."""
    if not isinstance(record.get("text"), str) or "answers" in record or "task" in record:
        return False
    if {"entities", "relations"} <= record.keys() or "Comments" in record:
        return any(name in record for name in ("entities", "label", "labels"))
    # Where both are there, `labels` are the candidates of a record of another tool.
    return isinstance(record.get("label", record.get("labels")), list)


def has_spans(record: Fields) -> bool:
    """Whether a record has a span."""
    labels = record.get("label", record.get("labels"))
    return bool(record.get("entities")) or (
        isinstance(labels, list) and any(isinstance(x, list | dict) for x in labels)
    )


def convert(record: Fields, *, spans: bool = False) -> Iterator[Fields | LeftOut]:
    """Spans `[start, end, label]` or `entities`, with `relations`; else a list of labels, or one.

    Args:
      record: of the export.
      spans: whether records of its file have spans. There an empty list means no span; elsewhere it is a text that
        nobody has labeled yet, for doccano does not tell it from one that no label fits.
    """
    text = record["text"]
    if "entities" in record:
        yield extraction(text, record["entities"])
        by_id = {entity["id"]: parsed_span(entity)[1] for entity in record["entities"] if "id" in entity}
        for pair in record.get("relations", ()):
            if missing := [pair[end] for end in ("from_id", "to_id") if pair[end] not in by_id]:
                raise ValueError(f"relation {pair!r} names entity {missing[0]}, which the record does not have")
        yield from relations(
            text, ((by_id[p["from_id"]], by_id[p["to_id"]], p["type"]) for p in record.get("relations", ()))
        )
        return
    labels = record[first_field(record, ("label", "labels"))]
    if labels == [] and not spans:
        yield LeftOut("not_annotated", "the text has no label", {"text": text, "task": "cls"})
    elif isinstance(labels, list) and all(isinstance(label, list | dict) for label in labels):
        yield extraction(text, labels)
    else:
        yield {"text": text, "task": "cls", "answers": labels}


def convert_row(row: Fields) -> Iterator[Fields | LeftOut]:
    """A row of the CSV."""
    if row["label"]:
        yield {"text": row["text"], "task": "cls", "answers": row_answers(row["label"])}
    else:
        yield LeftOut("not_annotated", "the row has no label", {"text": row["text"], "task": "cls"})


def row_fits(columns: list[str]) -> bool:
    """Whether a table has the columns of doccano's CSV."""
    return columns in (["id", "text", "label"], ["id", "text", "label", "Comments"])


def cells_fit(columns: list[str], labels: Iterable[str]) -> bool:
    """Whether such a table is doccano's: by its comments, or by lists whose separator no other table has."""
    found = list(labels)
    return "Comments" in columns or (any(len(row_answers(x)) > 1 for x in found) and not any("|" in x for x in found))


def row_answers(label: str) -> list[str]:
    """The labels of a cell: `delivery#broken`; a `#` at an end belongs to its label (`C#`)."""
    parts = [part.strip() for part in label.split(_SEPARATOR)]
    return parts if all(parts) else [label.strip()]
