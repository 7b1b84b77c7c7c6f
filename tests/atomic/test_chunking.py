"""Labels and queries in even chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import chunk_labels, label_budget


@given(st.integers(0, 60), st.integers(1, 9))
def test_equals_array_split(number, at_most) -> None:
    queries = tuple(map(str, range(number)))
    chunks = chunk_labels(queries, at_most)
    if number:
        expected = np.array_split(np.array(queries), -(-number // at_most))
        assert [list(chunk) for chunk in chunks] == [list(chunk) for chunk in expected]
    else:
        assert chunks == []


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 9), st.integers(1, 60))
def test_the_budget_holds_with_the_fewest_chunks(costs, at_most, budget) -> None:
    labels = tuple(map(str, range(len(costs))))
    chunks = chunk_labels(labels, at_most, costs, budget)
    assert tuple(label for chunk in chunks for label in chunk) == labels
    for chunk in chunks:
        assert len(chunk) <= at_most
        assert len(chunk) == 1 or sum(costs[int(label)] for label in chunk) <= budget
    # No neighbours that fit into one: the number is the smallest, which no even split needs more than.
    assert len(chunks) >= -(-len(costs) // at_most)
    if len(chunks) > 1 and all(cost <= budget for cost in costs):
        assert sum(costs) > budget or len(costs) > at_most


def test_without_tokens_nothing_but_the_number_counts() -> None:
    assert len(chunk_labels(("x" * 1000,) * 6, 6, budget=1)) == 1
    with pytest.raises(ValueError, match="at_most"):
        chunk_labels(("a",), 0)


@given(st.integers(0, 5000), st.integers(32, 4096))
def test_labels_get_what_the_text_leaves_and_at_least_three_eighths(text, limit) -> None:
    budget = label_budget(text, limit)
    assert limit * 3 // 8 <= budget <= limit
    if text + 16 <= limit // 2:
        assert text + budget <= limit
