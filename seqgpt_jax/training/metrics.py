"""What there is to tell of a window of steps: how training goes, how fast, and on what the time is spent."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import jax
import numpy as np

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.step import StepMetrics

T = TypeVar("T")

# Dense bfloat16 peak of one chip, FLOP/s, from the vendors' data sheets, by what `device_kind` holds.
# The first match counts.
PEAK_FLOPS = (
    ("TPU v6", 918e12),
    ("TPU v5 lite", 197e12),
    ("TPU v5e", 197e12),
    ("TPU v5", 459e12),
    ("TPU v4", 275e12),
    ("H200", 989e12),
    ("H100 PCIe", 756e12),
    ("H100", 989e12),
    ("A100", 312e12),
)


def peak_flops(device_kind: str) -> float | None:
    """Peak FLOP/s of one chip; None for a chip that the table does not know."""
    return next((peak for name, peak in PEAK_FLOPS if name.lower() in device_kind.lower()), None)


def model_flops(config: BloomConfig, *, tokens: float, supervised: float, keys: float) -> float:
    """FLOPs that a step needs, forward and backward: what MFU counts (PaLM, arXiv:2204.02311, appendix B).

        6 * body parameters * tokens  +  6 * V * D * supervised  +  12 * layers * D * keys

    Only useful work counts: padding, keys of other segments and what rematerialisation does again are left out,
    and the head is counted for supervised tokens alone, because no other ones meet it.

    Args:
      config: of the model; its body is all but the embedding table.
      tokens: tokens that are not padding.
      supervised: tokens that are predicted.
      keys: sum over tokens of the number of tokens each one attends to.
    """
    table = config.vocab_size * config.hidden_size
    body = config.num_params() - table
    return 6.0 * (body * tokens + table * supervised) + 12.0 * config.n_layer * config.hidden_size * keys


@dataclass(frozen=True)
class Window:
    """The mean of some consecutive steps, as it is logged.

    Attributes:
      step: the last of them, counted from 1.
      loss: nats per supervised token; None where every step was skipped. Skipped steps count nowhere but in `skipped`.
      learning_rate: of the last step.
      grad_norm: before clipping, mean; None where every step was skipped.
      param_norm: of all parameters, before the last step.
      tokens_per_second: tokens that are not padding; of the whole run, not of one host.
      supervised_per_second: tokens that are predicted.
      packing: share of the tokens of all rows that are not padding.
      skipped: steps of the run so far that changed nothing, because loss or gradient were not finite.
      data_wait: share of the time in which this host waited for its next batch.
      seconds_per_step: wall clock.
      eta_seconds: until the last step, at the mean speed since the start.
      mfu: share of the chips' peak, None where the chip is not known.
      peak_memory_gib: the most that one of this host's devices has held since the start; None where it does not say.
      family_loss: nats per supervised token of each family that has such tokens.
    """

    step: int
    loss: float | None
    learning_rate: float
    grad_norm: float | None
    param_norm: float
    tokens_per_second: float
    supervised_per_second: float
    packing: float
    skipped: int
    data_wait: float
    seconds_per_step: float
    eta_seconds: float
    mfu: float | None
    peak_memory_gib: float | None
    family_loss: dict[str, float] = field(default_factory=dict)

    def line(self, steps: int) -> str:
        """As the terminal shows it."""
        width = len(f"{steps:,}")
        parts = [
            f"step {self.step:>{width},}/{steps:,}",
            "loss –" if self.loss is None else f"loss {self.loss:.4f}",
            f"lr {self.learning_rate:.2e}",
            "grad –" if self.grad_norm is None else f"grad {self.grad_norm:.2f}",
            f"{self.tokens_per_second:,.0f} tok/s ({self.supervised_per_second:,.0f} supervised)",
            f"packed {self.packing:.1%}",
            f"data wait {self.data_wait:.0%}",
        ]
        parts += [] if self.mfu is None else [f"MFU {self.mfu:.1%}"]
        parts += [f"skipped {self.skipped:,}"] if self.skipped else []
        return "  ".join([*parts, f"ETA {duration(self.eta_seconds)}"])


def duration(seconds: float) -> str:
    """
    >>> duration(75), duration(3 * 3600 + 62), duration(50 * 3600)
    ('1:15', '3:01:02', '2 d 2:00:00')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class Clock:
    """Turns the metrics of steps into windows; speed is measured from the end of the first step on."""

    def __init__(self, config: BloomConfig, *, steps: int, devices: int, device_kind: str) -> None:
        peak = peak_flops(device_kind)
        self._config, self._steps = config, steps
        self._peak = peak * devices if peak else None
        self._start = self._since = time.perf_counter()
        self._first_seconds = self._waited = 0.0
        self._done = 0

    def waiting(self, batches: Iterator[T]) -> Iterator[T]:
        """The same batches; the time that each takes to come is counted."""
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                return
            self._waited += time.perf_counter() - asked
            yield batch

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What is done inside counts for the time that is left, but not for the speed of training."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began

    def first_step_done(self) -> float:
        """Seconds that the first step of this process took, most of them compilation; it is not timed with the rest."""
        now = time.perf_counter()
        self._first_seconds = now - self._start
        self._start = self._since = now
        self._waited = 0.0
        return self._first_seconds

    def window(self, step: int, metrics: Sequence[StepMetrics], *, skipped: int) -> Window:
        """The window of `metrics`, host values, which ends with `step` steps done, `skipped` of the run in vain."""
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        waited, self._waited = self._waited, 0.0
        timed = metrics if self._done else metrics[1:]
        self._done += len(metrics)
        mean_seconds = (now - self._start) / max(1, self._done - 1)
        if not timed:  # The window is the first step alone.
            seconds = mean_seconds = self._first_seconds
            timed = metrics
        tokens, supervised, keys = (
            float(sum(getattr(one, name) for one in timed)) for name in ("tokens", "supervised", "keys")
        )
        flops = model_flops(self._config, tokens=tokens, supervised=supervised, keys=keys)
        good = [one for one in metrics if not one.skipped]
        weights = [float(one.supervised) for one in good]
        return Window(
            step=step,
            loss=weighted_mean([float(one.loss) for one in good], weights),
            learning_rate=float(metrics[-1].learning_rate),
            grad_norm=weighted_mean([float(one.grad_norm) for one in good], [1.0] * len(good)),
            param_norm=float(metrics[-1].param_norm),
            tokens_per_second=tokens / seconds,
            supervised_per_second=supervised / seconds,
            packing=sum(float(one.tokens) for one in metrics) / sum(float(one.slots) for one in metrics),
            skipped=skipped,
            data_wait=waited / seconds,
            seconds_per_step=seconds / len(timed),
            eta_seconds=mean_seconds * (self._steps - step),
            mfu=flops / seconds / self._peak if self._peak else None,
            peak_memory_gib=peak_memory_gib(),
            family_loss=family_means([one.family_loss for one in good], [one.family_weight for one in good]),
        )


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """None of no values."""
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights) if values else None


def family_means(losses: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> dict[str, float]:
    """Nats per supervised token of each family, of host sums [families]; families without such tokens are left out."""
    loss, weight = (np.sum([np.zeros(len(FAMILIES)), *sums], axis=0) for sums in (losses, weights))
    return {name: float(loss[n]) / float(weight[n]) for n, name in enumerate(FAMILIES) if weight[n] > 0}


def peak_memory_gib() -> float | None:
    """The most that one of this host's devices has held so far, in GiB; None where they do not say (a CPU)."""
    stats = [device.memory_stats() for device in jax.local_devices()]
    peaks = [one["peak_bytes_in_use"] for one in stats if one and "peak_bytes_in_use" in one]
    return max(peaks) / 2**30 if peaks else None
