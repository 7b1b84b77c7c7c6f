"""`python -m seqgpt_jax.validate`: every finding, one page about each data set, and a code that a script can use."""

import json
from pathlib import Path

import pytest

from seqgpt_jax import validate
from seqgpt_jax.command_line import UsageError
from tests.tasks.records import json_lines, write

CLS = {"text": "Where is my parcel?", "task": "cls", "answers": "delivery"}
EXT = {"text": "Ada moved to Turin.", "task": "ext", "answers": {"customer": ["Ada"]}}


def many(count: int) -> list[dict]:
    return [CLS | {"text": f"parcel {n}", "answers": ("delivery", "refund")[n % 2]} for n in range(count)]


def report(capsys, *argv: object) -> dict:
    """What `--json` prints."""
    validate.main([*map(str, argv), "--json"])
    return json.loads(capsys.readouterr().out)


def lines_of(found: dict, reason: str) -> list[int]:
    return [finding["line"] for finding in found["findings"] if finding["reason"] == reason]


def test_a_good_file_is_summed_up(tmp_path, capsys):
    path = write(tmp_path, "a.jsonl", json_lines(*many(100), EXT))
    assert validate.main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "101 records, 101 good, 0 bad" in printed
    assert "2 cls labels:\n    delivery      50   train" in printed
    assert "1 ext labels:\n    customer       1" in printed
    assert "text length: 0% 8, 50% 9, 90% 9, 99% 9, 100% 19" in printed
    assert "leaks: 0 training texts" in printed
    assert f"1. Prepare: python -m seqgpt_jax.prepare --gin_file=own_cpu.gin --data={path} --inspect" in printed
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


def test_records_of_a_group_are_no_repetitions(tmp_path, capsys):
    rows = [CLS | {"text": f"call {n}", "group": 7, "answers": f"label {n}"} for n in range(5)]
    found = report(capsys, write(tmp_path, "a.jsonl", json_lines(*rows)))
    assert not lines_of(found, "contradiction")
    assert sorted(found["files"][0]["splits"].values()) == [0, 0, 5]


