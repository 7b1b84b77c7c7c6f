"""From instances to a store and to batches: nothing lost, nothing random, nothing repeated."""

import dataclasses
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seqgpt_jax.atomic import FAMILIES, families, parse_answer
from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.prepare import pipeline, shards, workers
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE, DataNotFound
from seqgpt_jax.data.raw.sources import OnRequest
from seqgpt_jax.data.raw.task_spec import DatasetSpec, RecordError, TaskSpec
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore
from tests.data.small_tasks import ENTITIES, TOPICS, read_topics, small_tokenizer

SPECS = (ENTITIES, TOPICS)


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture
def config(tmp_path) -> PrepareConfig:
    return PrepareConfig(
        mixture="small",
        tokenizer="-",
        output_dir=str(tmp_path),
        epochs=2,
        seed=4,
        empty_extractions=0.0,
        empty_classifications=0.0,
    )


def records(folder, epoch=0):
    store = TrainStore(folder)
    return store.read(epoch, range(store.manifest["examples_per_epoch"][epoch]))


def assert_same_files(first, second) -> None:
    def content(folder):
        return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}

    ours, theirs = content(first), content(second)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_store_holds_every_instance_and_counts_losses(config, tokenizer) -> None:
    folder = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    manifest = TrainStore(folder).manifest
    assert manifest["tasks"]["entities"]["drops"] == {"no_label": 1, "span_not_in_text": 1}
    assert "wrong: span 'Zoe'" in manifest["tasks"]["entities"]["drop_samples"]["span_not_in_text"]
    assert manifest["tasks"]["topics"]["labels"] == ["food", "music", "sport"]
    ids = {record.id.rsplit("#", 1)[0] for record in records(folder)}
    assert ids == {f"entities/train/{n}" for n in range(60)} | {f"topics/train/{n}" for n in range(50)}
    assert manifest["rates"] == {"entities": 60, "topics": 50}
    decoded = tokenizer.decode(records(folder)[-1].prompt_ids)
    assert decoded.startswith("输入: train text 49 about")
    assert decoded.endswith("输出: [GEN]")
    assert records(folder)[-1].target_ids[-1] == tokenizer.eos_token_id


def test_same_settings_same_bytes_other_epoch_other_draws(config, tokenizer, tmp_path) -> None:
    first = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    second = prepare(
        ResolvedPreparation(dataclasses.replace(config, output_dir=str(tmp_path / "again")), SPECS, tokenizer)
    )
    assert_same_files(first, second)
    prompts = [[tuple(record.prompt_ids) for record in records(first, epoch)] for epoch in (0, 1)]
    assert prompts[0] != prompts[1]


def test_quota_is_never_exceeded_in_the_store(config, tokenizer) -> None:
    folder = prepare(ResolvedPreparation(dataclasses.replace(config, quota=7), SPECS, tokenizer))
    gold = Counter()
    for record in records(folder):
        answer = tokenizer.decode(record.target_ids[:-1])
        prompt = tokenizer.decode(record.prompt_ids)
        labels = tuple(prompt.split("\n")[1].split(": ", 1)[1].split("，"))
        atom = "cls" if "\n分类" in prompt else "ext"
        answers = parse_answer(atom, labels, answer)
        gold.update(answers if atom == "cls" else [q for q, spans in zip(labels, answers, strict=True) if spans])
    assert gold == {"person": 7, "city": 7, "sport": 7, "food": 7, "music": 7}


def test_located_only_when_finished_and_matching(config, tokenizer) -> None:
    assert not ResolvedPreparation(config, SPECS, tokenizer).is_prepared
    folder = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    assert ResolvedPreparation(config, SPECS, tokenizer).is_prepared
    assert not ResolvedPreparation(dataclasses.replace(config, seed=5), SPECS, tokenizer).is_prepared
    (folder / "manifest.json").unlink()
    assert not ResolvedPreparation(config, SPECS, tokenizer).is_prepared
    with pytest.raises(StoreError, match="no prepared folder"):
        TrainStore(folder)


