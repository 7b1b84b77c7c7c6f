"""Own data as annotation tools, spreadsheets and corpora write them: each format, its warts, and a wrong file."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax import command_line, validate
from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.own_data import parse_own_data
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks import find
from seqgpt_jax.tasks.own import Form
from seqgpt_jax.tasks.own_questions import question_lines
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.own_formats.encodings import encoding_of
from seqgpt_jax.tasks.readers.own_formats.reading import FORMATS, recognized
from tests.tasks.records import json_lines, write

TEXT = "Mara flew to Quito 👍 on Monday."
PERSON, CITY = [0, 4, "PER"], [13, 18, "CITY"]
GOLD = {"PER": ("Mara",), "CITY": ("Quito",)}


def saved(folder: Path, name: str, content: object, encoding: str = "utf-8") -> Path:
    text = content if isinstance(content, str) else json_lines(*content)
    return write(folder, name, text, encoding)


def golds(path: Path, **options) -> list[dict]:
    """The gold of each record; every record must be good."""
    found = [item for item in own.checked(path, **options) if not item.skipped]
    assert not [str(item.fault) for item in found if item.fault]
    return [dict(item.instance.gold) for item in found]


def labels(path: Path, **options) -> list[set[str]]:
    return [set(gold) for gold in golds(path, **options)]


def faults(path: Path, **options) -> list[str]:
    return [str(item.fault) for item in own.checked(path, **options) if item.fault]


def skipped(path: Path) -> list[str]:
    return [item.skipped.reason for item in own.checked(path) if item.skipped]


# ---- encodings and tables

TABLE = 'text,label\r\n"Wo ist mein Päckchen, bitte?",lieferung\r\n它在哪里,delivery|late\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_table_in_any_unicode_encoding_with_any_separator(encoding, separator, end, tmp_path):
    rows = [("Text", "LABEL"), (f"a {separator}päckchen", "x | y"), ("它在哪里", "z"), ("", "")]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator, lineterminator=end).writerows(rows)
    path = saved(tmp_path, "a.csv", buffer.getvalue(), encoding)
    assert [(item.instance.text, set(item.instance.gold)) for item in own.checked(path)] == [
        (f"a {separator}päckchen", {"x", "y"}),
        ("它在哪里", {"z"}),
    ]


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("它在哪里，我要退货,delivery\n这个坏了,broken\n", "gb18030", "gb18030"),
        ("这家餐厅的菜很好吃，服务也好,好评\n太差了不会再来,差评\n", "gb18030", "gb18030"),
        (
            "Wo ist das Päckchen für Jürgen? Es fehlt schon länger,x\nDas Gerät ist völlig kaputt,y\n",
            "cp1252",
            "cp1252",
        ),
    ],
)
def test_an_encoding_that_is_guessed_is_said(text, encoding, found, tmp_path):
    path = saved(tmp_path, "a.csv", "text,label\n" + text, encoding)
    first, second = own.checked(path)
    assert first.instance.text == text.split(",")[0]
    assert [remark.reason for remark in first.remarks] == ["guessed_encoding"]
    assert not second.remarks
    if found == "gb18030":
        assert encoding_of(path).name == found


def test_a_broken_byte_in_a_utf8_file_is_named_and_costs_one_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nschön,a\n".encode() + b"ab\xff,a\n" + "grün,b\n".encode())
    (error,) = faults(path)
    assert "byte 0xff (number 3 of the line) is not utf-8" in error
    assert encoding_of(path).name == "utf-8"


@pytest.mark.parametrize(
    "text", ["hello there,a\nbad\0 char,b\n", "a,a\n\0bad char,b\n", "hello there,a\n" + 40 * "\0"]
)
def test_a_zero_byte_in_a_utf8_file_changes_no_other_character(text, tmp_path):
    path = saved(tmp_path, "a.csv", "text,label\n" + text)
    assert encoding_of(path).name == "utf-8"
    first = next(own.checked(path))
    assert (first.text, first.remarks) == (text.split(",")[0], ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_of_a_text_with_few_ascii_characters(encoding, tmp_path):
    path = saved(tmp_path, "a.csv", "text,label\n" + f"{'它在哪里，我一定要退货' * 40},退货\n" * 5, encoding)
    assert encoding_of(path).name == encoding
    assert labels(path) == [{"退货"}] * 5


def test_a_separator_line_and_a_long_field(tmp_path):
    path = saved(tmp_path, "a.csv", f'sep=;\r\ntext;label\r\n"{"word " * 40_000}";a\r\nshort, text;b\r\n;\r\n')
    found = list(own.checked(path))
    assert [(item.line, len(item.text)) for item in found] == [(3, 200_000), (4, 11)]


def test_quotes_of_a_spreadsheet_and_quotes_of_a_text(tmp_path):
    excel = saved(tmp_path, "a.tsv", 'text\tlabel\n"She said ""hi""\tand left"\tx\nplain\ty\n', "utf-16")
    assert [item.text for item in own.checked(excel)] == ['She said "hi"\tand left', "plain"]
    plain = saved(tmp_path, "b.tsv", 'text\tlabel\n"quoted"\tx\n"open\ty\n')
    assert [item.text for item in own.checked(plain)] == ['"quoted"', '"open']


def test_columns_of_other_names(tmp_path):
    path = saved(tmp_path, "a.csv", "id,Body,Topic,text\n1,late again,delivery,x\n")
    with pytest.raises(RecordError, match=r"no column label; the columns are 'id', 'Body', 'Topic', 'text': .*label="):
        list(own.checked(path))
    assert labels(path, columns={"text": "Body", "label": "Topic"}) == [{"delivery"}]
    with pytest.raises(RecordError, match="there is no 'body'; there are 'id', 'Body'"):
        list(own.checked(path, columns={"text": "body", "label": "Topic"}))
    with pytest.raises(RecordError, match="'words' is not one of text,"):
        list(own.checked(path, columns={"words": "Body"}))
    lines = saved(tmp_path, "b.jsonl", [{"a": "It rains.", "b": "It is dry.", "gold": "no", "n": 1}])
    (item,) = own.checked(lines, columns={"text_a": "a", "text_b": "b", "label": "gold"})
    assert (item.instance.text, set(item.instance.gold)) == ("It rains.\tIt is dry.", {"no"})


def test_empty_cells_of_optional_columns_are_as_if_they_were_not_there(tmp_path):
    path = saved(tmp_path, "a.csv", "text,label,labels,group\nhi,a,a|b,7\nother,b,,\nthird,b, ,8\nlast,a,a||b,\n")
    found = list(own.checked(path))
    assert [(item.instance.labels, item.key) for item in found[:3]] == [
        (("a", "b"), "group 7"),
        ((), "other"),
        ((), "group 8"),
    ]
    assert str(found[3].fault) == "a label in labels is empty"
    assert [question.get("labels") for _, question in question_lines(path)] == [
        ["a", "b"],
        ["b"],
        ["b"],
        ["a", "", "b"],
    ]


def test_a_table_may_have_rows_of_several_forms(tmp_path):
    rows = [
        "text,answers,options,question,mention,head,tail,relation",
        "Ada met Bob,meeting,,,,,,",
        "Ada met Bob,person,,,Bob,,,",
        "Ada met Bob,Bob,,Whom?,,,,",
        "Ada met Bob,a man,a man|a dog,Who is Bob?,,,,",
        "Ada met Bob,,,,,Ada,Bob,knows",
        "Ada met Bob,,,,,Ada,,knows",
        "Ada met Bob,,,,,Ada,Bob,",
    ]
    found = list(own.checked(saved(tmp_path, "a.csv", "\n".join(rows))))
    assert [own.family_of(item.value) for item in found[:5]] == ["CLS", "ET", "MRC", "MRC", "RE"]
    assert [set(item.instance.gold) for item in found[:5]] == [{"meeting"}, {"person"}, {"Whom?"}, {"a man"}, {"knows"}]
    assert [str(item.fault) for item in found[5:]] == [
        "tail is missing or not a string: None",
        "a label in answers is empty",
    ]


# ---- JSON of any layout


@pytest.mark.parametrize("layout", ["lines", "one_line", "indented", "objects"])
def test_json_lines_and_lists(layout, tmp_path):
    rows = [{"text": f"text {n}", "task": "cls", "answers": str(n)} for n in range(3)]
    text = {
        "lines": json_lines(*rows),
        "one_line": json.dumps(rows),
        "indented": json.dumps(rows, indent=2),
        "objects": "\n".join(json.dumps(row, indent=2) for row in rows),
    }[layout]
    path = saved(tmp_path, "a.txt", text)
    found = list(own.checked(path))
    assert [set(item.instance.gold) for item in found] == [{"0"}, {"1"}, {"2"}]
    assert len({item.instance.id for item in found}) == 3
    lines = [item.line for item in found]
    assert lines == {"lines": [1, 2, 3], "one_line": [1, 2, 3], "indented": [2, 7, 12], "objects": [1, 6, 11]}[layout]


def test_a_list_that_is_cut_off_and_one_with_other_items(tmp_path):
    rows = [{"text": "t", "task": "cls", "answers": "a"}, 3, ["x"]]
    whole = json.dumps(rows, indent=1)
    (error,) = faults(saved(tmp_path, "a.json", whole[:-20]))
    assert "not JSON" in error
    assert len(faults(saved(tmp_path, "b.json", whole))) == 2
    assert "the list has no end" in faults(saved(tmp_path, "c.json", json.dumps(rows[:1], indent=1)[:-2]))[0]


# ---- annotation tools


@pytest.mark.parametrize("field", ["label", "labels"])
def test_doccano(field, tmp_path):
    spans = saved(tmp_path, "a.jsonl", [{"id": 1, "text": TEXT, field: [PERSON, CITY]}, {"text": "None.", field: []}])
    assert recognized(spans) == "doccano"
    assert golds(spans) == [GOLD, {}]
    assert [item.atom for item in own.checked(spans)] == ["ext", "ext"]
    kinds = saved(tmp_path, "b.jsonl", [{"text": "late", field: ["a", "b"]}, {"text": "new", field: []}])
    assert labels(kinds) == [{"a", "b"}]
    assert skipped(kinds) == ["not_annotated"]
    questions = [question for _, question in question_lines(kinds, form=Form("doccano"))]
    assert [(question["text"], question.get("gold")) for question in questions] == [("late", ["a", "b"]), ("new", None)]
    (fault,) = faults(saved(tmp_path, "d.jsonl", [{"text": "late", field: ["a"]}] * 2 + [{"text": "new", field: 3}]))
    assert fault == "answers of a cls record are a label or a list of labels, not a number"
    wrong = saved(tmp_path, "c.jsonl", [{"text": TEXT, field: [PERSON]}, {"text": TEXT, field: [[0, 4]]}])
    assert faults(wrong) == ["a span is [start, end, label] or an object with start, end and label, not [0, 4]"]


def test_texts_without_an_answer_are_questions(tmp_path):
    task = {"data": {"text": "new"}, "annotations": []}
    studio = saved(tmp_path, "studio.json", [task, {"data": {"text": "old"}, "annotations": [{"result": []}]}])
    asked = [question for _, question in question_lines(studio, labels=("a", "b"), task="ext")]
    assert asked == [{"text": text, "task": "ext", "labels": ["a", "b"]} for text in ("new", "old")]
    fields = saved(tmp_path, "fields.jsonl", [{"text": "late", "label": "a"}, {"text": "new", "label": None}])
    asked = [question for _, question in question_lines(fields, form=Form("fields"))]
    assert [(question["text"], question.get("gold")) for question in asked] == [("late", "a"), ("new", None)]
    rejected = [{"text": "x", "accept": ["a"], "options": [], "answer": answer} for answer in ("accept", "reject")]
    left_out = []
    assert len(list(question_lines(saved(tmp_path, "p.jsonl", rejected), left_out=left_out))) == 1
    assert [item.reason for item in left_out] == ["answer_reject"]


def test_labels_that_are_no_list_are_an_error_of_their_line(tmp_path):
    rows = [{"text": "x", "labels": ["a"]}, {"text": "y", "labels": 5}, {"text": "z", "labels": ["b"]}]
    asked = list(question_lines(saved(tmp_path, "a.jsonl", rows), task="cls"))
    assert [question["labels"] for _, question in asked] == [["a"], 5, ["b"]]


def test_doccano_with_relations(tmp_path):
    entities = [
        {"id": 7, "label": "PER", "start_offset": 0, "end_offset": 4},
        {"id": 9, "label": "CITY", "start_offset": 13, "end_offset": 18},
    ]
    relation = {"id": 1, "from_id": 7, "to_id": 9, "type": "visits"}
    path = saved(tmp_path, "a.jsonl", [{"text": TEXT, "entities": entities, "relations": [relation], "Comments": []}])
    first, second = own.checked(path)
    assert first.instance.gold == GOLD
    assert (set(second.instance.gold), second.instance.source_text) == ({"visits"}, TEXT)
    assert "the relation between Mara and Quito" in second.instance.text
    broken = {"text": TEXT, "entities": entities, "relations": [relation | {"to_id": 3}]}
    assert "names entity 3" in faults(saved(tmp_path, "b.jsonl", [broken]))[0]


def test_doccano_csv(tmp_path):
    path = saved(tmp_path, "a.csv", "id,text,label,Comments\n1,late and torn,late#torn,[]\n2,sharp,C#,[]\n3,new,,[]\n")
    assert labels(path) == [{"late", "torn"}, {"C#"}]
    assert skipped(path) == ["not_annotated"]
    plain = saved(tmp_path, "b.csv", "text,label\nlate and torn,late#torn\n")
    assert labels(plain) == [{"late#torn"}]


def label_studio_task(results: list, text: str = TEXT, **annotation) -> dict:
    return {"id": 1, "data": {"text": text}, "annotations": [{"result": results, **annotation}]}


def region(id: str, start: int, end: int, text: str, label: str) -> dict:
    value = {"start": start, "end": end, "text": text, "labels": [label]}
    return {"id": id, "type": "labels", "from_name": "label", "to_name": "text", "value": value}


def test_label_studio_json(tmp_path):
    # Its offsets count UTF-16 units: after the emoji they are one further on.
    day = region("c", 25, 31, "Monday", "DAY")
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["visits"]}
    choice = {"id": "x", "type": "choices", "from_name": "kind", "value": {"choices": ["travel", "good"]}}
    results = [region("a", 0, 4, "Mara", "PER"), region("b", 13, 18, "Quito", "CITY"), day, relation]
    rows = [
        label_studio_task(results),
        label_studio_task([choice]),
        label_studio_task([]),
        label_studio_task([choice], was_cancelled=True),
    ]
    path = saved(tmp_path, "a.json", json.dumps(rows, indent=1))
    assert recognized(path) == "label_studio"
    assert golds(path) == [
        GOLD | {"DAY": ("Monday",)},
        {"visits": ()},
        {"travel": (), "good": ()},
        {},
    ]
    assert skipped(path) == ["not_annotated"]


def test_label_studio_with_several_annotators_and_wrong_results(tmp_path):
    choices = [[{"type": "choices", "from_name": "k", "value": {"choices": [label]}}] for label in "ab"]
    task = {"data": {"t": "only text"}, "annotations": [{"result": choices[0]}, {"result": choices[1]}]}
    task["annotations"][1]["ground_truth"] = True
    (item,) = own.checked(saved(tmp_path, "a.json", json.dumps([task])))
    assert (item.instance.text, set(item.instance.gold)) == ("only text", {"b"})
    assert [remark.reason for remark in item.remarks] == ["several_annotations"]
    box = label_studio_task([{"id": "1", "type": "rectanglelabels", "value": {"x": 1}}])
    unclear = label_studio_task([region("a", 0, 4, "Mara", "P")]) | {"data": {"title": "Mara", "body": "Mara flew"}}
    found = faults(saved(tmp_path, "b.json", json.dumps([box, unclear], indent=1)))
    assert "none of the results (rectanglelabels) is of a kind that is read" in found[0]
    assert "which field of `data` is the text? There are title, body" in found[1]


def test_an_empty_annotation_of_label_studio_means_what_the_file_asks(tmp_path):
    choice = {"type": "choices", "from_name": "kind", "value": {"choices": ["travel"]}}
    kinds = saved(tmp_path, "a.json", json.dumps([label_studio_task([]), label_studio_task([choice], "Ada left.")]))
    assert [item.atom for item in own.checked(kinds) if not item.skipped] == ["cls"]
    assert skipped(kinds) == ["not_annotated"]
    spans = saved(
        tmp_path, "b.json", json.dumps([label_studio_task([]), label_studio_task([region("a", 0, 4, "Mara", "P")])])
    )
    assert [(item.atom, dict(item.instance.gold)) for item in own.checked(spans)] == [
        ("ext", {}),
        ("ext", {"P": ("Mara",)}),
    ]


def test_regions_of_label_studio_need_an_id_only_for_relations(tmp_path):
    nameless = region("a", 0, 4, "Mara", "PER")
    del nameless["id"]
    assert golds(saved(tmp_path, "a.json", json.dumps([label_studio_task([nameless])]))) == [{"PER": ("Mara",)}]
    relation = {"type": "relation", "from_id": "a", "to_id": "a", "labels": ["x"]}
    (fault,) = faults(saved(tmp_path, "b.json", json.dumps([label_studio_task([nameless, relation])])))
    assert "a relation names region 'a'" in fault


def test_the_text_of_label_studio_can_be_named(tmp_path):
    task = label_studio_task([region("a", 0, 4, "Mara", "P")]) | {"data": {"title": "Mara", "body": "Mara flew"}}
    path = saved(tmp_path, "a.json", json.dumps([task]))
    assert faults(path)
    (item,) = own.checked(path, columns={"text": "body"})
    assert (item.text, dict(item.instance.gold)) == ("Mara flew", {"P": ("Mara",)})
    assert "'head' is no text of the task; there are 'title', 'body'" in faults(path, columns={"text": "head"})[0]
    with pytest.raises(
        ValueError, match=r"a\.json: --columns=text=body,label=x: of this export .* can be named: text$"
    ):
        list(own.checked(path, columns={"text": "body", "label": "x"}))
    row = {"title": "a", "body": "late", "kind": {"choices": ["x"]}, "annotation_id": 1, "annotator": 1}
    flat = saved(tmp_path, "b.json", json.dumps([row | {"title": {"choices": ["y"]}}]))
    table = saved(tmp_path, "c.csv", "annotation_id,annotator,kind,body\n1,1,x,late\n")
    for path, found in ((flat, [{"y": ()}, {"x": ()}]), (table, [{"x": ()}])):
        assert golds(path, columns={"text": "body"}) == found
        assert {item.text for item in own.checked(path, columns={"text": "body"})} == {"late"}


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.jsonl", [{"text": TEXT, "label": [PERSON]}], "doccano"),
        ("a.csv", "id,text,label\n1,late,a#b\n", "doccano_csv"),
        ("a.txt", "Mara B-PER\n", "conll"),
        ("a.yml", "nlu:\n- intent: x\n  examples: |\n    - hello\n", ""),
    ],
)
def test_columns_are_refused_where_nothing_reads_them(name, content, format, tmp_path):
    path = saved(tmp_path, name, content)
    assert golds(path, format=format)
    with pytest.raises(ValueError, match=rf"{name}: --columns=text=body has no use for the format '\w+'"):
        list(own.checked(path, format=format, columns={"text": "body"}))


def test_label_studio_min_and_csv(tmp_path):
    meta = {"id": 3, "annotator": 1, "annotation_id": 5, "created_at": "x", "updated_at": "y", "lead_time": 2.0}
    spans = [{"start": 0, "end": 4, "text": "Mara", "labels": ["PER"]}]
    rows = [{"text": TEXT, "ner": spans} | meta, {"text": "late", "kind": {"choices": ["a", "b"]}} | meta]
    assert golds(saved(tmp_path, "a.json", json.dumps(rows))) == [{"PER": ("Mara",)}, {"a": (), "b": ()}]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["annotation_id", "annotator", "id", "kind", "lead_time", "text"])
    writer.writeheader()
    for kind in ('{"choices":["a","b"]}', "c", json.dumps(spans), "", "[]", '{"choices":[]}'):
        writer.writerow({"annotation_id": 1, "annotator": 1, "id": 1, "kind": kind, "lead_time": 1, "text": TEXT})
    path = saved(tmp_path, "a.csv", buffer.getvalue())
    assert golds(path) == [{"a": (), "b": ()}, {"c": ()}, {"PER": ("Mara",)}]
    assert skipped(path) == ["not_annotated"] * 3


def test_fields_of_a_flat_label_studio_export_that_are_no_answers_are_said(tmp_path):
    meta = {"annotator": 1, "annotation_id": 5, "lead_time": 2.0, "history": "x"}
    rows = [{"text": f"Late {n}.", "source": f"web{n}", "mood": mood} | meta for n, mood in enumerate(("bad", "good"))]
    path = saved(tmp_path, "a.json", json.dumps(rows))
    first = list(own.checked(path))[:2]
    assert [remark.reason for remark in first[0].remarks] == ["several_answers"]
    assert "fields source, mood are all read as answers: --columns=label=NAME" in str(first[0].remarks[0])
    # Labels of one field are no candidates of another.
    assert [item.instance.labels for item in first] == [("web0", "web1"), ("bad", "good")]
    found = list(own.checked(path, columns={"label": "mood"}))
    assert [(dict(item.instance.gold), item.instance.labels, item.remarks) for item in found] == [
        ({"bad": ()}, (), ()),
        ({"good": ()}, (), ()),
    ]
    # A field of texts has no candidates.
    many = [row | {"source": f"web{n}", "mood": "ab"[n % 2]} for n, row in enumerate([rows[0]] * 300)]
    assert {item.instance.labels for item in own.checked(saved(tmp_path, "b.json", json.dumps(many)))} == {
        (),
        ("a", "b"),
    }
    # A CSV has its columns in alphabetical order, so that the first string may be the label.
    table = "annotation_id,annotator,category,review\n1,1,Positive,The food was great.\n"
    path = saved(tmp_path, "a.csv", table)
    assert "which field is the text? There are category, review; say --columns=text=NAME" in faults(path)[0]
    assert golds(path, columns={"text": "review"}) == [{"Positive": ()}]
    assert golds(path, columns={"label": "category"}) == [{"Positive": ()}]


def test_each_group_of_choices_of_label_studio_has_its_own_labels(tmp_path):
    def task(topic: str, mood: str) -> dict:
        groups = {"topic": topic, "mood": mood}
        choices = [
            {"type": "choices", "from_name": name, "value": {"choices": [label]}} for name, label in groups.items()
        ]
        return label_studio_task(choices)

    canceled = {"was_cancelled": True, "result": [{"type": "choices", "from_name": "topic", "value": {}}]}
    first = task("price", "bad")
    first["annotations"].insert(0, canceled)
    tasks = [first, task("phone", "good"), {"data": {"text": "x"}, "annotations": [{}]}]
    path = saved(tmp_path, "a.json", json.dumps(tasks))
    good = [item.instance for item in own.checked(path) if item.instance]
    assert [(dict(one.gold), one.labels) for one in good] == [
        ({"price": ()}, ("price", "phone")),
        ({"bad": ()}, ("bad", "good")),
        ({"phone": ()}, ("price", "phone")),
        ({"good": ()}, ("bad", "good")),
    ]
    assert len(faults(path)) == 1


def test_a_record_with_a_label_and_its_candidates_is_no_export_of_doccano(tmp_path):
    path = saved(tmp_path, "a.jsonl", [{"text": "Is it a?", "label": "yes", "labels": ["yes", "no", "unknown"]}])
    (item,) = own.checked(path)
    assert (dict(item.instance.gold), item.instance.labels) == ({"yes": ()}, ("yes", "no", "unknown"))


def test_spacy_records_may_be_on_lines(tmp_path):
    lines = "".join(json.dumps([text, {"entities": [[0, 3, "PER"]]}]) + "\n" for text in ("Ada left.", "Bob left."))
    assert golds(saved(tmp_path, "a.jsonl", lines)) == [{"PER": ("Ada",)}, {"PER": ("Bob",)}]
    (first, _) = faults(saved(tmp_path, "b.jsonl", '[1]\n{"text": "a", "label": "b"}\n[2]\n'))
    assert "found a list" in first


def test_several_relations_stand_in_one_cell(tmp_path):
    path = saved(tmp_path, "a.csv", "text,head,tail,relation\nAda runs Acme.,Ada,Acme,works for|founder of\n")
    assert labels(path) == [{"works for", "founder of"}]


@pytest.mark.parametrize(
    ("text", "span"),
    [("他说：“华为Mate60”卖3.5万。", "华为Mate60"), ("我在2019年买iPhone", "2019年"), ("马克·吐温", "马克·吐温")],
)
def test_chinese_of_characters_has_no_spaces(text, span, tmp_path):
    start = text.index(span)
    tags = ["O"] * start + ["B-X"] + ["I-X"] * (len(span) - 1) + ["O"] * (len(text) - start - len(span))
    conll = "".join(f"{character} {tag}\n" for character, tag in zip(text, tags, strict=True))
    words = {"tokens": list(text), "ner_tags": tags}
    for path in (saved(tmp_path, "a.txt", conll), saved(tmp_path, "a.jsonl", [words])):
        (item,) = own.checked(path)
        assert (item.instance.text, dict(item.instance.gold)) == (text, {"X": (span,)})


def test_prodigy_and_spacy(tmp_path):
    spans = [{"start": 0, "end": 4, "label": "PER", "token_start": 0}, {"start": 13, "end": 18, "label": "CITY"}]
    options = [{"id": 1, "text": "late"}, {"id": 2, "text": "torn"}]
    rows = [
        {"text": TEXT, "spans": spans, "answer": "accept"},
        {"text": TEXT, "spans": spans, "answer": "reject"},
        {"text": TEXT, "answer": "ignore"},
        {"text": TEXT, "options": options, "accept": [2], "answer": "accept"},
        {"text": TEXT, "label": "travel", "answer": "accept"},
        {"text": TEXT, "cats": {"x": 1.0, "y": 0.2}, "_task_hash": 1},
    ]
    path = saved(tmp_path, "a.jsonl", rows)
    assert recognized(path) == "prodigy"
    assert golds(path) == [GOLD, {"torn": ()}, {"travel": ()}, {"x": ()}]
    assert skipped(path) == ["answer_reject", "answer_ignore"]
    pairs = [[TEXT, {"entities": [PERSON, CITY]}], ["Nothing.", {"entities": []}]]
    assert golds(saved(tmp_path, "b.json", json.dumps(pairs))) == [GOLD, {}]
    assert "not within the text" in faults(saved(tmp_path, "c.jsonl", [{"text": "a", "spans": [spans[0]]}]))[0]


def test_spans_beside_categories_are_another_record(tmp_path):
    spans = [{"start": 0, "end": 4, "label": "PER"}]
    cats = {"text": TEXT, "cats": {"x": 1.0, "y": 0.0}}
    options = [{"id": "late", "text": "late"}, {"id": "torn", "text": "torn"}]
    rows = [
        cats | {"spans": spans},
        cats | {"spans": []},
        cats,
        {"text": TEXT, "options": options, "accept": ["torn"], "spans": spans, "answer": "accept"},
        {"text": TEXT, "label": "travel", "spans": spans, "answer": "accept"},
    ]
    person = {"PER": ("Mara",)}
    # In a file with spans an empty list of them is an answer, a missing one is none.
    expected = [{"x": ()}, person, {"x": ()}, {}, {"x": ()}, {"torn": ()}, person, {"travel": ()}, person]
    assert golds(saved(tmp_path, "a.jsonl", rows)) == expected
    assert golds(saved(tmp_path, "b.jsonl", rows[1:3])) == [{"x": ()}, {"x": ()}]
    pairs = [[TEXT, {"entities": [PERSON], "cats": {"x": 1}}], [TEXT, {"cats": {"x": 1}}]]
    assert golds(saved(tmp_path, "c.json", json.dumps(pairs))) == [{"x": ()}, person, {"x": ()}]


def test_gliner(tmp_path):
    tokens = ["Mara", "flew", "to", "New", "York", "."]
    row = {"tokenized_text": tokens, "ner": [[0, 0, "PER"], [3, 4, "CITY"]]}
    zh = {"tokenized_text": list("玛拉去上海"), "ner": [[3, 4, "城市"]]}
    path = saved(tmp_path, "a.json", json.dumps([row, zh]))
    assert golds(path) == [{"PER": ("Mara",), "CITY": ("New York",)}, {"城市": ("上海",)}]
    assert [item.text for item in own.checked(path)] == ["Mara flew to New York .", "玛拉去上海"]
    assert "not within the 6 tokens" in faults(saved(tmp_path, "b.jsonl", [row | {"ner": [[5, 6, "X"]]}]))[0]


def test_gliner2(tmp_path):
    output = {
        "entities": {"person": ["Mara"], "city": ["Quito"]},
        "classifications": [{"task": "mood", "labels": ["good", "bad"], "true_label": ["good"]}],
        "relations": [{"visits": {"head": "Mara", "tail": "Quito"}}],
    }
    path = saved(tmp_path, "a.jsonl", [{"input": TEXT, "output": output}])
    assert golds(path) == [{"person": ("Mara",), "city": ("Quito",)}, {"good": ()}, {"visits": ()}]
    more = saved(tmp_path, "c.jsonl", [{"input": TEXT, "output": output | {"json_structures": []}}])
    assert [str(remark) for remark in next(own.checked(more)).remarks] == [
        "json_structures of output is not read; what is read are entities, classifications, relations"
    ]
    wrong = saved(tmp_path, "b.jsonl", [{"input": TEXT, "output": {"json_structures": []}}])
    assert "output has json_structures; what is read are entities" in faults(wrong)[0]


def test_tokens_with_tags(tmp_path):
    row = {"tokens": ["Mara", "in", "Quito"], "ner_tags": ["U-PER", "O", "B-CITY"]}
    assert golds(saved(tmp_path, "a.jsonl", [row])) == [GOLD]
    numbers = saved(tmp_path, "b.jsonl", [row | {"ner_tags": [1, 0, 2]}, row | {"ner_tags": ["O"]}])
    assert [error[:20] for error in faults(numbers)] == ["ner_tags are numbers", "3 tokens have 1 ner_"]


def test_squad(tmp_path):
    answers = [{"text": "Quito", "answer_start": 13}, {"text": "to Quito", "answer_start": 10}, {"text": "to Quito"}]
    questions = [
        {"id": "q1", "question": "Where?", "answers": answers},
        {"id": "q2", "question": "Why?", "answers": [], "is_impossible": True},
    ]
    document = {"version": "2", "data": [{"title": "x", "paragraphs": [{"context": TEXT, "qas": questions}]}]}
    found = list(own.checked(saved(tmp_path, "a.json", json.dumps(document))))
    assert [item.instance.labels for item in found] == [("Where?",), ("Why?",)]
    assert [dict(item.instance.gold) for item in found] == [{"Where?": ("to Quito",)}, {}]
    row = {"id": "1", "context": TEXT, "question": "Where?", "answers": {"text": ["Quito"], "answer_start": [13]}}
    assert golds(saved(tmp_path, "b.jsonl", [row])) == [{"Where?": ("Quito",)}]


def test_a_format_may_be_named(tmp_path):
    path = saved(tmp_path, "a.jsonl", [{"text": "late", "label": "a#b"}])
    assert recognized(path) == "fields"
    assert labels(path) == [{"a#b"}]
    with pytest.raises(ValueError, match=r"no format 'docano'; there are squad, .*doccano"):
        list(own.checked(path, format="docano"))
    assert labels(path, format="doccano") == [{"a#b"}]


# ---- the ten families


def test_short_forms(tmp_path):
    text = "Mara founded Acme in Quito."
    rows = [
        {"text": ["It rains.", "It is dry."], "answers": "contradiction"},
        {"text_a": "It rains.", "text_b": "It is wet.", "label": "entailment"},
        {"text": text, "mention": "Acme", "answers": ["company"]},
        {"text": text, "head": "Mara", "tail": "Acme", "relation": "founder"},
        {"text": text, "question": "Where?", "answers": ["Quito"]},
        {"text": text, "question": "Who?", "options": ["a woman", "a man"], "answers": "a woman"},
        {"text": "玛拉创立了公司", "mention": "玛拉", "answers": ["人"]},
    ]
    found = list(own.checked(saved(tmp_path, "a.jsonl", rows)))
    assert not [str(item.fault) for item in found if item.fault]
    assert [own.family_of(item.value) for item in found] == ["NLI", "NLI", "ET", "RE", "MRC", "MRC", "ET"]
    assert [item.instance for item in found[1:6]] == [
        Instance("a.jsonl:2", "cls", "It rains.\tIt is wet.", {"entailment": ()}),
        Instance(
            "a.jsonl:3", "cls", f"what is the entity type of Acme in {text}?", {"company": ()}, (), text, ("Acme",)
        ),
        Instance(
            "a.jsonl:4",
            "cls",
            f"what is the relation between Mara and Acme in {text}?",
            {"founder": ()},
            (),
            text,
            ("Mara", "Acme"),
        ),
        Instance("a.jsonl:5", "ext", text, {"Where?": ("Quito",)}, ("Where?",)),
        Instance("a.jsonl:6", "cls", f"{text}\tWho?", {"a woman": ()}, ("a woman", "a man"), text),
    ]
    assert "实体类型" in found[6].instance.text
    # Fields of a file that are called so are not ours.
    own_fields = {"family": "NER", "mentions": 3, "source_text": "x"}
    assert own.checked(saved(tmp_path, "b.jsonl", [rows[2] | own_fields])).__next__().instance.mentions == ("Acme",)
    (plain,) = own.checked(
        saved(tmp_path, "c.jsonl", [{"text": "a", "task": "cls", "answers": "b", "mentions": ["a"]}])
    )
    assert plain.instance.mentions == ()


def test_events(tmp_path):
    sued = {"type": "trial", "trigger": "sued", "arguments": {"plaintiff": ["Bob"]}}
    lost = {"type": "trial", "trigger": "lost", "arguments": {"loser": "Acme"}}
    rows = [
        {"text": "Bob sued Acme.", "events": [sued]},
        {"text": "Acme lost.", "events": [lost]},
        {"text": "x", "events": []},
    ]
    found = list(own.checked(saved(tmp_path, "a.jsonl", rows)))
    assert [dict(item.instance.gold) for item in found] == [
        {"trial event": ("sued",)},
        {"plaintiff of the trial event": ("Bob",)},
        {"trial event": ("lost",)},
        {"loser of the trial event": ("Acme",)},
        {},
    ]
    # The roles of an event type are those of the whole file.
    roles = ("plaintiff of the trial event", "loser of the trial event")
    assert found[1].instance.labels == found[3].instance.labels == roles
    assert len({item.instance.id for item in found}) == 5


def test_events_of_one_type_are_asked_by_their_triggers(tmp_path):
    sued = {"type": "trial", "trigger": [4, 8], "arguments": {"plaintiff": ["Bob"]}}
    charged = {"type": "trial", "trigger": {"start": 19, "end": 26}, "arguments": {"plaintiff": ["Ada"]}}
    row = {"text": "Bob sued Acme; Ada charged Bob.", "events": [sued, charged]}
    _, first, second = own.checked(saved(tmp_path, "a.jsonl", [row]))
    assert dict(first.instance.gold) == {'plaintiff of the trial event "sued"': ("Bob",)}
    assert dict(second.instance.gold) == {'plaintiff of the trial event "charged"': ("Ada",)}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": ["a", "b", "c"], "answers": "x"}, "text is a list of 3"),
        ({"text": ["a\tb", "b"], "answers": "x"}, "none may be in one"),
        ({"text": "Mara flew", "mention": "Lena", "answers": ["x"]}, "mention 'Lena' is not in the text"),
        ({"text": "Mara flew", "head": "Mara", "tail": "", "relation": "x"}, "tail is missing"),
        ({"text": "Mara flew", "question": "Who?", "options": "x", "answers": "x"}, "at least two strings"),
        ({"text": "Mara flew", "mention": "Mara", "task": "ext", "answers": ["x"]}, "leave task out"),
        ({"text": "Mara flew", "events": [{"type": "x"}]}, "an event has no trigger"),
        (
            {"text": "Mara flew", "events": [{"type": "x", "trigger": "flew", "arguments": ["Mara"]}]},
            "arguments of an event are",
        ),
        ({"text": "Mara flew", "question": "Who?", "answers": ["Lena"]}, "span 'Lena' of 'Who?' is not in the text"),
    ],
)
def test_what_is_wrong_with_a_short_form_is_said(row, message, tmp_path):
    assert message in faults(saved(tmp_path, "a.jsonl", [row]))[0]


@given(st.text("abc 上海，é👍", min_size=1).filter(str.strip), st.data())
def test_spans_are_the_same_in_every_tool(tmp_path_factory, text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)).filter(lambda end: text[start:end].strip()))
    folder = tmp_path_factory.mktemp("spans")
    units = [len(text[:place].encode("utf-16-le")) // 2 for place in (start, end)]
    rows = {
        "doccano": {"text": text, "label": [[start, end, "X"]]},
        "prodigy": {"text": text, "spans": [{"start": start, "end": end, "label": "X"}]},
        "label_studio": label_studio_task([region("a", *units, text[start:end], "X")], text),
    }
    for name, row in rows.items():
        path = saved(folder, f"{name}.jsonl", [row])
        assert recognized(path) == name
        assert golds(path) == [{"X": (text[start:end].strip(),)}]


# ---- corpora


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("bio", "B-CITY I-CITY O B-PER"),
        ("iob1", "I-CITY I-CITY O I-PER"),
        ("bilou", "B-CITY L-CITY O U-PER"),
        ("bmes", "B-CITY E-CITY O S-PER"),
    ],
)
@pytest.mark.parametrize("layout", ["{} {}", "{}\t{}", "{}  NN  _  {} ", "{}\tNN\t{}\t"])
def test_conll(scheme, tags, layout, tmp_path):
    lines = [layout.format(*pair) for pair in zip(["New", "York", "greets", "Mara"], tags.split(), strict=True)]
    if layout.endswith("\t"):
        lines = [line.rstrip() for line in lines]
    text = "\n".join(["-DOCSTART- -X- O", "", "# id = 1", *lines, "", "", "good O", "day O", ""])
    path = saved(tmp_path, "a.txt", text)
    assert recognized(path) == "conll"
    assert golds(path) == [{"CITY": ("New York",), "PER": ("Mara",)}, {}]
    assert [(item.line, item.text) for item in own.checked(path)] == [(4, "New York greets Mara"), (10, "good day")]


def test_conll_of_characters_with_blank_tokens(tmp_path):
    path = saved(tmp_path, "a.conll", "玛 B-人\n拉 I-人\n  O\n去 O\n上 B-城市\n海 E-城市\n\nx -\ny U-X\n")
    assert golds(path) == [{"人": ("玛拉",), "城市": ("上海",)}, {"X": ("y",)}]
    assert [item.text for item in own.checked(path)] == ["玛拉 去上海", "x y"]


def test_a_broken_line_of_conll_costs_its_sentence(tmp_path):
    good = "".join(f"w{n} B-X\nv O\n\n" for n in range(10))
    path = saved(tmp_path, "a.conll", good + "Mara B-PER\nalone\n\n" + good)
    assert len([item for item in own.checked(path) if item.instance]) == 20
    assert [(item.line, item.fault.reason) for item in own.checked(path) if item.fault] == [(32, "wrong_row")]


@given(st.lists(st.tuples(st.sampled_from(["Mara", "上", "海", "é", "7"]), st.booleans()), min_size=2, max_size=8))
def test_spans_survive_conll(tmp_path_factory, tokens):
    tags = ["B-X" if marked else "O" for _, marked in tokens]
    if "B-X" not in tags:
        tags[0] = "B-X"
    lines = "".join(f"{token} {tag}\n" for (token, _), tag in zip(tokens, tags, strict=True))
    path = saved(tmp_path_factory.mktemp("conll"), "a.conll", lines)
    expected = dict.fromkeys(token for (token, _), tag in zip(tokens, tags, strict=True) if tag != "O")
    assert golds(path) == [{"X": tuple(expected)}]


def test_brat(tmp_path):
    text = "Mara has pain in the left\nand right arm."
    ann = "T1\tPER 0 4\tMara\nT2\tPART 21 25;26 29\tleft and\nT3\tPART 21 25;36 39\tleft arm\n"
    ann += "R1\thas Arg1:T1 Arg2:T3\n#1\tNote T1\tx\n"
    saved(tmp_path, "b/one.txt", text)
    saved(tmp_path, "b/one.ann", ann)
    saved(tmp_path, "b/sub/two.txt", "Nothing.")
    saved(tmp_path, "b/sub/two.ann", "")
    found = list(own.checked(tmp_path / "b"))
    assert [item.instance and dict(item.instance.gold) for item in found] == [
        {"PER": ("Mara",), "PART": ("left\nand", "left\nand right arm")},
        {"has": ()},
        {},
    ]
    assert [remark.reason for remark in found[0].remarks if remark.reason != "outer_spaces"] == ["discontinuous_span"]
    assert len({item.instance.id for item in found}) == 3
    for file in ("one.txt", "one.ann"):
        assert len(list(own.checked(tmp_path / "b" / file))) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_brat_end_at_line_ends_only(end, tmp_path):
    text = "Mara\u2028Lind met\x0cBob\x85Orr"
    saved(tmp_path, "a.txt", text)
    spans = ((0, 9), (14, 21))
    ann = "".join(f"T{n}\tPER {start} {stop}\t{text[start:stop]}{end}" for n, (start, stop) in enumerate(spans))
    (tmp_path / "a.ann").write_bytes(ann.encode())
    assert golds(tmp_path / "a.ann") == [{"PER": ("Mara\u2028Lind", "Bob\x85Orr")}]


@pytest.mark.parametrize(
    ("ann", "message"),
    [
        ("T1\tPER 1 5\tMara\n", "characters 1 to 5 of a.txt are 'ara ', not 'Mara'"),
        ("T1 PER 0 4 Mara\n", "not a line of brat"),
        ("R1\tx Arg1:T1 Arg2:T2\n", "a relation names T1, which is not in the file"),
        (None, "two files, .txt and .ann"),
    ],
)
def test_what_is_wrong_with_brat_is_said(ann, message, tmp_path):
    path = saved(tmp_path, "a.ann", ann or "")
    if ann is not None:
        saved(tmp_path, "a.txt", "Mara flew")
    assert message in faults(path)[0]


RASA = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - good morning [Mara](name)
- intent: fly
  examples:
  - 'to [Quito]{"entity": "city", "role": "goal"} on [Monday](day:mon)'
- synonym: mon
  examples: |
    - monday
"""


