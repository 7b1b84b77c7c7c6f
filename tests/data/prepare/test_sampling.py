"""Sampling depends on nothing but seed, epoch and id, and negatives are never possibly right."""

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Instance
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.sampling import ExampleSampler, SkipInstance

ZH = TEMPLATES["chinese"]
MANY = LabelSet.of({f"label {i}": i + 1 for i in range(2000)})
FEW = LabelSet.of({"city": 5, "capital city": 1, "person": 3, "date": 2, "product": 9})


def extraction(**changes) -> Instance:
    fields = {"id": "1", "atom": "ext", "text": "Ann is in Rome", "gold": {"person": ("Ann",), "city": ("Rome",)}}
    return Instance(**(fields | changes))


@given(
    st.sampled_from([MANY, FEW]),
    st.integers(0, 40),
    st.sampled_from(["uniform", "frequency"]),
    st.integers(0, 10**9),
    st.sampled_from(["city", "label 7", "LABEL 12"]),
)
def test_negatives_are_different_and_safe(label_set, number, sampler, seed, gold) -> None:
    negatives = label_set.negatives([gold], number, sampler, random.Random(seed))
    assert len(set(negatives)) == len(negatives) <= number
    assert not any(n.lower() in gold.lower() or gold.lower() in n.lower() for n in negatives)
    if label_set is MANY and number:
        assert len(negatives) == number


def test_exclusive_labels_may_contain_each_other() -> None:
    counts = {"entailment": 1, "not entailment": 1}
    rng = random.Random(0)
    assert LabelSet.of(counts).negatives(["entailment"], 3, "uniform", rng) == []
    assert LabelSet.of(counts, exclusive=True).negatives(["entailment"], 3, "uniform", rng) == ["not entailment"]


@pytest.mark.parametrize("label_set", [MANY, LabelSet.of({f"label {i}": i + 1 for i in range(50)})])
def test_frequency_sampling_prefers_frequent_labels(label_set) -> None:
    def mean(sampler: str) -> float:
        drawn = [label_set.negatives([], 5, sampler, random.Random(seed)) for seed in range(300)]
        return sum(int(label.split()[1]) for labels in drawn for label in labels) / (5 * len(drawn))

    middle = len(label_set.labels) / 2
    assert abs(mean("uniform") - middle) < 0.1 * middle
    assert mean("frequency") > 1.2 * middle


def inclusion(weights: dict[str, float], number: int) -> Counter:
    """The probability that each label is among `number` that are drawn one after another, by all orders of drawing."""
    found: Counter = Counter()
    for order in itertools.permutations(weights, number):
        rest, probability = sum(weights.values()), 1.0
        for label in order:
            probability *= weights[label] / rest
            rest -= weights[label]
        found.update(dict.fromkeys(order, probability))
    return found


COMMON = {"person": 40, "city": 25, "capital city": 9, "date": 16, "product": 8, "event": 2}
DRAWS = 2000