def test_evaluation_store_asks_every_label_and_keeps_gold(config, tokenizer) -> None:
    folder = prepare(ResolvedPreparation(dataclasses.replace(config, split="test"), SPECS, tokenizer))
    store = EvalStore(folder)
    assert len(store) == 12 + 10
    first, last = store[0], store[len(store) - 1]
    assert (first.task, first.family, first.language, first.atom) == ("entities", "NER", "en", "ext")
    assert set(first.labels) == {"person", "city"}
    assert dict(zip(first.labels, first.answers, strict=True)) == {"person": ("Ann",), "city": ("Rome",)}
    assert (last.answers, last.instance) == (
        ("sport",) if 9 % 5 == 0 else ("sport", "food", "music")[9 % 3 :][:1],
        "topics/test/9",
    )
    assert parse_answer(first.atom, first.labels, first.target) == first.answers
    with pytest.raises(StoreError, match="holds data for eval, not for train"):
        TrainStore(folder)


def test_prompts_without_an_answer_are_added_and_counted(config, tokenizer) -> None:
    config = dataclasses.replace(config, empty_extractions=0.5, empty_classifications=0.25)
    tasks = TrainStore(prepare(ResolvedPreparation(config, SPECS, tokenizer))).manifest["tasks"]
    # Each label of `entities` is in every text: no prompt without an answer can be made.
    assert (tasks["entities"]["examples"], tasks["entities"]["examples_without_answer"]) == (60, 0)
    topics = tasks["topics"]
    assert topics["examples"] - topics["examples_without_answer"] == 50
    assert 0.1 < topics["examples_without_answer"] / topics["examples"] < 0.4


def read_long(split, paths):
    filler = "day after day. " * 20
    yield families.spans_by_label("late", f"{filler} Ann left", [("person", "Ann")])
    yield families.spans_by_label("early", f"Ann left. {filler}", [("person", "Ann")])
    yield families.spans_by_label("wide", f"Ann left {filler}x", [("person", f"Ann left {filler}x")])


def read_pairs(split, paths):
    filler = "day after day. " * 20
    yield families.inference("premise", f"{filler} Ann left", "she left", "entailment")
    yield families.inference("hypothesis", "Ann left", f"{filler} she left", "entailment")
    yield families.inference("short", "Ann left", "she stayed", "contradiction")


def test_long_texts_are_cut_into_windows_and_no_question_is_cut(config, tokenizer) -> None:
    cut = dataclasses.replace(config, max_prompt_tokens=60, max_negative_queries=1)
    long = TaskSpec("long", "NER", "en", "ext", {"train": ()}, read_long)
    pairs = TaskSpec("pairs", "NLI", "en", "cls", {"train": ()}, read_pairs)
    folder = prepare(ResolvedPreparation(cut, [long, pairs], tokenizer))
    tasks = TrainStore(folder).manifest["tasks"]
    assert tasks["long"]["texts_in_windows"] == 2
    assert tasks["long"]["lost_spans"] == 0
    assert tasks["long"]["examples_without_answer"] == 0
    # Its one span is as long as its text: no window of it can be asked about.
    assert tasks["long"]["drops"] == {"span_too_long": 1}
    assert "wide" in tasks["long"]["drop_samples"]["span_too_long"]
    assert tasks["long"]["truncated_prompts"] == 0
    assert tasks["pairs"]["drops"] == {"answer_cut": 1}
    assert "hypothesis" in tasks["pairs"]["drop_samples"]["answer_cut"]
    for record in records(folder):
        prompt, target = tokenizer.decode(record.prompt_ids), tokenizer.decode(record.target_ids[:-1])
        assert len(record.prompt_ids) <= 60
        assert prompt.endswith("输出: [GEN]")
        assert "wide" not in record.id
        assert "pairs" in record.id or ("Ann" in prompt and "person: Ann" in target)
        assert "premise" not in record.id or "\tshe left" in prompt


def read_with_tabs(split, paths):
    filler = "day after day. " * 20
    yield families.classification("late", f"{filler}\tAnn left", ["leave"])
    yield families.classification("early", f"Ann left\t{filler}", ["leave"])


