"""Attention in blocks and in the TPU's kernel (interpreted) against attention that holds all scores."""

import contextlib
import dataclasses
import os
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from seqgpt_jax.models import flash_attention
from seqgpt_jax.models.attention import Window, alibi_bias, alibi_slopes, attend, no_bias, segment_mask
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.planning.tpu_compiler import find_compiler
from seqgpt_jax.training.optimizer import OptimizerConfig
from tests.planning.compiler import needs_compiler
from tests.training.runs import MODEL, TinyBatches, mesh_of, take_steps

ROWS, LENGTH, HEADS, HEAD_DIM = 4, 256, 4, 8
RULES = ShardingRules()


def blockwise(q, k, v, positions, segments):
    return flash_attention.blockwise(q, k, v, alibi_slopes(q.shape[2]), positions, segments)


def splash(q, k, v, positions, segments, **settings):
    return flash_attention.splash(q, k, v, alibi_slopes(q.shape[2]), positions, segments, **settings)


interpreted = partial(splash, interpret=True)
METHODS = pytest.mark.parametrize("method", [blockwise, interpreted], ids=["blockwise", "splash"])


def packed(lengths):
    """Positions and segment ids of one row of texts; a negative length is padding."""
    numbers = np.cumsum([n > 0 for n in lengths])
    segments = [np.full(abs(n), number if n > 0 else 0) for n, number in zip(lengths, numbers, strict=True)]
    return np.concatenate([np.arange(abs(n)) for n in lengths]), np.concatenate(segments)


@pytest.fixture(scope="module")
def row():
    """Texts over two blocks, of one token, up to a block's edge; padding on both sides; a row without texts."""
    rows = [packed(lengths) for lengths in ([100, 1, 27, 90, -38], [-7, 200, 30, -19], [256], [-256])]
    return tuple(np.stack(x).astype(np.int32) for x in zip(*rows, strict=True))


def arrays(dtype, rows=ROWS, length=LENGTH, heads=HEADS, head_dim=HEAD_DIM):
    return np.random.default_rng(0).normal(size=(4, rows, length, heads, head_dim)).astype(dtype)


def plain(q, k, v, positions, segments):
    return attend(q, k, v, alibi_bias(alibi_slopes(q.shape[2]), positions), segment_mask(segments))


@partial(jax.jit, static_argnums=0)
def with_gradients(method, q, k, v, weights, positions, segments):
    def loss(q, k, v):
        context = method(q, k, v, positions, segments)
        return jnp.sum(context.astype(jnp.float32) * weights), context

    return jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(q, k, v)


def assert_close(found, expected, tolerance):
    """Of the largest value of each array."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


@METHODS
def test_float32_equals_plain_in_values_and_gradients(method, row):
    inputs = (*arrays("float32"), *row)
    assert_close(with_gradients(method, *inputs), with_gradients(plain, *inputs), 1e-5)


@pytest.mark.parametrize("on_mesh", [False, True], ids=["one device", "mesh"])
@pytest.mark.parametrize(
    "method",
    [flash_attention.blockwise, partial(flash_attention.splash, interpret=True)],
    ids=["blockwise", "splash"],
)
def test_grouped_queries_without_slopes(method, on_mesh, row):
    """Four heads of queries to a head of keys, and no bias: as if each head of queries had its own."""
    q, _, _, weights = arrays("float32", heads=8)
    _, k, v, _ = arrays("float32", heads=2)

    def repeated(q, k, v, positions, segments):
        k, v = (jnp.repeat(x, 4, axis=2) for x in (k, v))
        return attend(q, k, v, no_bias(positions), segment_mask(segments))

    def grouped(q, k, v, positions, segments):
        return method(q, k, v, None, positions, segments)

    expected = with_gradients(repeated, q, k, v, weights, *row)
    assert expected[0][1].shape == k.shape
    with use_sharding(mesh_of(2, 2, 2), RULES) if on_mesh else contextlib.nullcontext():
        found = with_gradients(grouped, q, k, v, weights, *row)
    assert_close(found, expected, 1e-5)


@pytest.mark.parametrize("on_mesh", [False, True], ids=["one device", "mesh"])
@pytest.mark.parametrize("size", [1, 40, 130])
@pytest.mark.parametrize(
    "method",
    [flash_attention.blockwise, partial(flash_attention.splash, interpret=True)],
    ids=["blockwise", "splash"],
)
def test_sliding_windows_of_the_layers_that_have_one(method, size, on_mesh, row):
    """Whether a layer has one is known when the program runs; the one without is the third of a scan's three."""
    q, k, v, weights = arrays("float32")
    windowed = np.array([True, True, False])

    def expected_of(q, k, v, positions, segments):
        # By places: a text lies side by side, and paddings on both sides, which mean nothing, do not.
        within = np.arange(LENGTH)[:, None] - np.arange(LENGTH) < size
        masks = [segment_mask(segments) & (within | ~applies) for applies in windowed]
        return sum(attend(q, k, v, no_bias(positions), mask) for mask in masks)

    def found_of(q, k, v, positions, segments):
        def run(total, applies):
            return total + method(q, k, v, None, positions, segments, Window(size, applies)), None

        return jax.lax.scan(run, jnp.zeros_like(q), windowed)[0]

    expected = with_gradients(expected_of, q, k, v, weights, *row)
    with use_sharding(mesh_of(2, 2, 2), RULES) if on_mesh else contextlib.nullcontext():
        found = with_gradients(found_of, q, k, v, weights, *row)
    assert_close(found, expected, 1e-5)


