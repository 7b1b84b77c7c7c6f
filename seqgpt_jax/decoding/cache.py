"""Key-value cache of beam search: of the prompt once, of the answer for each beam.

Beams are reordered at every step, the cache never: what a beam wrote stays in its slot, and a table of
ancestors gives the slot of each token of a running hypothesis.

Suffixes: B examples, K beams, G heads of keys, P prompt tokens, N answer tokens, M = N·K entries, E head_dim; Q queries
of a step.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqgpt_jax.models.sharding import constrain

CACHE_AXES = ("batch", "kv_heads", None, None)
"""Logical names of the axes of cached keys and values."""


class PromptCache(NamedTuple):
    """Keys and values of the prompts, shared by the beams of an example.

    Attributes:
      keys, values: one [B, G, P, E] for each layer, in the compute dtype.
      positions_BxP: int32, position of each token; padding does not count.
      mask_BxP: bool, False for padding on either side.
    """

    keys: tuple[jax.Array, ...]
    values: tuple[jax.Array, ...]
    positions_BxP: jax.Array
    mask_BxP: jax.Array

    @property
    def lengths_B(self) -> jax.Array:
        """int32: tokens of each prompt."""
        return self.mask_BxP.sum(axis=1, dtype=jnp.int32)


class AnswerCache(NamedTuple):
    """Keys and values of the generated tokens.

    Attributes:
      keys, values: one [B, G, M, E] for each layer; token n of slot k is entry n·K + k. Neither stacked
        nor reshaped where they are read, so that a step writes into them in place.
      ancestors_BxKxN: int32, the slot that holds token n of running hypothesis k.
    """

    keys: tuple[jax.Array, ...]
    values: tuple[jax.Array, ...]
    ancestors_BxKxN: jax.Array

    @property
    def size(self) -> int:
        """Answer tokens there is room for."""
        return self.ancestors_BxKxN.shape[2]

    def resized(self, size: int) -> "AnswerCache":
        """The same entries with room for `size` tokens, at least as many as now."""

        more = size - self.size
        beams = self.ancestors_BxKxN.shape[1]

        def pad(array_BxGxMxE: jax.Array) -> jax.Array:
            return jnp.pad(array_BxGxMxE, ((0, 0), (0, 0), (0, more * beams), (0, 0)))

        return AnswerCache(
            keys=tuple(map(pad, self.keys)),
            values=tuple(map(pad, self.values)),
            ancestors_BxKxN=jnp.pad(self.ancestors_BxKxN, ((0, 0), (0, 0), (0, more))),
        )

    def with_token_slot(self, parents_BxK: jax.Array, index_B: jax.Array) -> "AnswerCache":
        """For token `index_B` of beams that continue `parents_BxK` (int32): each beam writes it into its own slot."""
        ancestors_BxKxN = jnp.take_along_axis(self.ancestors_BxKxN, parents_BxK[:, :, None], axis=1)
        slot_Kx1 = jnp.arange(parents_BxK.shape[1], dtype=jnp.int32)[:, None]
        here_Bx1xN = jnp.arange(self.size) == index_B[:, None, None]
        return self._replace(ancestors_BxKxN=jnp.where(here_Bx1xN, slot_Kx1, ancestors_BxKxN))

    def visible(self, index_B: jax.Array, tokens: int) -> jax.Array:
        """bool [B, M, Q]: whether an entry is visible to each query of a step.

        With several beams query k is the newest token, number `index_B`, of beam k. With one beam query q is token
        `index_B + q`, which sees itself and what is before it.
        """
        batch, beams, size = self.ancestors_BxKxN.shape
        if beams == 1:
            return jnp.arange(size)[:, None] <= index_B[:, None, None] + jnp.arange(tokens)
        slots_Kx1 = jnp.arange(beams)[:, None]
        written_BxNx1x1 = (jnp.arange(size) <= index_B[:, None])[..., None, None]
        visible_BxNxKxK = (self.ancestors_BxKxN.swapaxes(1, 2)[:, :, None] == slots_Kx1) & written_BxNx1x1
        return visible_BxNxKxK.reshape(batch, size * beams, beams)


def empty_answers(prompt: PromptCache, num_beams: int, size: int) -> AnswerCache:
    """Room for `size` tokens of `num_beams` beams after each prompt."""
    batch, heads, _, head_dim = prompt.keys[0].shape
    shape = (batch, heads, size * num_beams, head_dim)
    dtype = prompt.keys[0].dtype

    def empty(_: jax.Array) -> jax.Array:
        return constrain(jnp.zeros(shape, dtype), *CACHE_AXES)

    return AnswerCache(
        keys=tuple(map(empty, prompt.keys)),
        values=tuple(map(empty, prompt.values)),
        ancestors_BxKxN=jnp.zeros((batch, num_beams, size), jnp.int32),
    )


def write(array_BxGxMxE: jax.Array, new_BxQxGxE: jax.Array, entry_B: jax.Array) -> jax.Array:
    """The cache [B, G, M, E] with new keys (or values) [B, Q, G, E] from entry `entry_B` on.

    Where they go beyond the end, as those of answers that are decided may, they are written over the last entries.
    """
    write_one = partial(jax.lax.dynamic_update_slice_in_dim, axis=1)
    return jax.vmap(write_one)(array_BxGxMxE, new_BxQxGxE.swapaxes(1, 2), entry_B)
