"""The loss equals the plain one over full logits, in value and gradient, and never builds those logits."""

import functools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.models.parameters import create
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.loss import target_loss
from tests.training.runs import MODEL, mesh_of

Arrays = tuple[jax.Array, ...]


def example(B: int, L: int, T: int, D: int, V: int, seed: int = 0, dtype: str = "float32") -> Arrays:
    """(hidden, embedding, positions, ids, weights)"""
    rng = np.random.default_rng(seed)
    return (
        jnp.asarray(rng.normal(size=(B, L, D)), dtype),
        jnp.asarray(rng.normal(size=(V, D)), jnp.float32),
        jnp.asarray(rng.integers(0, L, (B, T)), jnp.int32),
        jnp.asarray(rng.integers(0, V, (B, T)), jnp.int32),
        jnp.asarray(rng.choice([0.0, 0.5, 1.0], (B, T)), jnp.float32),
    )


def loss_by_target(
    hidden: jax.Array, embedding: jax.Array, positions: jax.Array, ids: jax.Array, weights: jax.Array
) -> jax.Array:
    logits_BxLxV = jnp.einsum("bld,vd->blv", hidden.astype(jnp.float32), embedding)
    log_p_BxLxV = jax.nn.log_softmax(logits_BxLxV)
    rows = jnp.arange(hidden.shape[0])[:, None]
    return -weights * log_p_BxLxV[rows, positions, ids]


def plain_loss(*arrays: jax.Array) -> jax.Array:
    return jnp.sum(loss_by_target(*arrays))


def ours(*arrays: jax.Array, **options) -> jax.Array:
    return target_loss(*arrays, **options).loss


# Shapes are few because each is compiled; a chunk may be longer than all targets, or leave a last one half filled.
@settings(max_examples=10, deadline=None)
@given(T=st.sampled_from([1, 7]), positions_in_chunk=st.sampled_from([0, 2, 3, 9]), seed=st.integers(0, 99))
def test_value_and_gradient_are_those_of_the_full_logits(T, positions_in_chunk, seed):
    B, L, D, V = 2, 9, 5, 11
    arrays = example(B, L, T, D, V, seed)
    (value, sums), gradients = chunked(*arrays, logits_bytes=4 * B * V * positions_in_chunk)
    expected, expected_gradients = plain(*arrays)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums.weight, arrays[-1].sum())
    np.testing.assert_allclose(sums.by_target, loss_by_target(*arrays), rtol=1e-4, atol=1e-5)


@functools.partial(jax.jit, static_argnames="logits_bytes")
@functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
def chunked(*arrays, **options):
    sums = target_loss(*arrays, **options)
    return sums.loss, sums


plain = jax.jit(jax.value_and_grad(plain_loss, argnums=(0, 1)))


def test_without_a_gradient_it_is_the_same():
    arrays = example(2, 6, 4, 5, 11)
    np.testing.assert_allclose(ours(*arrays, logits_bytes=200), plain_loss(*arrays), rtol=1e-5)


def test_the_gradient_scales_with_what_is_done_to_the_loss():
    arrays = example(2, 6, 4, 5, 11)
    once = jax.grad(ours, argnums=1)(*arrays)
    np.testing.assert_allclose(jax.grad(lambda *a: 3.0 * ours(*a), argnums=1)(*arrays), 3.0 * once, rtol=1e-6)


def test_large_logits_stay_finite():
    hidden, *rest = example(1, 4, 3, 5, 11)
    value, gradient = jax.value_and_grad(ours)(1e4 * hidden, *rest)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_bfloat16_operands_and_float32_sums():
    hidden, embedding, *rest = example(2, 8, 6, 64, 50, dtype="bfloat16")
    embedding = embedding.astype(jnp.bfloat16).astype(jnp.float32)  # so that only sums and softmax could differ
    value, (to_hidden, to_head) = jax.value_and_grad(ours, argnums=(0, 1))(hidden, embedding, *rest)
    np.testing.assert_allclose(value, plain_loss(hidden, embedding, *rest), rtol=1e-5)
    wanted = jax.grad(plain_loss, argnums=1)(hidden, embedding, *rest)
    np.testing.assert_allclose(to_head, wanted, rtol=0.02, atol=0.02 * float(jnp.abs(wanted).max()))
    assert to_hidden.dtype == jnp.bfloat16
    # The head's gradient is that of float32 master weights: it has more digits than bfloat16.
    assert to_head.dtype == jnp.float32
    assert not np.array_equal(to_head, to_head.astype(jnp.bfloat16).astype(jnp.float32))


