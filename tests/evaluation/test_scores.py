"""Golden scores worked by hand, and what holds for any answers."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.evaluation.predictions import read_predictions
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
    return compute_scores(read_predictions(pairs), **settings)


def test_extraction_worked_by_hand():
    # Gold units of the instance: 2 + 1; found 1 + 1; predicted 2 + 1. The repeated span counts once.
    first = spans("ner/test/0#0", {"PER": ("Ann", "Bob"), "LOC": ()})
    second = spans("ner/test/0#1", {"ORG": ("UN",)})
    got = scored([(first, "PER: Ann\tAnn\nLOC: Rome\n"), (second, "ORG: UN\n")]).overall
    assert (got.precision, got.recall, got.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # "per ann ann loc rome org un" and "per ann bob loc none org un": 5 of 7 words, 2 of 6 pairs, 5 of 7 in order.
    rouge = (5 / 7 + 2 / 6 + 5 / 7) / 3
    assert got.rouge["paper"] == pytest.approx(rouge)
    assert got.paper_score("paper") == pytest.approx((2 / 3 + rouge) / 2)
    assert (got.prompts, got.instances, got.tasks, got.datasets) == (2, 1, 1, 1)
    assert got.well_formed == 1


def test_the_ceiling_of_one_token_answers():
    records = [choice(f"sa/test/{i}#0", "positive") for i in range(4)]
    got = scored([(record, "positive") for record in records])
    assert got.overall.paper_score("paper") == pytest.approx(0.8333, abs=1e-4)
    assert got.overall.paper_score("fixed") == 1


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
    assert got.datasets[Dataset("facts", "RE", "en")].paper_score("fixed") == 0.5
    assert got.tasks[Dataset("facts", "RE", "en")]["facts.typing"].paper_score("fixed") == 0
    assert got.families["SA"].paper_score("fixed") == 1
    assert got.families["RE"].paper_score("fixed") == 0.75
    assert got.languages["en"].paper_score("fixed") == 0.75
    assert got.overall.paper_score("fixed") == pytest.approx(2.5 / 3)
    assert (got.overall.datasets, got.overall.tasks, got.overall.prompts) == (3, 4, 4)


def test_one_data_set_of_two_families_is_two():
    records = [choice("atis.intent/test/0#0", "positive", "ID"), spans("atis.slots/test/0#0", {"q": ("x",)}, "SF")]
    got = scored([(record, record.target) for record in records])
    assert list(got.datasets) == [Dataset("atis", "ID", "en"), Dataset("atis", "SF", "en")]


def test_mixtures_have_scores_of_their_own():
    seen, unseen = choice("a/test/0#0", "positive"), choice("b/test/0#0", "positive")
    got = compute_scores([predict(seen, "positive", "held_in"), predict(unseen, "negative", "held_out")])
    assert {name: part.paper_score("fixed") for name, part in got.mixtures.items()} == {"held_in": 1, "held_out": 0}


def test_fixed_rouge_is_of_lines_with_a_gold_or_a_predicted_span():
    rich = spans("ner/test/0#0", {"PER": ("Ann",), "LOC": (), "ORG": (), "DATE": ()})
    empty = spans("ner/test/1#0", {"PER": (), "LOC": ()})
    output = "PER: None\nLOC: Rome\nORG: None\nDATE: None\n"
    # "per none loc rome" for "per ann loc none": 3 of 4 words, no pair, 2 in order ("per none", "per loc").
    rouge = (3 / 4 + 0 + 2 / 4) / 3
    got = scored([(rich, output), (empty, empty.target)]).overall
    assert got.rouge["fixed"] == pytest.approx(rouge)
    # In `paper` mode every line of both instances counts.
    assert got.rouge["paper"] > 0.8
    # A wrong span where nothing is to be found counts: "per rome" for "per none".
    worse = scored([(rich, output), (empty, "PER: Rome\nLOC: None\n")]).overall
    assert worse.rouge["fixed"] == pytest.approx((rouge + (1 / 2 + 0 + 1 / 2) / 3) / 2)


def test_fixed_rouge_of_a_task_in_which_nothing_is_to_be_found():
    empty = [spans(f"ner/test/{i}#0", {"PER": (), "LOC": ()}) for i in range(2)]
    assert scored([(record, record.target) for record in empty]).overall.rouge["fixed"] == 1
    # Only the instance with a line that has a span counts.
    got = scored([(empty[0], empty[0].target), (empty[1], "PER: Ann\nLOC: None\n")]).overall
    assert got.rouge["fixed"] == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)


def test_the_interval_is_seeded_and_narrows_with_more_records():
    def of(number, seed=0):
        records = [choice(f"sa/test/{i}#0", "positive") for i in range(number)]
        return scored([(r, ("positive", "negative")[i % 2]) for i, r in enumerate(records)], seed=seed)

    low, high = of(20).overall.f1_interval
    assert low < of(20).overall.f1 == 0.5 < high
    assert of(20).overall.f1_interval == (low, high)
    assert of(20, seed=1).overall.f1_interval != (low, high)
    # The standard error of a share of 1/2 is 0.5 / sqrt(n): 1.96 of them on each side.
    assert of(400).overall.f1_interval == pytest.approx((0.5 - 0.049, 0.5 + 0.049), abs=0.01)
    # A mean of two such data sets, and of two such tasks of one, varies by 1 / sqrt(2) of that.
    for names in ("sa", "other"), ("sa.a", "sa.b"):
        pairs = [
            (choice(f"{name}/test/{i}#0", "positive"), ("positive", "negative")[i % 2])
            for name in names
            for i in range(400)
        ]
        expected = 0.5 - 0.049 / 2**0.5, 0.5 + 0.049 / 2**0.5
        assert scored(pairs).overall.f1_interval == pytest.approx(expected, abs=0.01)


def test_the_interval_belongs_to_the_mode():
    pairs = [(choice(f"sa/test/{i}#0", "positive"), "positive") for i in range(5)]
    got = scored(pairs).overall
    assert got.f1_interval == got.paper_score_interval("fixed") == (1, 1)
    assert got.paper_score_interval("paper") == pytest.approx((5 / 6, 5 / 6))


def test_the_interval_belongs_to_the_score_where_predictions_are_more_or_fewer_than_gold():
    """Of equal instances every resample is the same, so the interval is the score itself."""
    gold = {"PER": ("Ann", "Bob"), "LOC": ()}
    for output in ("PER: Ann\tBob\tCid\tDora\nLOC: Rome\n", "PER: Ann\nLOC: None\n", "PER: None\nLOC: None\n"):
        got = scored([(spans(f"ner/test/{i}#0", gold), output) for i in range(4)], resamples=20)
        assert got.overall.f1 < 1
        assert got.overall.f1_interval == pytest.approx((got.overall.f1,) * 2)
        for mode in MODES:
            assert got.overall.paper_score_interval(mode) == pytest.approx((got.overall.paper_score(mode),) * 2)


def test_the_interval_contains_the_score_of_unequal_instances():
    many = [(spans(f"ner/test/{i}#0", {"PER": ("Ann",)}), "PER: Ann\tBob\tCid\n") for i in range(20)]
    few = [(spans(f"ner/test/{20 + i}#0", {"PER": ("Ann", "Bob", "Cid")}), "PER: None\n") for i in range(20)]
    got = scored(many + few)
    low, high = got.overall.f1_interval
    assert low < got.overall.f1 < high
    # 20 of 80 gold and of 60 predicted units are right; the interval of F1 2 * 20 / 140 is around it, not around 1/4.
    assert got.overall.f1 == pytest.approx(2 * 20 / 140)
    assert (low + high) / 2 == pytest.approx(got.overall.f1, abs=0.015)
    low, high = got.overall.paper_score_interval("fixed")
    assert low < got.overall.paper_score("fixed") < high


def test_a_duplicate_instance_is_refused():
    prediction = predict(choice("sa/test/0#0", "positive"), "positive")
    with pytest.raises(ValueError, match="sa/test/0 is there 2 times"):
        compute_scores([prediction, prediction])


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="nothing to score"):
        compute_scores([])


def test_perfect_answers_score_one_hundred():
    got = scored([(record, record.target) for record in two_data_sets()], resamples=20)
    for part in (got.overall, *got.families.values(), *got.languages.values(), *got.datasets.values()):
        assert part.paper_score("fixed") == part.f1 == part.well_formed == 1
    assert got.overall.f1_interval == got.overall.paper_score_interval("fixed") == (1, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(outputs, min_size=15, max_size=15), st.permutations(range(15)))
def test_bounds_and_independence_of_order(said, order):
    pairs = list(zip(two_data_sets(), said, strict=True))
    got = scored(pairs, resamples=20)
    for part in (got.overall, *got.families.values(), *got.datasets.values()):
        rates = (part.f1, part.precision, part.recall, part.well_formed, *part.rouge.values())
        assert all(0 <= rate <= 1 for rate in (*rates, *map(part.paper_score, MODES)))
    # Of whole outputs `fixed` only adds to the formula; in an extraction it leaves lines out.
    assert got.families["SA"].rouge["paper"] <= got.families["SA"].rouge["fixed"]
    for low, high in (got.overall.f1_interval, *map(got.overall.paper_score_interval, MODES)):
        assert 0 <= low <= high <= 1
    again = scored([pairs[place] for place in order], resamples=20)
    assert dataclasses.replace(again, predictions=()) == dataclasses.replace(got, predictions=())
    assert again.overall.f1_interval == got.overall.f1_interval