@pytest.mark.parametrize("rare", [0, 30], ids=["listed", "with rejection"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("sampler", ["uniform", "frequency"])
def test_shares_of_negatives_are_those_of_the_answers_of_their_labels(sampler, number, rare) -> None:
    """`City` is gold: it and `capital city` are never drawn, and the others share in proportion to their weights."""
    counts = COMMON | {f"rare {n}": 1 for n in range(rare)}
    label_set = LabelSet.of(counts)
    assert (len(label_set.labels) > 4 * number + 16) == bool(rare)
    drawn = Counter(
        label
        for seed in range(DRAWS)
        for label in label_set.negatives(["City"], number, sampler, random.Random(f"negatives {seed}"))
    )
    free = {label: count for label, count in counts.items() if "city" not in label}
    assert drawn.total() == number * DRAWS
    assert drawn.keys() <= free.keys()
    for label, share in inclusion(free if sampler == "frequency" else dict.fromkeys(free, 1), number).items():
        deviation = math.sqrt(share * (1 - share) / DRAWS)
        assert abs(drawn[label] / DRAWS - share) < 4 * deviation, label


def test_a_giant_label_does_not_use_up_the_draws() -> None:
    skewed = LabelSet.of({"giant": 10**6} | {f"rare {i}": 1 for i in range(300)})
    assert len(skewed.negatives(["giant"], 40, "frequency", random.Random(0))) == 40


def test_no_negatives_can_be_asked_for() -> None:
    for epoch in range(9):
        sampler = ExampleSampler(max_negative_queries=0)
        (example,) = sampler.training_examples(extraction(), FEW, ("person",), epoch, ZH).examples
        assert example.labels == ("person",)
        (example,) = sampler.training_examples(extraction(gold={}), FEW, (), epoch, ZH).examples
        assert len(example.labels) == 1  # a prompt has to ask something


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_fixed_number_of_negatives(number) -> None:
    sampler = ExampleSampler(min_negative_queries=number, max_negative_queries=number, negatives="frequency")
    gold = {"label 7": ("Ann",), "label 900": ("Rome",)}
    for epoch in range(20):
        for found in (gold, {}):
            examples = sampler.training_examples(extraction(gold=found), MANY, tuple(found), epoch, ZH).examples
            asked = [label for example in examples for label in example.labels]
            assert len(asked) == len(set(asked)) == number + len(found)
            assert max(len(example.labels) for example in examples) <= 6
            pairs = (zip(example.labels, example.answers, strict=True) for example in examples)
            answered = dict(itertools.chain.from_iterable(pairs))
            assert {label: spans for label, spans in answered.items() if spans} == found


def test_the_number_of_negatives_is_random_between_its_limits() -> None:
    def numbers(least: int, most: int) -> set[int]:
        sampler = ExampleSampler(min_negative_queries=least, max_negative_queries=most)
        sampled = (sampler.training_examples(extraction(), MANY, ("person",), epoch, ZH) for epoch in range(100))
        return {sum(len(example.labels) for example in one.examples) - 1 for one in sampled}

    assert numbers(0, 3) == {0, 1, 2, 3}
    assert numbers(2, 3) == {2, 3}


def test_where_the_task_has_no_more_labels_fewer_negatives_are_asked() -> None:
    sampler = ExampleSampler(min_negative_queries=5, max_negative_queries=5)
    (example,) = sampler.training_examples(extraction(), FEW, ("person", "city"), 0, ZH).examples
    assert sorted(example.labels) == ["city", "date", "person", "product"]  # "capital city" contains "city"


def test_same_id_same_sample_other_epoch_other_sample() -> None:
    sampler = ExampleSampler(seed=3)
    samples = [
        sampler.training_examples(extraction(), FEW, ("person", "city"), epoch, ZH) for epoch in (0, 0, *range(9))
    ]
    assert samples[0] == samples[1]
    assert len({str(sample) for sample in samples}) > 2


def test_labels_over_quota_are_not_asked() -> None:
    for epoch in range(20):
        (example,) = ExampleSampler().training_examples(extraction(), FEW, ("person",), epoch, ZH).examples
        assert "person" in example.labels
        assert "city" not in example.labels


def test_evaluation_asks_everything_in_even_chunks() -> None:
    label_set = LabelSet.of({f"type{i}": 1 for i in range(7)} | {"person": 1, "city": 1})
    examples = ExampleSampler().evaluation_examples(extraction(), label_set, ZH).examples
    assert [len(example.labels) for example in examples] == [5, 4]
    assert {label for example in examples for label in example.labels} == set(label_set.labels)


def test_evaluation_of_a_large_label_set_asks_all_of_it_in_chunks() -> None:
    instance = Instance("1", "cls", "x", {"label 1500": ()})
    examples = ExampleSampler(max_labels=64).evaluation_examples(instance, MANY, ZH).examples
    assert sorted(label for example in examples for label in example.labels) == sorted(MANY.labels)
    assert max(len(example.labels) for example in examples) <= 64
    assert [example.answers for example in examples if example.answers] == [("label 1500",)]
    assert len(examples) == 32


def test_a_classification_may_have_no_answer() -> None:
    instance = Instance("1", "cls", "x", {})
    (example,) = ExampleSampler().evaluation_examples(instance, FEW, ZH).examples
    assert example.answers == ()
    assert set(example.labels) == set(FEW.labels)
    (example,) = ExampleSampler().training_examples(instance, FEW, (), 0, ZH).examples
    assert example.answers == ()
    assert ZH.render(example)[1] == "None"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.75])
