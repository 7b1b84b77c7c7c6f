"""AdamW with warm-up, a learning rate schedule and gradient clipping; float32 master weights and second moment."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

SCHEDULES = ("cosine", "linear", "constant")
MOMENT_DTYPES = ("float32", "bfloat16")
NO_DECAY = ("bias", "scale")


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).

    SeqGPT's appendix with its learning rate and batch size could not be found. The defaults are those on which
    related work agrees: UniversalNER (2e-5, cosine, warm-up 4 %), BLOOMZ (2e-5), InstructUIE, ms-swift (1e-5).

    Attributes:
      learning_rate: peak, reached after warm-up.
      schedule: "cosine" or "linear" decay to `final_fraction` of it, or "constant".
      warmup_fraction: fraction of all steps with linear warm-up from 0, rounded up to whole steps.
      final_fraction: final rate as a fraction of `learning_rate`.
      weight_decay: decoupled; on matrices only, never on biases and layer norms.
      b1: decay of the first moment (mean of gradients).
      b2: decay of the second moment (mean of squared gradients).
      eps: added to the square root of the second moment.
      clip_norm: gradients with a larger global norm are scaled down to it.
      moment_dtype: storage dtype of the first moment, which is computed in float32. "bfloat16" saves 2 of the 12 bytes
        a parameter that weights and moments take. The second moment is always float32.
    """

    learning_rate: float = 2e-5
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_fraction: float = 0.03
    final_fraction: float = 0.0
    weight_decay: float = 0.1
    b1: float = 0.9
    b2: float = 0.95
    eps: float = 1e-8
    clip_norm: float = 1.0
    moment_dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(f"Optimizer.schedule must be one of {SCHEDULES}, not {self.schedule!r}")
        if self.moment_dtype not in MOMENT_DTYPES:
            raise ValueError(f"Optimizer.moment_dtype must be one of {MOMENT_DTYPES}, not {self.moment_dtype!r}")
        for name in ("learning_rate", "eps", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Optimizer.{name} must be above 0, not {getattr(self, name)!r}")
        for name in ("warmup_fraction", "final_fraction", "b1", "b2"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Optimizer.{name} must be between 0 and 1, not {getattr(self, name)!r}")
        if self.weight_decay < 0:
            raise ValueError(f"Optimizer.weight_decay must not be negative: {self.weight_decay!r}")


def make_schedule(config: OptimizerConfig, steps: int) -> optax.Schedule:
    """Learning rate of the updates 0, 1, …, `steps` - 1; already above 0 at the first one.

    >>> schedule = make_schedule(OptimizerConfig(learning_rate=1.0, schedule="linear", warmup_fraction=0.2), steps=10)
    >>> [round(float(schedule(step)), 3) for step in range(10)]
    [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    """
    # ceil, but 0.03 * 100 is 3.0000000000000004
    warmup = min(steps, -int(-(config.warmup_fraction * steps - 1e-9) // 1))
    rate, decay = config.learning_rate, max(1, steps - warmup)
    decay_schedule = {
        "cosine": optax.cosine_decay_schedule(rate, decay, alpha=config.final_fraction),
        "linear": optax.linear_schedule(rate, rate * config.final_fraction, decay),
        "constant": optax.constant_schedule(rate),
    }[config.schedule]
    if not warmup:
        return decay_schedule
    # Each update takes the rate that is due at its end, so that no update is wasted at rate 0.
    warmup_schedule = decay_schedule
    if warmup > 1:
        warmup_schedule = optax.linear_schedule(rate / warmup, rate, warmup - 1)
    return optax.join_schedules([warmup_schedule, decay_schedule], [warmup])


def make_optimizer(config: OptimizerConfig, schedule: optax.Schedule) -> optax.GradientTransformation:
    """Clipping, Adam, weight decay, learning rate: in this order, so that decay is neither clipped nor adapted."""
    return optax.chain(
        _clip(config.clip_norm),
        optax.scale_by_adam(b1=config.b1, b2=config.b2, eps=config.eps, mu_dtype=config.moment_dtype),
        optax.add_decayed_weights(config.weight_decay, mask=decay_mask),
        optax.scale_by_learning_rate(schedule),
    )


def _clip(most: float) -> optax.GradientTransformation:
    """Scales gradients of a global norm above `most` down to it.

    By a product with one number: optax divides each element, which XLA does not fuse with what follows, so that a whole
    copy of the gradients is written.
    """

    def scaled(grads: Any, _: Any = None) -> Any:
        scale = jnp.minimum(1.0, most / optax.tree.norm(grads))
        return jax.tree.map(lambda grad: grad * scale.astype(grad.dtype), grads)

    return optax.stateless(scaled)


def decay_mask(params: Any) -> Any:
    """Weight decay mask: True for each matrix, False for biases and layer norms.

    By name, not by rank: the biases of stacked layers have two axes as well.
    """
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key not in NO_DECAY, params)
