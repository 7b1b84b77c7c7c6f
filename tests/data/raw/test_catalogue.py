"""The catalogue of public data sets: rows, table, page, JSON, and the command over the real registry."""

import dataclasses
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import seqgpt_jax.tasks
from seqgpt_jax import catalogue as script
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.console import catalogue as terminal
from seqgpt_jax.data.raw import catalogue
from seqgpt_jax.data.raw.mixture_facts import MixtureFacts, rows_of
from seqgpt_jax.data.raw.sources import Files, Generated, HuggingFace, OnRequest, Remote, Source, Tfds, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec
from seqgpt_jax.tasks import TASKS
from seqgpt_jax.tasks.declarations import FILE_SIZES
from tests.tasks import schema

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/catalogue.md"
REPOSITORY = github("someone/data", "abc", "x/{}").files(["a.txt", "b.txt"])


def spec(name: str, family: str = "CLS", language: str = "en", atom: str = "cls", **fields) -> TaskSpec:
    fields = {"source": REPOSITORY, "verified": "files", "license": "MIT"} | fields
    facts = {"license": fields.pop("license"), "citation": "Doe 2020", "verified": fields["verified"]}
    dataset = DatasetSpec(name.split(".")[0], fields["source"], **facts)
    files = {"train": ("a.txt",), "test": ("b.txt",)}
    return TaskSpec(name, family, language, atom, files, lambda split, paths: iter(()), dataset=dataset, **fields)


def registry(*specs: TaskSpec) -> dict[str, TaskSpec]:
    return {made.name: made for made in specs}


MINE = registry(
    spec("tickets.topics", sizes={"train": 900, "test": 100}),
    spec("tickets.slots", "SF", "zh", "ext", sizes={"train": 800}, verified="schema", held_out=True),
    spec(
        "alpha", "NER", "zh", "ext", source=HuggingFace("owner/alpha", "zh"), sizes={"train": 1_234_567, "test": 12_345}
    ),
    spec("walled", source=OnRequest("Some Consortium, example.org", "Put it | there."), held_out=True, sizes={}),
    spec("made_up", source=Generated("us")),
    spec("a_user_s", source=None, verified="own"),
)
ROWS = catalogue.rows(MINE)


