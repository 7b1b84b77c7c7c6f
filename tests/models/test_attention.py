import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from seqgpt_jax.models.attention import alibi_bias, alibi_slopes, attend, segment_mask


@pytest.mark.parametrize("n_head", [*range(1, 34), 112])
def test_slopes_are_the_peers(n_head):
    # At position 1 the peer's bias is the slope.
    expected = build_alibi_tensor(torch.ones(1, 2), n_head, torch.float32)[:, 0, 1]
    np.testing.assert_allclose(alibi_slopes(n_head), expected.numpy(), rtol=1e-6)  # it raises a rounded base to a power


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_segment_mask_is_causal_within_a_segment(ids):
    mask = np.asarray(segment_mask(np.array([ids])))[0]
    for query, own in enumerate(ids):
        for key, other in enumerate(ids):
            assert mask[query, key] == (key <= query and own == other)


def test_a_constant_added_to_all_positions_changes_nothing():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 2, 12, 6, 8)).astype(np.float32)
    positions = np.broadcast_to(np.arange(12), (2, 12))
    mask = np.broadcast_to(np.tri(12, dtype=bool), (2, 12, 12))
    near = attend(q, k, v, alibi_bias(alibi_slopes(6), positions), mask)
    far = attend(q, k, v, alibi_bias(alibi_slopes(6), positions + 1000), mask)
    np.testing.assert_allclose(near, far, atol=1e-4)


def test_bias_keeps_neighbours_apart_at_position_2047_in_bfloat16():
    # Equal scores, so that the bias alone decides; a bfloat16 bias could not tell 2,046 from 2,047.
    zeros = np.zeros((1, 1, 1, 8), np.float32).astype("bfloat16")
    values = np.array([[[[0.0] * 8], [[1.0] * 8]]], np.float32).astype("bfloat16")
    out = attend(
        zeros,
        zeros.repeat(2, 1),
        values,
        alibi_bias(np.array([0.5], np.float32), np.array([[2046, 2047]])),
        np.ones((1, 1, 2), bool),
    )
    assert out.dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(out, np.float32), 1 / (1 + np.exp(-0.5)), atol=4e-3)


def test_a_query_that_sees_nothing_gets_the_mean():
    v = np.arange(6, dtype=np.float32).reshape(1, 3, 1, 2)
    out = attend(v[:, :1], v, v, alibi_bias(alibi_slopes(1), np.arange(3)[None]), np.zeros((1, 1, 3), bool))
    np.testing.assert_allclose(out[0, 0, 0], [2, 3])
