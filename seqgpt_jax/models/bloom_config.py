"""Hyperparameters of BLOOM, and their translation to and from a Hugging Face config.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seqgpt_jax.models.config_checks import check_fields, train_flops


@dataclass(frozen=True, kw_only=True)
class BloomConfig:
    """Hyperparameters of `Bloom`. The published sizes are in `configs/models/`.

    Attributes:
      architecture: the family, "bloom".
      vocab_size: rows of the embedding table, more than the tokenizer uses in the published models.
      hidden_size: width of the residual stream.
      n_layer: number of blocks.
      n_head: attention heads; divides `hidden_size`.
      layer_norm_epsilon: added to the variance in every layer norm.
      initializer_range: standard deviation of the initial kernels and embeddings.
      dtype: of activations and of the operands of matrix products.
      param_dtype: of the parameters.
      remat: what the backward pass keeps, and what it computes again. "dots" keeps the products with kernels and
        repeats the rest, which is cheap: about as fast as "none", which keeps everything, with a quarter of its
        memory. "full" keeps the inputs of the blocks alone, half the memory again, and repeats a third of the work.
      attention: how training computes it; the weights do not know. "plain" holds scores of [batch, heads, length,
        length]. "blockwise" (any device) and "splash" (TPU) give the same numbers in memory that grows with the length,
        not with its square: see `models/flash_attention.py`.
    """

    architecture: Literal["bloom"] = "bloom"
    vocab_size: int = 250_880
    hidden_size: int
    n_layer: int
    n_head: int
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    dtype: Literal["float32", "bfloat16"] = "float32"
    param_dtype: Literal["float32", "bfloat16"] = "float32"
    remat: Literal["none", "dots", "full"] = "dots"
    attention: Literal["plain", "blockwise", "splash"] = "plain"

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "hidden_size", "n_layer", "n_head")
        positive = ("layer_norm_epsilon", "initializer_range")
        check_fields(self, sizes=sizes, positive=positive, architectures=("bloom",))
        if self.hidden_size % self.n_head:
            raise ValueError(f"Model.n_head = {self.n_head} does not divide hidden_size = {self.hidden_size}")

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.hidden_size // self.n_head

    @property
    def n_kv_head(self) -> int:
        """Heads of keys and values: as many as of queries."""
        return self.n_head

    def num_params(self) -> int:
        """V·d + n_layer·(12·d² + 13·d) + 4·d; the head is tied to the embedding table.

        >>> BloomConfig(hidden_size=1024, n_layer=24, n_head=16).num_params()  # bloom-560m
        559214592
        """
        d = self.hidden_size
        return self.vocab_size * d + self.n_layer * (12 * d * d + 13 * d) + 4 * d

    def block_kernel_params(self) -> int:
        """Parameters of the kernels of one block, 12·d²: 3·d² of query_key_value, d² of dense, 8·d² of the MLP."""
        return 12 * self.hidden_size**2

    def last_kernel_params(self) -> int:
        """Parameters of `dense_4h_to_h`, whose product ends a block: 4·d²."""
        return 4 * self.hidden_size**2

    def train_flops(self, *, tokens: float, supervised: float, keys: float) -> float:
        """FLOPs that a step needs, forward and backward; `config_checks.train_flops` says what counts."""
        return train_flops(self, tokens=tokens, supervised=supervised, keys=keys, tables=1)

    @classmethod
    def from_hf(
        cls, values: Mapping[str, Any], *, dtype: str = "float32", param_dtype: str = "float32"
    ) -> "BloomConfig":
        """The config that a Hugging Face config.json of BLOOM describes, under its new or its old names (`n_embed` …).

        Raises:
          ValueError: a size is missing, or it is a variant of BLOOM that `Bloom` does not compute.
        """
        for name, computed in (("apply_residual_connection_post_layernorm", False), ("tie_word_embeddings", True)):
            if values.get(name, computed) != computed:
                raise ValueError(f"config.json says {name}={values[name]}; only {computed} is supported")

        def read(*names: str) -> Any:
            for name in names:
                if values.get(name) is not None:
                    return values[name]
            raise ValueError(f"config.json lacks {names[0]!r}")

        return cls(
            vocab_size=read("vocab_size"),
            hidden_size=read("hidden_size", "n_embed"),
            n_layer=read("n_layer", "num_hidden_layers"),
            n_head=read("n_head", "num_attention_heads"),
            layer_norm_epsilon=values.get("layer_norm_epsilon", 1e-5),
            initializer_range=values.get("initializer_range", 0.02),
            dtype=dtype,
            param_dtype=param_dtype,
        )

    def to_hf(self) -> dict[str, Any]:
        """The config.json of the exported model, without token ids and the dtype of the stored weights."""
        return {
            "architectures": ["BloomForCausalLM"],
            "model_type": "bloom",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "n_layer": self.n_layer,
            "n_head": self.n_head,
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "initializer_range": self.initializer_range,
            "apply_residual_connection_post_layernorm": False,
            "attention_dropout": 0.0,
            "hidden_dropout": 0.0,
            "tie_word_embeddings": True,
            "use_cache": True,
        }