def test_rasa(tmp_path):
    path = saved(tmp_path, "nlu.yml", RASA)
    assert recognized(path) == "rasa"
    found = [(item.line, item.text, dict(item.instance.gold)) for item in own.checked(path)]
    assert found == [
        (5, "hello", {"greet": ()}),
        (5, "hello", {}),
        (6, "good morning Mara", {"greet": ()}),
        (6, "good morning Mara", {"name": ("Mara",)}),
        (9, "to Quito on Monday", {"fly": ()}),
        (9, "to Quito on Monday", {"city": ("Quito",), "day": ("Monday",)}),
    ]
    old = {
        "text": "to quito",
        "intent": "fly",
        "entities": [{"start": 3, "end": 8, "value": "Quito", "entity": "city"}],
    }
    document = {"rasa_nlu_data": {"common_examples": [old, {"text": "hi", "intent": "greet"}]}}
    assert golds(saved(tmp_path, "a.json", json.dumps(document))) == [
        {"fly": ()},
        {"city": ("quito",)},
        {"greet": ()},
        {},
    ]
    with pytest.raises(RecordError, match=r"c\.yml:4: not YAML"):
        list(own.checked(saved(tmp_path, "c.yml", "nlu:\n- intent: greet\n  examples: [\n")))
    assert "an entity is" in faults(saved(tmp_path, "d.yml", RASA.replace('"entity"', '"kind"')))[0]


