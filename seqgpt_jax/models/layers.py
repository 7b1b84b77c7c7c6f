"""Linear layer of the blocks of every family, and creation of parameters with logical axes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.matmul import kernel_matmul

KERNEL_PRODUCT = "kernel_product"
"""Name of the results that `remat="dots"` keeps."""


def make_param(
    init: Callable, names: tuple[str | None, ...], rngs: nnx.Rngs, shape: tuple[int, ...], dtype: str
) -> nnx.Param:
    """A parameter whose axes have logical names; it is not constrained while the module is built.

    Flax would ask for a mesh then (`eager_sharding`).
    """
    init = nnx.with_partitioning(init, names, eager_sharding=False)
    return nnx.Param(init(rngs.params(), shape, jnp.dtype(dtype)))


class Linear(nnx.Module):
    """`x·kernel`, plus a bias where it has one; the kernel may have several input or output axes.

    Args:
      spec: einsum of `x` and the kernel.
      shape, names: of the kernel, and the logical names of its axes.
      n_out: how many axes at the end of the kernel are the output's, and hence the bias's.
      use_bias: whether it has one.
    """

    def __init__(
        self,
        config: ModelConfig,
        spec: str,
        shape: tuple[int, ...],
        names: tuple[str, ...],
        n_out: int = 1,
        *,
        use_bias: bool = True,
        rngs: nnx.Rngs,
    ):
        self.spec, self.names = spec, names
        self.dtype, self.use_bias = config.dtype, use_bias
        normal = nnx.initializers.normal(config.initializer_range)
        self.kernel = make_param(normal, names, rngs, shape, config.param_dtype)
        if use_bias:
            zeros = nnx.initializers.zeros
            self.bias = make_param(zeros, names[-n_out:], rngs, shape[-n_out:], config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The result of `spec` in the compute dtype: [B, L, *output axes] of `x` [B, L, *input axes]."""
        y = kernel_matmul(self.spec, x, self.kernel[...], self.names, self.dtype)
        # The name is what remat="dots" goes by; a policy for dot products does not see into a custom gradient.
        y = checkpoint_name(y, KERNEL_PRODUCT)
        if not self.use_bias:
            return y
        # Added in float32, so that autodiff sums the gradient of the bias in float32, over tokens and devices.
        return (y.astype(jnp.float32) + self.bias[...].astype(jnp.float32)).astype(self.dtype)
