"""Looking up rows of a table that lies in parts: what `jnp.take` finds, whichever of the two travels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqgpt_jax.models import vocab_embedding
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from tests.training.runs import mesh_of

B, L, D = 8, 12, 16
TABLE_TRAVELS, TOKENS_TRAVEL = 16, 512  # rows of the table


def arrays(rows: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(table, tokens, what the result is weighed with)"""
    rng = np.random.default_rng(rows)
    tokens = rng.integers(0, rows, (B, L)).astype(np.int32)
    return rng.normal(size=(rows, D)).astype(np.float32), tokens, rng.normal(size=(B, L, D)).astype(np.float32)


def weighed(found: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(found.astype(jnp.float32) * weights)


def with_gradient(rows: int, dtype: str = "float32") -> tuple[jax.Array, jax.Array]:
    def loss(words, tokens, weights):
        found = vocab_embedding.lookup(words, tokens, jnp.dtype(dtype))
        return weighed(found, weights), found

    (_, found), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(*arrays(rows))
    return found, gradient


@pytest.mark.parametrize("rows", [TABLE_TRAVELS, TOKENS_TRAVEL])
@pytest.mark.parametrize("shape", [(8, 1, 1), (2, 2, 2), (1, 8, 1), (1, 1, 8), (1, 2, 2, 2)])
def test_any_mesh_finds_the_same_rows(shape, rows):
    words, tokens, weights = arrays(rows)
    expected = jax.grad(lambda words: weighed(jnp.take(words, tokens, axis=0), weights))(words)
    with use_sharding(mesh_of(*shape), ShardingRules()):
        found, gradient = with_gradient(rows)
    np.testing.assert_array_equal(found, words[tokens])
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5)


def test_embeddings_that_are_too_large_are_made_in_pieces(monkeypatch):
    with use_sharding(mesh_of(1, 4, 2), ShardingRules()):
        whole = with_gradient(TOKENS_TRAVEL)
        monkeypatch.setattr(vocab_embedding, "EMBEDDINGS_BYTES", B * L * D)  # four pieces
        in_pieces = with_gradient(TOKENS_TRAVEL)
    np.testing.assert_array_equal(in_pieces[0], whole[0])
    np.testing.assert_allclose(in_pieces[1], whole[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("rows", [TABLE_TRAVELS, TOKENS_TRAVEL])
def test_a_gradient_is_summed_in_float32(rows):
    """A hundred times the same row: bfloat16 would lose what is below a 256th of the sum."""
    tokens = jnp.full((B, L), 3, jnp.int32)
    with use_sharding(mesh_of(1, 8, 1), ShardingRules()):
        gradient = jax.jit(
            jax.grad(
                lambda words: jnp.sum(vocab_embedding.lookup(words, tokens, jnp.dtype("bfloat16")), dtype=jnp.float32)
            )
        )(arrays(rows)[0])
    assert gradient.dtype == jnp.float32
    np.testing.assert_array_equal(gradient[3], np.full(D, B * L))
    assert not np.delete(np.asarray(gradient), 3, axis=0).any()


def test_the_smaller_travels():
    with use_sharding(mesh_of(1, 8, 1), ShardingRules()):
        sharding = vocab_embedding.VocabSharding.current()
        assert sharding.gathers_table(1024, 4 * 2048, "bfloat16", "bfloat16")
        assert not sharding.gathers_table(250_880 // 8, 4 * 1024, "bfloat16", "bfloat16")
        # Six bytes each: what comes back of the table is float32 too.
        assert sharding.gathers_table(1000, 1001, "bfloat16", "float32")
        assert not sharding.gathers_table(1000, 1000, "bfloat16", "float32")
    assert not vocab_embedding.VocabSharding().gathers_table(1, 10**9, "bfloat16", "bfloat16")


def test_a_rule_that_would_gather_rows_out_of_order_is_refused():
    rules = ShardingRules(vocab=("fsdp", "tensor"))
    with use_sharding(mesh_of(2, 2, 2), rules), pytest.raises(ValueError, match="last, as in"):
        vocab_embedding.VocabSharding.current()
