"""Linear layer of the blocks of every family, and creation of parameters with logical axes."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.matmul import kernel_matmul, product

KERNEL_PRODUCT = "kernel_product"
"""Name of the results that `remat="dots"` keeps."""
ADAPTER_NAMES = ("lora_a", "lora_b")
"""Names of the two factors of a low-rank adapter."""


def make_param(
    init: Callable, names: tuple[str | None, ...], rngs: nnx.Rngs, shape: tuple[int, ...], dtype: str
) -> nnx.Param:
    """A parameter whose axes have logical names; it is not constrained while the module is built.

    Flax would ask for a mesh then (`eager_sharding`).
    """
    init = nnx.with_partitioning(init, names, eager_sharding=False)
    return nnx.Param(init(rngs.params(), shape, jnp.dtype(dtype)))


def recomputed(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """An elementwise function of which the backward pass keeps the arguments alone, and not what is between.

    A SwiGLU has four arrays of the size of its result between; to compute them again costs no matrix product.
    """
    return jax.checkpoint(function, prevent_cse=False)


class Linear(nnx.Module):
    """`x·kernel`, plus a bias where it has one; the kernel may have several input or output axes.

    After `add_adapter` it also adds a low-rank product: scale·(x·lora_a)·lora_b. After `quantize` the kernel is int8,
    with a scale for each output; that is for inference alone.

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
        self.spec, self.names, self.n_out = spec, names, n_out
        self.adapter_scale: float | None = None
        self.dtype, self.use_bias = config.dtype, use_bias
        normal = nnx.initializers.normal(config.initializer_range)
        self.kernel = make_param(normal, names, rngs, shape, config.param_dtype)
        if use_bias:
            zeros = nnx.initializers.zeros
            self.bias = make_param(zeros, names[-n_out:], rngs, shape[-n_out:], config.param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The result of `spec` in the compute dtype: [B, L, *output axes] of `x` [B, L, *input axes]."""
        y = self._product(x)
        if self.adapter_scale is not None:
            y = (y.astype(jnp.float32) + self.adapter_scale * self._low_rank(x).astype(jnp.float32)).astype(self.dtype)
        # The name is what remat="dots" goes by; a policy for dot products does not see into a custom gradient.
        y = checkpoint_name(y, KERNEL_PRODUCT)
        if not self.use_bias:
            return y
        # Added in float32, so that autodiff sums the gradient of the bias in float32, over tokens and devices.
        return (y.astype(jnp.float32) + self.bias[...].astype(jnp.float32)).astype(self.dtype)

    def _product(self, x: jax.Array) -> jax.Array:
        kernel = self.kernel[...]
        if kernel.dtype != jnp.int8:
            return kernel_matmul(self.spec, x, kernel, self.names, self.dtype)
        # Whole numbers to 127 are exact in bfloat16, so that nothing is rounded but the kernel itself.
        return (product(self.spec, x, kernel, self.dtype, jnp.float32) * self.kernel_scale[...]).astype(self.dtype)

    def quantize(self) -> None:
        """Rounds the kernel to int8, symmetrically: the largest weight of each output becomes 127 or -127.

        The scales are float32 [*output axes]. The kernel must not be stacked over layers.
        """
        kernel, scale = _int8(self.kernel[...], tuple(range(len(self.names) - self.n_out)))
        self.kernel, self.kernel_scale = nnx.Param(kernel), nnx.Param(scale)

    def add_adapter(self, rank: int, scale: float, *, rngs: nnx.Rngs) -> None:
        """Adds `lora_a` [*input axes, rank] and `lora_b` [rank, *output axes], float32, the second one zeros.

        With a leading axis `layers` where the kernel has one. The rank is not sharded.
        """
        shape, n_in = self.kernel[...].shape, len(self.names) - self.n_out
        layers = len(shape) - len(self.names)
        stacked, stacked_name = shape[:layers], ("layers",) * layers
        axes = {"in_axis": range(layers, layers + n_in), "out_axis": -1, "batch_axis": range(layers)}
        # Between -1/sqrt(inputs) and 1/sqrt(inputs), as PEFT has it.
        uniform = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform", **axes)
        inputs, outputs = shape[layers : layers + n_in], shape[layers + n_in :]
        a_names, b_names = self._adapter_axes()
        self.lora_a = make_param(uniform, stacked_name + a_names, rngs, (*stacked, *inputs, rank), "float32")
        zeros = nnx.initializers.zeros
        self.lora_b = make_param(zeros, stacked_name + b_names, rngs, (*stacked, rank, *outputs), "float32")
        self.adapter_scale = scale

    def _adapter_axes(self) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
        return (*self.names[: -self.n_out], None), (None, *self.names[-self.n_out :])

    def _low_rank(self, x: jax.Array) -> jax.Array:
        """(x·lora_a)·lora_b in the compute dtype."""
        operands, result = self.spec.split("->")
        x_axes, kernel_axes = operands.split(",")
        inputs, outputs = kernel_axes[: -self.n_out], kernel_axes[-self.n_out :]
        rows = x_axes.removesuffix(inputs)
        a_names, b_names = self._adapter_axes()
        low = kernel_matmul(f"{x_axes},{inputs}r->{rows}r", x, self.lora_a[...], a_names, self.dtype)
        low = checkpoint_name(low, KERNEL_PRODUCT)
        return kernel_matmul(f"{rows}r,r{outputs}->{result}", low, self.lora_b[...], b_names, self.dtype)


@partial(jax.jit, static_argnums=1)
def _int8(kernel: jax.Array, inputs: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """(int8 of the same shape, float32 scales), one scale for all weights along the axes `inputs`."""
    kernel = kernel.astype(jnp.float32)
    scale = jnp.max(jnp.abs(kernel), axis=inputs, keepdims=True) / 127
    # An output of zeros alone stays one.
    rounded = jnp.round(kernel / jnp.where(scale > 0, scale, 1)).astype(jnp.int8)
    return rounded, jnp.squeeze(scale, inputs)
