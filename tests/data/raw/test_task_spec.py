"""Declarations of data sets: what the tasks share, what they override, and how sources and checksums resolve."""

import json

import pytest

from seqgpt_jax.data.raw.sources import FilePattern, Files, HuggingFace, Remote, github, github_commits, github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task, TaskSpec
from seqgpt_jax.tasks import SUBSETS, TASKS, declarations
from seqgpt_jax.tasks.assistants import SMP2019


def read(split, paths):
    return iter(())


WEATHER = DatasetSpec(
    "weather",
    github("someone/weather", "abc", "data/{}"),
    license="MIT",
    citation="Doe 2020",
    splits={"train": ("a.jsonl",), "test": ("b.jsonl",)},
    sizes={"train": 10},
    tasks=(
        Task("ID", "en", read, name="intent", exclusive=True),
        Task("SF", "en", read, name="slots", splits={"test": ("c d.jsonl",)}, sizes={"test": 3}, verified="files"),
    ),
)


def test_tasks_share_what_they_do_not_override():
    intent, slots = WEATHER.task_specs()
    assert (intent.name, intent.atom, intent.exclusive, intent.verified) == ("weather.intent", "cls", True, "schema")
    assert (slots.name, slots.atom, slots.exclusive, slots.verified) == ("weather.slots", "ext", False, "files")
    assert (dict(intent.splits), dict(intent.sizes)) == (dict(WEATHER.splits), {"train": 10})
    assert (dict(slots.splits), dict(slots.sizes)) == ({"test": ("c d.jsonl",)}, {"test": 3})
    assert intent.dataset is slots.dataset is WEATHER
    assert intent.source == slots.source == WEATHER.source


def test_a_pattern_becomes_the_files_of_all_splits():
    base = "https://raw.githubusercontent.com/someone/weather/abc/data"
    assert WEATHER.source == Files(
        {
            "a.jsonl": Remote(f"{base}/a.jsonl"),
            "b.jsonl": Remote(f"{base}/b.jsonl"),
            "c d.jsonl": Remote(f"{base}/c%20d.jsonl"),
        }
    )


def test_the_only_task_has_the_data_set_s_name_and_the_hub_s_files():
    source = HuggingFace("owner/name", "en", {"train": "train", "validation": "dev"})
    (spec,) = DatasetSpec("alone", source, tasks=(Task("CLS", "zh", read),)).task_specs()
    assert spec.name == "alone"
    assert spec.splits == {"train": ("en/train.jsonl",), "validation": ("en/validation.jsonl",)}


def test_a_task_may_have_a_source_of_its_own():
    pattern = FilePattern("https://host.org/{}.zip", "in/{}")
    (spec,) = DatasetSpec(
        "mixed", checksums={"x": "12"}, tasks=(Task("NER", "en", read, splits={"test": ("x",)}, source=pattern),)
    ).task_specs()
    assert spec.source == Files({"x": Remote("https://host.org/x.zip", "12", "in/x")})


def test_families_with_both_atoms_must_say_which():
    with pytest.raises(ValueError, match=r'task news: say atom="cls" or atom="ext": the family RE has both'):
        DatasetSpec("news", tasks=(Task("RE", "en", read, splits={"test": ()}),)).task_specs()


def test_one_family_of_a_data_set():
    assert [task.name for task in WEATHER.only("SF").tasks] == ["slots"]
    assert [spec.name for spec in SMP2019.only("ID").task_specs()] == ["smp2019.intent"]


def test_a_user_s_task_makes_its_data_set():
    spec = TaskSpec("calls.topic", "CLS", "en", "cls", {"train": ()}, read)
    assert (spec.dataset.name, spec.verified, spec.source) == ("calls", "own", None)


def test_files_of_several_commits_and_names():
    first, second = github_commits("a/b", {"x": "1", "y": "2"}, "data/{}").files.values()
    assert (first.url, second.url) == tuple(
        f"https://raw.githubusercontent.com/a/b/{rest}" for rest in ("1/data/x", "2/data/y")
    )
    (renamed,) = github_files("a/b", "1", {"x": "data/数.txt"}).files.values()
    assert renamed.url.endswith("/1/data/%E6%95%B0.txt")


def test_every_checksum_is_that_of_a_file_of_its_data_set():
    with open(declarations.__file__.replace("declarations.py", "checksums.json"), encoding="utf-8") as file:
        checksums = json.load(file)
    assert len(checksums) >= 36
    for dataset, files in checksums.items():
        remotes = {
            name: remote.sha256
            for spec in (*TASKS.values(), *SUBSETS.values())
            if spec.dataset.name == dataset and isinstance(spec.source, Files)
            for name, remote in spec.source.files.items()
        }
        assert files.items() <= remotes.items(), dataset
