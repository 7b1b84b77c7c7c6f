"""Label statistics: which labels a task has, and what its quotas are on."""

import dataclasses

from seqgpt_jax.atomic import TEMPLATES, families
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_stats import LabelStats, collect_label_stats, with_clean_labels
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec

CONFIG = PrepareConfig(mixture="m", tokenizer="-", quota=2)


def collect(family: str, splits: dict, config: PrepareConfig = CONFIG) -> LabelStats:
    spec = TaskSpec("t", family, "en", "cls", dict.fromkeys(splits, ()), lambda split, paths: iter(()))
    return collect_label_stats(spec, config, lambda split: iter(splits[split]))


def test_labels_that_a_record_brings_itself_do_not_join_the_label_set() -> None:
    stats = collect(
        "CLS",
        {
            "train": [
                families.classification("1", "where is my parcel", ["delivery"]),
                families.classification("2", "is it waterproof", ["yes"], ["yes", "no", "unknown"]),
            ],
            "test": [families.classification("3", "i want my money back", ["refund"])],
        },
    )
    assert stats.label_set.labels == ("delivery", "refund")
    assert stats.label_counts == {"delivery": 1, "yes": 1}  # a quota they have all the same


def test_the_frequency_of_a_label_is_the_number_of_its_answers() -> None:
    people = families.spans_by_label(
        "1", "Ann, Bob, Eve in Rome", [("person", x) for x in ("Ann", "Bob", "Eve", "Ann")]
    )
    place = families.spans_by_label("2", "Ann in Rome", [("person", "Ann"), ("city", "Rome")])
    asked = families.spans_by_label("3", "Ann in May", [("person", "Ann"), ("month", "May")], ["person", "month"])
    nothing = families.spans_by_label("4", "Well.", [])
    stats = collect("NER", {"train": [people, asked, nothing], "test": [place]}, dataclasses.replace(CONFIG, quota=1))
    # Of all splits, before the quota, each span once in a text; what brings its labels gives none.
    assert dict(zip(stats.label_set.labels, stats.label_set.counts, strict=True)) == {"person": 4, "city": 1}
    assert stats.label_counts == {"month": 1, "person": 2}  # quotas count texts


def test_counts_are_of_the_prepared_split_and_skipped_records_are_dropped() -> None:
    train = [families.classification(str(n), "abc", ["a"]) for n in range(5)]
    stats = collect("CLS", {"train": [*train, Skipped("s", "no_label")], "test": [Skipped("t", "other"), train[0]]})
    assert (stats.instances, stats.characters, stats.drops.counts) == (5, 15, {"no_label": 1})
    assert stats.label_set.counts == (6,)
    assert sum(bool(stats.labels_within_quota(instance)) for instance in train) == 2
    assert LabelStats.unpacked(stats.packed()) == stats


def test_the_quota_of_reading_is_on_instances() -> None:
    train = [families.reading(str(n), "a passage", f"question {n}", ["passage"]) for n in range(5)]
    stats = collect("MRC", {"train": train})
    assert stats.label_set.labels == ()
    kept = [labels for instance in train if (labels := stats.labels_within_quota(instance))]
    assert len(kept) == 2
    assert all(labels[0].startswith("question") for labels in kept)


def test_labels_are_counted_as_prompts_write_them() -> None:
    items = [
        families.classification("1", "x", ["red，green"]),
        families.classification("2", "x", ["red,green", "blue"]),
        families.classification("3", "x", ["None"]),
        families.classification("4", "x", ["a"], ["a", "None"]),
        families.classification("5", "x", ["a\tb"], ["a b", "a\tb"]),
        families.spans_by_label("6", "up and down", [("way\tout", "up"), ("way out", "down"), ("None", "and")]),
        Skipped("7", "no_label"),
        families.classification("8", "x", [" "]),
    ]
    found = list(with_clean_labels(items, TEMPLATES["chinese"]))
    assert [item.gold for item in found[:2]] == [{"red,green": ()}, {"red,green": (), "blue": ()}]
    assert [getattr(item, "reason", "") for item in found] == [
        *[""] * 2,
        *["label_none"] * 2,
        "unusable_label",
        "",
        "no_label",
        "unusable_label",
    ]
    # A query may be called `None`; its spans are told from no spans by the colon.
    assert found[5].gold == {"way out": ("up", "down"), "None": ("and",)}
    stats = collect("CLS", {"train": found[:4]})
    assert stats.label_set.labels == ("blue", "red,green")
    assert stats.drops.counts == {"label_none": 2}
