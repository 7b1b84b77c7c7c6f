"""Labels out of fields: several text fields, lists of labels, codes that count."""

import pytest

from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import numbered
from seqgpt_jax.tasks.readers.record import reader
from tests.tasks.records import json_lines, read, write


def test_several_text_fields_are_joined_and_empty_ones_left_out(tmp_path):
    rows = [
        {"title": "Ferry", "body": "It sails.", "label": "boat"},
        {"title": None, "body": "It flies.", "label": "bird"},
        {"title": "Gull", "body": "", "label": "bird"},
    ]
    path = write(tmp_path, "train.jsonl", json_lines(*rows))
    found = read(reader(jsonl(), labelled(("title", "body"), "label")), path)
    assert [item.text for item in found] == ["Ferry It sails.", "It flies.", "Gull"]


def test_lists_of_labels(tmp_path):
    rows = [{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": []}]
    path = write(tmp_path, "train.jsonl", json_lines(*rows))
    both, skipped = read(reader(jsonl(), found_labels("text", lambda row: row["labels"])), path)
    assert tuple(both.gold) == ("x", "y")
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "no_gold_label"
    _, named = read(reader(jsonl(), found_labels("text", lambda row: row["labels"], none="neither")), path)
    assert tuple(named.gold) == ("neither",)


def test_codes_that_count(tmp_path):
    assert [numbered("bad", "good", first=1)(code) for code in (1, "2")] == ["bad", "good"]
    path = write(tmp_path, "train.jsonl", json_lines({"text": "a", "label": 3}))
    with pytest.raises(RecordError, match=r"train.jsonl:1: label '3' has no name; known are 1, 2"):
        read(reader(jsonl(), labelled("text", "label", numbered("bad", "good", first=1))), path)
