"""Matrix products whose operands have the compute dtype in the backward pass too."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


@partial(jax.custom_vjp, nondiff_argnums=(0, 3, 4))
def product(spec: str, x: jax.Array, y: jax.Array, dtype: DTypeLike, out_dtype: DTypeLike) -> jax.Array:
    """`jnp.einsum(spec, x, y)`: operands in `dtype`, sums in float32, the result in `out_dtype`.

    Plain autodiff multiplies a float32 cotangent with a bfloat16 operand; on a CPU that is several times slower
    than bfloat16 x bfloat16 -> float32, and on a TPU the operand is converted first. Here the cotangent is rounded
    to `dtype`, and a gradient has the dtype of its operand: that of a float32 parameter is never rounded.

    Args:
      spec: "…,…->…" without an ellipsis; each index of an operand also stands in the other one or in the result.
    """
    return jnp.einsum(spec, x.astype(dtype), y.astype(dtype), preferred_element_type=jnp.float32).astype(out_dtype)


def _forward(spec, x, y, dtype, out_dtype):
    return product(spec, x, y, dtype, out_dtype), (x, y)


def _backward(spec, dtype, out_dtype, residuals, cotangent):
    x, y = residuals
    operands, result = spec.split("->")
    x_spec, y_spec = operands.split(",")
    dx = product(f"{result},{y_spec}->{x_spec}", cotangent, y, dtype, x.dtype)
    dy = product(f"{x_spec},{result}->{y_spec}", x, cotangent, dtype, y.dtype)
    return dx, dy


product.defvjp(_forward, _backward)