def test_a_tab_in_a_single_text_is_no_pair(config, tokenizer) -> None:
    config = dataclasses.replace(config, max_prompt_tokens=60)
    single = TaskSpec("single", "CLS", "en", "cls", {"train": ()}, read_with_tabs)
    asked = TaskSpec("asked", "SA", "en", "cls", {"train": ()}, read_with_tabs, pairs=True)
    tasks = TrainStore(prepare(ResolvedPreparation(config, [single, asked], tokenizer))).manifest["tasks"]
    assert (tasks["single"]["truncated_prompts"], tasks["single"]["examples"], tasks["single"]["drops"]) == (2, 2, {})
    assert (tasks["asked"]["examples"], tasks["asked"]["drops"]) == (1, {"answer_cut": 1})
    assert "early" in tasks["asked"]["drop_samples"]["answer_cut"]


def test_answers_are_split_over_prompts_and_dropped_where_one_query_is_too_long(config, tokenizer) -> None:
    whole = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    folder = prepare(ResolvedPreparation(dataclasses.replace(config, max_target_tokens=13), SPECS, tokenizer))
    assert len(records(folder)) > len(records(whole))
    assert "target_too_long" not in TrainStore(folder).manifest["tasks"]["entities"]["drops"]
    assert all(len(record.target_ids) <= 13 for record in records(folder))
    folder = prepare(ResolvedPreparation(dataclasses.replace(config, max_target_tokens=5), SPECS, tokenizer))
    assert TrainStore(folder).manifest["tasks"]["entities"]["drops"]["target_too_long"] > 0
    assert all(len(record.target_ids) <= 5 for record in records(folder))


def test_gold_spans_that_evaluation_cuts_off_are_counted(config, tokenizer) -> None:
    long = TaskSpec("long", "NER", "en", "ext", {"test": ()}, read_long)
    folder = prepare(
        ResolvedPreparation(dataclasses.replace(config, split="test", max_prompt_tokens=60), [long], tokenizer)
    )
    report = EvalStore(folder).manifest["tasks"]["long"]
    assert (report["truncated_prompts"], report["unreachable_spans"]) == (3, 2)
    assert report["examples"] == 3


def test_a_sample_is_drawn_of_what_the_quotas_keep(config, tokenizer) -> None:
    def skewed(split, paths):
        for number in range(300):
            yield families.classification(str(number), f"text {number}", ["rare" if number % 20 == 0 else "common"])

    spec = TaskSpec("skewed", "CLS", "en", "cls", {"train": ()}, skewed)
    folder = prepare(ResolvedPreparation(dataclasses.replace(config, quota=15, max_instances=28), [spec], tokenizer))
    assert len(records(folder)) == 28


def test_long_documents_do_not_flood_a_mixture(config, tokenizer) -> None:
    def documents(split, paths):
        for number in range(100):
            text = f"document {number} " + "about a city " * 20
            yield families.spans_by_label(str(number), text, [("number", str(number))])

    def typed(split, paths):
        for number in range(100):
            yield families.classification(str(number), f"document {number}", ["city"])

    dataset = DatasetSpec("long", verified="own")
    long = [
        TaskSpec("long.spans", "NER", "en", "ext", {"train": ()}, documents, dataset=dataset),
        TaskSpec("long.kinds", "CLS", "en", "cls", {"train": ()}, typed, dataset=dataset),
    ]
    limited = dataclasses.replace(config, max_text_bytes=4000)
    tasks = TrainStore(prepare(ResolvedPreparation(limited, [*long, TOPICS], tokenizer))).manifest["tasks"]
    # Each of the two tasks has half of what their data set has; the short one needs less.
    assert 5 <= tasks["long.spans"]["within_quota"] <= 2000 // 272 == 7
    assert tasks["long.spans"]["characters_within_quota"] <= 2000
    assert tasks["long.kinds"]["within_quota"] == 100
    assert tasks["topics"]["within_quota"] == 50
    few = dataclasses.replace(limited, max_instances=3)
    tasks = TrainStore(prepare(ResolvedPreparation(few, [*long, TOPICS], tokenizer))).manifest["tasks"]
    assert {task["within_quota"] for task in tasks.values()} == {3}


