"""Metrics of other work: hand-computed cases in both languages, and the tables of an evaluation."""

import dataclasses

import pytest

from seqgpt_jax.evaluation.field_metrics import (
    FieldMetric,
    average_precision,
    cmrc,
    entity_counts,
    field_means,
    field_metric,
    normalized,
    resampled_metrics,
    squad,
)
from seqgpt_jax.evaluation.predictions import read_predictions
from tests.evaluation.records import choice, predict, spans


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Beatles", "beatles"),
        ("the", ""),
        ("an apple a day", "apple day"),
        ("U.S.", "us"),
        ("rock-and-roll", "rockandroll"),
        ("  two   spaces ", "two spaces"),
        ("Theatre", "theatre"),
        ("A.I.", "ai"),
        ("北京，上海", "北京，上海"),
        ("Été", "été"),
        ("", ""),
        ("'s", "s"),
    ],
)
def test_normal_form(text, expected) -> None:
    assert normalized(text) == expected


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ([], [], (0, 0, 0)),
        ([], ["a b"], (0, 0, 1)),
        (["Paris"], [], (0, 1, 0)),
        (["Paris"], ["paris"], (1, 1, 1)),
        (["Paris", "Paris"], ["Paris"], (1, 1, 1)),
        (["Paris", "paris."], ["Paris"], (1, 1, 1)),
        (["The Hague"], ["Hague"], (1, 1, 1)),
        (["London", "Paris"], ["Paris", "London"], (2, 2, 2)),
        (["New York"], ["York"], (0, 1, 1)),
        (["New  York"], ["New York"], (1, 1, 1)),
        (["北京"], ["北京"], (1, 1, 1)),
        (["北京市"], ["北京"], (0, 1, 1)),
        (["北京", "上海", "北京"], ["北京"], (1, 2, 1)),
        (["Ａ"], ["A"], (0, 1, 1)),
        (["a"], ["the"], (1, 1, 1)),
        (["U.S", "US"], ["U.S."], (1, 1, 1)),
        (["1,000"], ["1000"], (1, 1, 1)),
        (["x", "y", "z"], ["z", "w"], (1, 3, 2)),
    ],
)
def test_entities(predicted, gold, expected) -> None:
    assert entity_counts(predicted, gold) == expected


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "f1"),
    [
        ("", [], 1, 1),
        ("Paris", [], 0, 0),
        ("", ["Paris"], 0, 0),
        ("Paris", ["Paris"], 1, 1),
        ("paris.", ["Paris"], 1, 1),
        ("the Paris", ["Paris"], 1, 1),
        ("in Paris", ["Paris"], 0, 2 / 3),
        ("Paris France", ["Paris", "France"], 0, 2 / 3),
        ("Paris, France", ["Paris", "Paris France"], 1, 1),
        ("red red blue", ["red blue blue"], 0, 2 / 3),
        ("blue red", ["red blue"], 0, 1),
        ("seven", ["eight"], 0, 0),
        ("the", ["a"], 1, 1),
        ("the", ["cat"], 0, 0),
        ("20 mg of it", ["20 mg"], 0, 2 / 3),
    ],
)
def test_squad(predicted, gold, exact, f1) -> None:
    assert squad(predicted, gold) == pytest.approx((exact, f1))


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "f1"),
    [
        ("", [], 1, 1),
        ("北京", [], 0, 0),
        ("", ["北京"], 0, 0),
        ("北京", ["北京"], 1, 1),
        ("北京。", ["北京"], 1, 1),
        ("《红楼梦》", ["红楼梦"], 1, 1),
        ("北京大学", ["北京"], 0, 2 / 3),
        ("大北", ["北大"], 0, 1 / 2),
        ("北京上海", ["北京", "北京和上海"], 0, 2 / 3),
        ("a b", ["A B"], 1, 1),
        ("iphone手机", ["手机"], 0, 4 / 5),
        ("IPhone", ["iphone 手机"], 0, 1 / 2),
        ("3月5日", ["5日"], 0, 2 / 3),
        # The published script removes no ellipsis, though its list has one.
        ("……好", ["好"], 0, 2 / 3),
        ("3.6", ["3.5"], 0, 0),
        ("3.5米", ["3.5"], 0, 2 / 3),
        ("约1,000.5", ["1,000.5"], 0, 2 / 3),
        ("5g.", ["5g"], 0, 2 / 3),
        ("甲乙丙", ["丁"], 0, 0),
    ],
)
def test_cmrc(predicted, gold, exact, f1) -> None:
    assert cmrc(predicted, gold) == pytest.approx((exact, f1))


def field_metrics(task: str, predictions: list, resamples: int, seed: int) -> dict[str, FieldMetric]:
    found = resampled_metrics(task, predictions, resamples, seed)
    return {name: field_metric(values) for name, values in found.items()}


