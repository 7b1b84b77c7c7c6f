"""Lists written as one label, and labels that differ in nothing that matters."""

import csv
import io
import json
from pathlib import Path

import pytest

from seqgpt_jax import validate
from seqgpt_jax.tasks.validation.labels import LabelSpellings, plain
from tests.tasks.records import json_lines, write


def problems(*labels: str) -> dict[str, str]:
    spellings = LabelSpellings()
    for label in labels:
        spellings.add([label])
    return {label: reason for label, (reason, _) in spellings.problems().items()}


@pytest.mark.parametrize(
    "label",
    [
        "late#torn",
        "late; torn",
        "late；torn",
        "late、torn",
        "late||torn",
        "late, torn",
        "late/torn",
        "late + torn",
        "late\ntorn",
        "['late', 'torn']",
        '["late"]',
        "('late', 'torn')",
        '{"choices": ["late", "torn"]}',
        "[]",
    ],
)
def test_lists_in_other_notations(label):
    assert problems("late", "torn", label) == {label: "list_in_label"}


@pytest.mark.parametrize(
    "labels",
    [
        ("Food & Drink", "Sport", "Arts/Culture"),
        ("C#", "F#", "C++"),
        ("Food, Drink", "Food"),  # one of two is a label: a name may begin with another
        ("pros; cons", "likes; dislikes"),  # nothing says that these are several
        ("[INST]", "[unclear]", "(none)"),
        ("1/2", "2/3"),
        ("-1", "1", "0", "+1"),
        ("email", "e-mail"),
        ("10", "1.5", "15", "v1.0", "v1"),
        ("C", "C++", "C#"),
    ],
)
def test_names_are_no_lists_and_no_spellings(labels):
    assert problems(*labels) == {}


def test_combinations_of_labels_that_never_stand_alone():
    assert problems("a;b", "b;c", "c;a") == dict.fromkeys(("a;b", "b;c", "c;a"), "list_in_label")


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("Refund", "refund"),
        ("STRASSE", "straße"),
        ("ｒｅｆｕｎｄ", "refund"),
        ("cafe\u0301", "café"),
        ("ﬁre", "fire"),
        ("3.0", "3"),
        ("refund.", "refund"),
        ("“refund”", "refund"),
        ("not  paid", "not paid"),
        ("refund，", "refund"),
        ("ガ", "ｶﾞ"),
    ],
)
def test_the_less_common_of_two_like_spellings_is_told(label, other):
    assert plain(label) == plain(other)
    assert problems(label, other, other) == {label: "similar_label"}
    assert problems(other, label, label) == {other: "similar_label"}
    # Of two that are as common, the later one.
    assert problems(other, label) == {label: "similar_label"}


def test_empty_cells_of_a_table():
    assert problems("nan", "late", "NULL", "N/A") == dict.fromkeys(("nan", "NULL", "N/A"), "empty_cell")


def test_each_line_is_told_with_the_other_spelling(tmp_path, capsys):
    file = io.StringIO()
    labels = ("late", "torn", "torn", "Torn", "late#torn", "late|torn", "a，b", "a,b", "a,b")
    csv.writer(file).writerows([("text", "label"), *((f"text {n}", label) for n, label in enumerate(labels))])
    other = json_lines(
        {"text": "t u", "task": "ext", "answers": {"Name": ["t"], "name": ["u"]}},
        {"text": "t v", "task": "cls", "answers": "x", "labels": ["x", "Y", "y"]},
        {"text": "t w", "task": "cls", "answers": "y"},
    )
    validate.main([str(write(tmp_path, "a.csv", file.getvalue())), str(write(tmp_path, "b.jsonl", other)), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    reasons = ("similar_label", "list_in_label")
    assert [(Path(f["file"]).name, f["line"], f["reason"]) for f in findings if f["reason"] in reasons] == [
        ("a.csv", 5, "similar_label"),
        ("a.csv", 6, "list_in_label"),
        ("a.csv", 8, "similar_label"),
        ("b.jsonl", 1, "similar_label"),
        ("b.jsonl", 2, "similar_label"),
    ]
    details = {(f["file"][-5:], f["line"]): f["detail"] for f in findings if f["reason"] == "similar_label"}
    assert details["a.csv", 5] == "label 'Torn' (1 record) differs from 'torn' (3 records) in case only"
    assert details["a.csv", 8] == "label 'a，b' is the same as 'a,b' in a prompt, 'a,b': they are one label"