def test_what_fails_leaves_no_store_and_resumes_where_it_was(config, tokenizer, tmp_path, monkeypatch) -> None:
    """Killed at any moment: complete shards are kept, and the store is that of a preparation that was not killed."""
    monkeypatch.setattr(shards, "SHARD_INSTANCES", 16)
    whole = prepare(
        ResolvedPreparation(dataclasses.replace(config, output_dir=str(tmp_path / "whole")), SPECS, tokenizer)
    )
    made = []

    class Killed(BaseException):
        pass

    class Dying(shards.ShardWriter):
        def __call__(self, part):
            if len(made) == 5:
                raise Killed
            made.append(part.name)
            return super().__call__(part)

    monkeypatch.setattr(pipeline, "ShardWriter", Dying)
    with pytest.raises(Killed):
        prepare(ResolvedPreparation(config, SPECS, tokenizer))
    assert not ResolvedPreparation(config, SPECS, tokenizer).is_prepared
    again = []

    class Counting(shards.ShardWriter):
        def __call__(self, part):
            again.append(part.name)
            return super().__call__(part)

    monkeypatch.setattr(pipeline, "ShardWriter", Counting)
    folder = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    assert len(made) == 5
    assert not set(made) & set(again)
    assert_same_files(whole, folder)


def test_every_split_is_parsed_once(config, tokenizer) -> None:
    parses = Counter()

    def read(split, paths):
        parses[split] += 1
        yield from read_topics(split, paths)

    spec = dataclasses.replace(TOPICS, read=read)
    config = dataclasses.replace(config, quota=9, max_instances=20, epochs=3)
    prepare(ResolvedPreparation(config, [spec], tokenizer, evaluation=[spec]))
    assert parses == {"train": 1, "test": 1}


def test_any_number_of_workers_makes_the_same_store(config, tokenizer, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTANCES", 16)
    configs = [
        dataclasses.replace(config, output_dir=str(tmp_path / f"by-{workers}"), workers=workers) for workers in (1, 3)
    ]
    folders = [prepare(ResolvedPreparation(one, SPECS, tokenizer)) for one in configs]
    assert len(list(Path(folders[0]).rglob("*.array_record"))) == 16
    assert_same_files(*folders)


def test_a_killed_worker_is_reported_and_what_is_complete_is_kept() -> None:
    def item(number):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(workers.WorkerDied, match=r"Prepare\.workers"):
        list(workers.in_order(item, range(9), 2))


def test_workers_end_with_a_parent_that_is_killed(tmp_path) -> None:
    code = """
import os, sys, time
from seqgpt_jax.data.prepare.workers import in_order
def work(item):
    print(os.getpid(), flush=True)
    time.sleep(60)
if __name__ == "__main__":
    list(in_order(work, range(4), 2))
"""
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True)
    workers_of_it = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers_of_it):
        assert time.monotonic() < deadline, "a worker lives on"
        time.sleep(0.2)


def test_missing_files_and_malformed_records_are_named(config, tokenizer, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(DATA_DIR_VARIABLE, raising=False)

    def broken(split, paths):
        yield from read_topics(split, ())
        raise RecordError(paths[0], 51, "expected 2 columns")

    spec = TaskSpec("topics", "CLS", "en", "cls", {"train": ("a.tsv",)}, broken, source=OnRequest("example.org", ""))
    with pytest.raises(DataNotFound, match="set SEQGPT_DATA_DIR"):
        prepare(ResolvedPreparation(dataclasses.replace(config, data_dir=""), [spec], tokenizer))
    here = dataclasses.replace(config, data_dir=str(tmp_path))
    with pytest.raises(DataNotFound, match=r"topics/a\.tsv.*catalogue --download topics"):
        prepare(ResolvedPreparation(here, [spec], tokenizer))
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "a.tsv").write_text("x")
    with pytest.raises(RecordError, match=r"a\.tsv:51: expected 2 columns"):
        prepare(ResolvedPreparation(here, [spec], tokenizer))
    before = ResolvedPreparation(here, [spec], tokenizer)
    (tmp_path / "topics" / "a.tsv").write_text("y")
    assert ResolvedPreparation(here, [spec], tokenizer).fingerprint != before.fingerprint
    assert list(before.files) == ["topics/a.tsv"]