def answered(answers: list[tuple[str, str]]) -> list:
    """Predictions of a task with labels "positive" and "negative", as (gold, output) of each."""
    records = [choice(f"reviews/test/{n}#0", gold) for n, (gold, _) in enumerate(answers)]
    return read_predictions(list(zip(records, [output for _, output in answers], strict=True)))


@pytest.mark.parametrize(
    ("scores", "gold", "expected"),
    [
        ({"a": -1.0, "b": -2.0, "c": -3.0}, ["a"], 1.0),
        ({"a": -1.0, "b": -2.0, "c": -3.0}, ["c"], 1 / 3),
        ({"a": -1.0, "b": -2.0, "c": -3.0}, ["a", "c"], (1 + 2 / 3) / 2),
        ({"a": -1.0, "b": -2.0, "c": -3.0}, ["b", "c"], (1 / 2 + 2 / 3) / 2),
        # Equal scores share the worst rank.
        ({"a": -1.0, "b": -1.0, "c": -3.0}, ["a"], 1 / 2),
        ({"a": -1.0, "b": -1.0, "c": -3.0}, ["a", "b"], 1.0),
        # Nothing fits: "None" is the right one where it was compared.
        ({"正面": -1.0, "负面": -2.0, "None": -1.5}, [], 1 / 2),
        ({"正面": -1.0, "负面": -2.0}, [], 1.0),
        # A gold label that was not compared is found at no rank.
        ({"正面": -1.0, "负面": -2.0}, ["正面", "中性"], 1 / 2),
    ],
)
def test_average_precision(scores, gold, expected) -> None:
    assert average_precision(scores, gold) == pytest.approx(expected)


def test_mean_average_precision_where_all_labels_were_compared() -> None:
    pairs = [(choice(f"sa/test/{i}#0", "positive"), "positive") for i in range(2)]
    scores = [{"positive": -1.0, "negative": -2.0}, {"positive": -2.0, "negative": -1.0}]
    predictions = [
        dataclasses.replace(one, label_scores=of_one)
        for one, of_one in zip(read_predictions(pairs), scores, strict=True)
    ]
    assert field_metrics("sa", predictions, 20, 0)["mean_average_precision"].value == 0.75
    # One that could not be asked has a precision of 0.
    refused = dataclasses.replace(predictions[0], label_scores=None, refusal="a label fits into no prompt")
    assert field_metrics("sa", [*predictions, refused], 20, 0)["mean_average_precision"].value == 0.5
    assert "mean_average_precision" not in field_metrics("sa", [refused], 20, 0)
    # One of them without scores: there is no such mean.
    predictions[0] = dataclasses.replace(predictions[0], label_scores=None)
    assert "mean_average_precision" not in field_metrics("sa", predictions, 20, 0)


def test_accuracy_and_macro_f1_of_a_task_with_their_intervals() -> None:
    predictions = answered(
        [("positive", "positive")] * 6 + [("positive", "negative")] * 2 + [("negative", "negative")] * 2
    )
    found = field_metrics("reviews", predictions, 400, 0)
    assert found["accuracy"].value == pytest.approx(0.8)
    # positive: 2*6/(6+8); negative: 2*2/(4+2).
    assert found["macro_f1"].value == pytest.approx((12 / 14 + 4 / 6) / 2)
    for metric in found.values():
        assert metric.low < metric.value < metric.high
    perfect = field_metrics("reviews", answered([("positive", "positive"), ("negative", "negative")]), 50, 0)
    assert {metric for metric in perfect.values()} == {(1.0, 1.0, 1.0)}


def test_the_mean_over_tasks_is_of_those_that_have_the_metric() -> None:
    half = resampled_metrics("half", answered([("positive", "positive"), ("negative", "positive")] * 8), 200, 0)
    right = resampled_metrics("right", answered([("positive", "positive")] * 4), 200, 0)
    entity = resampled_metrics("ner", [predict(spans("ner/test/0#0", {"person": ()}), "person: x\n")], 200, 0)
    means = field_means([half, right, entity])
    assert means.keys() == {"accuracy", "macro_f1", "universal_ner_f1", "strict_span_f1"}
    assert (means["accuracy"].value, means["accuracy"].tasks) == (0.75, 2)
    assert (means["universal_ner_f1"].value, means["universal_ner_f1"].tasks) == (0, 1)
    # One of the two is always right: the interval is half as wide as that of the other.
    alone, both = field_metric(half["accuracy"]), means["accuracy"]
    assert both.high - both.low == pytest.approx((alone.high - alone.low) / 2)
    assert both.low < 0.75 < both.high
