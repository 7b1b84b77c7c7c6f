"""Protocols of a backbone: what training, decoding, planning, loading and export need of a model.

A family implements them without inheriting from them: a config (`bloom_config.py`), a model (`bloom.py`) and a key map
to Hugging Face names (`bloom_keys.py`), registered under its names in `registry.py`. Nothing outside of `models/`
names a family. `parameters.py` has what works on any of them: creation, abstract shapes, shardings.

Suffixes: B rows, L tokens of a row, D hidden_size, H heads of queries, G heads of keys and values, K head_dim,
S keys, V vocab_size.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import jax
from flax import nnx

from seqgpt_jax.models.attention import Window


class Attend(Protocol):
    """Attention over the keys that training or decoding has."""

    def __call__(self, q: jax.Array, k: jax.Array, v: jax.Array, window: Window | None = None) -> jax.Array:
        """Contexts like the queries, in the compute dtype.

        Query head h attends to the keys of head h // (H / G): grouped queries (arXiv:2305.13245) where G is below H.

        Args:
          q: queries [B, L, H, K] in the compute dtype.
          k, v: keys and values [B, L, G, K].
          window: None: a query sees all tokens before it.
        """


class ModelConfig(Protocol):
    """Hyperparameters of a model: a frozen dataclass whose fields are the bindings of gin's `Model` and model.json.

    Attributes:
      architecture: the family's name in `registry.ARCHITECTURES`, which is its `model_type` in Hugging Face.
      vocab_size, hidden_size, n_layer, n_head, head_dim: sizes.
      n_kv_head: heads of keys and values; divides `n_head`.
      dtype: of activations and of the operands of matrix products.
      param_dtype: of the parameters.
      remat, attention: how training computes; no property of the weights.
    """

    architecture: str
    vocab_size: int
    hidden_size: int
    n_layer: int
    n_head: int
    dtype: str
    param_dtype: str
    remat: str
    attention: str

    @property
    def head_dim(self) -> int:
        """Width of one head."""

    @property
    def n_kv_head(self) -> int:
        """Heads of keys and values."""

    def num_params(self) -> int:
        """Parameters of the model; tied ones count once."""

    def block_kernel_params(self) -> int:
        """Parameters of the kernels of one block: a token costs 2 FLOPs for each of them."""

    def last_kernel_params(self) -> int:
        """Of these the kernel whose product ends a block, which full rematerialization need not repeat."""

    def train_flops(self, *, tokens: float, supervised: float, keys: float) -> float:
        """FLOPs that a step needs, forward and backward; `config_checks.train_flops` says what counts."""

    @classmethod
    def from_hf(cls, values: Mapping[str, Any], *, dtype: str = "float32", param_dtype: str = "float32") -> Self:
        """The config that a Hugging Face config.json describes; ValueError for a variant that is not supported."""

    def to_hf(self) -> dict[str, Any]:
        """The config.json of the exported model, without token ids and the dtype of the stored weights."""


class Block(Protocol):
    """One layer."""

    def __call__(
        self, x_BxLxD: jax.Array, positions_BxL: jax.Array, attend: Attend, layer: jax.Array | int
    ) -> jax.Array:
        """The residual stream [B, L, D] after the layer.

        Args:
          x_BxLxD: the residual stream before it, in the compute dtype.
          positions_BxL: int, position of each token in its text: what a rotary embedding turns queries and keys by.
          attend: called once with queries, keys and values. Training computes them all here; decoding keeps the keys
            and values in its cache and attends to that.
          layer: int32 scalar, its number from 0, of a family whose layers differ in more than their parameters.
        """


class Backbone(Protocol):
    """A decoder-only model, an `nnx.Module`. Parameters carry logical axes (`nnx.with_partitioning`).

    Attributes:
      config: its hyperparameters.
      layers: one block whose parameters have a leading axis `layers`.
      final_norm: the norm between the last block and the head.
      word_embeddings: the vocabulary table [V, D].

    Parameters of norms have "norm" in their path; they are computed in float32 and never cast.
    """

    config: ModelConfig
    layers: Block
    final_norm: Callable[[jax.Array], jax.Array]
    word_embeddings: nnx.Param

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        """Initializes all parameters."""

    def __call__(self, tokens_BxL: jax.Array, positions_BxL: jax.Array, segment_ids_BxL: jax.Array) -> jax.Array:
        """Hidden states [B, L, D] after the final norm, of rows packed with texts; see `Decoder.__call__`."""

    def embed(self, tokens_BxL: jax.Array) -> jax.Array:
        """[B, L, D] in the compute dtype, as the first block takes them."""

    def block(self, index: int) -> Block:
        """One layer, without the axis `layers`."""

    def key_bias(self, positions_BxS: jax.Array) -> jax.Array:
        """float32 [B, H, S]: what a key's position adds to its scores (ALiBi); zeros [B, 1, S] where it is nothing."""

    def head(self) -> jax.Array:
        """The vocabulary head [V, D] in `param_dtype`; the table itself where the two are tied."""

    def logits(self, hidden: jax.Array) -> jax.Array:
        """float32 [..., V] of hidden states [..., D] after the final norm."""