def test_texts_of_evaluation_splits_are_not_trained_on(config, tokenizer) -> None:
    def read(split, paths):
        for number in range(5):
            yield families.classification(str(number), f"the same text number {number}!", ["a" if number % 2 else "b"])

    topics = TaskSpec("topics", "CLS", "en", "cls", {"train": ()}, read)
    other = TaskSpec("other", "CLS", "en", "cls", {"test": ()}, lambda split, paths: itertools.islice(read("", ()), 2))
    task = TrainStore(prepare(ResolvedPreparation(config, [topics], tokenizer, evaluation=[other]))).manifest["tasks"][
        "topics"
    ]
    assert (task["instances"], task["examples"], task["drops"]) == (3, 3, {"leak": 2})
    assert task["drop_samples"]["leak"] == "topics/train/0: the text of other/test/0"
    assert TrainStore(prepare(ResolvedPreparation(config, [topics], tokenizer))).manifest["examples"] == 5


def test_an_incomplete_store_is_refused(config, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTANCES", 16)
    folder = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    lost = next(Path(folder).glob("epoch-0000/*.array_record"))
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(StoreError, match="copy it again, or remove it"):
        TrainStore(folder).read(0, [0])
    lost.write_bytes(content)
    assert len(TrainStore(folder).read(0, range(110))) == 110


def test_a_truncated_shard_is_found_before_the_store_is_finished(config, tokenizer, monkeypatch) -> None:
    class Cutting(shards.ShardWriter):
        def __call__(self, part):
            made = super().__call__(part)
            shard = self.store.folder / f"{part.name}.array_record"
            shard.write_bytes(shard.read_bytes()[:100])
            return made

    monkeypatch.setattr(pipeline, "ShardWriter", Cutting)
    with pytest.raises(StoreError, match="is missing or truncated"):
        prepare(ResolvedPreparation(config, SPECS, tokenizer))


def test_every_file_and_module_that_is_read_decides_the_fingerprint(config, tokenizer, tmp_path, monkeypatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.txt").write_text(name)
    (tmp_path / "my_texts.py").write_text("from my_words import WORDS\ndef read(split, paths):\n    yield from WORDS\n")
    (tmp_path / "my_words.py").write_text("WORDS = ()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_texts", raising=False)
    files = {"train": tuple(str(tmp_path / name / "train.txt") for name in ("a", "b"))}
    mine = TaskSpec("mine", "CLS", "en", "cls", files, importlib.import_module("my_texts").read)

    def fingerprint():
        return ResolvedPreparation(dataclasses.replace(config, modules=("my_texts",)), [mine], tokenizer).fingerprint

    seen = [fingerprint()]
    for path, content in (("b/train.txt", "c"), ("my_words.py", "WORDS = (1,)\n"), ("my_texts.py", "# other\n")):
        (tmp_path / path).write_text(content)
        os.utime(tmp_path / path, ns=(len(seen), len(seen)))  # a clock may be too coarse to tell them apart
        seen.append(fingerprint())
    assert len(set(seen)) == 4


def read_asked(split, paths):
    yield families.spans_by_label("1", "Ann left in May", [("person", "Ann")], ["person", "city"])


def test_a_number_of_negatives_is_refused_where_no_task_draws_any(config, tokenizer) -> None:
    config = dataclasses.replace(config, min_negative_queries=2)
    asked = TaskSpec("asked", "NER", "en", "ext", {"train": ()}, read_asked)
    preparation = ResolvedPreparation(config, (asked, TOPICS), tokenizer)
    with pytest.raises(
        ValueError, match=r"Prepare.min_negative_queries = 2 applies to no task of small: .*leave it out"
    ):
        prepare(preparation)
    assert not preparation.folder.exists()
    folder = prepare(ResolvedPreparation(config, (asked, *SPECS), tokenizer))
    assert TrainStore(folder).manifest["settings"]["min_negative_queries"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "dev"},
        {"quota": 0},
        {"negatives": "hard"},
        {"template": "french"},
        {"min_negative_queries": -1},
        {"min_negative_queries": 2.5},
        {"max_negative_queries": -1},
        {"min_negative_queries": 6},  # more than the 5 of max_negative_queries
    ],
)
def test_settings_are_checked(changes) -> None:
    with pytest.raises(ValueError, match=f"Prepare.{next(iter(changes))}"):
        PrepareConfig(mixture="m", tokenizer="t", **changes)