def test_packed_rows_give_the_loss_and_gradient_of_separate_rows():
    rng = np.random.default_rng(0)
    lengths, answers = (9, 6), (3, 2)
    texts = [rng.integers(1, MODEL.vocab_size, length) for length in lengths]
    targets = [rng.integers(1, MODEL.vocab_size, count) for count in answers]

    def row(numbers, length=20, capacity=8):
        tokens, positions, segments = (np.zeros(length, np.int32) for _ in range(3))
        where, ids = (np.zeros(capacity, np.int32) for _ in range(2))
        weights = np.zeros(capacity, np.float32)
        start = first = 0
        for segment, number in enumerate(numbers, start=1):
            end, last = start + lengths[number], first + answers[number]
            tokens[start:end], positions[start:end] = texts[number], np.arange(lengths[number])
            segments[start:end] = segment
            where[first:last], ids[first:last] = np.arange(end - answers[number], end), targets[number]
            weights[first:last] = 1.0
            start, first = end, last
        return tokens, positions, segments, where, ids, weights

    def loss(model, rows):
        tokens, positions, segments, *rest = (jnp.stack(arrays) for arrays in zip(*rows, strict=True))
        sums = target_loss(model(tokens, positions, segments), model.word_embeddings[...], *rest)
        return sums.loss / sums.weight

    model = create(MODEL)
    value_and_grad = jax.jit(jax.value_and_grad(loss))
    packed, packed_gradient = value_and_grad(model, [row((0, 1))])
    separate, separate_gradient = value_and_grad(model, [row((0,)), row((1,))])
    np.testing.assert_allclose(packed, separate, rtol=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), packed_gradient, separate_gradient
    )


def sizes_in(jaxpr) -> set[int]:
    """Sizes of all arrays in a jaxpr and the jaxprs inside it."""
    sizes = set()
    for eqn in jaxpr.eqns:
        sizes |= {math.prod(var.aval.shape) for var in eqn.outvars}
        inner = [getattr(item, "jaxpr", item) for item in jax.tree.leaves(tuple(eqn.params.values()), is_leaf=is_jaxpr)]
        for item in inner:
            if hasattr(item, "eqns"):
                sizes |= sizes_in(item)
    return sizes


def is_jaxpr(item) -> bool:
    return hasattr(item, "eqns") or hasattr(item, "jaxpr")


def test_no_array_is_as_large_as_the_full_logits():
    B, L, T, D, V = 2, 64, 12, 8, 100
    arrays = example(B, L, T, D, V)
    options = {"logits_bytes": 4 * B * V * 3}
    with_gradient = jax.make_jaxpr(jax.value_and_grad(lambda *a: ours(*a, **options), argnums=(0, 1)))(*arrays)
    plain = jax.make_jaxpr(plain_loss)(*arrays)
    assert max(sizes_in(plain.jaxpr)) == B * L * V
    assert max(sizes_in(with_gradient.jaxpr)) <= max(B * L * D, B * 3 * V, V * D)


# With few rows in the table it is the table that travels along fsdp, with many rows the hidden states.
@pytest.mark.parametrize("V", [640, 64])
@pytest.mark.parametrize("shape", [(8, 1, 1), (2, 2, 2), (1, 4, 2), (1, 8, 1)])
def test_a_mesh_does_not_change_it_and_the_table_stays_out_of_the_loop(shape, V):
    B, L, T, D = 8, 32, 12, 64
    arrays = example(B, L, T, D, V)
    expected, expected_gradients = jax.value_and_grad(plain_loss, argnums=(0, 1))(*arrays)
    mesh, rules = mesh_of(*shape), ShardingRules()
    places = [
        jax.NamedSharding(mesh, spec)
        for spec in (rules.spec("batch"), rules.spec("vocab", None), *[rules.spec("batch")] * 3)
    ]
    one_position = 4 * (B // (shape[0] * shape[1])) * V // shape[2]
    with use_sharding(mesh, rules):

        def loss(*a):
            sums = target_loss(*a, logits_bytes=4 * one_position)  # three chunks
            return sums.loss, sums.by_target

        run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True), in_shardings=tuple(places))
        compiled = run.lower(*arrays).compile()
        (value, by_target), gradients = compiled(
            *(jax.device_put(a, place) for a, place in zip(arrays, places, strict=True))
        )
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(by_target, loss_by_target(*arrays), rtol=1e-4, atol=1e-5)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)
    in_the_loop = [
        line
        for line in compiled.as_text().splitlines()
        if re.search(r" (all-reduce|all-gather|reduce-scatter|all-to-all)(-start)?\(", line) and "while/body" in line
    ]
    # What a chunk has of hidden states, of all rows of the batch that share a part of the table.
    chunk = B // shape[0] * 4 * D
    for line in in_the_loop:
        shapes = re.findall(r"f32\[([\d,]+)\]", line.split("(")[0])
        assert all(math.prod(map(int, dims.split(","))) <= chunk for dims in shapes), line
    travels = shape[1] > 1 and V == 64
    assert any("all-gather" in line for line in in_the_loop) == (shape[1] > 1 and not travels)
