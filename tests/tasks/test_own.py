"""Own data: files that become tasks, modules of a user's, and the page that shows how."""

import difflib
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax import command_line, prepare, validate
from seqgpt_jax.atomic import TEMPLATES, Instance, clean_text
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.files import DataNotFound
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks import MIXTURES, catalogue, evaluation_tasks, find, general_tasks
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.split import SHARES, hash_split
from tests.tasks.records import json_lines, strict, write

DOCS = Path(__file__).parent.parent.parent / "docs" / "own_data.md"
CLS = {"text": "Where is my parcel?", "task": "cls", "answers": "delivery"}
EXT = {"text": "Ada moved to Turin.", "task": "ext", "answers": {"customer": ["Ada"], "city": [[13, 18]], "date": []}}


def config(own_data=None, mixture="tickets", split="train", **settings) -> PrepareConfig:
    return PrepareConfig(mixture=mixture, tokenizer="-", own_data=own_data, split=split, **settings)


def items(*rows: object, folder: Path) -> list[own.Checked]:
    return list(own.checked(write(folder, "a.jsonl", json_lines(*rows))))


def read(spec, split):
    return list(spec.read(split, tuple(map(Path, spec.splits[split]))))


# ---- one record


def test_all_ways_to_write_answers(tmp_path):
    span = {"start": 13, "end": 18, "text": "Turin"}
    rows = [CLS, CLS | {"answers": ["a", "b"], "labels": ["b", "a", "c"]}, EXT, EXT | {"answers": {"city": [span]}}]
    assert [item.instance for item in items(*rows, folder=tmp_path)] == [
        Instance("a.jsonl:1", "cls", CLS["text"], {"delivery": ()}),
        Instance("a.jsonl:2", "cls", CLS["text"], {"a": (), "b": ()}, ("b", "a", "c")),
        Instance("a.jsonl:3", "ext", EXT["text"], {"customer": ("Ada",), "city": ("Turin",)}),
        Instance("a.jsonl:4", "ext", EXT["text"], {"city": ("Turin",)}),
    ]


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"text": 3}, "wrong_type", "text is a number"),
        ({"text": "\u2028 "}, "empty_text", "text is empty"),
        ({"task": "classify"}, "unknown_task", 'write "cls"'),
        ({"task": ["cls"]}, "unknown_task", 'write "cls"'),
        ({"answers": {"a": []}}, "wrong_type", "not an object"),
        ({"answers": [1]}, "wrong_type", "label 1 is a number"),
        ({"answers": ["a", "\t"]}, "empty_label", "empty"),
        ({"answers": "None"}, "prompt_format", "cannot be 'None'"),
        ({"answers": "delivry", "labels": ["delivery"]}, "unknown_label", "did you mean 'delivery'"),
        ({"labels": "delivery"}, "wrong_type", "labels is a string"),
    ],
)
def test_what_is_wrong_with_a_classification_is_said(changes, reason, detail, tmp_path):
    (item,) = items(CLS | changes, folder=tmp_path)
    assert (item.instance, item.fault.reason) == (None, reason)
    assert detail in str(item.fault)


@pytest.mark.parametrize(
    ("answers", "reason", "detail"),
    [
        ("Ada", "wrong_type", "an object label -> spans, not a string"),
        ({"a": "Ada"}, "wrong_type", "the spans of 'a' are a string"),
        ({"a": [7]}, "wrong_type", "neither a string nor [start, end]"),
        ({"a": [[0, True]]}, "wrong_type", "neither a string nor [start, end]"),
        ({"a": ["ada"]}, "span_not_in_text", "the text has 'Ada'"),
        ({"a": [""]}, "empty_span", "a span of 'a' is empty"),
        ({"a": [[18, 20]]}, "offsets_out_of_range", "19 characters"),
        ({"a": [[3, 3]]}, "offsets_out_of_range", "[3, 3]"),
        ({"a": [{"start": 1, "end": 4, "text": "Ada"}]}, "offsets_do_not_match", "it stands at [0, 3]"),
        ({"a": [{"start": 1}]}, "missing_field", "no end"),
        ({" ": ["Ada"]}, "empty_label", "empty"),
    ],
)
def test_what_is_wrong_with_an_extraction_is_said(answers, reason, detail, tmp_path):
    (item,) = items(EXT | {"answers": answers}, folder=tmp_path)
    assert (item.instance, item.fault.reason) == (None, reason)
    assert detail in str(item.fault)


