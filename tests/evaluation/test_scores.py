"""Golden scores worked by hand, and what holds for any answers."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.evaluation.rouge import MODES
from seqgpt_jax.evaluation.scores import Dataset, compute_scores
from tests.evaluation.records import choice, predict, spans, two_data_sets

outputs = st.one_of(
    st.sampled_from(
        ["positive", "negative", "None", "", "人: 李雷\n地: None\n", "公司: 甲\t乙\n", "公司: 乙", "人: 李雷\t韩梅\n"]
    ),
    st.text(max_size=20),
)


def scored(pairs, **settings):
    return compute_scores([predict(record, output) for record, output in pairs], **settings)


def test_extraction_worked_by_hand():
    # Gold units of the instance: 2 + 1; found 1 + 1; predicted 2 + 1. The repeated span counts once.
    first = spans("ner/test/0#0", {"PER": ("Ann", "Bob"), "LOC": ()})
    second = spans("ner/test/0#1", {"ORG": ("UN",)})
    got = scored([(first, "PER: Ann\tAnn\nLOC: Rome\n"), (second, "ORG: UN\n")]).overall
    assert (got.precision, got.recall, got.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # "per ann ann loc rome" and "per ann bob loc none": 3 of 5 each; bigrams 1 of 4 each; subsequence 3 of 5 each.
    rouge = (3 / 5 + 1 / 4 + 3 / 5) / 3
    assert got.rouge["paper"] == pytest.approx((rouge + 1) / 2)
    assert got.score("paper") == pytest.approx((2 / 3 + (rouge + 1) / 2) / 2)
    assert (got.prompts, got.instances, got.tasks, got.datasets) == (2, 1, 1, 1)
    assert got.well_formed == 1


def test_the_ceiling_of_one_token_answers():
    records = [choice(f"sa/test/{i}#0", "positive") for i in range(4)]
    got = scored([(record, "positive") for record in records])
    assert got.overall.score("paper") == pytest.approx(0.8333, abs=1e-4)
    assert got.overall.score("fixed") == 1


def test_counts_are_summed_over_the_task_not_averaged():
    # TP 3, gold 4, predicted 3; a mean over instances would give (1 + 0) / 2.
    rich = spans("ner/test/0#0", {"PER": ("a", "b", "c")})
    poor = spans("ner/test/1#0", {"PER": ("d",)})
    assert scored([(rich, rich.target), (poor, "PER: None\n")]).overall.f1 == pytest.approx(2 * 3 / 7)


def test_equal_spans_of_other_instances_and_queries_are_other_units():
    record = spans("ner/test/0#0", {"PER": ("Ann",), "LOC": ("Ann",)})
    other = spans("ner/test/1#0", {"PER": ("Ann",), "LOC": ()})
    got = scored([(record, "PER: Ann\nLOC: None\n"), (other, "PER: Ann\nLOC: Ann\n")]).overall
    assert (got.precision, got.recall) == pytest.approx((2 / 3, 2 / 3))


@pytest.mark.parametrize(("output", "f1"), [("PER: None\n", 1), ("PER: Ann\n", 0), ("nonsense", 1)])
def test_a_task_without_gold(output, f1):
    got = scored([(spans("ner/test/0#0", {"PER": ()}), output)]).overall
    assert (got.f1, got.precision, got.recall) == (f1, f1, f1)


def test_an_answer_that_breaks_the_contract_is_read_and_counted():
    # No line break at the end, and chatter before it.
    record = spans("ner/test/0#0", {"PER": ("Ann",)})
    prediction = predict(record, "Sure!\nPER: Ann")
    assert prediction.answers == (("Ann",),)
    assert prediction.correct
    assert not prediction.well_formed
    assert (
        scored([(record, "Sure!\nPER: Ann"), (spans("ner/test/1#0", {"PER": ()}), "PER: None\n")]).overall.well_formed
        == 0.5
    )


def test_a_label_outside_the_prompt_is_no_unit():
    got = scored([(choice("sa/test/0#0", "positive"), "positive\tgreat")]).overall
    assert (got.f1, got.well_formed) == (1, 0)


def test_means_go_from_tasks_to_data_sets_to_groups():
    records = [
        choice("reviews/test/0#0", "positive", "SA", "en"),
        spans("facts.spans/test/0#0", {"q": ("x",)}, "RE", "en"),
        choice("facts.typing/test/0#0", "negative", "RE", "en"),
        choice("知识/test/0#0", "negative", "RE", "zh"),
    ]
    wrong = {"facts.typing/test/0#0"}
    got = scored([(r, "positive" if r.id in wrong else r.target) for r in records])
    assert got.datasets[Dataset("facts", "RE", "en")].score("fixed") == 0.5
    assert got.tasks[Dataset("facts", "RE", "en")]["facts.typing"].score("fixed") == 0
    assert got.families["SA"].score("fixed") == 1
    assert got.families["RE"].score("fixed") == 0.75
    assert got.languages["en"].score("fixed") == 0.75
    assert got.overall.score("fixed") == pytest.approx(2.5 / 3)
    assert (got.overall.datasets, got.overall.tasks, got.overall.prompts) == (3, 4, 4)


def test_one_data_set_of_two_families_is_two():
    records = [choice("atis.intent/test/0#0", "positive", "ID"), spans("atis.slots/test/0#0", {"q": ("x",)}, "SF")]
    got = scored([(record, record.target) for record in records])
    assert list(got.datasets) == [Dataset("atis", "ID", "en"), Dataset("atis", "SF", "en")]


def test_mixtures_have_scores_of_their_own():
    seen, unseen = choice("a/test/0#0", "positive"), choice("b/test/0#0", "positive")
    got = compute_scores([predict(seen, "positive", "held_in"), predict(unseen, "negative", "held_out")])
    assert {name: part.score("fixed") for name, part in got.mixtures.items()} == {"held_in": 1, "held_out": 0}


def test_the_interval_is_seeded_and_narrows_with_more_records():
    def of(number, seed=0):
        records = [choice(f"sa/test/{i}#0", "positive") for i in range(number)]
        return scored([(r, ("positive", "negative")[i % 2]) for i, r in enumerate(records)], seed=seed)

    low, high = of(20).interval
    assert low < of(20).overall.score("fixed") == 0.5 < high
    assert of(20).interval == (low, high)
    assert of(20, seed=1).interval != (low, high)
    # The standard error of a share of 1/2 is 0.5 / sqrt(n): 1.96 of them on each side.
    assert of(400).interval == pytest.approx((0.5 - 0.049, 0.5 + 0.049), abs=0.01)


def test_the_interval_belongs_to_the_mode():
    pairs = [(choice(f"sa/test/{i}#0", "positive"), "positive") for i in range(5)]
    assert scored(pairs, mode="fixed").interval == (1, 1)
    assert scored(pairs, mode="paper").interval == pytest.approx((5 / 6, 5 / 6))


def test_the_interval_belongs_to_the_score_where_predictions_are_more_or_fewer_than_gold():
    """Of equal instances every resample is the same, so the interval is the score itself."""
    gold = {"PER": ("Ann", "Bob"), "LOC": ()}
    for output in ("PER: Ann\tBob\tCid\tDora\nLOC: Rome\n", "PER: Ann\nLOC: None\n", "PER: None\nLOC: None\n"):
        got = scored([(spans(f"ner/test/{i}#0", gold), output) for i in range(4)], resamples=20)
        assert got.overall.f1 < 1
        assert got.interval == pytest.approx((got.overall.score("fixed"),) * 2)


def test_the_interval_contains_the_score_of_unequal_instances():
    many = [(spans(f"ner/test/{i}#0", {"PER": ("Ann",)}), "PER: Ann\tBob\tCid\n") for i in range(20)]
    few = [(spans(f"ner/test/{20 + i}#0", {"PER": ("Ann", "Bob", "Cid")}), "PER: None\n") for i in range(20)]
    got = scored(many + few)
    low, high = got.interval
    assert low < got.overall.score("fixed") < high
    # 20 of 80 gold and of 60 predicted units are right; the interval of F1 2 * 20 / 140 is around it, not around 1/4.
    assert got.overall.f1 == pytest.approx(2 * 20 / 140)
    assert (low + high) / 2 == pytest.approx(got.overall.score("fixed"), abs=0.01)


def test_a_duplicate_prompt_is_refused():
    record = choice("sa/test/0#0", "positive")
    with pytest.raises(ValueError, match="is there 2 times"):
        scored([(record, "positive"), (record, "positive")])


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="nothing to score"):
        compute_scores([])


def test_perfect_answers_score_one_hundred():
    got = scored([(record, record.target) for record in two_data_sets()], resamples=20)
    for part in (got.overall, *got.families.values(), *got.languages.values(), *got.datasets.values()):
        assert part.score("fixed") == part.f1 == part.well_formed == 1
    assert got.interval == (1, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(outputs, min_size=15, max_size=15), st.permutations(range(15)))
def test_bounds_and_independence_of_order(said, order):
    pairs = list(zip(two_data_sets(), said, strict=True))
    got = scored(pairs, resamples=20)
    for part in (got.overall, *got.families.values(), *got.datasets.values()):
        rates = (part.f1, part.precision, part.recall, part.well_formed, *part.rouge.values())
        assert all(0 <= rate <= 1 for rate in (*rates, *map(part.score, MODES)))
        assert part.score("paper") <= part.score("fixed")
    assert 0 <= got.interval[0] <= got.interval[1] <= 1
    again = scored([pairs[place] for place in order], resamples=20)
    assert dataclasses.replace(again, predictions=()) == dataclasses.replace(got, predictions=())
