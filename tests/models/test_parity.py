"""Our models against those of `transformers` with the same weights: at most 1e-5 apart in float32, relative."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from seqgpt_jax.models.parameters import from_params, params_of
from tests.models import peers

TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=[4, 6, *peers.ROTARY_KINDS])
def pair(request, tmp_path_factory):
    """BLOOM with so many heads, a member of the Llama family, or Gemma 3."""
    folder = tmp_path_factory.mktemp("peer")
    save = peers.save_rotary if isinstance(request.param, str) else peers.save_peer
    peer = save(folder, request.param)
    return peer, peers.ours(folder)


@pytest.fixture(scope="module")
def six_heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peer")
    peer = peers.save_peer(folder, 6)
    return peer, peers.ours(folder)


@pytest.fixture(scope="module")
def exact_gradient(six_heads, tokens):
    return _gradient(six_heads[1], tokens)


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(4, peers.VOCAB, (3, 40))


def assert_close(found, expected):
    """At most `TOLERANCE` of the largest logit apart."""
    largest = np.abs(expected).max()
    assert largest > 1  # else it would say little
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest)


def test_unpadded(pair, tokens):
    peer, model = pair
    assert_close(peers.run_ours(model, tokens), peers.run_peer(peer, tokens))


def test_left_padded(pair, tokens):
    peer, model = pair
    mask = (np.arange(40) >= np.array([[0], [11], [39]])).astype(np.int64)
    expected = peers.run_peer(peer, np.where(mask == 1, tokens, 3), mask)
    positions = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
    found = peers.logits(model, tokens * mask, positions, mask)
    assert np.isfinite(found).all()
    assert_close(found[mask == 1], expected[mask == 1])


def test_packed_segments_equal_their_own_runs(pair, tokens):
    peer, model = pair
    lengths = (9, 1, 17, 8)  # and 5 of padding
    row = tokens[:1]
    segment_ids = np.repeat([1, 2, 3, 4, 0], [*lengths, 5])[None]
    positions = np.concatenate([np.arange(n) for n in (*lengths, 5)])[None]
    found = peers.logits(model, row * (segment_ids > 0), positions, segment_ids)
    assert np.isfinite(found).all()
    for segment in range(1, 5):
        alone = row[segment_ids == segment][None]
        expected = peers.run_peer(peer, alone)
        assert_close(found[segment_ids == segment][None], expected)


def test_row_of_padding_alone_is_finite_with_finite_gradient(six_heads):
    _, model = six_heads
    nothing = np.zeros((2, 7), np.int32)
    graph, params = nnx.split(model)

    def total(params):
        model = nnx.merge(graph, params)
        return model.logits(model(nothing, nothing, nothing)).sum()

    value, gradient = jax.value_and_grad(total)(params)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_single_blocks_in_turn_equal_the_scan(pair, tokens):
    _, model = pair
    ids = np.ones_like(tokens)
    positions = np.broadcast_to(np.arange(40), tokens.shape)
    attend = model.attend_within(positions, ids)
    x = model.embed(tokens)
    for layer in range(peers.LAYERS):
        x = model.block(layer)(x, positions, attend, layer)
    np.testing.assert_allclose(model.final_norm(x), model(tokens, positions, ids), rtol=0, atol=TOLERANCE)


def test_bfloat16_is_as_close_to_float32_as_the_peers(tmp_path, tokens):
    peer = peers.save_peer(tmp_path, 6)
    exact = peers.run_peer(peer, tokens)
    found = peers.run_ours(peers.ours(tmp_path, dtype="bfloat16", param_dtype="bfloat16"), tokens)
    of_peer = peers.run_peer(peer.to(torch.bfloat16), tokens)
    assert np.sqrt(np.mean((found - exact) ** 2)) < 1.1 * np.sqrt(np.mean((of_peer - exact) ** 2))


def _gradient(model, tokens, config=None):
    config = config or model.config
    params = params_of(model)
    positions = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)

    def loss(params):
        model = from_params(config, params)
        log_probs = jax.nn.log_softmax(model.logits(model(tokens, positions, np.ones_like(tokens))))[:, :-1]
        return -jnp.take_along_axis(log_probs, tokens[:, 1:, None], axis=-1).mean()

    return jax.jit(jax.value_and_grad(loss))(params)


def test_loss_and_gradient(six_heads, tokens, exact_gradient):
    peer, _ = six_heads
    peer.zero_grad()
    batch = torch.from_numpy(tokens)
    expected = peer(batch, labels=batch).loss
    expected.backward()
    loss, gradient = exact_gradient
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-6)
    theirs = peer.transformer
    for found, parameter in (
        (gradient["word_embeddings"], theirs.word_embeddings.weight),
        (gradient["embed_norm"]["scale"], theirs.word_embeddings_layernorm.weight),
        (gradient["layers"]["mlp"]["dense_h_to_4h"]["kernel"][1].T, theirs.h[1].mlp.dense_h_to_4h.weight),
        (
            gradient["layers"]["attention"]["query_key_value"]["kernel"][2].reshape(peers.HIDDEN, -1).T,
            theirs.h[2].self_attention.query_key_value.weight,
        ),
    ):
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("remat", ["none", "full"])
def test_remat_changes_no_gradient(six_heads, tokens, exact_gradient, remat):
    _, model = six_heads
    found = _gradient(model, tokens, dataclasses.replace(model.config, remat=remat))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-6), found, exact_gradient)


@pytest.mark.parametrize(("remat", "products"), [("none", 18), ("dots", 20), ("full", 23)])
def test_what_remat_repeats(six_heads, remat, products):
    """Six products in a block, each with two in its gradient; "dots" repeats the two of attention."""
    _, model = six_heads
    params = params_of(model)
    config = dataclasses.replace(model.config, remat=remat)
    ones = np.ones((1, 8), np.int32)
    gradient = jax.grad(lambda params: from_params(config, params)(ones, ones, ones).sum())
    assert jax.jit(gradient).lower(params).as_text().count("stablehlo.dot_general") == products


@pytest.mark.parametrize("remat", ["none", "full", "dots"])
def test_bfloat16_gradient_points_where_the_float32_one_does(six_heads, tokens, exact_gradient, remat):
    _, model = six_heads
    _, found = _gradient(model, tokens, dataclasses.replace(model.config, dtype="bfloat16", remat=remat))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact_gradient[1]), strict=True):
        assert a.dtype == jnp.float32
        assert np.vdot(a, b) > 0.99 * np.linalg.norm(a) * np.linalg.norm(b)
