"""Matrix products whose operands have the compute dtype in the backward pass too."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from seqgpt_jax.models.sharding import constrain


@partial(jax.custom_vjp, nondiff_argnums=(0, 3, 4))
def product(spec: str, x: jax.Array, y: jax.Array, dtype: DTypeLike, out_dtype: DTypeLike) -> jax.Array:
    """`jnp.einsum(spec, x, y)`: operands in `dtype`, sums in float32, the result in `out_dtype`.

    Plain autodiff multiplies a float32 cotangent with a bfloat16 operand; on a CPU that is several times slower
    than bfloat16 x bfloat16 -> float32, and on a TPU the operand is converted first. Here the cotangent is rounded
    to `dtype`, and a gradient has the dtype of its operand: that of a float32 parameter is never rounded.

    Args:
      spec: an einsum of two operands, such as "bld,df->blf", without an ellipsis; each index of an operand also stands
        in the other operand or in the result.
      x, y: the operands, of the shapes that `spec` names, in any float dtype.
      dtype: of the operands while they are multiplied.
      out_dtype: of the result.

    Returns:
      The array that `spec` names. The gradients have the shapes and dtypes of `x` and `y`.
    """
    return jnp.einsum(spec, x.astype(dtype), y.astype(dtype), preferred_element_type=jnp.float32).astype(out_dtype)


def _forward(spec, x, y, dtype, out_dtype):
    return product(spec, x, y, dtype, out_dtype), (x, y)


def _backward(spec, dtype, out_dtype, residuals, cotangent):
    x, y = residuals
    return _gradients(spec, x, y, cotangent, dtype, y.dtype)


def _gradients(spec, x, y, cotangent, dtype, y_dtype):
    operands, result = spec.split("->")
    x_spec, y_spec = operands.split(",")
    dx = product(f"{result},{y_spec}->{x_spec}", cotangent, y, dtype, x.dtype)
    dy = product(f"{x_spec},{result}->{y_spec}", x, cotangent, dtype, y_dtype)
    return dx, dy


product.defvjp(_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 3, 4))
def kernel_matmul(spec: str, x: jax.Array, kernel: jax.Array, names: tuple[str, ...], dtype: DTypeLike) -> jax.Array:
    """`product` of activations and a kernel that is sharded over the devices of the batch (FSDP).

    The kernel is cast to `dtype` and then all-gathered, once in the forward and once in the backward pass; its gradient
    is reduce-scattered in float32. Without the constraint the compiler may shard the product instead and send the
    activations around, which are larger.

    Args:
      spec: as in `product`.
      x: activations, [B, L, *input axes].
      kernel: a parameter, [*input axes, *output axes], in the dtype of the parameters.
      names: logical names of the kernel's axes; "embed" is the one that is gathered.
      dtype: of operands and result.

    Returns:
      [B, L, *output axes] in `dtype`.
    """
    return product(spec, x, _gathered(kernel, names, dtype), dtype, dtype)


def _kernel_forward(spec, x, kernel, names, dtype):
    return kernel_matmul(spec, x, kernel, names, dtype), (x, kernel)


def _kernel_backward(spec, names, dtype, residuals, cotangent):
    x, kernel = residuals
    dx, dkernel = _gradients(spec, x, _gathered(kernel, names, dtype), cotangent, dtype, kernel.dtype)
    return dx, constrain(dkernel, *names)


kernel_matmul.defvjp(_kernel_forward, _kernel_backward)


def _gathered(kernel: jax.Array, names: tuple[str, ...], dtype: DTypeLike) -> jax.Array:
    return constrain(kernel.astype(dtype), *(None if name == "embed" else name for name in names))
