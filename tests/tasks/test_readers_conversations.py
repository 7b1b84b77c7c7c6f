"""Conversations in UniversalNER's form, and files that are a JSON list or JSON lines."""

import json

import pytest

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.conversations import conversation
from seqgpt_jax.tasks.readers.jsonl import json_records
from seqgpt_jax.tasks.readers.names import spelled_out
from seqgpt_jax.tasks.readers.record import reader
from tests.tasks.records import json_lines, read, write

READ = reader(json_records(), conversation(spelled_out))


def talk(text: str, *questions: tuple[str, str], read: str = "I've read this text.") -> dict:
    turns = [text, read, *(turn for pair in questions for turn in pair)]
    return {"id": "0", "conversations": [{"from": ("human", "gpt")[k % 2], "value": v} for k, v in enumerate(turns)]}


def english(kind: str, answer: str) -> tuple[str, str]:
    return f"What describes {kind} in the text?", answer


def test_asked_types_are_the_labels_in_both_languages(tmp_path):
    rows = [
        talk("Text: In May\nit rained.", english("month", '["May"]'), english("Court_Case", "[]")),
        talk("文本： 五月下雨。", ('文本中属于"月份"的实体有哪些？', '["五月"]'), read="我已读完这段文本。"),
    ]
    expected = [
        Instance("a.json:1", "ext", "In May\nit rained.", {"month": ("May",)}, ("month", "court case")),
        Instance("a.json:2", "ext", "五月下雨。", {"月份": ("五月",)}, ("月份",)),
    ]
    assert read(READ, write(tmp_path, "a.json", json.dumps(rows))) == expected
    assert read(READ, write(tmp_path, "a.json", "\ufeff" + json.dumps(rows, indent=4, ensure_ascii=False))) == expected
    assert read(READ, write(tmp_path, "a.json", json_lines(*rows))) == expected


def test_types_that_become_one_word_are_one(tmp_path):
    row = talk("Text: Ann and Bob", english("PERSON", '["Bob"]'), english("person", '["Ann", "Bob"]'))
    (item,) = read(READ, write(tmp_path, "a.json", json.dumps([row])))
    assert (item.gold, item.labels) == ({"person": ("Bob", "Ann")}, ("person",))


def test_a_text_in_which_nothing_was_found_is_counted(tmp_path):
    (item,) = read(READ, write(tmp_path, "a.json", json.dumps([talk("Text: Well.")])))
    assert (item.id, item.reason) == ("a.json:1", "no_question")


def test_answers_that_are_no_spans_leave_their_type_out_and_are_counted(tmp_path):
    row = talk(
        'Text: the "Red" house',
        english("color", '[""Red""]'),
        english("place", '["the house"]'),
        english("building", '["house", ""]'),
        english("", '["house"]'),
        english("Color", '["Red"]'),
    )
    assert read(READ, write(tmp_path, "a.json", json.dumps([row]))) == [
        Skipped("a.json:1/question0", "broken_answer", "the answer for 'color' is no list of strings"),
        Skipped("a.json:1/question3", "empty_label", "a question names no type"),
        Skipped("a.json:1/label0", "not_in_text", "answers for 'place' are not words of the text"),
        Instance("a.json:1", "ext", 'the "Red" house', {"building": ("house",)}, ("building",)),
    ]


def test_counts_of_texts_types_entities_and_empty_answers_are_those_of_the_file(tmp_path):
    """What the raw lists hold, counted without the reader, is what the reader gives and counts as left out."""
    names = reader(json_records(), conversation())
    rows = [
        talk("Text: Ann met Bob in Rome.", english("person", '["Ann", "Bob", "Ann"]'), english("date", "[]")),
        talk("Text: Ann met Bob in Rome.", english("city", '["Rome"]')),  # a text may come again
        talk(
            "文本： 安娜住在罗马。", ('文本中属于"城市"的实体有哪些？', '["罗马", "罗马"]'), read="我已读完这段文本。"
        ),
        talk("Text: It rained.", english("date", "[]"), english("person", "[]")),
        talk("Text: Well."),
        talk('Text: the "Red" house', english("color", '[""Red""]'), english("building", '["house"]')),
    ]
    path = write(tmp_path, "a.json", json.dumps(rows, ensure_ascii=False))
    answers = [(row["conversations"][0]["value"], turn["value"]) for row in rows for turn in row["conversations"][3::2]]
    lists = [json.loads(answer) for _, answer in answers if '""' not in answer]
    found = read(names, path)
    items = [item for item in found if isinstance(item, Instance)]
    asked = [(item, label) for item in items for label in item.labels]
    assert len(items) + 1 == len(rows)
    assert len({item.text for item in items}) == 4
    assert len(asked) == len(lists) == len(answers) - 1 == 7
    assert sum(not item.gold.get(label) for item, label in asked) == lists.count([]) == 3
    # An answer that is listed twice is one answer, as in UniversalNER's score.
    assert (
        sum(map(len, (spans for item in items for spans in item.gold.values()))) == sum(len(set(x)) for x in lists) == 5
    )
    assert {label for _, label in asked} == {"person", "date", "city", "城市", "building"}
    assert sorted(item.reason for item in found if isinstance(item, Skipped)) == ["broken_answer", "no_question"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (talk("Hello"), "a turn of the form .*Text:.* was expected, found 'Hello'"),
        (talk("Text: a", ("Where is it?", "[]")), "a turn of the form .* was expected, found 'Where is it"),
        (talk("Text: a", english("x", "[]"), ("What",)), "turns of human and gpt in pairs were expected, found 5"),
        ({"id": "0"}, "field 'conversations' is missing"),
    ],
)
def test_other_forms_are_errors_with_their_place(row, problem, tmp_path):
    path = write(tmp_path, "a.json", json.dumps([row]))
    with pytest.raises(RecordError, match=f"a.json:1: {problem}"):
        read(READ, path)