def test_blocks_before_the_window_are_skipped():
    segments = np.ones((1, 1024), np.int32)
    first, last = flash_attention._visible_blocks(jnp.asarray(segments), jnp.int32(130))
    assert first.tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert last.tolist() == [2, 3, 4, 5, 6, 7, 7, 7]


@METHODS
def test_bfloat16_is_as_near_to_float32_as_plain_is(method, row):
    q, k, v, weights = arrays("bfloat16")
    positions, segments = row
    positions = positions + 1800  # where a bias in bfloat16 would be off by 4
    exact = with_gradients(plain, *(x.astype(np.float32) for x in (q, k, v, weights)), positions, segments)

    def error(method):
        found = with_gradients(method, q, k, v, weights, positions, segments)
        return max(
            np.abs(np.asarray(a, np.float32) - b).max() / np.abs(b).max()
            for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
        )

    assert error(method) < 2 * error(plain) < 0.03


def test_the_bias_of_the_kernel_is_exact():
    positions = np.arange(flash_attention.POSITION_BASE**2)
    parts = np.asarray(flash_attention._position_parts(positions[None]))[0].astype(np.float64)
    for n_head in (1, 6, 16, 32, 112):
        slopes = flash_attention._slope_parts(alibi_slopes(n_head))
        np.testing.assert_array_equal(slopes, slopes.astype(jnp.bfloat16).astype(np.float32))
        np.testing.assert_array_equal(
            slopes.astype(np.float64) @ parts.T, np.outer(alibi_slopes(n_head).astype(np.float64), positions)
        )
    np.testing.assert_array_equal(parts, parts.astype(jnp.bfloat16).astype(np.float64))


@pytest.mark.parametrize("seed", range(3))
def test_segments_need_not_stand_together(seed, monkeypatch):
    """Blocks of keys are skipped by what stands in them, not by what a packed row should look like."""
    monkeypatch.setattr(flash_attention, "BLOCK", 8)
    rng = np.random.default_rng(seed)
    q, k, v, weights = arrays("float32", rows=2, length=64)
    positions = rng.integers(0, 50, (2, 64))
    segments = rng.integers(0, 9, (2, 8)).repeat(8, axis=1)
    segments[1] = rng.integers(0, 3, 64)
    inputs = (q, k, v, weights, positions, segments)
    method = partial(blockwise)  # a function of its own, so that jit does not reuse what it traced with other blocks
    assert_close(with_gradients(method, *inputs), with_gradients(plain, *inputs), 1e-5)


def test_blocks_without_a_common_text_are_skipped():
    _, segments = packed([200, 56, 128, 300, 50, -34, -256])
    first, last = flash_attention._visible_blocks(jnp.asarray(segments[None]), jnp.int32(1024))
    assert first.tolist() == [0, 0, 2, 3, 3, 3, 5, 5]
    assert last.tolist() == [1, 1, 2, 5, 5, 7, 7, 7]


