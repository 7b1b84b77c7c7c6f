"""`python -m seqgpt_jax.validate`: every finding, a summary, and a code that a script can use."""

import json
from pathlib import Path

import pytest

from seqgpt_jax import validate
from tests.tasks.records import json_lines, write

CLS = {"text": "Where is my parcel?", "task": "cls", "answers": "delivery"}
EXT = {"text": "Ada moved to Turin.", "task": "ext", "answers": {"customer": ["Ada"]}}


def many(count: int) -> list[dict]:
    return [CLS | {"text": f"parcel {n}", "answers": ("delivery", "refund")[n % 2]} for n in range(count)]


def test_a_good_file_is_summed_up(tmp_path, capsys):
    path = write(tmp_path, "a.jsonl", json_lines(*many(100), EXT))
    assert validate.main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "101 records, 101 good, 0 bad" in printed
    assert "2 cls labels: delivery 50, refund 50" in printed
    assert "1 ext labels: customer 1" in printed
    assert "text length: 0% 8, 50% 9, 90% 9, 99% 9, 100% 19" in printed
    assert "warning" not in printed


def test_every_bad_record_is_told_and_repetitions_are_warnings(tmp_path, capsys):
    rows = [
        CLS,
        CLS,
        CLS | {"answers": "refund"},
        CLS | {"answers": "a，b", "text": "x"},
        EXT | {"answers": {"a": ["Bo"]}},
    ]
    path = write(tmp_path, "a.jsonl", json_lines(*rows, {"text": "t", "task": "cls"}) + "not json\n")
    other = write(tmp_path, "b.csv", "text,label\nWhere is my parcel?,delivery\n")
    assert validate.main([str(path), str(other), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    found = [(Path(f["file"]).name, f["line"], f["kind"], f["reason"]) for f in report["findings"] if f["line"]]
    assert found == [
        ("a.jsonl", 2, "warning", "duplicate"),
        ("a.jsonl", 3, "warning", "contradiction"),
        ("a.jsonl", 4, "warning", "changed_label"),
        ("a.jsonl", 5, "bad", "span_not_in_text"),
        ("a.jsonl", 6, "bad", "missing_field"),
        ("a.jsonl", 7, "bad", "not_json"),
        ("b.csv", 2, "warning", "duplicate"),
    ]
    first, second = report["files"]
    assert (first["records"], first["good"], first["bad"]) == (
        7,
        4,
        {"span_not_in_text": 1, "missing_field": 1, "not_json": 1},
    )
    assert first["labels"] == {"cls": {"delivery": 2, "refund": 1, "a,b": 1}}
    assert (second["good"], second["language"], second["warnings"]["one_label"]) == (1, "en", 1)
    assert sum(second["splits"].values()) == 1


def test_what_ends_a_file_is_a_finding_too(tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.jsonl", "b.csv", "c.jsonl")]
    for path, raw in zip(paths, ("x".encode("utf-16"), b"message,label\n", b"\n"), strict=True):
        path.write_bytes(raw)
    assert validate.main(list(map(str, paths))) == 1
    printed = capsys.readouterr().out
    assert "a.jsonl:1: bad: wrong_encoding: the file is UTF-16" in printed
    assert "b.csv:1: bad: wrong_header" in printed
    assert "c.jsonl: bad: no_record" in printed


def test_few_are_shown_and_the_rest_is_counted(tmp_path, capsys):
    path = write(tmp_path, "a.jsonl", "{\n" * 9)
    assert validate.main([str(path), "--max_shown=2"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("bad: not_json") == 2
    assert "… and 7 findings more" in printed
    assert validate.main([str(path), "--max_shown=0"]) == 1
    assert capsys.readouterr().out.count("bad: not_json") == 9


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.jsonl"):
        validate.main([str(tmp_path / "a.jsonl")])