def test_batches_see_every_example_once_an_epoch_on_any_number_of_hosts(config, tokenizer) -> None:
    store = TrainStore(prepare(ResolvedPreparation(config, SPECS, tokenizer)))

    def make(**hosts):
        return Batches(store, length=128, batch_size=4, seed=1, epochs=3, **hosts)

    whole = make()
    batches = list(whole.iterate())
    assert len(batches) == whole.total_steps
    for epoch in range(3):
        start = sum(whole.steps_per_epoch(e) for e in range(epoch))
        ids = [id for step in range(start, start + whole.steps_per_epoch(epoch)) for id in whole.example_ids(step)]
        assert sorted(ids) == sorted(record.id for record in records(store.folder, epoch % 2))
    halves = [list(make(process_index=index, process_count=2).iterate()) for index in range(2)]
    for step, batch in enumerate(batches):
        for name, array in batch.items():
            assert np.array_equal(np.concatenate([half[step][name] for half in halves]), array)
    resumed = list(whole.iterate(start_step=5))
    for before, after in zip(batches[5:], resumed, strict=True):
        assert all(np.array_equal(before[name], after[name]) for name in before)
    assert 0.8 < whole.packing_efficiency() <= 1.0
    targets = sum(int(batch["target_weights"].sum()) for batch in batches[: whole.steps_per_epoch(0)])
    assert targets == sum(len(record.target_ids) for record in records(store.folder))
    fed = np.concatenate([batch["target_families"] for batch in batches[: whole.steps_per_epoch(0)]])
    for task, family in enumerate(("NER", "CLS")):
        wanted = sum(len(record.target_ids) for record in records(store.folder) if record.task == task)
        assert (fed == FAMILIES.index(family)).sum() == wanted > 0


def test_manifest_is_plain_json(config, tokenizer) -> None:
    folder = prepare(ResolvedPreparation(config, SPECS, tokenizer))
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text)["fingerprint"] in folder.name
    assert str(folder.parent) not in text


def test_a_class_none_and_labels_written_alike_cost_no_other_instance(config, tokenizer) -> None:
    names = ("sport", "food，drink", "food,drink", "None", "music")

    def read(split, paths):
        return (families.classification(str(n), f"{split} {n}", [names[n % 5]]) for n in range(50))

    spec = TaskSpec("public", "CLS", "en", "cls", {"train": (), "test": ()}, read)
    for split, store in (("train", TrainStore), ("test", EvalStore)):
        changed = dataclasses.replace(config, split=split, quota=None)
        task = store(prepare(ResolvedPreparation(changed, (spec,), tokenizer))).manifest["tasks"]["public"]
        assert task["drops"] == {"label_none": 10}
        assert task["labels"] == ["food,drink", "music", "sport"]
        assert task["examples"] >= 40


def test_an_expression_of_many_tasks_has_a_folder(config, tokenizer) -> None:
    def folder(mixture: str) -> str:
        return ResolvedPreparation(dataclasses.replace(config, mixture=mixture), SPECS, tokenizer).folder.name

    assert folder("a" * 120).startswith(f"{'a' * 120}.train.")
    names = [f"data_set_{n:02}" for n in range(30)]
    first, second = ("+".join([*names, last]) for last in ("entities", "topics"))
    assert folder(first).split(".")[0] != folder(second).split(".")[0]
    assert folder(first).startswith(f"{first[:80]}~")
    assert folder("任务" * 30).startswith("任务" * 13 + "~")  # a character is cut off whole
    store = TrainStore(prepare(ResolvedPreparation(dataclasses.replace(config, mixture=first), SPECS, tokenizer)))
    assert (store.manifest["mixture"], store.manifest["name"]) == (first, store.folder.name)
