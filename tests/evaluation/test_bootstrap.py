"""The bootstrap is tied to the scores: its weights are numbers of copies of an instance."""

import dataclasses

import numpy as np
import pytest

from seqgpt_jax.evaluation.baselines import measure_baselines
from seqgpt_jax.evaluation.bootstrap import resample, weighted_rates
from seqgpt_jax.evaluation.rouge import MODES
from seqgpt_jax.evaluation.scores import compute_scores
from tests.evaluation.records import choice, predict, spans

EXTRACTIONS = [
    predict(spans("ner/test/0#0", {"PER": ("Ann", "Bob"), "LOC": ()}), "PER: Ann\nLOC: Rome\n"),
    predict(spans("ner/test/1#0", {"PER": (), "LOC": ()}), "PER: None\nLOC: None\n"),
    predict(spans("ner/test/2#0", {"PER": ("Cid",), "LOC": ("Oslo",)}), "PER: None\nLOC: Oslo\n"),
]
CHOICES = [
    predict(choice("sa/test/0#0", "positive"), "positive"),
    predict(choice("sa/test/1#0", "negative"), "positive"),
    predict(choice("sa/test/2#0", "positive"), "None"),
]


def table(predictions):
    measured = np.array([item.measures for item in predictions], np.float64)
    return np.concatenate([measured[:, None], measure_baselines([item.record for item in predictions])], axis=1)


def copies(predictions, times):
    """Each prediction this many times, under ids of their own."""
    for item, number in zip(predictions, times, strict=True):
        for copy in range(number):
            record = dataclasses.replace(item.record, id=f"{item.record.instance}.{copy}#0")
            yield dataclasses.replace(item, instance=dataclasses.replace(item.instance, record=record))


@pytest.mark.parametrize("predictions", [EXTRACTIONS, CHOICES])
@pytest.mark.parametrize("times", [(1, 1, 1), (0, 2, 1), (3, 0, 0), (0, 3, 0)])
def test_a_resample_is_the_score_of_its_copies(predictions, times):
    rates = weighted_rates(table(predictions), np.array([times], np.float64))
    expected = compute_scores(copies(predictions, times), resamples=1).overall
    assert rates["f1"][0, 0] == pytest.approx(expected.f1)
    assert rates["precision"][0, 0] == pytest.approx(expected.precision)
    assert rates["recall"][0, 0] == pytest.approx(expected.recall)
    for mode in MODES:
        assert rates[mode][0, 0] == pytest.approx(expected.rouge[mode])
        score = (rates["f1"] + rates[mode])[0, 0] / 2
        assert score == pytest.approx(expected.paper_score(mode))
    assert rates["f1"][0, 1] == pytest.approx(expected.baselines["always_none"].f1)


def test_weights_of_one_are_numbers_worked_by_hand():
    # Units: 2 right of 4 gold and 3 predicted. Lines with a span: two in the first instance, none in the second.
    rates = weighted_rates(table(EXTRACTIONS), np.ones((1, 3)))
    assert rates["f1"][0, 0] == pytest.approx(4 / 7)
    # "per ann loc rome" for "per ann bob loc none": 3 of 4 and 5 words, 1 of 3 and 4 pairs, 3 in order.
    first = (6 / 9 + 2 / 7 + 6 / 9) / 3
    # "per none loc oslo" for "per cid loc oslo": 3 of 4 words, 1 of 3 pairs, 3 in order.
    third = (3 / 4 + 1 / 3 + 3 / 4) / 3
    assert rates["fixed"][0, 0] == pytest.approx((first + third) / 2)
    assert rates["paper"][0, 0] == pytest.approx((first + 1 + third) / 3)


def test_resamples_have_as_many_instances_and_each_as_often():
    times = np.concatenate(list(resample("ner", 8, 1050, seed=3)))
    assert times.shape == (1050, 8)
    assert set(times.sum(axis=1)) == {8}
    assert times.mean(axis=0) == pytest.approx(1, abs=0.15)
    np.testing.assert_array_equal(times, np.concatenate(list(resample("ner", 8, 1050, seed=3))))
    assert not np.array_equal(times, np.concatenate(list(resample("other", 8, 1050, seed=3))))
