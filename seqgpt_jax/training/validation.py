"""The loss on data that are not trained on: the same batches every time, with the parameters of the moment."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.metrics import family_means
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts
from seqgpt_jax.training.partitioning import Rules, batch_sharding, host_rows, param_shardings
from seqgpt_jax.training.step import Batch, batch_loss, sum_by_family


@dataclass(frozen=True)
class Score:
    """One validation, as it is logged.

    Attributes:
      step: batches taken before.
      loss: nats per supervised token; None where it is not finite.
      seconds: that it took.
      family_loss: nats per supervised token of each family that has such tokens.
    """

    step: int
    loss: float | None
    seconds: float
    family_loss: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """As the terminal shows it."""
        loss = "is not finite" if self.loss is None else f"{self.loss:.4f}"
        return f"validation at step {self.step:,}: loss {loss}  ({self.seconds:.1f} s)"


class _Sums(NamedTuple):
    """Of one batch: float32 scalars, and float32 [families] by family."""

    loss: jax.Array
    weight: jax.Array
    family_loss: jax.Array
    family_weight: jax.Array


class Validation:
    """Measures parameters on all of the validation data, always the same batches; called on all hosts.

    Args:
      config: of the model.
      open_batches: called as `open_batches(process_index=i, process_count=n)`; gives this host's rows.
      rows: of a batch, over all devices. As many as a micro-batch has, so that what can be trained can be validated.
      mesh, rules: how arrays lie.
      hosts: of the run.
    """

    def __init__(
        self,
        config: BloomConfig,
        open_batches: Callable[..., Any],
        *,
        rows: int,
        mesh: Mesh,
        rules: Rules,
        hosts: Hosts = SINGLE_HOST,
    ) -> None:
        index, count = host_rows(mesh, rules, rows)
        self._hosts = hosts
        self._batches = open_batches(process_index=index, process_count=count)
        self._rows = batch_sharding(mesh, rules)
        self._sums = jax.jit(
            lambda params, batch: _sums(config, params, batch),
            in_shardings=(param_shardings(config, mesh, rules), self._rows),
            out_shardings=NamedSharding(mesh, PartitionSpec()),
        )

    def __call__(self, step: int, params: Any) -> Score:
        """The score of the parameters after `step` batches."""
        began = time.perf_counter()
        sums = []
        for batch in self._hosts.each(self._batches.iterate(0), "validation batch"):
            batch = {name: jax.make_array_from_process_local_data(self._rows, array) for name, array in batch.items()}
            sums.append(self._sums(params, batch))
        sums = jax.device_get(sums)
        loss = sum(float(one.loss) for one in sums) / sum(float(one.weight) for one in sums)
        families = family_means([one.family_loss for one in sums], [one.family_weight for one in sums])
        return Score(
            step=step,
            loss=loss if math.isfinite(loss) else None,
            seconds=time.perf_counter() - began,
            family_loss={name: value for name, value in families.items() if math.isfinite(value)},
        )


def _sums(config: BloomConfig, params: Any, batch: Batch) -> _Sums:
    sums, families = batch_loss(config, params, batch), batch["target_families"]
    return _Sums(
        sums.loss,
        sums.weight,
        sum_by_family(sums.by_target, families),
        sum_by_family(batch["target_weights"], families),
    )