@pytest.mark.parametrize("atom", ["cls", "ext"])
def test_the_share_of_prompts_without_an_answer(atom, share) -> None:
    fields = {"empty_extractions": share} if atom == "ext" else {"empty_classifications": share}
    sampler, kept = ExampleSampler(**fields), ("label 7",)
    without, number, sizes = 0, 0, set()
    for id in range(800):
        gold = {"label 7": ("Ann",) if atom == "ext" else ()}
        instance = Instance(str(id), atom, "Ann is in Rome", gold)
        examples = sampler.training_examples(instance, MANY, kept, 0, ZH).examples
        assert sum(any(example.answers) for example in examples) == 1
        empty = [example for example in examples if not any(example.answers)]
        assert not any("label 7" in label for example in empty for label in example.labels)
        without, number = without + len(empty), number + len(examples)
        sizes |= {len(example.labels) for example in empty}
    assert abs(without / number - share) < 0.04
    if share:
        # As decoding asks: up to a full chunk, in any size.
        assert max(sizes) == (6 if atom == "ext" else 63)
        assert len(sizes) > 5


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_own_labels_of_an_instance_are_asked_in_chunks_as_decoding_asks_them(share) -> None:
    labels = tuple(f"label {i}" for i in range(200))
    sampler = ExampleSampler(max_labels=64, empty_classifications=share)
    sizes, negatives, empty, number = set(), set(), 0, 0
    for id in range(400):
        instance = Instance(str(id), "cls", "x", {"label 7": (), "label 8": ()}, labels)
        asked = sampler.evaluation_examples(instance, FEW, ZH).examples
        assert [len(example.labels) for example in asked] == [50] * 4
        # "label 8" is over its quota: it is neither asked nor a negative.
        first, *more = sampler.training_examples(instance, FEW, ("label 7",), 0, ZH).examples
        assert first.answers == ("label 7",)
        for example in (first, *more):
            assert len(set(example.labels)) == len(example.labels) <= 50
            assert set(example.labels) <= {*labels} - {"label 8"}
        assert not any(example.answers or "label 7" in example.labels for example in more)
        sizes.add(len(first.labels))
        negatives.update(first.labels)
        empty, number = empty + len(more), number + 1 + len(more)
    assert max(sizes) == 50
    assert len(sizes) > 20
    assert negatives == {*labels} - {"label 8"}
    assert abs(empty / number - share) < 0.05


def test_own_labels_that_one_prompt_holds_are_asked_together() -> None:
    labels = tuple(f"label {i}" for i in range(64))
    for id in range(20):
        instance = Instance(str(id), "cls", "x", {"label 7": ()}, labels)
        sampler = ExampleSampler(max_labels=64, empty_classifications=0.5)
        (example,) = sampler.training_examples(instance, FEW, ("label 7",), 0, ZH).examples
        assert sorted(example.labels) == sorted(labels)


def test_no_answer_is_added_where_the_instance_has_none_or_brings_its_labels() -> None:
    sampler = ExampleSampler(empty_extractions=0.9, empty_classifications=0.9)
    (example,) = sampler.training_examples(extraction(gold={}), FEW, (), 0, ZH).examples
    assert not any(example.answers)
    choice = Instance("1", "cls", "x", {"yes": ()}, labels=("yes", "no"))
    (example,) = sampler.training_examples(choice, FEW, ("yes",), 0, ZH).examples
    assert example.answers == ("yes",)


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (extraction(gold={"person": ("Bob",)}), "span_not_in_text"),
        (extraction(text=" \n "), "empty_text"),
        (extraction(gold={"a，b": (), "a,b": ()}, labels=("a，b", "a,b")), "unusable_label"),
        (Instance("1", "cls", "x", {"maybe": ()}, labels=("yes", "no")), "no_answer"),
    ],
)
def test_what_cannot_be_asked_has_a_reason(instance, reason) -> None:
    with pytest.raises(SkipInstance) as caught:
        ExampleSampler().evaluation_examples(instance, FEW, ZH)
    assert caught.value.reason == reason


def test_spans_that_clean_alike_stand_once_in_a_target() -> None:
    instance = extraction(text="from San\nJose to San Jose", gold={"city": ("San\nJose", "San Jose")})
    sampled = ExampleSampler().training_examples(instance, LabelSet.of({"city": 1}), ("city",), 0, ZH)
    targets = {ZH.render(example)[1] for example in sampled.examples}
    assert targets == {"city: San Jose\n"}
