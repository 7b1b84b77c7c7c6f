import numpy as np
import pytest

from seqgpt_jax.data.packing import default_target_capacity
from seqgpt_jax.planning import workload
from seqgpt_jax.training.loop import TrainConfig

TRAIN = TrainConfig(batch_size=4, length=1000, epochs=2)


def test_assumptions_give_the_capacity_that_packing_would_take():
    made = workload.assumed(TRAIN, tokens_per_example=200, supervised=0.25)
    assert made.target_capacity == default_target_capacity(np.full(9, 200), np.full(9, 50), 1000)
    assert made.steps is None


def test_steps_follow_from_the_size_of_the_data():
    rows = 4 * 1000 * workload.PACKING
    assert workload.assumed(TRAIN, tokens=round(10 * rows)).steps == 20
    assert workload.assumed(TRAIN, examples=round(10 * rows / 100), tokens_per_example=100).steps == 20
    assert workload.assumed(TrainConfig(steps=7), examples=1000).steps == 7


def test_a_row_in_the_terms_of_model_flops():
    tokens, supervised, keys = workload.Workload(8, 0.5, 0.1, 99.0, None, "").row(1000)
    assert (tokens, supervised, keys) == pytest.approx((500, 50, 500 * 50))
