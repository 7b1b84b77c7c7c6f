"""The first names of a list, in a message."""

import pytest

from seqgpt_jax.io.name_list import first_names


@pytest.mark.parametrize(
    ("number", "shown", "separator", "text"),
    [
        (0, 2, ", ", ""),
        (2, 2, ", ", "n0, n1"),
        (3, 2, ", ", "n0, n1 and 1 more"),
        (3, 2, "; ", "n0; n1; and 1 more"),
        (1_202, 2, ", ", "n0, n1 and 1,200 more"),
    ],
)
def test_the_first_names_and_how_many_more(number: int, shown: int, separator: str, text: str) -> None:
    assert first_names((f"n{index}" for index in range(number)), shown, separator) == text
