"""Hyperparameters of the text models of Gemma 3, and their translation to and from a Hugging Face config.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from seqgpt_jax.models.config_checks import check_fields, check_rotary_heads, gated_block_kernel_params, train_flops
from seqgpt_jax.models.rotary import Rotary

CLASS = "Gemma3ForCausalLM"
"""The class in Hugging Face."""

_SIZES = ("vocab_size", "hidden_size", "mlp_size", "n_layer", "n_head", "n_kv_head", "head_dim", "max_length")
_NEEDED = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "head_dim")
_WINDOWED, _FULL = "sliding_attention", "full_attention"
_PERIOD = 6
# By name in a config.json: what is computed, and is not a field.
_COMPUTED = {
    "attention_bias": False,
    "hidden_activation": "gelu_pytorch_tanh",
    "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
    "use_bidirectional_attention": False,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True, kw_only=True)
class GemmaConfig:
    """Hyperparameters of `Gemma`. Published sizes are in `configs/models/`.

    Attributes:
      architecture: "gemma3_text", the only one.
      vocab_size: rows of the vocabulary table, to which the head is tied.
      hidden_size: width of the residual stream.
      mlp_size: width inside of the MLP.
      n_layer: number of blocks.
      n_head: attention heads.
      n_kv_head: heads of keys and values; divides `n_head`.
      head_dim: width of one head; even.
      max_length: longest texts that the model was made for, in tokens.
      sliding_window: tokens that a query of a layer with a window sees, itself included.
      full_attention_every: layers whose number from 1 is a multiple of it see all tokens, the others have a window.
      norm_epsilon: added to the mean square in every norm.
      rope_theta, rope_factor: base of the wavelengths of layers without a window, and by what their positions are
        divided (linear scaling).
      rope_local_theta: base of those with a window.
      initializer_range: standard deviation of the initial kernels and embeddings.
      dtype, param_dtype, remat, attention: as in `BloomConfig`.
    """

    architecture: Literal["gemma3_text"]
    vocab_size: int
    hidden_size: int
    mlp_size: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    max_length: int
    sliding_window: int
    full_attention_every: int = _PERIOD
    norm_epsilon: float = 1e-6
    rope_theta: float = 1_000_000.0
    rope_factor: float | None = None
    rope_local_theta: float = 10_000.0
    initializer_range: float = 0.02
    dtype: Literal["float32", "bfloat16"] = "float32"
    param_dtype: Literal["float32", "bfloat16"] = "float32"
    remat: Literal["none", "dots", "full"] = "dots"
    attention: Literal["plain", "blockwise", "splash"] = "plain"

    def __post_init__(self) -> None:
        sizes = (*_SIZES, "sliding_window", "full_attention_every")
        positive = ("norm_epsilon", "initializer_range", "rope_local_theta")
        check_fields(self, sizes=sizes, positive=positive, architectures=("gemma3_text",))
        check_rotary_heads(self)
        self.rotary()

    def rotary(self) -> Rotary:
        """The position embedding of layers without a window."""
        scaling = "default" if self.rope_factor is None else "linear"
        return Rotary(theta=self.rope_theta, scaling=scaling, factor=self.rope_factor)

    def local_rotary(self) -> Rotary:
        """The position embedding of layers with a window."""
        return Rotary(theta=self.rope_local_theta)

    def windowed_layers(self) -> np.ndarray:
        """bool [n_layer]: whether a layer has a window.

        >>> sizes = {name: 2 for name in _SIZES}
        >>> GemmaConfig(
        ...     architecture="gemma3_text", sliding_window=512, full_attention_every=3, **sizes | {"n_layer": 4}
        ... ).windowed_layers().tolist()
        [True, True, False, True]
        """
        return (np.arange(self.n_layer) + 1) % self.full_attention_every != 0

    @property
    def qkv_bias(self) -> bool:
        """Queries, keys and values have no biases."""
        return False

    @property
    def qk_norm(self) -> bool:
        """Queries and keys are normed, each head by itself."""
        return True

    def num_params(self) -> int:
        """Parameters of the model; the head is that of the table.

        >>> GemmaConfig(
        ...     architecture="gemma3_text", vocab_size=262_144, hidden_size=640, mlp_size=2048, n_layer=18, n_head=4,
        ...     n_kv_head=1, head_dim=256, max_length=32_768, sliding_window=512,
        ... ).num_params()  # Gemma 3 270M
        268098176
        """
        block = self.block_kernel_params() + 4 * self.hidden_size + 2 * self.head_dim
        return self.vocab_size * self.hidden_size + self.n_layer * block + self.hidden_size

    def block_kernel_params(self) -> int:
        """Parameters of the kernels of one block: queries and output, keys and values, and three of the MLP."""
        return gated_block_kernel_params(self)

    def last_kernel_params(self) -> int:
        """Parameters of `mlp.down`, whose product ends a block."""
        return self.hidden_size * self.mlp_size

    def train_flops(self, *, tokens: float, supervised: float, keys: float) -> float:
        """FLOPs that a step needs, forward and backward; `config_checks.train_flops` says what counts.

        Windows are not taken off: `keys` counts all tokens before one.
        """
        return train_flops(self, tokens=tokens, supervised=supervised, keys=keys, tables=1)

    @classmethod
    def from_hf(
        cls, values: Mapping[str, Any], *, dtype: str = "float32", param_dtype: str = "float32"
    ) -> "GemmaConfig":
        """The config that a Hugging Face config.json describes.

        Raises:
          ValueError: a size is missing, or it is a variant that `Gemma` does not compute.
        """
        if missing := [name for name in (*_NEEDED, "sliding_window") if values.get(name) is None]:
            raise ValueError(f"config.json lacks {', '.join(missing)}")
        computed = _COMPUTED | {"query_pre_attn_scalar": values["head_dim"]}
        for name, value in computed.items():
            if (found := values.get(name, value)) != value and (found or value):
                raise ValueError(f"config.json says {name}={found!r}; only {value!r} is supported")
        n_layer, heads = values["num_hidden_layers"], values["num_attention_heads"]
        full, local = _rotaries(values)
        config = cls(
            architecture=values["model_type"],
            vocab_size=values["vocab_size"],
            hidden_size=values["hidden_size"],
            mlp_size=values["intermediate_size"],
            n_layer=n_layer,
            n_head=heads,
            n_kv_head=values.get("num_key_value_heads") or heads,
            head_dim=values["head_dim"],
            max_length=values.get("max_position_embeddings") or 131_072,
            sliding_window=values["sliding_window"],
            full_attention_every=_period(values, n_layer),
            norm_epsilon=values.get("rms_norm_eps", 1e-6),
            rope_theta=full.theta,
            rope_factor=full.factor,
            rope_local_theta=local.theta,
            initializer_range=values.get("initializer_range", 0.02),
            dtype=dtype,
            param_dtype=param_dtype,
        )
        kinds = values.get("layer_types")
        if kinds is not None and list(kinds) != config._layer_types():
            raise ValueError(
                "config.json says layer_types with full_attention in other layers than each of a multiple of one "
                f"number: {kinds}; that is not supported"
            )
        return config

    def _layer_types(self) -> list[str]:
        return [_WINDOWED if windowed else _FULL for windowed in self.windowed_layers()]

    def to_hf(self) -> dict[str, Any]:
        """The config.json of the exported model, without token ids and the dtype of the stored weights."""
        return {
            "architectures": [CLASS],
            "model_type": self.architecture,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.mlp_size,
            "num_hidden_layers": self.n_layer,
            "num_attention_heads": self.n_head,
            "num_key_value_heads": self.n_kv_head,
            "head_dim": self.head_dim,
            "query_pre_attn_scalar": self.head_dim,
            "max_position_embeddings": self.max_length,
            "sliding_window": self.sliding_window,
            "layer_types": self._layer_types(),
            "rms_norm_eps": self.norm_epsilon,
            "initializer_range": self.initializer_range,
            "rope_local_base_freq": self.rope_local_theta,
            "attention_dropout": 0.0,
            "use_cache": True,
            **_COMPUTED,
            **self.rotary().to_hf(),
        }


def _rotaries(values: Mapping[str, Any]) -> tuple[Rotary, Rotary]:
    """Those of layers without and with a window: `rope_parameters` by kind of layer, or the fields of before."""
    by_kind = values.get("rope_parameters") or {}
    thetas = {
        _FULL: values.get("rope_theta", 1_000_000.0),
        _WINDOWED: values.get("rope_local_base_freq", 10_000.0),
    }
    old = {_FULL: values.get("rope_scaling") or {}, _WINDOWED: {}}
    full, local = (
        Rotary.from_hf({"rope_parameters": {"rope_theta": thetas[kind], **(by_kind.get(kind) or old[kind])}})
        for kind in (_FULL, _WINDOWED)
    )
    if full.scaling not in ("default", "linear") or local.scaling != "default":
        raise ValueError(
            f"config.json says rope_type={full.scaling!r} for full attention and {local.scaling!r} for sliding "
            "windows; supported: default or linear, and default"
        )
    return full, local


def _period(values: Mapping[str, Any], n_layer: int) -> int:
    """Of layers without a window; past the last layer where all have one."""
    kinds = values.get("layer_types")
    if kinds is None:
        return values.get("sliding_window_pattern") or values.get("_sliding_window_pattern") or _PERIOD
    return list(kinds).index(_FULL) + 1 if _FULL in kinds else n_layer + 1
