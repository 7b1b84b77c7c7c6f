import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.evaluation import subset
from tests.evaluation.records import choice, spans, write_store


def sample(records, instances, seed):
    (chosen,) = subset.sample([records], instances, seed)
    return chosen


def many(task="ner", instances=40, chunks=2):
    return [spans(f"{task}/test/{i}#{chunk}", {f"q{chunk}": ()}) for i in range(instances) for chunk in range(chunks)]


def ids(records):
    return [record.id for record in records]


def test_chunks_stay_together_and_each_task_gets_its_number():
    records = [*many("ner"), *many("slots"), *(choice(f"few/test/{i}#0", "positive") for i in range(3))]
    chosen = sample(records, 5, seed=0)
    for task, instances in (("ner", 5), ("slots", 5), ("few", 3)):
        mine = [record for record in chosen if record.task == task]
        assert len({record.instance for record in mine}) == instances
        assert len(mine) == instances * (1 if task == "few" else 2)


def test_the_choice_is_the_same_on_every_machine():
    # Another number here would change everybody's scores.
    assert ids(sample(many(chunks=1), 4, seed=0)) == [f"ner/test/{i}#0" for i in (4, 13, 30, 39)]


@given(st.integers(1, 45), st.integers(1, 45), st.integers(0, 3), st.randoms(use_true_random=False))
def test_nested_and_independent_of_order(fewer, more, seed, rng):
    fewer, more = sorted((fewer, more))
    records = many()
    small, large = ids(sample(records, fewer, seed)), ids(sample(records, more, seed))
    assert set(small) <= set(large)
    assert len(small) == 2 * min(fewer, 40)
    shuffled = random.Random(rng.random()).sample(records, len(records))
    assert set(ids(sample(shuffled, fewer, seed))) == set(small)


def test_another_seed_chooses_others():
    assert ids(sample(many(), 5, seed=0)) != ids(sample(many(), 5, seed=1))


def test_none_means_all_in_order(tmp_path):
    records = many()
    assert ids(sample(write_store(tmp_path / "store", records), None, seed=0)) == ids(records)


def test_a_store_serves_as_a_list_does(tmp_path):
    records = many()
    assert sample(write_store(tmp_path / "store", records), 7, seed=0) == sample(records, 7, seed=0)


def test_zero_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        sample(many(), 0, seed=0)


def test_the_splits_of_a_task_are_one_population():
    records = many(chunks=1)
    first, second = subset.sample([records[:25], records[25:]], 6, seed=0)
    assert len(first) + len(second) == 6
    assert ids(first + second) == ids(sample(records, 6, seed=0))