@pytest.mark.parametrize(
    ("head", "message"),
    [(b"PK\x03\x04", "save its sheet as CSV"), (b"PAR1", "Parquet file cannot be read"), (b"\x1f\x8b", "gzip")],
)
def test_files_that_are_no_text_are_named(head, message, tmp_path):
    (tmp_path / "a.xlsx").write_bytes(head + bytes(100))
    with pytest.raises(ValueError, match=message):
        list(own.checked(tmp_path / "a.xlsx"))


# ---- flags


def test_columns_and_format_are_flags_of_every_command_with_own_data(tmp_path, capsys):
    path = saved(tmp_path, "a.csv", "Body,Topic\n" + "".join(f"parcel {n} is late,delivery\n" for n in range(30)))
    parser = command_line.parser("doc")
    command_line.add_own_data(parser)
    flags = [f"--data={path}", "--columns=text=Body,label=Topic", "--format=table"]
    config = command_line.parse(parser, flags, ("Prepare",))[1].build("Prepare", tokenizer="-")
    assert (config.own_columns, config.own_format) == ({"text": "Body", "label": "Topic"}, "table")
    (spec,) = find(config)
    assert sum(len(list(spec.read(split, (path,)))) for split in spec.splits) == 30
    assert validate.main([str(path), "--columns=text=Body,label=Topic"]) == 0
    assert validate.main([str(path)]) == 1
    assert "--columns=text=Body,label=Topic" in capsys.readouterr().out


