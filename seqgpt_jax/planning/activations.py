"""Activations that the blocks of a model keep for their backward pass, read off a trace of it.

What they are follows from the family, `Model.remat` and `Model.attention`; a trace of two blocks knows all three.
"""

import dataclasses
import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.parameters import abstract, from_params, params_of

# A TPU stores the last axis of an array in tiles of so many numbers.
_LANES = 128
# Blocks of the traced model, and tokens of its row: a prime number, so that no other axis is a multiple of it, and so
# few that blockwise attention has one block.
_BLOCKS, _TOKENS = 2, 101


@dataclass(frozen=True)
class KeptActivations:
    """Bytes of one token in one block, on a TPU.

    Attributes:
      whole: of arrays as wide as the residual stream, which every chip of the tensor axis has.
      split: of arrays by heads or by hidden units of the MLP, which these chips share.
    """

    whole: float
    split: float


@functools.cache
def kept_activations(model: ModelConfig) -> KeptActivations:
    """What the backward pass of one block needs of its forward pass, without the scores of plain attention."""
    # A kernel can be traced for its own device only; blockwise attention keeps the same.
    small = dataclasses.replace(model, n_layer=_BLOCKS, vocab_size=_LANES, attention="blockwise")
    params = params_of(abstract(small))
    row = jax.ShapeDtypeStruct((1, _TOKENS), jnp.int32)

    def backward(params: dict, tokens: jax.Array):
        return jax.vjp(lambda params: from_params(small, params)(tokens, tokens, tokens), params)[1]

    whole = split = 0
    for array in jax.tree.leaves(jax.eval_shape(backward, params, row)):
        if array.shape[:1] != (_BLOCKS,) or all(size % _TOKENS for size in array.shape):
            continue  # a parameter, or outside of the blocks
        *others, last = array.shape
        padded = -(-last // _LANES) * _LANES if last == model.head_dim else last
        size = math.prod(others) * padded * array.dtype.itemsize / (_BLOCKS * _TOKENS)
        if last == model.hidden_size:
            whole += size
        else:
            split += size
    return KeptActivations(whole, split)
