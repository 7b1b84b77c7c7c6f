"""Validation loss of the current parameters, on the same held-out batches every time."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig
from seqgpt_jax.models.parameters import param_shardings
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.metrics import family_means
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts
from seqgpt_jax.training.partitioning import batch_sharding, global_batch, host_rows
from seqgpt_jax.training.step import Batch, batch_loss, sum_by_family


@dataclass(frozen=True)
class ValidationResult:
    """Result of one validation.

    Attributes:
      step: training steps before it.
      loss: nats per supervised token; None where it is not finite.
      seconds: duration.
      family_loss: nats per supervised token of each family that has such tokens.
    """

    step: int
    loss: float | None
    seconds: float
    family_loss: dict[str, float] = field(default_factory=dict)

    def summary(self) -> str:
        """One log line."""
        loss = "is not finite" if self.loss is None else f"{self.loss:.4f}"
        return f"validation at step {self.step:,}: loss {loss}  ({self.seconds:.1f} s)"


class _Sums(NamedTuple):
    """Sums over one batch: float32 scalars, and float32 [families] for each family."""

    loss: jax.Array
    weight: jax.Array
    family_loss: jax.Array
    family_weight: jax.Array


class Validation:
    """Evaluates parameters on all of the validation data, always in the same batches; called on all hosts.

    Args:
      config: of the model.
      open_batches: called as `open_batches(process_index=i, process_count=n)`; gives this host's rows.
      rows: of a global batch. Those of a micro-batch, so that a model that can be trained can be validated.
      mesh, rules: sharding of parameters and batches.
      hosts: of the run.
      lora: adapters of the model.
    """

    def __init__(
        self,
        config: ModelConfig,
        open_batches: Callable[..., Any],
        *,
        rows: int,
        mesh: Mesh,
        rules: ShardingRules,
        hosts: Hosts = SINGLE_HOST,
        lora: LoraConfig | None = None,
    ) -> None:
        index, count = host_rows(mesh, rules, rows)
        self._hosts = hosts
        self._batches = open_batches(process_index=index, process_count=count)
        self._rows, self._batch_size = batch_sharding(mesh, rules), rows
        self._sums = jax.jit(
            lambda params, batch: _sums(config, params, batch, lora),
            in_shardings=(param_shardings(config, mesh, rules, lora), self._rows),
            out_shardings=NamedSharding(mesh, PartitionSpec()),
        )

    def __call__(self, step: int, params: Any) -> ValidationResult:
        """The validation loss of `params`, all parameters after `step` training steps."""
        started = time.perf_counter()
        sums = []
        for batch in self._hosts.each(self._batches.iterate(0), "validation batch"):
            sums.append(self._sums(params, global_batch(batch, self._batch_size, self._rows)))
        sums = jax.device_get(sums)
        loss = sum(float(batch.loss) for batch in sums) / sum(float(batch.weight) for batch in sums)
        families = family_means([batch.family_loss for batch in sums], [batch.family_weight for batch in sums])
        return ValidationResult(
            step=step,
            loss=loss if math.isfinite(loss) else None,
            seconds=time.perf_counter() - started,
            family_loss={name: value for name, value in families.items() if math.isfinite(value)},
        )


def _sums(config: ModelConfig, params: Any, batch: Batch, lora: LoraConfig | None) -> _Sums:
    """Sums of the losses and weights of a global batch, whose arrays are [B, …]."""
    sums, families = batch_loss(config, params, batch, lora), batch["target_families"]
    return _Sums(
        sums.loss,
        sums.weight,
        sum_by_family(sums.by_target, families),
        sum_by_family(batch["target_weights"], families),
    )