def printed(action, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    action(console)
    return console.file.getvalue()


# ---- rows


def test_rows_are_the_public_data_sets_by_family_and_name():
    assert [row.name for row in ROWS] == ["tickets", "walled", "alpha"]


def test_a_row_joins_the_tasks_of_its_data_set():
    tickets = ROWS[0]
    assert (tickets.families, tickets.languages, tickets.atoms) == (("CLS", "SF"), ("en", "zh"), {"cls": 1, "ext": 1})
    # The test split of one of the two is not known, so their sum is not.
    assert tickets.sizes == {"train": 1700}
    assert (tickets.verified, tickets.held) == ("schema", "in+out")
    assert [row.held for row in ROWS[1:]] == ["out", "in"]


def test_filters():
    def names(**wanted: str) -> list[str]:
        return [
            row.name for row in catalogue.select(ROWS, **{"family": None, "language": None, "state": None} | wanted)
        ]

    assert names(family="SF") == ["tickets"]
    assert names(language="zh") == ["tickets", "alpha"]
    assert names(state="schema") == ["tickets"]
    assert names(language="zh", state="files") == ["alpha"]


def test_counts_by_family_and_language():
    names = [*catalogue.FAMILIES, "all"]
    counts = {title: dict(zip(names, numbers, strict=True)) for title, numbers in catalogue.family_counts(ROWS)}
    assert (counts["en"]["CLS"], counts["en"]["SF"], counts["en"]["all"]) == (2, 0, 2)
    assert (counts["zh"]["CLS"], counts["zh"]["SF"], counts["zh"]["all"]) == (0, 1, 2)
    # One data set of both languages is one data set.
    assert (counts["all"]["CLS"], counts["all"]["NER"], counts["all"]["all"]) == (2, 1, 3)
    assert (
        catalogue.atom_counts(ROWS) == "3 data sets (SeqGPT: 110); 2 CLS tasks (SeqGPT: 139); 2 EXT tasks (SeqGPT: 94)"
    )


@pytest.mark.parametrize(
    ("source", "link"),
    [
        (REPOSITORY, ("someone/data", "https://github.com/someone/data")),
        (Files({"a": Remote("https://github.com/a/b/archive/c.zip", member="x")}), ("a/b", "https://github.com/a/b")),
        (
            Files({"a": Remote("https://huggingface.co/datasets/o/n/resolve/main/a.json")}),
            ("hf o/n", "https://huggingface.co/datasets/o/n"),
        ),
        (Files({"a": Remote("https://host.org/a.zip")}), ("host.org", "https://host.org/a.zip")),
        (HuggingFace("o/n", "c"), ("hf o/n", "https://huggingface.co/datasets/o/n")),
        (Tfds("glue/rte:2.0.0"), ("tfds glue/rte", "https://www.tensorflow.org/datasets/catalog/glue")),
        (OnRequest("LDC", "…"), ("on request: LDC", "")),
    ],
)
def test_links(source: Source, link):
    assert catalogue.links([source, source]) == [link]


# ---- what people see


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_data_set_is_one_line_at_any_width(width):
    found = [*ROWS, *catalogue.rows(registry(spec("long", "RE", license="words " * 40, source=Tfds("n" * 90))))]
    table, _, hint = printed(lambda console: terminal.print_table(found, console), width).partition("\n\n")
    lines = table.rstrip("\n").split("\n")
    assert len(lines) == len(found) + 2
    assert [name for name in ("license", "source") if name in hint] == [
        name for name in ("license", "source") if name not in lines[0]
    ]
    assert all(cell_len(line) <= width for line in lines)
    if width != 100:
        assert ("license" in lines[0], "source" in lines[0]) == (width >= 120, width >= 120)
    columns = ["data set", "family", "lang", "tasks", "train", "valid", "test", "state", "held"]
    assert width < 80 or re.split(r"\s{1,}", lines[0].replace("data set", "data_set").strip())[:9] == [
        "data_set",
        *columns[1:],
    ]
    assert "1.2M" in lines[4]
    assert "12.3k" in lines[4]


def test_a_part_of_the_catalogue_is_counted_in_one_line():
    text = printed(lambda console: terminal.print_counts(ROWS[:1], console, complete=False), 80)
    assert text == "\n1 data set, with 1 cls and 1 ext tasks of all their families\n"


def test_everything_of_one_data_set(tmp_path):
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets/a.txt").touch()
    text = printed(lambda console: terminal.print_row(ROWS[0], tmp_path, console), 80)
    for line in (
        "tickets: CLS SF, en+zh",
        "license:  MIT",
        "citation: Doe 2020",
        "task:     tickets.slots: SF zh ext, held out",
        "          train            800  a.txt",
        "          test               ?  b.txt",
        "source:   a.txt <- https://raw.githubusercontent.com/someone/data/abc/x/a.txt",
        "get it:   python -m seqgpt_jax.catalogue --download tickets",
        f"files:    1 of 2 are in {tmp_path}/tickets; missing: b.txt",
    ):
        assert line in text.split("\n")
    walled = printed(lambda console: terminal.print_row(ROWS[1], None, console), 80)
    assert "get it:   Put it | there." in walled
    assert "--download" not in walled
    assert "no data folder is named (SEQGPT_DATA_DIR, --data_dir), and there is no " in walled


def test_gold_answers_that_contradict_each_other_are_said():
    task = spec("twice")
    task = dataclasses.replace(task, dataset=dataclasses.replace(task.dataset, contradictions="annotated anew"))
    (row,) = catalogue.rows(registry(task))
    text = printed(lambda console: terminal.print_row(row, None, console), 80)
    assert "gold:     some of it contradicts itself: annotated anew" in text.split("\n")
    assert "contradicts itself" not in printed(lambda console: terminal.print_row(ROWS[0], None, console), 80)
    assert row.as_json({})["contradictions"] == "annotated anew"


def test_json_has_what_other_programs_read():
    mixtures = {"all": ("tickets.topics", "alpha"), "other": ("alpha",), "slots": ("tickets.slots",)}
    tickets = json.loads(json.dumps(ROWS[0].as_json(mixtures)))
    assert tickets | {"tasks": None, "urls": None} == {
        "name": "tickets",
        "family": "CLS",
        "families": ["CLS", "SF"],
        "language": "en+zh",
        "atoms": ["cls", "ext"],
        "source": "someone/data",
        "urls": None,
        "license": "MIT",
        "commercial_use": True,
        "openly_available": True,
        "mixtures": ["all", "slots"],
        "derived_from": [],
        "overlaps": [],
        "citation": "Doe 2020",
        "contradictions": "",
        "verified": "schema",
        "held_out": False,
        "sizes": {"train": 1700},
        "tasks": None,
    }
    assert [task["name"] for task in tickets["tasks"]] == ["tickets.topics", "tickets.slots"]
    assert tickets["tasks"][0]["files"] == {"train": ["a.txt"], "test": ["b.txt"]}
    assert len(tickets["urls"]) == 2
    assert ROWS[1].as_json({})["openly_available"] is False


def test_markdown_cells_hold_no_bar():
    page = catalogue.markdown(catalogue.rows(registry(spec("walled", license="a | b"))), {"mine": ("walled",)})
    assert "a \\| b" in page
    assert "| `mine` | 1 | 1 | 0 | 1 | 0 |" in page
    assert "| files | in | mine | a" in page
    assert "[someone/data](https://github.com/someone/data)" in page


# ---- the command


def run(capsys, *argv: str) -> tuple[int, str]:
    code = script.main(argv)
    return code, capsys.readouterr().out


def test_stdout_of_json_is_json():
    command = [sys.executable, "-m", "seqgpt_jax.catalogue", "--json", "--family=ner", "--language=zh"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert {"cluener", "weibo_ner"} <= {row["name"] for row in found}
    assert all("NER" in row["families"] and "zh" in row["language"] for row in found)


def test_the_page_of_the_docs_is_what_the_command_prints(capsys):
    _, page = run(capsys, "--markdown")
    assert page == PAGE.read_text(encoding="utf-8"), (
        "make it anew: python -m seqgpt_jax.catalogue --markdown > docs/catalogue.md"
    )


def test_the_page_of_ft_is_what_the_command_prints_and_names_its_limits(capsys, tmp_path):
    _, page = run(capsys, "--mixture=ft", "--markdown")
    assert page == (ROOT / "docs/ft.md").read_text(encoding="utf-8"), (
        "make it anew: python -m seqgpt_jax.catalogue --mixture=ft --markdown > docs/ft.md, "
        "and --chart=docs/mixture_ft.png in place of --markdown"
    )
    stage = (ROOT / "configs/stages/finetune.gin").read_text(encoding="utf-8")
    assert "Prepare.quota = 1000\n" in stage
    assert "Prepare.max_text_bytes = 10_000_000\n" in stage
    assert "at most 1,000 instances of each label and 10 MB of text" in page
    code, printed = run(capsys, "--mixture=ft_sf", f"--chart={tmp_path / 'a.png'}")
    assert (code, printed) == (0, "")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("flags", [("--chart=a.png",), ("--mixture=pt", "--markdown")])
def test_pages_and_charts_that_make_no_sense_are_refused(flags):
    with pytest.raises(UsageError, match="--mixture"):
        script.main(list(flags))


def test_the_registry_is_larger_than_the_paper_s_in_every_family_and_language(capsys):
    code, text = run(capsys, "--json")
    found = json.loads(text)
    assert code == 0
    assert len(found) >= 240
    assert sum(row["verified"] == "files" for row in found) >= 85
    ft = [row for row in found if "ft" in row["mixtures"]]
    assert len(ft) > catalogue.PAPER["data sets"]
    assert all(row["openly_available"] and not row["held_out"] for row in ft)
    families = {
        (family, language) for row in found for family in row["families"] for language in row["language"].split("+")
    }
    assert len(families) == 2 * len(catalogue.FAMILIES)
    assert [name for name, task in TASKS.items() if task.source is None] == []


def test_show_takes_tasks_as_well(capsys):
    for name in ("conll04", "conll04.spans"):
        assert run(capsys, "--show", name)[1].startswith("conll04: RE, en")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--family=NERR",), "--family=NERR: the families are CLS, SA"),
        (("--show", "cluner"), "no data set, task or mixture 'cluner': did you mean cluener"),
        (("--show", "quick_cls_en"), "is no public data set"),
        (("--show", "ft"), "ft is a mixture of"),
        (("--show", "cluener", "--language=zh"), "--language filters the list"),
        (("--download", "cluener", "--family=NER", "--data_dir=/nowhere"), "--family filters the list"),
        (("--download", "cluner", "--data_dir=/nowhere"), "did you mean cluener"),
        (("--mixture=ft-cluner",), "no mixture or task 'cluner': did you mean cluener"),
        (("--subsets",), "--subsets is of use with --mixture and --download alone"),
    ],
)
def test_errors_name_the_way_out(argv, message, monkeypatch):
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    with pytest.raises((UsageError, ValueError), match=re.escape(message)):
        script.main(argv)


