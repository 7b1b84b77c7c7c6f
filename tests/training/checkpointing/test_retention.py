from typing import NamedTuple

import pytest
from orbax.checkpoint.checkpoint_managers import PreservationContext

from seqgpt_jax.training.checkpointing.retention import retention_policy

LOSSES = {1: 3.0, 2: 1.0, 3: 2.0, 5: 1.0}  # 4 and 6 were not validated


class Info(NamedTuple):
    """Of a checkpoint, as much as the policies look at."""

    step: int


@pytest.mark.parametrize(
    ("newest", "best", "every", "stay"),
    [
        (2, 0, None, [5, 6]),
        (1, 1, None, [2, 6]),
        (1, 3, None, [2, 3, 5, 6]),
        (1, 9, None, [1, 2, 3, 5, 6]),
        (1, 1, 4, [2, 4, 6]),
    ],
)
def test_newest_best_and_round_ones_stay(newest, best, every, stay):
    steps = range(1, 7)
    kept = retention_policy(newest, best, every, LOSSES).should_preserve(
        list(map(Info, steps)), context=PreservationContext()
    )
    assert [step for step, keep in zip(steps, kept, strict=True) if keep] == stay


def test_without_checkpoints_nothing_stays():
    assert list(retention_policy(2, 1, 3, {}).should_preserve([], context=PreservationContext())) == []
