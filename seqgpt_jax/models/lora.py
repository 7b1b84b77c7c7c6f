"""Low-rank adapters (LoRA, arXiv:2106.09685) of the linear maps of any backbone.

A linear map with an adapter computes x·W + (alpha / rank)·(x·A)·B. A is random and B is zero at first, so that training
starts from the base model; only A and B are trained, and `merged` adds them to W afterwards. They are the leaves
`lora_a` and `lora_b` beside `kernel` in the parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.typing import DTypeLike

from seqgpt_jax.models.layers import ADAPTER_NAMES, Linear


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters (gin: `Lora`).

    Attributes:
      rank: columns of A and rows of B; 0: no adapters, all parameters are trained.
      alpha: the product of the two counts alpha / rank times.
      targets: names of the linear maps that get one; None: all of those in the blocks.
    """

    rank: int = 0
    alpha: float = 32.0
    targets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rank, int) or self.rank < 0:
            raise ValueError(f"Lora.rank must be an integer of at least 0 (no adapters), not {self.rank!r}")
        if not self.alpha > 0:
            raise ValueError(f"Lora.alpha must be above 0, not {self.alpha!r}")
        if self.targets is not None and (isinstance(self.targets, str) or not self.targets):
            raise ValueError(f"Lora.targets must be a tuple of names, or None for all, not {self.targets!r}")

    @property
    def scale(self) -> float:
        """alpha / rank."""
        return self.alpha / self.rank


def add_adapters(model: nnx.Module, config: LoraConfig, rngs: nnx.Rngs) -> None:
    """Gives the linear maps that `config.targets` names their adapters, in place.

    Raises:
      ValueError: the model has no such linear map; the message lists those that it has.
    """
    maps = [(str(path[-1]), module) for path, module in nnx.iter_modules(model) if isinstance(module, Linear)]
    names = sorted({name for name, _ in maps})
    targets = names if config.targets is None else config.targets
    if unknown := [name for name in targets if name not in names]:
        raise ValueError(f"Lora.targets: {unknown[0]!r} is no linear map of this model; it has {', '.join(names)}")
    for name, module in maps:
        if name in targets:
            module.add_adapter(config.rank, config.scale, rngs=rngs)


def split_adapter(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the leaves of adapters, all others) of a pure dict."""
    leaves = flatten_dict(params)
    adapter = {path: leaf for path, leaf in leaves.items() if path[-1] in ADAPTER_NAMES}
    return unflatten_dict(adapter), unflatten_dict({path: leaves[path] for path in leaves.keys() - adapter.keys()})


def joined(trained: Mapping[str, Any], frozen: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """All parameters as one pure dict: `trained` alone where nothing is frozen, and else both; none is copied."""
    return trained if frozen is None else unflatten_dict(flatten_dict(frozen) | flatten_dict(trained))


def merged(base: Mapping[str, Any], adapter: Mapping[str, Any], config: LoraConfig, dtype: DTypeLike) -> dict[str, Any]:
    """The parameters in `dtype` of a model without adapters that computes the same; the sum is one of float32.

    Args:
      base, adapter: pure dicts of arrays, on any mesh; the result is sharded as `base` is.
    """
    leaves, factors = flatten_dict(base), flatten_dict(adapter)
    for path in list(leaves):
        kernel = leaves.pop(path)
        a, b = (factors.get((*path[:-1], name)) for name in ADAPTER_NAMES)
        if path[-1] != "kernel" or a is None:
            leaves[path] = kernel.astype(dtype)
            continue
        add = jax.jit(partial(_add, scale=config.scale, dtype=dtype), out_shardings=kernel.sharding)
        leaves[path] = add(kernel, a, b)
    return unflatten_dict(leaves)


def _add(kernel: jax.Array, a: jax.Array, b: jax.Array, *, scale: float, dtype: DTypeLike) -> jax.Array:
    """kernel + scale·a·b of [*in, *out], [*in, rank] and [rank, *out], or of all of these with a leading `layers`."""
    product = partial(jnp.tensordot, axes=1, precision="highest")
    if a.ndim + b.ndim - 2 > kernel.ndim:  # both have the axis of layers
        product = jax.vmap(product)
    return (kernel.astype(jnp.float32) + scale * product(a, b)).astype(dtype)