def test_a_file_of_several_forms_is_a_task_for_each(tmp_path):
    rows = [{"text": f"Mara flew {n}", "task": "cls", "answers": "travel"} for n in range(30)]
    rows += [{"text": f"Mara flew {n}", "mention": "Mara", "answers": ["person"]} for n in range(30)]
    path = saved(tmp_path, "t.jsonl", rows)
    config = PrepareConfig(mixture="t", tokenizer="-", own_data={"t": str(path)}, split="train")
    assert [(spec.name, spec.family, spec.atom) for spec in find(config)] == [
        ("t.cls", "CLS", "cls"),
        ("t.mentions", "ET", "cls"),
    ]


def test_left_out_records_are_counted_not_bad(tmp_path):
    rows = [{"text": f"Mara flew {n}", "label": "travel", "answer": "reject" if n % 2 else "accept"} for n in range(9)]
    path = saved(tmp_path, "t.jsonl", rows)
    config = PrepareConfig(mixture="t", tokenizer="-", own_data={"t": str(path)}, split="train")
    (spec,) = find(config)
    items = [item for split in spec.splits for item in spec.read(split, (path,))]
    assert sum(isinstance(item, Skipped) for item in items) == 4
    assert sum(isinstance(item, Instance) for item in items) == 5


# ---- spans that only look like a part of the text