def test_a_span_that_no_answer_can_hold(tmp_path):
    rows = [("None at all", "None"), ("a\tb", "a\tb"), ("a</s>b", "</")]
    for text, span in rows:
        (item,) = items({"text": text, "task": "ext", "answers": {"x": [span]}}, folder=tmp_path)
        assert item.fault.reason in ("prompt_format", "span_not_in_text"), text


def test_labels_that_differ_only_outside_the_prompt_are_one(tmp_path):
    rows = [CLS | {"answers": label} for label in ("a，b", " a,b\n")]
    found = items(*rows, folder=tmp_path)
    assert [set(item.instance.gold) for item in found] == [{"a,b"}, {"a,b"}]
    assert [remark.reason for item in found for remark in item.remarks] == ["changed_label"] * 2


def test_misspelt_optional_fields_are_remarked(tmp_path):
    (item,) = items(CLS | {"lables": ["delivery"], "id": 7}, folder=tmp_path)
    assert [str(remark) for remark in item.remarks] == ["field 'lables' is not read; did you mean 'labels'?"]


def test_names_of_fields_are_compared_once_and_known_ones_never(tmp_path, monkeypatch):
    compared, compare = [], difflib.get_close_matches
    monkeypatch.setattr(
        difflib, "get_close_matches", lambda name, *a, **k: compared.append(name) or compare(name, *a, **k)
    )
    own._closest_field.cache_clear()
    found = items(*[CLS | {"lables": ["delivery"], "answer": "a", "id": 7}] * 3, folder=tmp_path)
    assert [[remark.reason for remark in item.remarks] for item in found] == [["unread_field"]] * 3
    assert compared == ["lables", "answer", "id"]


