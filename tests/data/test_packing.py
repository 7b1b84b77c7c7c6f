"""Packing: every example once, nothing cut, the same on every host, and tight."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.data.batches import pack
from seqgpt_jax.data.packing import default_target_capacity, plan_packing
from seqgpt_jax.data.store import TrainRecord

SIZES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 24)), max_size=120)


@given(SIZES, st.integers(0, 5))
def test_plan_holds_every_example_once_within_capacity(sizes, seed) -> None:
    targets = np.array([target for _, target in sizes], int)
    tokens = targets + np.array([prompt for prompt, _ in sizes], int)
    plan = plan_packing(tokens, targets, length=64, target_capacity=24, seed=(seed,))
    assert sorted(plan.examples.tolist()) == list(range(len(sizes)))
    for row in range(len(plan)):
        assert tokens[plan.row(row)].sum() <= 64
        assert targets[plan.row(row)].sum() <= 24
    again = plan_packing(tokens, targets, length=64, target_capacity=24, seed=(seed,))
    assert np.array_equal(plan.examples, again.examples)
    assert np.array_equal(plan.starts, again.starts)


def test_plan_is_tight_on_real_like_lengths() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(2, 30, 5000)
    tokens = np.clip(rng.lognormal(4.5, 0.6, 5000).astype(int), 20, 900) + targets
    plan = plan_packing(
        tokens, targets, length=1024, target_capacity=default_target_capacity(tokens, targets, 1024), seed=(0,)
    )
    assert tokens.sum() / (len(plan) * 1024) > 0.95


def short_examples_have_more_targets(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths like those of the real mixture: a label after a long text, six spans after a short one."""
    rng = np.random.default_rng(7)
    text = np.clip(rng.lognormal(4.2, 0.9, number).astype(int), 10, 950)
    targets = np.clip(rng.lognormal(3.4 - 0.25 * np.log(text), 0.7, number).astype(int), 2, 200)
    return text + targets, targets


@pytest.mark.parametrize("length", [1200, 2048, 4096])
def test_rows_are_full_with_little_more_capacity_than_they_use(length) -> None:
    tokens, targets = short_examples_have_more_targets(20_000)
    capacity = default_target_capacity(tokens, targets, length)
    plan = plan_packing(tokens, targets, length=length, target_capacity=capacity, seed=(0,))
    assert tokens.sum() / (len(plan) * length) > 0.98
    average = length * targets.sum() / tokens.sum()
    assert capacity <= max(targets.max() + 7, 1.25 * average + 8)
    in_rows = [targets[plan.row(row)].sum() for row in range(len(plan) - 1)]
    assert np.median(in_rows) == pytest.approx(average, rel=0.05)


def test_capacity_grows_where_one_long_answer_would_close_a_row() -> None:
    """Two in a hundred answers have 90 tokens: beside one of them a row still has to take twenty short ones."""
    tokens = np.full(5000, 100)
    targets = np.where(np.arange(5000) % 50, 2, 90)
    capacity = default_target_capacity(tokens, targets, 2048)
    assert 90 + 19 * 2 <= capacity < 200
    plan = plan_packing(tokens, targets, length=2048, target_capacity=capacity, seed=(0,))
    assert len(plan) == 5000 / 20


def test_planning_takes_no_longer_where_the_capacity_binds() -> None:
    tokens, targets = short_examples_have_more_targets(20_000)
    tight = int(max(targets.max(), 0.6 * 2048 * targets.sum() / tokens.sum()))

    def seconds(capacity: int) -> float:
        start = time.process_time()
        plan_packing(tokens, targets, length=2048, target_capacity=capacity, seed=(0,))
        return time.process_time() - start

    assert min(seconds(tight) for _ in range(3)) < 5 * min(seconds(2048) for _ in range(3))


def test_too_long_examples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"example 1 has 70 tokens"):
        plan_packing(np.array([3, 70]), np.array([1, 2]), length=64, target_capacity=8, seed=(0,))


def test_packed_row_restores_its_examples() -> None:
    records = [
        TrainRecord("a", 0, np.array([5, 6, 7], np.int32), np.array([8, 2], np.int32)),
        TrainRecord("b", 1, np.array([9], np.int32), np.array([10, 11, 2], np.int32)),
    ]
    row = pack(records, length=10, target_capacity=8, families=[6, 0])
    assert row["tokens"].tolist() == [5, 6, 7, 8, 9, 10, 11, 0, 0, 0]
    assert row["positions"].tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 0, 0]
    assert row["segment_ids"].tolist() == [1, 1, 1, 1, 2, 2, 2, 0, 0, 0]
    assert row["target_positions"].tolist() == [2, 3, 4, 5, 6, 0, 0, 0]
    assert row["target_ids"].tolist() == [8, 2, 10, 11, 2, 0, 0, 0]
    assert row["target_weights"].tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert row["target_families"].tolist() == [6, 6, 0, 0, 0, -1, -1, -1]
    assert pack(records, length=10, target_capacity=8)["target_families"].tolist() == [-1] * 8
