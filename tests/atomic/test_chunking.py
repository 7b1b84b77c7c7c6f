"""Queries in even chunks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import chunk_queries


@given(st.integers(0, 60), st.integers(1, 9))
def test_equals_array_split(number, at_most) -> None:
    queries = tuple(map(str, range(number)))
    chunks = chunk_queries(queries, at_most)
    if number:
        expected = np.array_split(np.array(queries), -(-number // at_most))
        assert [list(chunk) for chunk in chunks] == [list(chunk) for chunk in expected]
    else:
        assert chunks == []
