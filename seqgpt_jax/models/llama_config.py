"""Hyperparameters of the Llama family, and their translation to and from a Hugging Face config.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seqgpt_jax.models.config_checks import check_fields, check_rotary_heads, gated_block_kernel_params, train_flops
from seqgpt_jax.models.rotary import Rotary

CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""The members by their `model_type`, with their classes in Hugging Face."""

_SIZES = ("vocab_size", "hidden_size", "mlp_size", "n_layer", "n_head", "n_kv_head", "head_dim", "max_length")


@dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """Hyperparameters of `Llama`. Published sizes are in `configs/models/`.

    Attributes:
      architecture: the member: "llama" (Llama 2 and 3, SmolLM2), "mistral", "qwen2" (biases on queries, keys and
        values; Qwen2.5 too) or "qwen3" (norms on queries and keys).
      vocab_size: rows of the vocabulary table.
      hidden_size: width of the residual stream.
      mlp_size: width inside of the MLP.
      n_layer: number of blocks.
      n_head: attention heads.
      n_kv_head: heads of keys and values; divides `n_head`.
      head_dim: width of one head; even.
      max_length: longest texts that the model was made for, in tokens.
      tied_head: whether the vocabulary head is the table of the input.
      norm_epsilon: added to the mean square in every norm.
      rope_theta, rope_scaling, …: `rotary.Rotary` without the prefix.
      initializer_range: standard deviation of the initial kernels and embeddings.
      dtype, param_dtype, remat, attention: as in `BloomConfig`.
    """

    architecture: Literal["llama", "mistral", "qwen2", "qwen3"]
    vocab_size: int
    hidden_size: int
    mlp_size: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    max_length: int
    tied_head: bool
    norm_epsilon: float = 1e-6
    rope_theta: float = 10_000.0
    rope_scaling: str = "default"
    rope_factor: float | None = None
    rope_original_length: int | None = None
    rope_low_freq_factor: float | None = None
    rope_high_freq_factor: float | None = None
    rope_beta_fast: float | None = None
    rope_beta_slow: float | None = None
    rope_attention_factor: float | None = None
    initializer_range: float = 0.02
    dtype: Literal["float32", "bfloat16"] = "float32"
    param_dtype: Literal["float32", "bfloat16"] = "float32"
    remat: Literal["none", "dots", "full"] = "dots"
    attention: Literal["plain", "blockwise", "splash"] = "plain"

    def __post_init__(self) -> None:
        positive = ("norm_epsilon", "initializer_range")
        check_fields(self, sizes=_SIZES, positive=positive, architectures=tuple(CLASSES))
        check_rotary_heads(self)
        self.rotary()

    def rotary(self) -> Rotary:
        """The position embedding."""
        fields = vars(self).items()
        return Rotary(**{name.removeprefix("rope_"): value for name, value in fields if name.startswith("rope_")})

    @property
    def qkv_bias(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.architecture == "qwen2"

    @property
    def qk_norm(self) -> bool:
        """Whether queries and keys are normed, each head by itself."""
        return self.architecture == "qwen3"

    def num_params(self) -> int:
        """Parameters of the model; a tied head counts once.

        >>> LlamaConfig(
        ...     architecture="llama", vocab_size=49_152, hidden_size=576, mlp_size=1536, n_layer=30, n_head=9,
        ...     n_kv_head=3, head_dim=64, max_length=8192, tied_head=True,
        ... ).num_params()  # SmolLM2-135M
        134515008
        """
        D, K = self.hidden_size, self.head_dim
        block = self.block_kernel_params() + 2 * D
        block += (self.n_head + 2 * self.n_kv_head) * K if self.qkv_bias else 0
        block += 2 * K if self.qk_norm else 0
        return self._tables * self.vocab_size * D + self.n_layer * block + D

    @property
    def _tables(self) -> int:
        return 1 if self.tied_head else 2

    def block_kernel_params(self) -> int:
        """Parameters of the kernels of one block: queries and output, keys and values, and three of the MLP."""
        return gated_block_kernel_params(self)

    def last_kernel_params(self) -> int:
        """Parameters of `mlp.down`, whose product ends a block."""
        return self.hidden_size * self.mlp_size

    def train_flops(self, *, tokens: float, supervised: float, keys: float) -> float:
        """FLOPs that a step needs, forward and backward; `config_checks.train_flops` says what counts."""
        return train_flops(self, tokens=tokens, supervised=supervised, keys=keys, tables=self._tables)

    @classmethod
    def from_hf(
        cls, values: Mapping[str, Any], *, dtype: str = "float32", param_dtype: str = "float32"
    ) -> "LlamaConfig":
        """The config that a Hugging Face config.json of one of the members describes.

        Raises:
          ValueError: a size is missing, or it is a variant that `Llama` does not compute.
        """
        architecture = values["model_type"]
        missing = [
            name
            for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
            if values.get(name) is None
        ]
        if missing:
            raise ValueError(f"config.json lacks {', '.join(missing)}")
        # Qwen2 has biases on queries, keys and values alone, and no setting for it.
        for name, computed in (("attention_bias", False), ("mlp_bias", False), ("hidden_act", "silu")):
            if values.get(name, computed) != computed:
                raise ValueError(f"config.json says {name}={values[name]!r}; only {computed!r} is supported")
        windowed = any(kind != "full_attention" for kind in values.get("layer_types") or ())
        if windowed or (values.get("sliding_window") and values.get("use_sliding_window", True)):
            raise ValueError(
                f"config.json says sliding_window={values.get('sliding_window')}; only full attention is supported: "
                "where all texts are shorter than the window, set it to null"
            )
        heads = values["num_attention_heads"]
        rotary = Rotary.from_hf(values)
        return cls(
            architecture=architecture,
            vocab_size=values["vocab_size"],
            hidden_size=values["hidden_size"],
            mlp_size=values["intermediate_size"],
            n_layer=values["num_hidden_layers"],
            n_head=heads,
            n_kv_head=values.get("num_key_value_heads") or heads,
            head_dim=values.get("head_dim") or (128 if architecture == "qwen3" else values["hidden_size"] // heads),
            max_length=values.get("max_position_embeddings") or 2048,
            tied_head=bool(values.get("tie_word_embeddings", False)),
            norm_epsilon=values.get("rms_norm_eps", 1e-6),
            **{f"rope_{name}": value for name, value in vars(rotary).items()},
            initializer_range=values.get("initializer_range", 0.02),
            dtype=dtype,
            param_dtype=param_dtype,
        )

    def _positions(self) -> int:
        """`max_position_embeddings`: of YaRN the scaled length, from which transformers 4 computes its factor."""
        if self.rope_scaling == "yarn":
            return round(self.rope_factor * self.rope_original_length)
        return self.max_length

    def to_hf(self) -> dict[str, Any]:
        """The config.json of the exported model, without token ids and the dtype of the stored weights."""
        values = {
            "architectures": [CLASSES[self.architecture]],
            "model_type": self.architecture,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.mlp_size,
            "num_hidden_layers": self.n_layer,
            "num_attention_heads": self.n_head,
            "num_key_value_heads": self.n_kv_head,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self._positions(),
            "rms_norm_eps": self.norm_epsilon,
            "initializer_range": self.initializer_range,
            "tie_word_embeddings": self.tied_head,
            "attention_dropout": 0.0,
            "use_cache": True,
            **self.rotary().to_hf(),
        }
        windows = {"qwen2": {"use_sliding_window": False}, "qwen3": {"use_sliding_window": False}}
        return (
            values
            | windows.get(self.architecture, {"mlp_bias": False, "attention_bias": False})
            | ({"sliding_window": None} if self.architecture == "mistral" else {})
        )
