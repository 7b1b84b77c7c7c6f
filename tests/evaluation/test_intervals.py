import pytest
from scipy.stats import binomtest

from seqgpt_jax.evaluation.intervals import wilson


@pytest.mark.parametrize(("successes", "number"), [(0, 5), (5, 5), (1, 2), (3, 10), (60, 200), (1, 100_000)])
def test_the_interval_is_that_of_scipy(successes, number) -> None:
    expected = binomtest(successes, number).proportion_ci(method="wilson")
    assert wilson(successes, number) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_ends_are_shares() -> None:
    for number in range(1, 50):
        assert wilson(0, number)[0] >= 0
        assert wilson(number, number)[1] <= 1
    assert wilson(0, 0) == (0, 1)


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        wilson(3, 2)
