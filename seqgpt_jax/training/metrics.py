"""Metrics of a window of steps: loss, throughput, MFU, data wait, ETA."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import jax
import numpy as np

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.training.hardware import peak_flops
from seqgpt_jax.training.step import StepMetrics

T = TypeVar("T")


@dataclass(frozen=True)
class WindowMetrics:
    """Metrics averaged over a window of consecutive steps.

    Attributes:
      step: the last step of the window, counted from 1.
      loss: nats per supervised token, without skipped steps; None where every step was skipped.
      learning_rate: of the last step.
      grad_norm: mean before clipping, without skipped steps; None where every step was skipped.
      param_norm: of all parameters, before the last update.
      tokens_per_second: tokens that are not padding, over all hosts.
      supervised_per_second: tokens that are predicted.
      packing: fraction of the slots of all rows that are not padding.
      skipped: steps of the run so far that were skipped, because loss or gradient were not finite.
      data_wait: fraction of the time in which this host waited for its next batch.
      seconds_per_step: wall clock.
      eta_seconds: until the last step, at the mean speed since this process started.
      mfu: model FLOPs utilization: fraction of the chips' peak; None where the chip is unknown.
      peak_memory_gib: highest peak memory of this host's devices, in GiB; None where they do not report it (a CPU).
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

    def summary(self, steps: int) -> str:
        """One log line; `steps` is the length of the run."""
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
    """Seconds as a human-readable duration.

    >>> duration(75), duration(3 * 3600 + 62), duration(50 * 3600)
    ('1:15', '3:01:02', '2 d 2:00:00')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class MetricsAggregator:
    """Aggregates the metrics of steps into windows, and measures throughput.

    The first step of the process, most of which is compilation, is timed on its own and not counted as throughput.

    Args:
      config: of the model, for its FLOPs.
      steps: length of the run.
      devices: chips of all hosts.
      device_kind: of each chip, for its peak FLOP/s.
      adapter_params: parameters of adapters, where these alone are trained; None where all parameters are.
    """

    def __init__(
        self, config: ModelConfig, *, steps: int, devices: int, device_kind: str, adapter_params: int | None = None
    ) -> None:
        self._adapter_params = adapter_params
        peak = peak_flops(device_kind)
        self._config, self._steps = config, steps
        self._peak = peak * devices if peak else None
        self._start = self._window_start = time.perf_counter()
        self._first_step_seconds = self._data_wait = 0.0
        self._steps_done = 0

    def measure_data_wait(self, batches: Iterator[T]) -> Iterator[T]:
        """The same batches; the time spent waiting for each of them is added to the window's data wait."""
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                return
            self._data_wait += time.perf_counter() - started
            yield batch

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Context manager: time spent inside (validation) counts for the ETA, but not for the throughput."""
        started = time.perf_counter()
        yield
        self._window_start += time.perf_counter() - started

    def first_step_done(self) -> float:
        """Marks the end of the first step of this process; returns its duration in seconds, most of it compilation."""
        now = time.perf_counter()
        self._first_step_seconds = now - self._start
        self._start = self._window_start = now
        self._data_wait = 0.0
        return self._first_step_seconds

    def window(self, step: int, metrics: Sequence[StepMetrics], *, skipped: int) -> WindowMetrics:
        """Closes the current window.

        Args:
          step: the last step of the window, counted from 1.
          metrics: of each of its steps, as host values: scalars, and [families] sums.
          skipped: skipped steps of the run so far.
        """
        now = time.perf_counter()
        seconds, self._window_start = now - self._window_start, now
        data_wait, self._data_wait = self._data_wait, 0.0
        timed = metrics if self._steps_done else metrics[1:]
        self._steps_done += len(metrics)
        mean_seconds = (now - self._start) / max(1, self._steps_done - 1)
        if not timed:  # the window is the first step alone
            seconds = mean_seconds = self._first_step_seconds
            timed = metrics
        tokens, supervised, keys = (
            float(sum(getattr(m, name) for m in timed)) for name in ("tokens", "supervised", "keys")
        )
        flops = self._flops(tokens, supervised, keys)
        finite = [m for m in metrics if not m.skipped]
        weights = [float(m.supervised) for m in finite]
        return WindowMetrics(
            step=step,
            loss=weighted_mean([float(m.loss) for m in finite], weights),
            learning_rate=float(metrics[-1].learning_rate),
            grad_norm=weighted_mean([float(m.grad_norm) for m in finite], [1.0] * len(finite)),
            param_norm=float(metrics[-1].param_norm),
            tokens_per_second=tokens / seconds,
            supervised_per_second=supervised / seconds,
            packing=sum(float(m.tokens) for m in metrics) / sum(float(m.slots) for m in metrics),
            skipped=skipped,
            data_wait=data_wait / seconds,
            seconds_per_step=seconds / len(timed),
            eta_seconds=mean_seconds * (self._steps - step),
            mfu=flops / seconds / self._peak if self._peak else None,
            peak_memory_gib=peak_memory_gib(),
            family_loss=family_means([m.family_loss for m in finite], [m.family_weight for m in finite]),
        )

    def _flops(self, tokens: float, supervised: float, keys: float) -> float:
        """FLOPs that these tokens need; frozen kernels have no gradient, a third of what theirs need otherwise."""
        flops = self._config.train_flops(tokens=tokens, supervised=supervised, keys=keys)
        if self._adapter_params is None:
            return flops
        attention = self._config.train_flops(tokens=0, supervised=0, keys=keys)
        return attention + (flops - attention) * 2 / 3 + 6 * self._adapter_params * tokens


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Mean of `values` with `weights`, two sequences of the same length; None without values."""
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights) if values else None


def family_means(losses: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> dict[str, float]:
    """Nats per supervised token of each family that has such tokens, from sums of shape [families] of some steps."""
    loss, weight = (np.sum([np.zeros(len(FAMILIES)), *sums], axis=0) for sums in (losses, weights))
    return {name: float(loss[n]) / float(weight[n]) for n, name in enumerate(FAMILIES) if weight[n] > 0}


def peak_memory_gib() -> float | None:
    """Highest peak memory of this host's devices, in GiB; None where they do not report it (a CPU)."""
    stats = [device.memory_stats() for device in jax.local_devices()]
    peaks = [device["peak_bytes_in_use"] for device in stats if device and "peak_bytes_in_use" in device]
    return max(peaks) / 2**30 if peaks else None