@pytest.mark.parametrize(
    ("text", "span", "hint"),
    [
        ("Le cafe\u0301 ferme", "café", "Unicode normal form"),
        ("I don’t know", "don't", "quote or dash"),
        ("10\u00a0euros", "10 euros", "kind or number of spaces"),
        ("pay ＡＢＣ now", "ABC", "full width"),
        ("Mara\u200b Lind", "Mara Lind", "invisible characters"),
        ("I don’t pay\u00a0ＡＢＣ", "don't pay ABC", "several characters"),
        ("Mara", "Lena", "not in the text"),
    ],
)
def test_look_alikes_are_named(text, span, hint, tmp_path):
    (fault,) = faults(saved(tmp_path, "a.jsonl", [{"text": text, "task": "ext", "answers": {"x": [span]}}]))
    assert hint in fault


@pytest.mark.parametrize(
    ("text", "answers", "message"),
    [
        ("a\tb", {"x": ["a\tb"]}, "holds a TAB, which separates spans in an answer: write a space"),
        ("None came", {"x": [[0, 4]]}, "is 'None', which answers that there is none"),
        ("Mara came", {"None": ["Mara"]}, "a label cannot be 'None', which answers that none fits"),
    ],
)
def test_what_answers_need_for_themselves(text, answers, message, tmp_path):
    (fault,) = faults(saved(tmp_path, "a.jsonl", [{"text": text, "task": "ext", "answers": answers}]))
    assert message in fault


