"""Rotary position embedding (RoPE, arXiv:2104.09864) with the published scalings to longer texts.

The two halves of a head are the parts of the rotated pairs, as in the published weights of Hugging Face.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_NAMES = {
    "factor": "factor",
    "original_length": "original_max_position_embeddings",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "attention_factor": "attention_factor",
}
_NEEDED = {
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "original_length", "low_freq_factor", "high_freq_factor"),
    "yarn": ("factor", "original_length"),
}
_ALLOWED = _NEEDED | {"yarn": ("factor", "original_length", "beta_fast", "beta_slow", "attention_factor")}
_BASE = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Rotary:
    """Angles by position; fields that a scaling does not have are None.

    Attributes:
      theta: base of the wavelengths.
      scaling: "default" (none), "linear" (arXiv:2306.15595), "llama3" (Llama 3.1) or "yarn" (arXiv:2309.00071).
      factor: how many times longer texts become.
      original_length: longest texts of the training before the scaling, in tokens.
      low_freq_factor, high_freq_factor: of "llama3": wavelengths above original_length / low are divided by `factor`,
        those below original_length / high are kept, and those between are interpolated.
      beta_fast, beta_slow: of "yarn": rotations over `original_length` above which a frequency is kept, and below which
        it is divided by `factor`.
      attention_factor: of "yarn": what sine and cosine are multiplied by; by default 0.1·ln(factor) + 1.
    """

    theta: float = _BASE
    scaling: str = "default"
    factor: float | None = None
    original_length: int | None = None
    low_freq_factor: float | None = None
    high_freq_factor: float | None = None
    beta_fast: float | None = None
    beta_slow: float | None = None
    attention_factor: float | None = None

    def __post_init__(self) -> None:
        if self.scaling not in _NEEDED:
            raise ValueError(f"Model.rope_scaling must be one of {tuple(_NEEDED)}, not {self.scaling!r}")
        given = {name for name in _NAMES if getattr(self, name) is not None}
        missing, unknown = set(_NEEDED[self.scaling]) - given, given - set(_ALLOWED[self.scaling])
        for what, names in (("needs", missing), ("has no", unknown)):
            if names:
                listed = ", ".join(f"Model.rope_{name}" for name in sorted(names))
                raise ValueError(f"Model.rope_scaling = {self.scaling!r} {what} {listed}")
        for name in ("theta", *given):
            if not getattr(self, name) > 0:
                raise ValueError(f"Model.rope_{name} must be above 0, not {getattr(self, name)!r}")

    def frequencies(self, head_dim: int) -> np.ndarray:
        """float32 [head_dim / 2]: radians for each position.

        >>> Rotary(theta=100.0).frequencies(4).tolist()
        [1.0, 0.10000000149011612]
        >>> Rotary(theta=100.0, scaling="linear", factor=2.0).frequencies(4).tolist()
        [0.5, 0.05000000074505806]
        """
        exponents = np.arange(0, head_dim, 2) / head_dim
        kept = self.theta**-exponents
        if self.scaling == "default":
            return kept.astype(np.float32)
        divided = kept / self.factor
        if self.scaling == "linear":
            return divided.astype(np.float32)
        # The share of each frequency that is kept; the rest of it is divided.
        if self.scaling == "llama3":
            waves = self.original_length * kept / (2 * np.pi)  # in the original length
            share = (waves - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)
        else:

            def index_with(rotations: float) -> float:
                waves = self.original_length / (2 * np.pi * rotations)
                return head_dim * math.log(waves) / (2 * math.log(self.theta))

            low = max(math.floor(index_with(self.beta_fast or 32)), 0)
            high = min(math.ceil(index_with(self.beta_slow or 1)), head_dim - 1)
            share = 1 - (np.arange(head_dim // 2) - low) / max(high - low, 0.001)
        share = np.clip(share, 0, 1)
        return (share * kept + (1 - share) * divided).astype(np.float32)

    def magnitude(self) -> float:
        """What sine and cosine are multiplied by."""
        if self.scaling != "yarn":
            return 1.0
        return self.attention_factor or (0.1 * math.log(self.factor) + 1 if self.factor > 1 else 1.0)

    @classmethod
    def from_hf(cls, values: Mapping[str, Any]) -> "Rotary":
        """From a config.json: `rope_parameters`, or `rope_theta` and `rope_scaling` of transformers before version 5.

        Raises:
          ValueError: a scaling, or one of its settings, is not supported.
        """
        scaling = values.get("rope_parameters") or values.get("rope_scaling") or {}
        kind = scaling.get("rope_type", scaling.get("type", "default"))
        if kind not in _NEEDED:
            raise ValueError(f"config.json says rope_type={kind!r}; supported: {', '.join(_NEEDED)}")
        if (fraction := scaling.get("partial_rotary_factor", values.get("partial_rotary_factor", 1))) != 1:
            raise ValueError(f"config.json says partial_rotary_factor={fraction}; only 1 is supported")
        ours = {theirs: name for name, theirs in _NAMES.items()}
        known = {"rope_type", "type", "rope_theta", "partial_rotary_factor"}
        fields = {ours[name]: value for name, value in scaling.items() if name in ours and value is not None}
        unknown = [name for name, value in scaling.items() if name not in {*ours, *known} and value is not None]
        if unknown:
            raise ValueError(f"config.json has the rope settings {', '.join(sorted(unknown))}, which are not supported")
        if kind == "yarn" and "original_length" not in fields:
            fields["original_length"] = values.get("max_position_embeddings")
        fields = {name: value for name, value in fields.items() if name in _ALLOWED[kind]}
        theta = scaling.get("rope_theta", values.get("rope_theta", _BASE))
        return cls(theta=float(theta), scaling=kind, **fields)

    def to_hf(self) -> dict[str, Any]:
        """`rope_theta` and `rope_scaling` of a config.json, which all versions of transformers read."""
        fields = {theirs: getattr(self, name) for name, theirs in _NAMES.items() if getattr(self, name) is not None}
        scaling = None if self.scaling == "default" else {"rope_type": self.scaling, **fields}
        return {"rope_theta": self.theta, "rope_scaling": scaling}

    def angles(self, positions_BxL: jax.Array, head_dim: int) -> "Angles":
        """What a head of `head_dim` dimensions is turned by at each position."""
        return Angles.at(positions_BxL, self.frequencies(head_dim), self.magnitude())


class Angles(NamedTuple):
    """Cosines and sines of the angles by which the pairs of a head are turned, float32 [B, L, head_dim / 2]."""

    cos_BxLxF: jax.Array
    sin_BxLxF: jax.Array

    @classmethod
    def at(cls, positions_BxL: jax.Array, frequencies_F: jax.Array | np.ndarray, magnitude: float = 1.0) -> "Angles":
        """Those of positions (int), for radians of each position, float32; `magnitude` is a factor of both."""
        radians_BxLxF = positions_BxL[..., None].astype(jnp.float32) * frequencies_F
        return cls(jnp.cos(radians_BxLxF) * magnitude, jnp.sin(radians_BxLxF) * magnitude)

    def rotate(self, x_BxLxHxK: jax.Array) -> jax.Array:
        """Queries or keys [B, L, H, K], turned, in their dtype; products are float32."""
        cos, sin = self.cos_BxLxF[:, :, None], self.sin_BxLxF[:, :, None]
        first, second = jnp.split(x_BxLxHxK.astype(jnp.float32), 2, axis=-1)
        turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
        return turned.astype(x_BxLxHxK.dtype)
