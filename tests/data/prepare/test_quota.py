"""Quotas are exact, nested and blind to order and sharding."""

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.data.prepare.quota import NO_LABEL, QuotaCount, SizeLimit, quota_labels, stable_hash

LABELS = st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=3), max_size=80)


def kept(instances, limit, seed=0):
    count = QuotaCount(limit, seed)
    for id, gold in instances:
        count.add(id, gold)
    quota = count.quota()
    return {id: quota.keep(id, gold) for id, gold in instances}


def instances_of(labels):
    return [(f"id{i}", dict.fromkeys(row, ())) for i, row in enumerate(labels)]


@given(LABELS, st.integers(1, 30))
def test_every_label_keeps_exactly_its_quota(labels, limit) -> None:
    instances = instances_of(labels)
    counts = Counter(label for _, gold in instances for label in quota_labels(gold))
    used = Counter(label for labels in kept(instances, limit).values() for label in labels)
    assert used == Counter({label: min(count, limit) for label, count in counts.items()})


@given(LABELS, st.integers(1, 20), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_quotas_are_nested(labels, limit, rng) -> None:
    instances = instances_of(labels)
    small, large = kept(instances, limit), kept(instances, limit + 5)
    shuffled = list(instances)
    rng.shuffle(shuffled)
    assert kept(shuffled, limit) == small
    assert all(set(small[id]) <= set(large[id]) for id in small)


def test_no_limit_keeps_all_and_a_seed_changes_the_choice() -> None:
    instances = instances_of([["a"]] * 100)
    assert all(kept(instances, None).values())
    chosen = [frozenset(id for id, labels in kept(instances, 10, seed).items() if labels) for seed in (0, 1)]
    assert chosen[0] != chosen[1]
    assert kept([("x", {})], 1) == {"x": (NO_LABEL,)}
    with pytest.raises(ValueError, match="at least 1"):
        QuotaCount(0, 0)


@pytest.mark.parametrize("order", [1, -1])
def test_a_size_limit_keeps_the_smallest_hashes_that_fit(order: int) -> None:
    sizes = {f"id{n}": (n * 37) % 11 + 1 for n in range(400)}
    for maximum in (1, 50, 1000, 10_000):
        limit = SizeLimit(maximum, seed=3)
        for id, size in [*sizes.items()][::order]:
            limit.add(id, size)
        quota = limit.quota()
        chosen = [id for id in sizes if quota.keep(id, {})]
        by_hash = sorted(sizes, key=lambda id: stable_hash(3, "quota", id))
        assert set(chosen) == set(by_hash[: len(chosen)])
        if len(chosen) < len(sizes):
            total = sum(sizes[id] for id in chosen)
            assert total <= maximum or len(chosen) == 1
            assert total + sizes[by_hash[len(chosen)]] > maximum
        else:
            assert sum(sizes.values()) <= maximum


def test_hash_is_the_same_in_every_process() -> None:
    code = "from seqgpt_jax.data.prepare.quota import stable_hash; print(stable_hash(1, 'a', '中'))"
    seeds = [str(random.Random(i).randrange(1000)) for i in range(2)]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in seeds
    }
    assert outputs == {f"{stable_hash(1, 'a', '中')}\n"}