@METHODS
def test_sharded_equals_unsharded(method, row):
    inputs = (*arrays("float32"), *row)
    expected = with_gradients(method, *inputs)
    with use_sharding(mesh_of(2, 2, 2), RULES):
        found = with_gradients(partial(method), *inputs)
    assert found[1].sharding.spec[:3] == (("data", "fsdp"), None, "tensor")
    assert_close(found, expected, 1e-6)


@pytest.fixture
def small_blocks(monkeypatch):
    """Three blocks in the rows of `TinyBatches`."""
    monkeypatch.setattr(flash_attention, "BLOCK", 8)


@pytest.fixture(scope="module")
def batches():
    return [TinyBatches().batch(step) for step in range(3)]


# Without eps Adam's first steps are signs of gradients, which rounding flips where they are next to 0.
STEADY = OptimizerConfig(learning_rate=1e-2, warmup_fraction=0.0, eps=1e-3)


@pytest.fixture(scope="module")
def trained_plainly(batches):
    return take_steps(mesh_of(1, 1, 1), batches, optimizer=STEADY)


@pytest.mark.parametrize(("shape", "remat", "accumulate"), [((1, 1, 1), "none", 1), ((2, 2, 2), "dots", 2)])
def test_blockwise_trains_like_plain(shape, remat, accumulate, batches, trained_plainly, small_blocks):
    model = dataclasses.replace(MODEL, attention="blockwise", remat=remat)
    state, metrics = take_steps(mesh_of(*shape), batches, model=model, optimizer=STEADY, accumulate=accumulate)
    expected, expected_metrics = trained_plainly
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5), metrics, expected_metrics)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5), state.params, expected.params)


def model_and_loss(**settings):
    config = BloomConfig(vocab_size=64, hidden_size=16, n_layer=2, n_head=2, initializer_range=0.2, **settings)

    def loss(model, tokens, positions, segments):
        hidden = model(tokens, positions, segments)
        return jnp.sum(jnp.where(segments[..., None] > 0, jnp.sin(3 * hidden), 0))

    return create(config), nnx.value_and_grad(loss)


@pytest.mark.parametrize(("attention", "remat"), [("blockwise", "full"), ("splash", "dots")])
def test_the_model_gives_the_same_gradients(attention, remat, row, monkeypatch):
    monkeypatch.setattr(flash_attention, "splash", partial(flash_attention.splash, interpret=True))
    batch = np.random.default_rng(1).integers(0, 64, (ROWS, LENGTH)), *row
    model, gradients = model_and_loss()
    expected = nnx.jit(gradients)(model, *batch)
    model, gradients = model_and_loss(remat=remat, attention=attention)
    assert_close(nnx.jit(gradients)(model, *batch), expected, 1e-5)


@pytest.mark.parametrize(("remat", "loops"), [("none", 2), ("dots", 2), ("full", 3)])
def test_dots_keeps_the_result_and_does_not_attend_again(remat, loops, row):
    model, gradients = model_and_loss(remat=remat, attention="blockwise")
    graph, state = nnx.split(model)
    text = str(
        jax.make_jaxpr(lambda state, *batch: gradients(nnx.merge(graph, state), *batch))(
            state, np.zeros((ROWS, LENGTH), int), *row
        )
    )
    assert text.count("while[") == loops  # forward, backward; and forward again


def test_blockwise_needs_little_memory():
    def temporaries(method, length):
        heads = jax.ShapeDtypeStruct((1, length, 4, 16), "float32")
        row = jax.ShapeDtypeStruct((1, length), "int32")
        compiled = with_gradients.lower(method, heads, heads, heads, heads, row, row).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporaries(plain, 2048) > 4 * 2048 * 2048 * 4
    assert temporaries(blockwise, 2048) < 1 / 8 * temporaries(plain, 2048)
    assert temporaries(blockwise, 4096) < 2.5 * temporaries(blockwise, 2048)


@pytest.mark.parametrize(
    ("method", "length", "message"),
    [
        (splash, 256, "for TPUs, and this runs on cpu: set Model.attention to"),
        (interpreted, 200, "200 tokens: set Train.length to a multiple of 128.*example 256"),
        (interpreted, 2**16 + 128, "65,536 at most, for example 65536"),
        (blockwise, 1000, "1000 tokens.*set Train.length to a multiple of 128, for example 1024"),
    ],
)
def test_what_a_method_cannot_take_is_an_error(method, length, message):
    heads = jax.ShapeDtypeStruct((1, length, 2, 8), "float32")
    row = jax.ShapeDtypeStruct((1, length), "int32")
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(method, heads, heads, heads, row, row)