def test_what_ends_a_file_is_a_finding_too(tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.jsonl", "b.csv", "c.jsonl")]
    for path, raw in zip(paths, ("x".encode("utf-16"), b"message,label\n", b"\n"), strict=True):
        path.write_bytes(raw)
    assert validate.main(list(map(str, paths))) == 1
    printed = capsys.readouterr().out
    assert "a.jsonl:1: bad: wrong_header: " in printed  # a table of one column, in UTF-16
    assert "b.csv:1: bad: wrong_header" in printed
    assert "c.jsonl:1: bad: wrong_header: the file has no row" in printed


def test_few_of_each_kind_are_shown_and_the_rest_is_counted(tmp_path, capsys):
    path = write(tmp_path, "a.jsonl", "{\n" * 9 + json_lines(*many(40), *[CLS] * 4))
    assert validate.main([str(path), "--max_shown=2"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("bad: not_json: ") == 2
    assert "9 × bad: not_json\n" in printed
    assert "… and 7 more, at 3, 4, 5, 6, 7, 8, 9 (--max_shown=0" in printed
    assert printed.count("warning: duplicate: ") == 2
    assert validate.main([str(path), "--max_shown=0"]) == 1
    assert capsys.readouterr().out.count("bad: not_json: ") == 9


def test_given_splits_are_compared(tmp_path, capsys):
    text = (
        "the courier has come and gone and nobody has rung and now parcel {} is lost for the second time in this year"
    )
    write(tmp_path, "own/train.jsonl", json_lines(*many(10), CLS | {"text": text.format(1)}, EXT))
    write(tmp_path, "own/dev.csv", f"text,label\n{text.format(2)},delivery\n")
    write(tmp_path, "own/test.jsonl", json_lines(CLS | {"text": "Parcel 7!"}))
    found = report(capsys, tmp_path / "own")
    (summary,) = found["files"]
    assert (summary["file"], summary["splits"]) == ("own", {"train": 12, "validation": 1, "test": 1})
    leaks = [(f["line"], f["detail"]) for f in found["findings"] if f["reason"] == "leak"]
    assert [line for line, _ in leaks] == [8, 11]
    assert "is the text of" in leaks[0][1]
    assert "test.jsonl:1, which is in test" in leaks[0][1]
    assert "is nearly (similarity 0." in leaks[1][1]
    by_flag = f"train={tmp_path}/own/train.jsonl,test={tmp_path}/own/test.jsonl"
    assert lines_of(report(capsys, by_flag), "leak") == [8]


def test_lengths_are_estimated_or_counted(tmp_path, capsys, quickstart_tokenizer):
    rows = [EXT | {"text": f"Ada {n} " + "x y " * 200, "answers": {"customer": ["Ada"]}} for n in range(50)]
    path = write(tmp_path, "a.jsonl", json_lines(*rows))
    assert not lines_of(report(capsys, path), "long_text")
    flag = "--gin.Prepare.max_prompt_tokens=128"
    estimate, count = (
        next(f["detail"] for f in report(capsys, path, flag, *more)["findings"] if f["reason"] == "long_text")
        for more in ((), (f"--tokenizer={quickstart_tokenizer}",))
    )
    assert "50 of 50 texts (100.0%)" in estimate
    assert "an estimate; --tokenizer=FOLDER or --model=FOLDER counts" in estimate
    assert "--gin.Prepare.max_prompt_tokens=" in count
    assert "estimate" not in count
    long = [EXT | {"answers": {"customer": ["Ada", "Turin", "moved to Turin", "Ada moved to Turin"]}}]
    found = report(capsys, write(tmp_path, "b.jsonl", json_lines(*long)), "--gin.Prepare.max_target_tokens=10")
    assert "1 of 1 answers (100.0%) have more than Prepare.max_target_tokens = 10" in found["findings"][-1]["detail"]
    assert "max_target_tokens=64 has room for all" in found["findings"][-1]["detail"]


@pytest.fixture(scope="session")
def quickstart_tokenizer(tmp_path_factory):
    """A small tokenizer in a folder."""
    from seqgpt_jax.data.tokenizer import train_tokenizer
    from seqgpt_jax.io.tokenizer import save_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(train_tokenizer(["Ada moved to Turin", "x y x y"], 300), folder)
    return folder


def test_the_tasks_of_a_module_are_checked(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "messages.txt", "late\tWhere is it?\nLATE\twhere is it\nlate\tIt is late\nlate\n")
    body = """
from pathlib import Path
from seqgpt_jax.atomic import families
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.record import reader

def build(record):
    label, text = record.value.split("\\t")
    yield families.classification(record.id, text, [label])

SPLITS = {"train": (str(Path("messages.txt").resolve()),)}
TASKS = (TaskSpec("messages", "CLS", "en", "cls", SPLITS, reader(lines(), build)),)
"""
    write(tmp_path, "own_module_of_messages.py", body)
    found = report(capsys, "--module=own_module_of_messages")
    assert [(f["line"], f["kind"], f["reason"]) for f in found["findings"]] == [
        (2, "warning", "similar_label"),
        (4, "bad", "wrong_row"),
    ]
    assert found["files"][0]["file"] == "messages"
    assert validate.main(["--gin.Prepare.modules=('own_module_of_messages',)"]) == 1
    assert "messages.txt:4: bad" in capsys.readouterr().out


def test_labels_that_are_never_asked_and_quoted_cells(tmp_path, capsys):
    rows = [EXT | {"answers": {"customer": [], "city": ["Turin"], "date": []}, "text": f"{n} Turin"} for n in range(3)]
    found = report(capsys, write(tmp_path, "a.jsonl", json_lines(*rows)))
    (detail,) = [f["detail"] for f in found["findings"] if f["reason"] == "label_without_span"]
    assert "'customer', 'date'" in detail
    rows = [row | {"labels": ["customer", "city", "date"]} for row in rows]
    assert not lines_of(report(capsys, write(tmp_path, "b.jsonl", json_lines(*rows))), "label_without_span")
    table = 'text\tlabel\n"""Late"" again, he said"\tlate\nIt is "late"\tlate\n'
    found = report(capsys, write(tmp_path, "c.tsv", table))["files"][0]
    assert (found["good"], found["text_length"]["100"]) == (2, len('"Late" again, he said'))


def test_what_to_do_is_in_order_and_names_the_flags(tmp_path, capsys):
    spans = [[3, 6, "name"], [12, 16, "city"]]  # in UTF-16 units
    rows = [{"text": f"😀 Ada {n} in Rome", "label": spans} for n in range(9)]
    path = write(tmp_path, "my data/a.jsonl", json_lines(*rows))
    assert validate.main([f"calls:{path}", "--format=doccano"]) == 1
    steps = capsys.readouterr().out.partition("what to do:\n")[2]
    assert steps.startswith("  1. Convert the offsets first")
    assert "  2. Fix what is bad (9): no record can be used." in steps
    assert "prepare --gin_file" not in steps
    assert validate.main([str(write(tmp_path, "b.csv", "a,b\nx,y\nz,y\n")), "--columns=text=a,label=b"]) == 0
    assert f"--data={tmp_path}/b.csv --columns=text=a,label=b --inspect" in capsys.readouterr().out


def test_what_cannot_be_checked_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.jsonl"):
        validate.main([str(tmp_path / "a.jsonl")])
    with pytest.raises(UsageError, match="'tst' is not a split: did you mean 'test'"):
        validate.main(["train=a.jsonl,tst=b.jsonl"])
    with pytest.raises(SystemExit):
        validate.main([])


def test_tasks_of_the_catalogue_are_counted_with_what_is_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path / "datasets"))
    (tmp_path / "datasets" / "sky_ner_zh").mkdir(parents=True)
    turns = ["Text: 米拉住在坦佩雷。", "I've read this text.", "What describes 人物 in the text?", '["米拉"]']
    asked = {"id": "0", "conversations": [{"from": ("human", "gpt")[k % 2], "value": t} for k, t in enumerate(turns)]}
    bare = {"id": "1", "conversations": asked["conversations"][:2]}
    sample = "datasets_pt/sky_ner_zh/sky_10_samples/ner_it_data_conversation.json"
    write(tmp_path, sample, json.dumps([asked, bare], ensure_ascii=False))
    flags = ("--task=sky_ner_zh,pile_ner_type", "--gin.Prepare.subsets=True")
    assert validate.main([*flags, "--json"]) == 0
    said = capsys.readouterr()
    assert "files are missing, not checked: pile_ner_type (python -m seqgpt_jax.catalogue --download" in said.err
    found = json.loads(said.out)
    (of_task,) = found["files"]
    assert (of_task["file"], of_task["records"], of_task["good"]) == ("sky_ner_zh", 2, 1)
    assert [one["reason"] for one in found["findings"] if one["reason"] == "no_question"] == ["no_question"]
    assert validate.main([*flags]) == 0
    assert "--gin.Prepare.mixture=sky_ner_zh --gin.Prepare.subsets=True" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"--task=sky_ner: .*sky_ner_zh"):
        validate.main(["--task=sky_ner"])
    with pytest.raises(UsageError, match="--task=pile_ner_type: files are missing"):
        validate.main(["--task=pile_ner_type"])
