"""Columns of tables and fields of JSON records: which is the text, which the label, or what else a record needs."""

from collections.abc import Mapping, Sequence

from seqgpt_jax.tasks.readers.own_formats.items import Fields

Columns = Mapping[str, str]
"""Name in the own-data schema -> name of the column or field in the file, as `--columns=text=body,label=topic`."""

LABEL_SEPARATOR = "|"
"""Between the labels (or options) of one cell of a table."""

ROLES = (
    "text", "text_a", "text_b", "label", "mention", "head", "tail", "relation", "question", "answers", "options",
    "labels", "group", "id",
)  # fmt: skip
"""The names that `Columns` may give."""

_LISTS = ("answers", "options", "labels", "relation")
# An empty cell of these is none.
_OPTIONAL = ("labels", "options", "group", "question", "mention", "head", "tail")


def matched(names: Sequence[str], columns: Columns) -> dict[str, str]:
    """Role -> the column that has it: those of `columns`, else the columns of the role's own name, in any case.

    Raises:
      ValueError: `columns` gives an unknown role, or names a column that is not there.
    """
    if unknown := [role for role in columns if role not in ROLES]:
        raise ValueError(f"--columns: {unknown[0]!r} is not one of {', '.join(ROLES)}")
    if missing := [name for name in columns.values() if name not in names]:
        raise ValueError(f"--columns: there is no {missing[0]!r}; there are {', '.join(map(repr, names))}")
    folded = {name.strip().casefold(): name for name in reversed(names)}
    found = {role: folded[role] for role in ROLES if role in folded and folded[role] not in columns.values()}
    found |= columns
    # A pair is named whole; its texts have no other text beside them.
    if {"text_a", "text_b"} <= columns.keys() and "text" not in columns:
        found.pop("text", None)
    return found


def missing_roles(found: Mapping[str, str], names: Sequence[str], *, answers: bool = True) -> str:
    """What is wrong with columns that give no record; "" where nothing is.

    Args:
      found: as `matched` gives them.
      names: of all columns.
      answers: whether answers are needed too.
    """
    has_text = "text" in found or {"text_a", "text_b"} <= found.keys()
    answer = next((role for role in ("label", "answers", "relation") if role in found), "")
    if has_text and (answer or not answers):
        return ""
    lacks = " and no ".join((["text"] if not has_text else []) + (["label"] if answers and not answer else []))
    listed = ", ".join(map(repr, names)) or "none"
    others = [name for name in names if name not in found.values()] or ["NAME"]
    example = ",".join(
        f"{role}={found.get(role) or others[min(n, len(others) - 1)]}" for n, role in enumerate(("text", "label"))
    )
    return f"there is no column {lacks}; the columns are {listed}: say which they are, like --columns={example}"


def row_record(row: Mapping[str, str], found: Mapping[str, str], *, further: bool = False) -> Fields:
    """The own-data record of a row of a table, whose cells are strings; with or without its further columns."""
    record: Fields = {role: row[name] for role, name in found.items()}
    if further:
        record = {name: cell for name, cell in row.items() if name not in (*found.values(), *record, "task")} | record
    # As in JSON a field that is not there: a table may have records of several forms, or labels of some of its rows.
    record = {role: cell for role, cell in record.items() if role not in _OPTIONAL or cell.strip()}
    if not record.get("relation", "-").strip() and not record.keys() & {"head", "tail"}:
        del record["relation"]
    label = record.pop("label", None)
    for role in _LISTS:
        if role in record:
            record[role] = _parts(record[role])
    if label is not None:
        record["answers"] = _parts(label)
    return _completed(record)


def field_record(record: Fields, found: Mapping[str, str]) -> Fields:
    """The own-data record of a JSON object, whose fields are what they are; other fields are kept."""
    rest = {name: value for name, value in record.items() if name not in found.values() and name not in ROLES}
    renamed = rest | {role: record[name] for role, name in found.items() if name in record}
    if "label" in renamed:
        renamed["answers"] = renamed.pop("label")
    return _completed(renamed)


def own_record(record: Fields) -> list[Fields]:
    """A record of the own-data schema, with two texts as one list, and `label` as another name of `answers`."""
    if {"text_a", "text_b"} <= record.keys():
        record = dict(record)
        if "label" in record:
            record.setdefault("answers", record.pop("label"))
        record["text"] = [record.pop("text_a"), record.pop("text_b")]
    return [record]


def _completed(record: Fields) -> Fields:
    if {"text_a", "text_b"} <= record.keys():
        record["text"] = [record.pop("text_a"), record.pop("text_b")]
    if not record.keys() & {"mention", "head", "tail", "relation", "question", "events"} and "answers" in record:
        record.setdefault("task", "ext" if isinstance(record["answers"], dict) else "cls")
    return record


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(LABEL_SEPARATOR)]
