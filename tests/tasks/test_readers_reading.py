"""Readers of questions: with spans in their passage, and with options."""

import pytest

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.entity_typing import type_words
from seqgpt_jax.tasks.readers.choices import Choice, choices, keyed, place
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.squad import mrqa_questions, question_rows
from tests.tasks.records import json_lines, read, write


def question(*answers: str, text: str = "who?") -> dict:
    return {"id": "1", "context": "Ida and Tom rowed.", "question": text, "answers": {"text": list(answers)}}


def test_alternatives_give_the_most_frequent_one(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines(question("Tom", "Ida", "Ida"), question(), question("", "", "Tom")))
    golds = [dict(item.gold) for item in read(reader(jsonl(), question_rows()), path)]
    assert golds == [{"who?": ("Ida",)}, {"who?": ()}, {"who?": ()}]


def test_answers_to_find_together_all_count(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines(question("Ida", "Tom")))
    (item,) = read(reader(jsonl(), question_rows(all_answers=True)), path)
    assert item.gold == {"who?": ("Ida", "Tom")}


def test_answers_outside_the_passage_are_counted_with_their_text(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines(question("yes"), question("Tom", text=" ")))
    assert read(reader(jsonl(), question_rows()), path) == [
        Skipped("a.jsonl:1", "answer_not_in_passage", "answer 'yes'"),
        Skipped("a.jsonl:2", "empty_question"),
    ]


def mrqa(*spellings: str) -> dict:
    return {
        "context": "Ida rowed.",
        "qas": [
            {
                "qid": "q",
                "question": "who rowed",
                "detected_answers": [{"text": text, "char_spans": [[0, 2]]} for text in spellings],
                "answers": ["ida", "her"],
            }
        ],
    }


def test_mrqa_answers_are_spelled_as_in_the_passage(tmp_path):
    lines = {"header": {"dataset": "X"}}, mrqa("ida"), mrqa()
    found, undetected = read(reader(jsonl(), mrqa_questions), write(tmp_path, "a.jsonl", json_lines(*lines)))
    assert found == Instance("a.jsonl:q", "ext", "Ida rowed.", {"who rowed": ("Ida",)}, ("who rowed",))
    assert undetected.reason == "answer_not_in_passage"
    assert "'ida', 'her'" in undetected.detail


def test_a_place_is_a_letter_or_a_number():
    assert [place("D", first="A"), place("2", first="1"), place(3, first="0")] == [3, 1, 3]
    assert [place(None, first="A"), place(" ", first="0")] == [None, None]
    with pytest.raises(ValueError, match="'AB' is no option: they are counted from 'A'"):
        place("AB", first="A")


def test_options_out_of_range_are_errors(tmp_path):
    build = choices(lambda row: Choice("which?", ("a", "b"), row["n"]))
    path = write(tmp_path, "a.jsonl", json_lines({"n": 2}, {"n": 1}, {"n": None}))
    error, item, skipped = reader(jsonl(), build)("train", (path,))
    assert isinstance(error, RecordError)
    assert str(error).endswith("a.jsonl:1: the answer is option 3 of 2")
    assert (item.text, dict(item.gold), item.labels) == ("which?", {"b": ()}, ("a", "b"))
    assert skipped == Skipped("a.jsonl:3", "no_gold_label")


def test_keys_must_be_among_the_labels(tmp_path):
    row = {"question": "which?", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "B"}
    with pytest.raises(RecordError, match=r"a\.jsonl:1: answerKey 'B' is none of 1, 2"):
        read(reader(jsonl(), keyed("question")), write(tmp_path, "a.jsonl", json_lines(row)))


def test_configurations_have_folders():
    assert hub("owner/name", "a/b", {"train": "train"}).files == {"train": "a_b/train.jsonl"}
    assert tfds("glue/mnli:2.0.0", {"test": "validation"}).files == {"test": "mnli/test.jsonl"}
    assert tfds("sci_tail:1.0.0", {"train": "train"}).files == {"train": "train.jsonl"}


def test_words_of_type_paths():
    paths = (
        "/person/artist",
        "/organization/music",
        "/other/art/music",
        "/other",
        "/FAC/AIRPORT",
        "/ORGANIZATION/OTHER",
    )
    words = ["artist", "music group", "music", "other", "airport", "other organization"]
    assert [type_words(path) for path in paths] == words
    with pytest.raises(ValueError, match="is no path of names"):
        type_words("/person//artist")