@given(st.text(min_size=1), st.data())
def test_strings_and_offsets_say_the_same(tmp_path_factory, text, data):
    """Any part of any text: as offsets, as an object, as a string; and what is good can be rendered."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    string = text[start:end]
    ways = ([start, end], {"start": start, "end": end, "text": string}, string)
    rows = [{"text": text, "task": "ext", "answers": {"x": [way]}} for way in ways]
    path = tmp_path_factory.mktemp("a") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = list(own.checked(path))
    assert len(found) == 3
    assert len({item.instance is None for item in found}) == 1
    if found[0].instance:
        assert [dict(item.instance.gold) for item in found] == [{"x": (string.strip(),)}] * 3
        assert clean_text(string.strip()) in clean_text(text)


def test_a_text_is_not_cleaned_for_each_of_its_spans(tmp_path, monkeypatch):
    names = [f"name\u2028{n}" for n in range(300)]
    text, cleaned = " and ".join(names), []
    monkeypatch.setattr(own, "clean_text", lambda string: cleaned.append(string) or clean_text(string))
    (item,) = items({"text": text, "task": "ext", "answers": {"x": names}}, folder=tmp_path)
    assert item.instance.gold["x"] == tuple(names)
    assert cleaned.count(text) <= 4


# ---- files


def test_tables(tmp_path):
    comma = write(tmp_path, "a.csv", '\ufeffid,text,label\r\n1,"a, ""b""\r\nc",x | y\r\n2,d,\r\n3,e\r\n4,f,z\r\n')
    tabbed = write(tmp_path, "a.tsv", 'label\ttext\nx\t"quoted\u2028" word\n')
    found = list(own.checked(comma))
    assert [item.instance and (item.line, item.instance.text, set(item.instance.gold)) for item in found] == [
        (2, 'a, "b"\nc', {"x", "y"}),
        None,
        None,
        (6, "f", {"z"}),
    ]
    assert [(item.line, item.fault.reason) for item in found if item.fault] == [(4, "empty_label"), (5, "wrong_row")]
    (item,) = own.checked(tabbed)
    assert item.instance.text == '"quoted\u2028" word'


def test_a_stray_quote_costs_one_row(tmp_path):
    rows = ["text,label", '"one,x', "two,x", '"three" or so,x', "four,x", '"five,x', "six,x"]
    found = list(own.checked(write(tmp_path, "a.csv", "\n".join(rows))))
    assert [item.instance.text for item in found if item.instance] == ["two", "four", "six"]
    assert [item.line for item in found if item.fault] == [2, 4, 6]


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        (
            "a.csv",
            b"body;topic\na;b\n",
            r"a\.csv:1: .* the columns are 'body', 'topic'.*--columns=text=body,label=topic",
        ),
        ("a.csv", b"text,label,text\n", "a column stands twice"),
        ("a.jsonl", b'{"a": 1}\n', r"no field text and no label; the columns are 'a'"),
        ("a.csv", b"\n\n", "the file has no row"),
    ],
)
def test_files_of_which_nothing_can_be_read(name, raw, message, tmp_path):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        list(own.checked(tmp_path / name))


def test_broken_lines_do_not_hide_the_others(tmp_path):
    lines = ["{", '{"a": 1, "a": 2}', "[" * 100_000, json.dumps(CLS), "[1]"]
    path = tmp_path / "a.jsonl"
    path.write_bytes("\r\n".join(lines).encode() + b"\n\xff\n")
    assert [(item.line, item.fault and item.fault.reason) for item in own.checked(path)] == [
        (1, "not_json"),
        (2, "not_json"),
        (3, "not_json"),
        (4, None),
        (5, "not_an_object"),
        (6, "wrong_encoding"),
    ]


# ---- tasks


def test_a_file_of_both_kinds_is_two_tasks_split_by_hash(tmp_path):
    rows = [row | {"text": f"{row['text']} {n}"} for n in range(100) for row in (CLS, EXT)]
    path = write(tmp_path, "t.jsonl", json_lines(*rows, {"text": "no task"}) + "{\n")
    data = {"tickets": str(path)}
    specs = find(config(data))
    assert [(s.name, s.family, s.language, s.atom, s.exclusive) for s in specs] == [
        ("tickets.cls", "CLS", "en", "cls", True),
        ("tickets.ext", "NER", "en", "ext", False),
    ]
    assert [spec.name for spec in find(config(data, "tickets.ext+quick_sa_en+tickets"))] == [
        "tickets.ext",
        "quick_sa_en",
        "tickets.cls",
    ]
    texts = [{i.text for i in read(s, p) if isinstance(i, Instance)} for s in specs for p in s.splits]
    assert sum(map(len, texts)) == 200 == len(set.union(*texts))
    assert len(texts[0]) > 60
    bad = [(s.name, p, i.line) for s in specs for p in s.splits for i in read(s, p) if isinstance(i, RecordError)]
    # The text of the first one is known, so it has a split; the second one has nothing.
    assert [(name, line) for name, _, line in bad] == [("tickets.cls", 201), ("tickets.cls", 202)]
    assert bad[1][1] == "train"
    with pytest.raises(RecordError, match=r"t\.jsonl:202: not JSON"):
        strict(item for item in read(specs[0], "train") if not isinstance(item, RecordError) or item.line > 201)


@pytest.mark.parametrize("family", ["SA", ["SA"], {"a": 1}])
def test_a_field_called_family_with_a_family_of_another_form_loses_no_record(family, tmp_path):
    rows = [row | {"text": f"{row['text']} {n}", "family": family} for n in range(20) for row in (CLS, EXT)]
    specs = find(config({"tickets": str(write(tmp_path, "t.jsonl", json_lines(*rows)))}))
    assert [(spec.name, spec.family) for spec in specs] == [("tickets.cls", "CLS"), ("tickets.ext", "NER")]
    found = [item for spec in specs for split in spec.splits for item in read(spec, split)]
    assert len(found) == 40
    assert all(isinstance(item, Instance) for item in found)


def variants(text: str) -> list[str]:
    """Texts that the decontamination check calls equal."""
    return [text, text.upper(), text.replace(" ", "   "), f"{text}!?", f"«{text}».", text.replace("a", "ａ")]


def test_variants_of_a_text_and_a_group_fall_into_one_split(tmp_path):
    texts = [variants(f"parcel {n} is late again") for n in range(80)]
    rows = [CLS | {"text": text} for found in texts for text in found]
    # The calls of one customer, whose texts have nothing in common; 7 and "7" are one group.
    rows += [CLS | {"text": f"call {n}", "group": (n % 40, str(n % 40))[n % 3 == 0]} for n in range(400)]
    found = items(*rows, folder=tmp_path)
    splits = [hash_split(item.key, SHARES) for item in found]
    assert all(len(set(splits[start : start + 6])) == 1 for start in range(0, 480, 6))
    assert all(len(set(splits[480 + group :: 40])) == 1 for group in range(40))
    assert set(splits[:480:6]) == set(splits[480:520]) == set(SHARES)
    assert [hash_split(item.key, SHARES) for item in items(CLS | {"text": "👍"}, folder=tmp_path)] == ["train"]


def test_a_group_is_a_string_or_a_number(tmp_path):
    first, second, third = items(CLS | {"group": ["a"]}, CLS | {"group": None}, CLS | {"groups": "a"}, folder=tmp_path)
    assert (first.fault.reason, second.fault) == ("wrong_type", None)
    assert second.key == third.key
    assert [str(remark) for remark in third.remarks] == ["field 'groups' is not read; did you mean 'group'?"]


def test_half_a_character_in_a_group_is_a_character(tmp_path, capsys):
    rows = [CLS | {"text": f"call {n}", "group": f"g{n % 20}\ud83d"} for n in range(60)]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (spec,) = find(config({"tickets": str(path)}))
    texts = [{int(item.text.split()[1]) % 20 for item in read(spec, split)} for split in spec.splits]
    assert sorted(n for found in texts for n in found) == [*range(20)]
    assert validate.main([str(path)]) == 0


def test_own_training_texts_are_compared_with_own_evaluation_texts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labels = ("delivery", "refund")
    text = "the courier has come and gone, nobody has rung, and now the parcel {} is lost for the second time this year"
    train = [CLS | {"text": text.format(n), "answers": labels[n % 2]} for n in range(20)]
    train += [CLS | {"text": f"parcel {n} has not arrived", "answers": labels[n % 2]} for n in range(20)]
    test = [CLS | {"text": text.format(77)}, CLS | {"text": "Parcel 5 has NOT arrived."}]
    write(tmp_path, "a.jsonl", json_lines(*train))
    write(tmp_path, "b.jsonl", json_lines(*test))
    data = {"t": {"train": "a.jsonl", "test": "b.jsonl"}}
    flags = ["--gin_file=own_cpu.gin", f"--gin.Prepare.own_data={data}", "--gin.Prepare.mixture=t"]
    flags += ["--gin.Prepare.tokenizer_mixture=t", "--gin.Prepare.tokenizer_vocab_size=300"]
    flags += ["--gin.Prepare.tokenizer=tokenizer"]
    prepare.main(flags)
    assert re.search(r"21\s+leak\s", capsys.readouterr().out)
    prepare.main([*flags, "--gin.Prepare.evaluation_mixtures=()"])
    counts = [
        (json.loads(path.read_text(encoding="utf-8"))["tasks"]["t"]["drops"].get("leak", 0))
        for path in tmp_path.glob("prepared/t.train.*/manifest.json")
    ]
    assert sorted(counts) == [0, 21]


def test_own_data_are_compared_with_public_mixtures_and_themselves(tmp_path):
    own_file = str(write(tmp_path, "t.jsonl", json_lines(*(CLS | {"text": f"parcel {n}?"} for n in range(60)))))
    settings = {"own_data": {"tickets": own_file}, "mixture": "tickets+quick_sa_en"}
    assert [spec.name for spec in evaluation_tasks(config(**settings))] == ["tickets"]
    assert [spec.name for spec in evaluation_tasks(config(**settings, evaluation_mixtures=("trec",)))] == [
        "trec",
        "tickets",
    ]
    assert evaluation_tasks(config(**settings, evaluation_mixtures=())) == []
    assert evaluation_tasks(config(None, "quick_sa_en")) == []


def test_general_data_beside_own_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"text number {n},{'ab'[n % 2]}\n" for n in range(20)))
    config = PrepareConfig("t", "-", own_data={"t": "t.csv"}, general_share=0.3, general_mixture="ft_cls+held_out")
    names = [spec.name for spec in general_tasks(config)]
    assert len(names) > 3
    assert not {"t", *MIXTURES["held_out"]} & {*names}
    with pytest.raises(DataNotFound, match=r"no data folder .* general data .*general_share=0` trains without them"):
        prepare.main(["--gin_file=own_cpu.gin", "--data=t.csv", "--gin.Prepare.general_share=0.3"])
    assert parse("--gin_file=own_pretrained_cpu.gin", "--data=t.csv").build("Prepare").general_share == 0.3


def test_one_file_for_each_split(tmp_path, capsys):
    train = write(tmp_path, "a.jsonl", json_lines(CLS, CLS | {"answers": ["x", "y"]}, EXT | {"text": "Ada 去都灵"}))
    test = write(tmp_path, "b.csv", "text,label\n这是中文的一句话吗,x\n")
    data = {"tickets": {"train": str(train), "test": str(test)}}
    specs = find(config(data))
    assert [(spec.name, list(spec.splits), spec.exclusive) for spec in specs] == [
        ("tickets.cls", ["train", "test"], False),
        ("tickets.ext", ["train"], False),
    ]
    assert specs[0].language == "zh"
    assert len(read(specs[0], "train")) == 2
    assert [spec.name for spec in find(config(data, split="test"))] == ["tickets.cls"]
    assert "tickets: no split 'test', left out: tickets.ext" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no task of 'tickets' has a split 'validation'; there are test, train"):
        find(config(data, split="validation"))


def test_what_own_data_cannot_be_is_said(tmp_path):
    empty = write(tmp_path, "e.jsonl", "{\n")
    for data, message in (
        ({"tickets": "nowhere.jsonl"}, r"there is no file .*nowhere\.jsonl"),
        ({"tickets": str(empty)}, "no record that can be read: `python -m seqgpt_jax.validate"),
        ({"ft": str(empty)}, "own data 'ft': the name is taken"),
        ({"snips": str(empty)}, "own data 'snips': the name is taken"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            find(config(data))
    for data in ({"a.b": "x.csv"}, {"a": {"dev": "x.csv"}}, {"a": {}}, {"a": 3}, "x.csv"):
        with pytest.raises(ValueError, match=r"Prepare\.own_data"):
            config(data)
    with pytest.raises(ValueError, match="there is no mixture or task 'tickts': did you mean tickets"):
        find(config({"tickets": str(write(tmp_path, "t.jsonl", json_lines(CLS)))}, "quick_sa_en+tickts"))


def test_the_place_of_own_files_does_not_decide_the_store(tmp_path):
    here, there = config({"a": "x/a.csv"}), config({"a": "y/a.csv"}, modules="m")
    assert here.content() == there.content()
    assert there.modules == ("m",)
    assert here.content() != config({"a": {"train": "x/a.csv"}}).content()
    assert here.content() != config({"a": "x/a.csv"}, bad_records="skip").content()


# ---- modules and flags


def test_modules_bring_tasks_and_mixtures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_file = write(tmp_path, "tickets.jsonl", json_lines(CLS))
    body = (
        "from seqgpt_jax.data.raw.task_spec import TaskSpec\n"
        "TASKS = (TaskSpec({name!r}, 'CLS', 'en', 'cls', {{'train': ()}}, lambda split, paths: iter(())),)\n"
    )
    write(tmp_path, "own_module_one.py", body.format(name="mine.a") + "MIXTURES = {'all': ('mine', 'tickets')}\n")
    write(tmp_path, "own_module_two.py", body.format(name="trec"))
    write(tmp_path, "own_module_three.py", "")
    write(tmp_path, "own_module_five.py", body.format(name="ours") + "MIXTURES = {'all': 'ours'}\n")
    write(tmp_path, "own_module_six.py", "\nimport not_there\n")
    write(tmp_path, "own_module_seven.py", "TASKS = (\n")
    write(tmp_path, "own_module_eight.py", body.format(name="ours").replace("'CLS'", "'NONE'"))
    data = {"tickets": str(own_file)}
    found = find(config(data, "all+mine.a", modules=("own_module_one",)))
    assert [spec.name for spec in found] == ["mine.a", "tickets"]
    for module, message in (
        ("own_module_two", "tasks need names that are not taken: trec"),
        ("own_module_three", "has to hold TASKS"),
        ("own_module_five", "MIXTURES is like"),
        ("own_module_six", r"own_module_six\.py:2: ModuleNotFoundError: No module named 'not_there'"),
        ("own_module_seven", r"own_module_seven\.py:1: SyntaxError: "),
        ("own_module_eight", r"own_module_eight\.py:2: ValueError: task ours: "),
        ("own_module_four", "no module 'own_module_four', neither in"),
    ):
        with pytest.raises(ValueError, match=message):
            catalogue(config(modules=module))


def parse(*argv):
    parser = command_line.parser("doc")
    command_line.add_own_data(parser)
    return command_line.parse(parser, argv, ("Prepare",))[1]


def test_the_flag_names_the_task_and_the_mixture():
    built = parse("--gin_file=own_cpu.gin", "--data=a/tickets.jsonl", "--data=b.csv").build("Prepare")
    assert built.own_data == {"tickets": "a/tickets.jsonl", "b": "b.csv"}
    assert built.mixture == built.tokenizer_mixture == "tickets+b"
    assert built.tokenizer == "runs/tickets_b_tokenizer"
    assert (
        parse("--gin_file=own_cpu.gin", "--data=b.csv", "--gin.Prepare.tokenizer=t").build("Prepare").tokenizer == "t"
    )
    both = parse("--gin_file=ft_cpu.gin", "--data=tickets.jsonl", "--gin.Prepare.mixture=ft+tickets").build("Prepare")
    assert (both.mixture, both.tokenizer_mixture) == ("ft+tickets", "pt_and_ft")
    with pytest.raises(UsageError, match=r"tickets would not be used.*mixture=tickets, or ft_cpu\+tickets for both"):
        parse("--gin_file=ft_cpu.gin", "--data=tickets.jsonl").build("Prepare")
    two = ("--data=train=d/train.csv,test=d/test.csv", "--data=e:b.csv")
    side_by_side = parse("--gin_file=own_cpu.gin", *two).build("Prepare")
    assert side_by_side.own_data == {"d": {"train": "d/train.csv", "test": "d/test.csv"}, "e": "b.csv"}
    assert side_by_side.mixture == "d+e"
    with pytest.raises(UsageError, match=r"give one of the two another name, --data=my_t:b/t\.csv"):
        parse("--data=a/t.csv", "--data=b/t.csv")
    with pytest.raises(UsageError, match="'my tickets' is not a task name"):
        parse("--data=my tickets.csv")


def test_columns_and_format_reach_every_reading(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labels = ("late", "torn")
    table = "".join(f"parcel {n};note {n};{labels[n % 2]}\n" for n in range(60))
    write(tmp_path, "t.csv", f"body;comment;topic\n{table}")
    write(tmp_path, "test.csv", f"body;comment;topic\n{table.replace('parcel', 'tent')}")
    columns = "--columns=text=body,label=topic"
    flags = ["--gin_file=own_cpu.gin", "--data=u:train=t.csv,test=test.csv", columns]
    prepare.main([*flags, "--gin.Prepare.tokenizer_vocab_size=300"])
    (manifest,) = tmp_path.glob("prepared/u.train.*/manifest.json")
    task = json.loads(manifest.read_text(encoding="utf-8"))["tasks"]["u"]
    assert (task["instances"], task["labels"]) == (60, ["late", "torn"])
    assert validate.main(["t.csv", columns]) == 0
    assert "60 records, 60 good" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no column text and no label; the columns are 'body', 'comment', 'topic'"):
        prepare.main(["--gin_file=own_cpu.gin", "--data=t.csv"])
    with pytest.raises(ValueError, match="there is no 'subject'"):
        prepare.main(["--gin_file=own_cpu.gin", "--data=t.csv", "--columns=text=subject,label=topic"])
    with pytest.raises(ValueError, match=r"write it like --columns=text=body,label=topic"):
        prepare.main(["--gin_file=own_cpu.gin", "--data=t.csv", "--columns=body,topic"])
    with pytest.raises(ValueError, match="there is no format 'xlsx'"):
        prepare.main(["--gin_file=own_cpu.gin", "--data=t.csv", "--format=xlsx"])


# ---- the page


def block(name: str) -> str:
    found = re.findall(rf"`{re.escape(name)}`[^`]*?:\n\n```\w+\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    assert len(found) == 1, f"{DOCS} has to show {name} once, after a line that ends in a colon"
    return found[0]


@pytest.fixture
def page(tmp_path):
    """A folder with all the files that the page shows."""
    for name in ("make_example.py", "calls.txt", "calls.py", "calls.gin"):
        write(tmp_path, name, block(name))
    return tmp_path


def run(line: str, folder: Path, *flags: str) -> str:
    """What a command prints; it must succeed."""
    words = [*shlex.split(line), *flags]
    assert words[0] == "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("SEQGPT_DATA_DIR", "XLA_FLAGS")}
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_here(line: str, *flags: str) -> None:
    """A command in this process; it must succeed."""
    python, dash_m, module, *words = shlex.split(line)
    assert (python, dash_m) == ("python", "-m")
    assert importlib.import_module(module).main([*words, *flags]) == 0, line


def test_examples_of_the_page_are_good(tmp_path):
    text = DOCS.read_text(encoding="utf-8")
    for language, ending in (("json", "jsonl"), ("csv", "csv")):
        (example,) = re.findall(rf"```{language}\n(.*?)```", text, re.S)
        found = list(own.checked(write(tmp_path, f"a.{ending}", example)))
        assert found
        assert all(item.instance and not item.remarks for item in found)


def test_the_module_of_the_page_reads_its_file(page, monkeypatch):
    monkeypatch.chdir(page)
    assert len(block("calls.py").splitlines()) < 30
    topics, entities = find(config(None, "calls", modules=("calls",)))
    assert sorted(next(iter(item.gold)) for split in topics.splits for item in read(topics, split)) == [
        "broken",
        "delivery",
        "refund",
    ]
    golds = [dict(item.gold) for split in entities.splits for item in read(entities, split)]
    assert {"customer": ("Ada",), "thing": ("lamp",)} in golds
    assert all(TEMPLATES["chinese"].clean_label(label) == label for gold in golds for label in gold)


@pytest.mark.slow
def test_every_command_of_the_page_runs(page):
    commands = [
        line
        for part in re.findall(r"```bash\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
        for line in part.splitlines()
    ]
    assert len(commands) == 8
    # Two steps of training show that the command runs; the page promises no more than that.
    printed = {line: run(line, page, *(["--gin.Train.steps=2"] if ".train " in line else [])) for line in commands}
    assert "188 good, 0 bad" in printed["python -m seqgpt_jax.validate tickets.jsonl"]
    assert (page / "scores" / "tickets" / "report.html").is_file()
    listed = run("python -m seqgpt_jax.prepare --list --gin_file=calls.gin --data=tickets.jsonl", page)
    assert "calls.topic" in listed
    assert "tickets.ext" in listed


def exports(folder: Path) -> None:
    """The four exports of the walk-throughs, as the tools write them."""
    names, cities = ("Ada", "Bob", "Cem"), ("Turin", "Oslo", "Lima", "Riga")
    moves = ("{} moved to {}", "{} has left {}", "{} wrote from {}", "{} , {}", "{} likes {}")
    found = [
        (move.format(name, city), [(name, "person"), (city, "city")])
        for move in moves
        for name in names
        for city in cities
    ]
    doccano, studio, sentences = [], [], []
    for number, (text, spans) in enumerate(found):
        places = [(text.index(span), text.index(span) + len(span), span, label) for span, label in spans]
        doccano.append({"id": number, "text": text, "label": [[start, end, label] for start, end, _, label in places]})
        result = [
            {"id": label, "type": "labels", "value": {"start": start, "end": end, "text": span, "labels": [label]}}
            for start, end, span, label in places
        ]
        studio.append({"id": number, "data": {"text": text}, "annotations": [{"result": result}]})
        tags = {span: f"B-{label}" for span, label in spans}
        sentences.append("".join(f"{word} NN {tags.get(word, 'O')}\n" for word in text.split()))
    write(folder, "doccano.jsonl", json_lines(*doccano))
    write(folder, "label_studio.json", json.dumps(studio, indent=1))
    for name, part in (("train", sentences[:40]), ("dev", sentences[40:50]), ("test", sentences[50:])):
        write(folder, f"conll/{name}.conll", "-DOCSTART- -X- O\n\n" + "\n".join(part))
    rows = [
        f"my {thing} is {word} number {n};{word};x" for n in range(9) for thing in names for word in ("late", "torn")
    ]
    write(folder, "excel.csv", "Message;Topic;Date\r\n" + "\r\n".join([*rows, ";;", ";;"]), "utf-8-sig")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["doccano", "label_studio", "conll", "excel"])
def test_the_walk_through_of_an_export(name, tmp_path, monkeypatch, capsys):
    """In one process, which takes less time; that commands of the page start as processes is shown above."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    exports(tmp_path)
    blocks = re.findall(r"```console\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (lines,) = [block.splitlines() for block in blocks if f"--run_dir=runs/{name}\n" in block]
    check, train, score = lines
    run_here(check)
    assert " 0 bad" in capsys.readouterr().out
    run_here(train, "--gin.Train.steps=2", "--gin.Train.batch_size=8")  # the tests have eight devices
    run_here(score, "--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=8")
    assert (tmp_path / "scores" / name / "report.html").is_file()


def test_the_exports_of_the_walk_throughs_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exports(tmp_path)
    columns = "--columns=text=Message,label=Topic"
    for flags in (["doccano.jsonl"], ["label_studio.json"], ["conll"], ["excel.csv", columns]):
        assert validate.main(flags) == 0


def test_broken_records_of_a_split_count_in_the_first_kind_that_it_has(tmp_path):
    files = {
        "train": str(write(tmp_path, "t.jsonl", json_lines(CLS, EXT))),
        "validation": str(write(tmp_path, "v.jsonl", json_lines(EXT) + "{\n" + json_lines({"text": "Ada"}))),
    }
    specs = {spec.name: spec for spec in find(config({"mine": files}, "mine"))}
    assert {name: {*spec.splits} for name, spec in specs.items()} == {
        "mine.cls": {"train"},
        "mine.ext": {"train", "validation"},
    }
    assert [type(item).__name__ for item in read(specs["mine.ext"], "validation")] == [
        "Instance",
        "RecordError",
        "RecordError",
    ]
    assert [type(item).__name__ for name in specs for item in read(specs[name], "train")] == ["Instance"] * 2


def test_bad_records_stop_or_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "t.jsonl", json_lines(*(CLS | {"text": f"parcel {n}?"} for n in range(60))) + "{\n")
    flags = ["--gin_file=own_cpu.gin", "--data=t.jsonl", "--gin.Prepare.tokenizer_vocab_size=300"]
    with pytest.raises(RecordError, match=r"t\.jsonl:61: not JSON"):
        prepare.main(flags)
    prepare.main([*flags, "--gin.Prepare.bad_records=skip"])
    (manifest,) = tmp_path.glob("prepared/t.train.*/manifest.json")
    assert json.loads(manifest.read_text(encoding="utf-8"))["tasks"]["t"]["drops"] == {"bad_record": 1}
