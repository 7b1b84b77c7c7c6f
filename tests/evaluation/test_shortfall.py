"""Tasks with fewer instances than were wished are named, with the reason."""

from types import SimpleNamespace

from seqgpt_jax.evaluation.shortfall import shortfalls
from tests.evaluation.records import two_data_sets, write_store


def store(**tasks):
    """A store whose manifest has these tasks, as (instances, within the quota, drops)."""
    names = ("instances", "within_quota", "drops")
    reports = {task: dict(zip(names, row, strict=True)) for task, row in tasks.items()}
    return SimpleNamespace(manifest={"tasks": reports})


def lines(stores, asked, records):
    return [str(one) for one in shortfalls(stores, [task for task, n in asked.items() for _ in range(n)], records)]


def test_each_reason_is_named():
    validation = store(small=(3, 3, {}), lossy=(60, 60, {"contract": 4}), limited=(900, 30, {}), whole=(900, 60, {}))
    test = store(small=(8, 8, {}), lossy=(10, 10, {"contract": 12, "no_labels": 8}), gone=(2, 2, {"contract": 2}))
    asked = {"small": 11, "lossy": 46, "limited": 30, "whole": 48}
    assert lines([validation, test], asked, 48) == [
        "gone: 0 instances of 48 were asked: the data have 2; 2 were dropped (2 contract)",
        "limited: 30 instances of 48 were asked: 30 of 900 were prepared (Prepare.max_instances or a quota)",
        "lossy: 46 instances of 48 were asked: 24 were dropped (16 contract, 8 no_labels)",
        "small: 11 instances of 48 were asked: the data have 11",
    ]


def test_without_a_number_all_of_the_data_are_wished():
    assert lines([store(a=(5, 5, {}), b=(5, 5, {"contract": 1}))], {"a": 5, "b": 4}, None) == [
        "b: 4 instances of 5 were asked: 1 were dropped (1 contract)"
    ]


def test_texts_without_another_query_are_a_reason():
    (found,) = shortfalls([store(ner=(60, 60, {}))], ["ner"] * 47, 48, ("miscellaneous",))
    assert str(found) == (
        "ner: 47 instances of 48 were asked: texts that ask nothing but miscellaneous are left out "
        "(Evaluate.without_labels)"
    )


def test_a_store_without_reports_of_its_tasks(tmp_path):
    stores = [write_store(tmp_path / "store", two_data_sets())]
    assert lines(stores, {"reviews": 6}, 48) == [
        "reviews: 6 instances of 48 were asked: the data have 6",
    ]
    assert lines(stores, {"reviews": 6}, None) == []
