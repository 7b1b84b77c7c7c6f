"""Scores of labels and their confusion, worked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import Classification
from seqgpt_jax.evaluation.label_counts import total
from seqgpt_jax.evaluation.label_report import label_pairs, label_reports
from seqgpt_jax.evaluation.predictions import read_predictions
from seqgpt_jax.evaluation.scores import compute_scores
from tests.evaluation.records import record, spans, two_data_sets

COLORS = ("red", "green", "blue", "grey")


def reports(pairs):
    return label_reports(read_predictions(pairs))


def test_a_classification_worked_by_hand():
    answered = [
        (("red",), "red"),
        (("red",), "green"),
        (("green",), "green"),
        (("red",), "None"),
        ((), "blue"),
        ((), "None"),
        (("red", "blue"), "green\tred"),
    ]
    pairs = [
        (record(f"color/test/{i}#0", Classification("a text", COLORS, gold), "CLS"), output)
        for i, (gold, output) in enumerate(answered)
    ]
    got = reports(pairs)["color"]
    counts = {label: (one.right, one.gold, one.predicted) for label, one in got.counts.items()}
    assert counts == {"red": (2, 4, 2), "blue": (0, 1, 1), "green": (1, 1, 3)}
    assert list(got.counts) == ["red", "blue", "green"]
    assert got.unused == 1
    assert got.confusion == {
        ("red", "red"): 2,
        ("None", "None"): 1,
        ("None", "blue"): 1,
        ("blue", "green"): 1,
        ("green", "green"): 1,
        ("red", "None"): 1,
        ("red", "green"): 1,
    }


def test_an_extraction_worked_by_hand():
    gold = {"PER": ("Ann", "Bob"), "LOC": ("Oslo",), "ORG": (), "DATE": ()}
    other = {"PER": ("Paris",), "LOC": ("Paris",), "ORG": (), "DATE": ()}
    pairs = [
        (spans("ner/test/0#0", gold), "PER: Ann\nLOC: Rome\nORG: Oslo\tBob\nDATE: None\n"),
        (spans("ner/test/1#0", other), "PER: Paris\nLOC: None\nORG: Paris\nDATE: None\n"),
    ]
    got = reports(pairs)["ner"]
    counts = {label: (one.right, one.gold, one.predicted) for label, one in got.counts.items()}
    assert counts == {"PER": (2, 3, 2), "LOC": (0, 2, 1), "ORG": (0, 0, 3)}
    assert got.unused == 1
    assert got.confusion == {
        ("LOC", "ORG"): 2,  # Oslo, and Paris, which is a PER too
        ("PER", "PER"): 2,
        ("None", "LOC"): 1,  # Rome
        ("PER", "ORG"): 1,  # Bob
    }


def test_tasks_have_reports_of_their_own_and_sum_up_to_their_scores():
    records = two_data_sets()
    predictions = read_predictions((item, records[(place * 7 + 3) % 15].target) for place, item in enumerate(records))
    got, scores = label_reports(predictions), compute_scores(predictions, resamples=1)
    tasks = {name: metrics for of_data in scores.tasks.values() for name, metrics in of_data.items()}
    assert got.keys() == tasks.keys()
    for name, metrics in tasks.items():
        assert total(got[name].counts.values()).f1() in (metrics.f1, None)


labels = st.sets(st.sampled_from("abcd"))


@given(labels, labels)
def test_every_label_has_a_pair_and_agrees_with_the_sets(gold, predicted):
    pairs = label_pairs(gold, predicted)
    assert {left for left, _ in pairs} - {"None"} == gold
    assert {right for _, right in pairs} - {"None"} == predicted
    assert {left for left, right in pairs if left == right} == gold & predicted