def test_the_examples_of_the_page_are_recognized(tmp_path):
    page = (Path(__file__).parent.parent.parent / "docs" / "own_data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`.*?) \|.* \| `(\{.*\})` \|$", page, re.MULTILINE)
    assert len(rows) >= 9
    for number, (names, example) in enumerate(rows):
        path = saved(tmp_path, f"{number}.jsonl", example)
        assert f"`{recognized(path)}`" in names
        assert not faults(path)
    forms = re.findall(r"^\| [a-z ]+ \| `(\{.*?\})`(?:, or .*)? \|$", page, re.MULTILINE)
    assert len(forms) == 6
    assert not faults(saved(tmp_path, "forms.jsonl", "\n".join(forms)))
    assert {name for name in re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", page, re.M)))} >= set(FORMATS)


# ---- anything at all

RECORDS = [
    {"text": TEXT, "label": ["late"]},
    {"text": TEXT, "cats": {"x": 1.0}, "spans": [{"start": 0, "end": 4, "label": "PER"}]},
    {"text": TEXT, "label": [PERSON, CITY], "Comments": []},
    {
        "text": TEXT,
        "entities": [{"id": n, "label": "PER", "start_offset": 0, "end_offset": 4} for n in (1, 2)],
        "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "x"}],
    },
    label_studio_task(
        [
            region("a", 0, 4, "Mara", "PER"),
            {"type": "relation", "from_id": "a", "to_id": "a", "labels": ["x"]},
            {"id": "c", "type": "choices", "from_name": "k", "value": {"choices": ["a"]}},
        ]
    ),
    {
        "text": TEXT,
        "ner": [{"start": 0, "end": 4, "text": "Mara", "labels": ["P"]}],
        "annotation_id": 1,
        "annotator": 1,
    },
    {"text": TEXT, "spans": [{"start": 0, "end": 4, "label": "PER"}], "answer": "accept"},
    {"text": TEXT, "options": [{"id": 1, "text": "late"}], "accept": [1], "answer": "accept"},
    {"text": TEXT, "cats": {"x": 1.0}, "_task_hash": 1},
    [TEXT, {"entities": [PERSON]}],
    {"tokenized_text": ["a", "b"], "ner": [[0, 1, "X"]]},
    {
        "input": TEXT,
        "output": {
            "entities": {"x": ["Mara"]},
            "classifications": [{"labels": ["a", "b"], "true_label": ["a"]}],
            "relations": [{"r": {"head": "Mara", "tail": "Quito"}}],
        },
    },
    {"tokens": ["a", "b"], "ner_tags": ["B-X", "O"]},
    {"data": [{"paragraphs": [{"context": TEXT, "qas": [{"question": "Who?", "answers": [{"text": "Mara"}]}]}]}]},
    {"context": TEXT, "question": "Who?", "answers": {"text": ["Mara"]}},
    {
        "rasa_nlu_data": {
            "common_examples": [{"text": TEXT, "intent": "x", "entities": [{"start": 0, "end": 4, "entity": "e"}]}]
        }
    },
    {
        "text": TEXT,
        "task": "ext",
        "answers": {"x": [{"start": 0, "end": 4, "text": "Mara"}]},
        "labels": ["x"],
        "group": 1,
    },
    {"text": ["a", "b"], "answers": "x"},
    {"text": TEXT, "mention": "Mara", "answers": ["x"]},
    {"text": TEXT, "head": "Mara", "tail": "Quito", "relation": "x"},
    {"text": TEXT, "question": "Who?", "options": ["a", "b"], "answers": "a"},
    {"text": TEXT, "events": [{"type": "x", "trigger": "flew", "arguments": {"who": ["Mara"]}}]},
]


def nodes(value: object, place: tuple = ()) -> list[tuple]:
    """The places of all parts of a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(inner for key, part in parts for inner in nodes(part, (*place, key)))]


def changed(value: object, place: tuple, new: object) -> object:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = changed(value[place[0]], place[1:], new)
    return copy


def any_items(path: Path) -> list[own.Checked]:
    """The items of a file; [] where the whole of it is refused by name."""
    message, found = str(path), []
    try:
        found = list(own.checked(path))
    except ValueError as error:
        message = str(error)
    assert str(path) in message
    return found


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(RECORDS), st.data())
def test_a_record_with_any_other_part_is_an_error_never_a_crash(tmp_path_factory, record, data):
    new = data.draw(st.sampled_from([None, 3, -1, 1e300, True, "", "x", [], [[]], [3], {}, {"a": {}}, {"text": None}]))
    broken = changed(record, data.draw(st.sampled_from(nodes(record))), new)
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    # Three good ones keep the format.
    path.write_text(json_lines(record, record, record, broken), encoding="utf-8")
    assert all(str(item.fault) for item in any_items(path) if item.fault)


@settings(deadline=None, max_examples=200)
@given(
    st.binary(min_size=1, max_size=60),
    st.sampled_from([b"", b"text,label\n", b'{"text": "a"', b"[", b"nlu:\n", b"a B-X\n"]),
)
def test_any_bytes_are_an_error_never_a_crash(tmp_path_factory, raw, start):
    path = tmp_path_factory.mktemp("bytes") / "a.txt"
    path.write_bytes(start + raw)
    any_items(path)


@pytest.mark.parametrize(
    ("splits", "read", "printed"),
    [
        (("train",), None, ""),
        (("train", "extra"), None, "not read: extra"),
        (("train", "validation_matched", "test"), {"train", "test"}, "not read: validation_matched"),
        (("test",), {"test"}, ""),
    ],
)
def test_splits_of_the_hub(splits, read, printed, tmp_path, monkeypatch, capsys):
    pytest.importorskip("datasets")
    configs = [{"config_name": "default", "data_files": [{"split": name, "path": f"{name}.jsonl"} for name in splits]}]
    for name in splits:
        saved(tmp_path / "owner" / "set", f"{name}.jsonl", [{"text": name, "label": "x"}])
    saved(tmp_path / "owner" / "set", "README.md", "---\n" + yaml.safe_dump({"configs": configs}) + "---\n")
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        name, files = parse_own_data(f"hf:{tmp_path / 'owner' / 'set'}")
        assert name == "set"
        # One file is split by hash.
        assert (set(files) == read) if read else files.endswith("train.jsonl")
    captured = capsys.readouterr()
    assert printed in captured.err
    assert ("not read" in captured.err) == bool(printed)


def test_two_splits_of_the_hub_with_one_name(tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    splits = ("train", "dev", "validation")
    configs = [{"config_name": "default", "data_files": [{"split": name, "path": f"{name}.jsonl"} for name in splits]}]
    for name in splits:
        saved(tmp_path / "set", f"{name}.jsonl", [{"text": name, "label": "x"}])
    saved(tmp_path / "set", "README.md", "---\n" + yaml.safe_dump({"configs": configs}) + "---\n")
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(ValueError, match=r"dev and validation are both of validation: .*train=FILE,validation=FILE"):
        parse_own_data(f"hf:{tmp_path / 'set'}")


def test_a_data_set_of_the_hub_by_name(tmp_path, monkeypatch):
    """The same code reads a folder as the hub; its labels are numbers with names."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["late", "torn"])}
    )
    rows = {"text": ["where is it", "it broke", "new"], "label": [0, 1, -1]}
    source = tmp_path / "owner" / "parcels"
    for split in ("train", "test"):
        saved(
            source,
            f"{split}.jsonl",
            json_lines(*({"text": t, "label": n} for t, n in zip(*rows.values(), strict=True))),
        )
    readme = {"features": features._to_yaml_list()}
    saved(source, "README.md", "---\n" + yaml.safe_dump({"dataset_info": readme}) + "---\n")
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    name, files = parse_own_data(f"hf:{source}")
    assert (name, set(files)) == ("parcels", {"train", "test"})
    assert labels(Path(files["test"])) == [{"late"}, {"torn"}]
    assert skipped(Path(files["test"])) == ["no_label"]
    named, again = parse_own_data(f"calls:hf:{source}")
    assert (named, again) == ("calls", files)
    with pytest.raises(ValueError, match="hf:/no/where: the data set cannot be read"):
        parse_own_data("hf:/no/where")