def test_an_unknown_method_is_an_error():
    with pytest.raises(ValueError, match=r"Model.attention must be one of .*'splash'"):
        dataclasses.replace(MODEL, attention="flash")


@pytest.mark.parametrize(
    ("rules", "message"),
    [(None, "needs sharding rules"), (ShardingRules(batch="data", length="fsdp"), "rule for length splits them")],
)
@METHODS
def test_rules_that_do_not_fit_are_an_error(method, rules, message, row):
    with use_sharding(mesh_of(2, 2, 2), rules), pytest.raises(ValueError, match=message):
        jax.eval_shape(method, *arrays("float32")[:3], *row)


def test_a_row_shorter_than_a_block_is_one_block(row):
    inputs = (*(x[:, :40] for x in arrays("float32")), *(x[:, :40] for x in row))
    assert_close(with_gradients(blockwise, *inputs), with_gradients(plain, *inputs), 1e-5)


@pytest.mark.parametrize("head_dim", [64, 80, 96, 128])
def test_the_kernel_lowers_for_a_tpu(head_dim, monkeypatch):
    """As far as JAX goes without the TPU's compiler: the forward kernel and two of the gradient, in Mosaic."""
    monkeypatch.setattr(flash_attention, "_platform", lambda: "tpu")
    heads = jax.ShapeDtypeStruct((2, 256, 4, head_dim), "bfloat16")
    row = jax.ShapeDtypeStruct((2, 256), "int32")
    traced = with_gradients.trace(partial(splash), heads, heads, heads, heads, row, row)
    assert traced.lower(lowering_platforms=("tpu",)).as_text().count("@tpu_custom_call(") == 3


ON_A_SLICE = """
import jax, jax.numpy as jnp
from jax.experimental import topologies
from seqgpt_jax.models import flash_attention
from seqgpt_jax.models.attention import alibi_slopes
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.partitioning import MeshConfig, make_mesh

mesh = make_mesh(MeshConfig(1, 2, 2), topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2").devices)
lies = jax.NamedSharding(mesh, jax.P("fsdp", None, "tensor"))
queries = jax.ShapeDtypeStruct((4, 2048, 8, 80), "bfloat16", sharding=lies)
row = jax.ShapeDtypeStruct((4, 2048), "int32", sharding=jax.NamedSharding(mesh, jax.P("fsdp")))
for groups, slopes in ((8, alibi_slopes(8)), (2, None)):
    keys = jax.ShapeDtypeStruct((4, 2048, groups, 80), "bfloat16", sharding=lies)
    with use_sharding(mesh, ShardingRules()):
        attend = lambda q, k, v, *row: flash_attention.splash(q, k, v, slopes, *row)
        loss = lambda *args: jnp.sum(jnp.square(attend(*args).astype(jnp.float32)))
        compiled = jax.jit(jax.grad(loss, argnums=(0, 1, 2))).lower(queries, keys, keys, row, row).compile()
    text = compiled.as_text()
    print(text.count('custom_call_target="tpu_custom_call"'), compiled.memory_analysis().temp_size_in_bytes)
    print(*(name for name in ("all-gather", "all-reduce", "all-to-all", "collective-permute") if f" {name}(" in text))
"""


@pytest.mark.slow
@needs_compiler
def test_the_kernel_compiles_for_a_slice_and_exchanges_nothing():
    environment = {**os.environ, "TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    environment["TPU_LIBRARY_PATH"] = str(find_compiler())
    done = subprocess.run([sys.executable, "-c", ON_A_SLICE], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()[-4:]  # of as many heads of keys as of queries with slopes, and of a fourth without
    for counts, collectives in (lines[:2], lines[2:]):
        kernels, temporaries = map(int, counts.split())
        assert kernels == 3
        assert collectives == ""
        assert temporaries < 2 * 4 * 2048 * 2048 * 4 / 8  # of the scores of a chip's rows and heads in float32
