"""Baselines worked by hand, and the gap to them."""

import dataclasses

import numpy as np
import pytest

from seqgpt_jax.atomic import Classification
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.evaluation.baselines import BASELINES, majority_label, measure_baselines
from seqgpt_jax.evaluation.predictions import read_predictions
from seqgpt_jax.evaluation.rouge import rouge
from seqgpt_jax.evaluation.scores import Dataset, compute_scores
from tests.evaluation.records import predict, record, spans

LABELS = ("red", "green", "blue", "grey")


def colors(*answers: tuple[str, ...], labels: tuple[str, ...] = LABELS) -> list[EvalRecord]:
    """One instance for each set of gold labels."""
    return [
        record(f"color/test/{i}#0", Classification("a text", labels, gold), "CLS") for i, gold in enumerate(answers)
    ]


def of_gold(records, outputs=None):
    """The scores of the right answers, or of these outputs."""
    outputs = [item.target for item in records] if outputs is None else outputs
    return compute_scores(read_predictions(zip(records, outputs, strict=True)), resamples=20)


def test_a_classification_worked_by_hand():
    records = colors(("red",), ("green",), ("green",), ("blue", "green"), ())
    assert majority_label(records) == "green"
    got = of_gold(records).overall.baselines
    # 5 gold labels. "green" is predicted 5 times and right 3 times; of the four labels, one, one, one, two and none
    # are right, so that one of them at random is right 5/4 times, with 5 predictions.
    assert got["always_none"].f1 == 0
    assert got["majority"].f1 == pytest.approx(2 * 3 / (5 + 5))
    assert got["uniform"].f1 == pytest.approx(2 * 1.25 / (5 + 5))
    assert got["uniform"].rouge is None
    # Always "None": right in the last instance alone; no word is shared with the others.
    assert got["always_none"].rouge["fixed"] == pytest.approx(1 / 5)
    shared = rouge("green", "blue\tgreen", "fixed")
    assert got["majority"].rouge["fixed"] == pytest.approx((1 + 1 + shared) / 5)
    assert got["majority"].paper_score("fixed") == pytest.approx((0.6 + (2 + shared) / 5) / 2)


def test_uniform_choice_is_what_many_programs_score_on_average():
    records = colors(("red",), ("green",), ("green", "red"), ())
    answers = np.random.default_rng(0).choice(LABELS, (4000, len(records)))
    correct = [sum(label in item.answers for label, item in zip(row, records, strict=True)) for row in answers.tolist()]
    mean = np.mean([2 * number / (4 + 4) for number in correct])
    assert of_gold(records).overall.baselines["uniform"].f1 == pytest.approx(mean, abs=0.01)


def test_a_majority_label_that_is_not_asked_is_no_answer():
    records = [*colors(("red",), ("red",)), *colors(("grey",), labels=("green", "grey"))]
    records[2] = dataclasses.replace(records[2], id="color/test/9#0")
    # Two right of two answers; three gold labels. Uniform: 1/4 + 1/4 + 1/2 of three answers.
    got = of_gold(records).overall.baselines
    assert got["majority"].f1 == pytest.approx(4 / 5)
    assert got["uniform"].f1 == pytest.approx(2 * 1 / 6)


def test_the_first_of_equally_frequent_labels_in_the_alphabet():
    assert majority_label(colors(("red",), ("blue",))) == "blue"
    assert majority_label(colors((), ())) is None
    assert of_gold(colors((), ())).overall.baselines["majority"].f1 == 1


def test_in_an_extraction_all_answer_none():
    records = [
        spans("ner/test/0#0", {"PER": ("Ann",), "LOC": (), "ORG": ()}),
        spans("ner/test/1#0", {"PER": (), "LOC": (), "ORG": ()}),
    ]
    rows = measure_baselines(records)
    np.testing.assert_array_equal(rows[:, 0, :3], [[0, 1, 0], [0, 0, 0]])
    for place in range(1, len(BASELINES)):
        np.testing.assert_array_equal(rows[:, 0], rows[:, place])
    got = of_gold(records).overall
    assert {baseline.f1 for baseline in got.baselines.values()} == {0}
    # In `fixed` mode only "PER: Ann" and "PER: None" are compared; in `paper` mode all three lines, and the empty one.
    one_line = (1 / 2 + 0 + 1 / 2) / 3
    assert got.baselines["always_none"].rouge["fixed"] == pytest.approx(one_line)
    whole = rouge("PER: None\nLOC: None\nORG: None\n", "PER: Ann\nLOC: None\nORG: None\n", "paper")
    assert got.baselines["always_none"].rouge["paper"] == pytest.approx((whole + 1) / 2)
    assert got.best_baseline == "always_none"
    assert got.gap == 1


def test_what_answers_as_a_baseline_has_no_gap():
    records = colors(("red",), ("red",), ("blue",), ("green",))
    got = of_gold(records, ["red"] * 4).overall
    assert (got.best_baseline, got.gap, got.gap_interval) == ("majority", 0, (0, 0))
    assert got.f1 == got.baselines["majority"].f1 == pytest.approx(0.5)
    assert got.rouge == got.baselines["majority"].rouge
    worse = of_gold(records, ["grey"] * 4).overall
    assert worse.gap == pytest.approx(-0.5)


def test_baselines_of_a_group_are_means():
    records = [
        *colors(("red",), ("red",)),
        spans("facts.spans/test/0#0", {"q": ("x",)}, "RE", "en"),
        record("facts.typing/test/0#0", Classification("a text", ("a", "b"), ("a",)), "RE"),
    ]
    got = of_gold(records)
    facts = got.datasets[Dataset("facts", "RE", "en")]
    assert (facts.baselines["majority"].f1, facts.baselines["uniform"].f1) == (0.5, 0.25)
    assert got.overall.baselines["majority"].f1 == pytest.approx((1 + 0.5) / 2)
    assert got.overall.baselines["uniform"].f1 == pytest.approx((1 / 4 + 0.25) / 2)
    assert got.families["RE"].baselines == facts.baselines
    assert got.overall.gap == pytest.approx(1 - 0.75)


def test_mixtures_have_baselines_of_their_own():
    first, second = colors(("red",), ("blue",))
    got = compute_scores([predict(first, "red", "held_in"), predict(second, "red", "held_out")])
    assert got.overall.baselines["majority"].f1 == 0.5
    assert {name: part.baselines["majority"].f1 for name, part in got.mixtures.items()} == {"held_in": 1, "held_out": 1}
