"""Differences between two evaluations, from folders as `evaluate` writes them."""

import json

import numpy as np
import pytest

from seqgpt_jax.evaluation.analysis.paired_differences import compare_evaluations
from seqgpt_jax.evaluation.analysis.saved import read_evaluations
from tests.evaluation.saved_folders import choices, spans, write


def compared(tmp_path, first, second):
    folders = [write(tmp_path / name, predictions) for name, predictions in (("first", first), ("second", second))]
    return compare_evaluations(*read_evaluations(folders))


def test_the_difference_is_that_of_the_means_and_its_interval_is_paired(tmp_path) -> None:
    # Both models fail on the same half; the second also gets one more of the other half wrong.
    hard = [("good", "bad")] * 20
    easy = [("good", "good")] * 20
    first, second = choices("sa", hard + easy), choices("sa", [*hard, ("good", "bad"), *easy[1:]])
    found = compared(tmp_path, first, second).overall
    assert (found.first, found.second) == pytest.approx((50, 47.5))
    assert found.value == pytest.approx(-2.5)
    # Only the one instance that differs makes it vary: 0 to about 4 of 40 times in a resample.
    assert -10 <= found.low <= -5
    assert found.high == 0
    assert found.may_be_chance
    # How often it is in no resample of 40: (39 / 40) ** 40 = 0.363.
    assert found.p_value == pytest.approx(2 * 0.363, abs=0.1)


def test_a_large_difference_is_none_of_chance(tmp_path) -> None:
    pairs = [("good", "bad")] * 30
    found = compared(tmp_path, choices("sa", pairs), choices("sa", [("good", "good")] * 30))
    assert found.overall[:3] == pytest.approx((100, 100, 100))
    assert found.overall.p_value == pytest.approx(0.002)
    assert not found.overall.may_be_chance


def test_equal_models_differ_by_nothing(tmp_path) -> None:
    pairs = [("good", "bad"), ("bad", "bad"), ("good", "good")]
    found = compared(tmp_path, choices("sa", pairs), choices("sa", pairs)).overall
    assert found[:4] == (0, 0, 0, 1.0)


def test_means_are_over_data_sets_and_groups_of_them(tmp_path) -> None:
    texts = [("李雷在杭州", {"人": ["李雷"]}, "人: 李雷\n"), ("韩梅梅", {"人": ["韩梅梅"]}, "人: None\n")]
    better = [(text, gold, f"人: {gold['人'][0]}\n") for text, gold, _ in texts]
    first = choices("sa", [("good", "bad")] * 4) + spans("ner", texts, "zh")
    second = choices("sa", [("good", "bad")] * 3 + [("good", "good")]) + spans("ner", better, "zh")
    found = compared(tmp_path, first, second)
    # One of four right: 25. Two of three units, then all: 66.7 and 100.
    assert found.families["SA"].value == pytest.approx(25)
    assert found.families["NER"].value == pytest.approx(100 / 3)
    assert found.overall.value == pytest.approx((25 + 100 / 3) / 2)
    assert found.languages.keys() == {"en", "zh"}
    assert found.datasets["ner (NER, zh)"].second == 100
    assert (found.overall.tasks, found.overall.instances) == (2, 6)


def test_other_records_are_not_compared_and_the_reason_is_named(tmp_path) -> None:
    first = (
        choices("sa", [("good", "good")] * 3)
        + choices("topics", [("good", "good")] * 2)
        + choices("a", [("good",) * 2])
    )
    second = (
        choices("sa", [("bad", "good")] + [("good", "good")] * 2)  # another gold answer
        + choices("topics", [("good", "good")] * 3)  # one instance more
        + choices("b", [("good",) * 2])
    )
    found = compared(tmp_path, first, second)
    assert found.overall is None
    assert found.not_compared == {
        "a": "not in second",
        "b": "not in first",
        "sa": "1 records differ in text, labels or gold answers (sa/test/000)",
        "topics": "different instances (2 and 3, 2 in both)",
    }


def test_other_labels_are_other_records_and_their_order_is_none(tmp_path) -> None:
    pairs = [("good", "good")] * 2
    found = compared(tmp_path / "order", choices("sa", pairs), choices("sa", pairs, labels=("bad", "good")))
    assert not found.not_compared
    found = compared(tmp_path / "more", choices("sa", pairs), choices("sa", pairs, labels=("good", "bad", "ugly")))
    assert "2 records differ" in found.not_compared["sa"]


def test_another_protocol_is_not_compared(tmp_path) -> None:
    pairs = [("good", "good")] * 2
    folders = [write(tmp_path / name, choices("sa", pairs)) for name in ("first", "second")]
    path = folders[1] / "scores.json"
    numbers = json.loads(path.read_text(encoding="utf-8"))
    numbers["datasets"][0]["atomic_tasks"]["sa"]["protocol"] = "16 of 151 candidates, gold included"
    path.write_text(json.dumps(numbers), encoding="utf-8")
    found = compare_evaluations(*read_evaluations(folders))
    assert found.not_compared == {
        "sa": "asked in different ways (protocol: all labels, 16 of 151 candidates, gold included)"
    }


def test_the_interval_is_that_of_numpy_by_hand(tmp_path) -> None:
    """The same resamples, computed in another way."""
    rng = np.random.default_rng(1)
    gold = ["good", "bad"] * 15
    answers = [[str(rng.choice([one, "good", "bad"])) for one in gold] for _ in range(2)]
    pairs = [list(zip(gold, of_model, strict=True)) for of_model in answers]
    found = compared(tmp_path, choices("sa", pairs[0]), choices("sa", pairs[1])).overall
    right = np.array([[one == other for one, other in of_model] for of_model in pairs], float)
    index = np.random.default_rng(5).integers(0, len(gold), (20_000, len(gold)))
    # One label each: micro-F1 is accuracy.
    differences = 100 * (right[1] - right[0])[index].mean(axis=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(differences, (0.025, 0.975)), abs=4)
