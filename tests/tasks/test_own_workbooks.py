"""Own data in Excel workbooks and Parquet files."""

import datetime
import json
import math
import sys
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax import validate
from seqgpt_jax.tasks.own_questions import question_lines
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.own_formats.reading import recognized
from seqgpt_jax.tasks.readers.own_formats.workbooks import parquet_records, sheet_rows


def workbook(path: Path, *sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    names = dict.fromkeys(name for row in rows for name in row)
    pyarrow.parquet.write_table(pyarrow.table({name: [row.get(name) for row in rows] for name in names}), path)
    return path


def found(path: Path, **options: Any) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    items = [item for item in own.checked(path, **options) if not item.skipped]
    assert not [str(item.fault) for item in items if item.fault]
    return [(item.instance.text, dict(item.instance.gold)) for item in items]


def test_a_workbook_is_a_table(tmp_path) -> None:
    # Blank rows, an empty column at the end, numbers, and a cell of two lines; the name of the file says nothing.
    rows = [
        [],
        ["Text ", "LABEL", None],
        ["Wo ist mein Päckchen?", "lieferung", None],
        [None, "  ", None],
        ["它在哪里", 3.0],
        ["two\nlines", "x | y"],
    ]
    path = workbook(tmp_path / "tickets.dat.xlsx", rows).rename(tmp_path / "tickets.dat")
    assert recognized(path) == "table"
    assert found(path) == [
        ("Wo ist mein Päckchen?", {"lieferung": ()}),
        ("它在哪里", {"3": ()}),
        ("two\nlines", {"x": (), "y": ()}),
    ]
    assert [line for line, _ in sheet_rows(path)] == [2, 3, 5, 6]
    named = workbook(tmp_path / "named.xlsx", [["body", "topic"], ["late again", "delivery"]])
    assert found(named, columns={"text": "body", "label": "topic"}) == [("late again", {"delivery": ()})]


def test_cells_are_written_as_people_read_them(tmp_path) -> None:
    day = datetime.datetime(2024, 5, 3)
    cells = [1, 2.5, 4.0, True, day, day.replace(hour=7), datetime.time(8, 30), "x"]
    assert sheet_rows(workbook(tmp_path / "a.xlsx", [cells])) == [
        (1, ["1", "2.5", "4", "True", "2024-05-03", "2024-05-03 07:00:00", "08:30:00", "x"])
    ]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(lambda s: s[0] not in "='"), min_size=1
    )
)
def test_texts_of_cells_are_kept(tmp_path_factory, texts) -> None:
    path = workbook(tmp_path_factory.mktemp("book") / "a.xlsx", [[text] for text in texts])
    assert [cells for _, cells in sheet_rows(path)] == [[text] for text in texts]


def test_other_sheets_are_named_and_a_row_that_is_too_wide(tmp_path, capsys) -> None:
    rows = [["text", "label"], *([f"parcel {n} is late", ("delivery", "refund")[n % 2]] for n in range(20))]
    path = workbook(tmp_path / "a.xlsx", [], [*rows, ["a", "delivery", "c"]], [], [["more"]])
    assert validate.main([str(path)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "of a workbook the first sheet with rows is read, and not 'Sheet3': save these as files of their own" in said
    assert "a.xlsx:22: bad: wrong_row: 2 columns were expected (text, label), found 3" in said


def test_questions_in_a_workbook_keep_their_columns(tmp_path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["text", "customer"], ["late again", 17]])
    (question,) = question_lines(path, task="cls", labels=("delivery",))
    assert "late again" in str(question)
    assert "17" in str(question)


def test_rows_of_parquet_are_records(tmp_path) -> None:
    rows = [
        {"text": "Ada moved to Turin.", "task": "ext", "answers": {"person": ["Ada"], "city": ["Turin"]}},
        {"text": "Oslo it is.", "task": "ext", "answers": {"city": ["Oslo"]}, "labels": ["person", "city"]},
        {"text": "Ada met Bob", "head": "Ada", "tail": "Bob", "relation": "met"},
    ]
    path = parquet(tmp_path / "a.bin", rows)
    assert recognized(path) == "own"
    assert found(path) == [
        ("Ada moved to Turin.", {"person": ("Ada",), "city": ("Turin",)}),
        ("Oslo it is.", {"city": ("Oslo",)}),
        ("what is the relation between Ada and Bob in Ada met Bob?", {"met": ()}),
    ]
    assert recognized(parquet(tmp_path / "b.parquet", [{"text": "late", "label": "delivery"}])) == "fields"
    assert found(tmp_path / "b.parquet") == [("late", {"delivery": ()})]
    tokens = parquet(tmp_path / "c.parquet", [{"tokens": ["Ada", "left"], "ner_tags": ["B-PER", "O"]}])
    assert found(tokens) == [("Ada left", {"PER": ("Ada",)})]


def test_values_of_parquet_that_json_does_not_have(tmp_path) -> None:
    when = datetime.datetime(2026, 1, 31, 12)
    row = {"text": "late", "label": "x", "when": when, "day": when.date(), "price": Decimal("1.50"), "raw": b"a"}
    path = parquet(tmp_path / "a.parquet", [row | {"share": math.nan, "list": [when]}])
    (record,) = parquet_records(path)
    assert json.loads(json.dumps(record.value, allow_nan=False)) == {
        **{"text": "late", "label": "x", "when": "2026-01-31T12:00:00", "day": "2026-01-31", "price": "1.50"},
        **{"raw": "a", "share": None, "list": ["2026-01-31T12:00:00"]},
    }


def test_a_broken_file_is_refused_by_name(tmp_path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["text", "label"], ["a", "b"]])
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[: 80 if "sheet1" in name else None])
    with pytest.raises(ValueError, match=r"b\.xlsx: the workbook cannot be read \(.+\): save its sheet as CSV UTF-8"):
        list(own.checked(tmp_path / "b.xlsx"))
    whole = parquet(tmp_path / "c.parquet", [{"text": "a", "label": "b"}]).read_bytes()
    (tmp_path / "c.parquet").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"c\.parquet: the Parquet file cannot be read behind row 0"):
        list(own.checked(tmp_path / "c.parquet"))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("text.csv", "text,label\n")
    with pytest.raises(ValueError, match=r"d\.zip is an archive, or a broken workbook: unpack it"):
        list(own.checked(tmp_path / "d.zip"))
    with pytest.raises(ValueError, match="the workbook has no row"):
        list(own.checked(workbook(tmp_path / "e.xlsx", [])))


@pytest.mark.parametrize(("library", "suffix"), [("openpyxl", "xlsx"), ("pyarrow", "parquet")])
def test_without_its_library_a_file_says_what_to_install(library, suffix, tmp_path, monkeypatch) -> None:
    paths = {"xlsx": workbook, "parquet": parquet}
    rows = {"xlsx": [["text", "label"], ["a", "b"]], "parquet": [{"text": "a", "label": "b"}]}
    path = paths[suffix](tmp_path / f"a.{suffix}", rows[suffix])
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=rf"{library} is needed: pip install -e '\.\[tables\]', or save"):
        list(own.checked(path))