def test_the_download_s_exit_code_tells_of_failures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(seqgpt_jax.tasks, "TASKS", MINE)
    monkeypatch.setattr(seqgpt_jax.tasks, "MIXTURES", {"some": ("walled", "made_up")})
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(tmp_path))
    code, text = run(capsys, "--download", "some")
    assert code == 1
    assert "not downloaded (1):" in text
    (tmp_path / "walled").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "walled" / name).touch()
    assert run(capsys, "--download", "some")[0] == 0
    assert run(capsys, "--download", "some-made_up")[0] == 0


# ---- the registry


@pytest.mark.parametrize("row", catalogue.rows(TASKS), ids=lambda row: row.name)
def test_tasks_say_where_they_come_from_and_what_they_may_be_used_for(row):
    for task in row.specs:
        assert task.dataset.license, task.name
        assert task.dataset.citation, task.name
        if isinstance(task.source, OnRequest):
            continue
        given = set(task.source.files if isinstance(task.source, Files) else task.source.files.values())
        read = {name for files in task.splits.values() for name in files}
        lost = {name for name in read if not any(name == file or name.startswith(f"{file}/") for file in given)}
        assert not lost, f"{task.name}: its source gives {sorted(given)}"


def test_samples_of_tfds_tasks_have_the_columns_and_labels_of_the_builder(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    # That each task has a sample is for tests/tasks/test_schema.py to say.
    tasks = [task for task in TASKS.values() if isinstance(task.source, Tfds) and task.name in schema.SAMPLES]
    assert tasks
    for task in tasks:
        features = tfds.builder(task.source.name, data_dir=str(tmp_path)).info.features
        for name in {name for files in task.splits.values() for name in files}:
            content = schema.SAMPLES[task.name].files[name]
            found = [json.loads(line) for line in content.splitlines()] if isinstance(content, str) else content
            for row in found:
                assert row.keys() == features.keys(), f"{task.name}: {sorted(features)}"
                for column, feature in features.items():
                    if isinstance(feature, tfds.features.ClassLabel):
                        assert row[column] in [*feature.names, None], f"{task.name}.{column}: {feature.names}"


# ---- a mixture before it is fetched


def test_facts_of_a_mixture(tmp_path):
    (tmp_path / "tickets").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "tickets" / name).touch()
    chosen = rows_of(ROWS, ["tickets.topics", "walled", "alpha"])
    assert [[spec.name for spec in row.specs] for row in chosen] == [["tickets.topics"], ["walled"], ["alpha"]]
    facts = MixtureFacts(
        "mine", chosen, {"tickets": {"a.txt": 2_000_000, "b.txt": 1, "other": 7}, "alpha": {"x": 9}}, "mine"
    )
    assert facts.bytes_known() == (2_000_001, 1)
    assert facts.lines(tmp_path) == [
        "mine: 3 data sets (2 en, 1 zh), 2 CLS and 1 EXT tasks",
        "training instances: 1,235,467 of the 2 data sets that say how many",
        "size: 0.00 GB of files whose size is known, all files of 1 data sets; of the other 2 it shows when they are "
        "fetched",
        "licenses: 3 data sets allow commercial use, 0 do not or do not say; 3 MIT, …",
        "forms: 1 data sets are given on request: walled",
        f"here: 1 data sets are in {tmp_path}; not: walled, alpha",
        "get it: python -m seqgpt_jax.catalogue --download mine",
    ]
    assert [line for line in facts.lines(None) if line.startswith("here")] == []
    expression = MixtureFacts("mine-other", chosen, {}, "mine-other --subsets")
    assert expression.lines(None)[-1].endswith("--download mine-other --subsets")


def test_a_mixture_is_shown_with_its_facts(capsys, monkeypatch):
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    _, text = run(capsys, "--mixture=ft_sf-massive", "--language=zh")
    assert "smp2019" in text
    assert "massive" not in text.partition("\n\n")[0]
    assert "ft_sf-massive, language zh: 2 data sets (0 en, 2 zh)" in text
    assert text.rstrip().endswith("--download smp2019 ecsa")
    with pytest.raises(UsageError, match="show a whole mixture: leave out --language"):
        script.main(["--mixture=ft_sf", "--language=zh", "--chart=x.png"])
    with pytest.raises(UsageError, match="no public data set of quickstart_ft"):
        script.main(["--mixture=quickstart_ft"])
    assert "forms: none needed" in text
    whole, subset = (
        json.loads(run(capsys, "--mixture=clinc150", "--json", *flags)[1])[0]["sizes"] for flags in ((), ("--subsets",))
    )
    assert (whole["train"], subset["train"]) == (15_100, 7_600)


def test_known_file_sizes_are_of_declared_files():
    for dataset, files in FILE_SIZES.items():
        specs = [task for task in TASKS.values() if task.dataset.name == dataset]
        assert files.keys() <= {file for task in specs for file in task.source.files}, dataset
