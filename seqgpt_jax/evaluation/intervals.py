"""Interval of a share that was counted."""

import math
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


def wilson(successes: float, number: float) -> tuple[float, float]:
    """The 95 % interval of a share, which has a width where none or all were successes, too.

    Args:
      successes: 0 to `number`.
      number: of independent cases; of none the interval is 0 to 1. Not whole where dependent cases are worth fewer.

    Returns:
      Both ends, 0 to 1. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Raises:
      ValueError: `successes` is not between 0 and `number`.

    >>> [round(end, 3) for end in wilson(0, 5)]
    [0.0, 0.434]
    """
    if not 0 <= successes <= number:
        raise ValueError(f"{successes} of {number} is no share")
    if number == 0:
        return 0.0, 1.0
    share, part = successes / number, _Z**2 / number
    center = share + part / 2
    half = math.sqrt(part * share * (1 - share) + part**2 / 4)
    # Rounding leaves the ends of 0 and of all just beyond them.
    return max(0.0, (center - half) / (1 + part)), min(1.0, (center + half) / (1 + part))
