"""Folders, records taken apart, and marked pairs."""

import json

import pytest

from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.documents import json_folder, parts
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.marked import marked_records, without_marks
from seqgpt_jax.tasks.readers.names import verbatim
from seqgpt_jax.tasks.readers.record import reader
from tests.tasks.records import json_lines, read, strict, write

ANGLES, BRACKETS = ("<< ", " >>"), ("[[ ", " ]]")


def test_files_of_a_folder_are_records_in_order(tmp_path):
    for name in ("b", "a"):
        write(tmp_path, f"{name}.json", json.dumps({"name": name}))
    write(tmp_path, "c.txt", "passed over")
    assert [(record.id, record.value["name"]) for record in json_folder()((tmp_path,))] == [
        ("a.json", "a"),
        ("b.json", "b"),
    ]


def test_a_broken_file_of_a_folder_stops_no_other(tmp_path):
    write(tmp_path, "a.json", "{")
    write(tmp_path, "b.json", "{}")
    broken, sound = json_folder()((tmp_path,))
    assert isinstance(broken, RecordError)
    assert "a.json:1: not JSON" in str(broken)
    assert sound.id == "b.json"


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(RecordError, match="a folder with"):
        list(json_folder()((tmp_path,)))


def test_parts_have_ids_of_their_own(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines({"x": [1, 2]}, {"x": []}, {"x": [3]}))
    records = strict(parts(jsonl(), lambda row: row["x"])((path,)))
    assert [(record.id, record.value, record.line) for record in records] == [
        ("a.jsonl:1/0", 1, 1),
        ("a.jsonl:1/1", 2, 1),
        ("a.jsonl:3/0", 3, 3),
    ]


def test_what_cannot_be_taken_apart_is_an_error_in_its_place(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines({"y": []}, {"x": None}) + "no JSON\n" + json_lines({"x": [1]}))
    *errors, last = parts(jsonl(), lambda row: list(row["x"]))((path,))
    assert [str(error).rpartition("/")[2][:26] for error in errors] == [
        "a.jsonl:1: field 'x' is mi",
        "a.jsonl:2: 'NoneType' obje",
        "a.jsonl:3: not JSON: Expec",
    ]
    assert last.value == 1


def test_marks_are_taken_out():
    found = without_marks("[[ [3H]zol ]] and << ab >>-2 (<< 3)", ANGLES, BRACKETS)
    assert found == ("[3H]zol and ab-2 (<< 3)", ["ab", "[3H]zol"])
    with pytest.raises(ValueError, match="no <<  …  >> in 'a'"):
        without_marks("a", ANGLES)


def test_marks_around_nothing_are_skipped(tmp_path):
    read_marked = reader(jsonl(), marked_records("t", "l", verbatim, ("<e1>", "</e1>"), ("<e2>", "</e2>"), "en"))
    rows = {"t": "<e2>A</e2> sees <e1>B</e1>", "l": "sees"}, {"t": "<e1> </e1> sees <e2>B</e2>", "l": "sees"}
    first, second = read(read_marked, write(tmp_path, "a.jsonl", json_lines(*rows)))
    assert (first.text, set(first.gold)) == ("what is the relation between B and A in A sees B?", {"sees"})
    assert second == Skipped("a.jsonl:2", "empty_mention")
