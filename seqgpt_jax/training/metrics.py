"""What a run tells: one line on the terminal, one line of JSON and one TensorBoard point per window of steps."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from tensorboardX import SummaryWriter

from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.step import StepMetrics

METRICS_FILE = "metrics.jsonl"

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
      loss: nats per supervised token.
      learning_rate: of the last step.
      grad_norm: before clipping, mean.
      tokens_per_second: tokens that are not padding; of the whole run, not of one host.
      supervised_per_second: tokens that are predicted.
      packing: share of the tokens of all rows that are not padding.
      seconds_per_step: wall clock.
      eta_seconds: until the last step, at the mean speed since the start.
      mfu: share of the chips' peak, None where the chip is not known.
    """

    step: int
    loss: float
    learning_rate: float
    grad_norm: float
    tokens_per_second: float
    supervised_per_second: float
    packing: float
    seconds_per_step: float
    eta_seconds: float
    mfu: float | None

    def line(self, steps: int) -> str:
        """As the terminal shows it."""
        width = len(f"{steps:,}")
        mfu = "" if self.mfu is None else f"  MFU {self.mfu:.1%}"
        return (
            f"step {self.step:>{width},}/{steps:,}  loss {self.loss:.4f}  lr {self.learning_rate:.2e}  "
            f"grad {self.grad_norm:.2f}  {self.tokens_per_second:,.0f} tok/s "
            f"({self.supervised_per_second:,.0f} supervised)  packed {self.packing:.1%}{mfu}  "
            f"ETA {duration(self.eta_seconds)}"
        )


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
        self._first_seconds = 0.0
        self._done = 0

    def first_step_done(self) -> float:
        """Seconds that the first step of this process took, most of them compilation; it is not timed with the rest."""
        now = time.perf_counter()
        self._first_seconds = now - self._start
        self._start = self._since = now
        return self._first_seconds

    def window(self, step: int, metrics: Sequence[StepMetrics]) -> Window:
        """The window of `metrics`, host values, which ends with `step` steps done."""
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
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
        weights = [float(one.supervised) for one in metrics]
        return Window(
            step=step,
            loss=sum(weight * float(one.loss) for weight, one in zip(weights, metrics, strict=True)) / sum(weights),
            learning_rate=float(metrics[-1].learning_rate),
            grad_norm=sum(float(one.grad_norm) for one in metrics) / len(metrics),
            tokens_per_second=tokens / seconds,
            supervised_per_second=supervised / seconds,
            packing=sum(float(one.tokens) for one in metrics) / sum(float(one.slots) for one in metrics),
            seconds_per_step=seconds / len(timed),
            eta_seconds=mean_seconds * (self._steps - step),
            mfu=flops / seconds / self._peak if self._peak else None,
        )


class MetricsWriter:
    """Writes windows to the terminal, to metrics.jsonl and to tensorboard/; on the first host alone.

    A run that resumes at a step forgets what was logged after it: those steps are done again.
    """

    def __init__(self, run_dir: str | Path, *, steps: int, start_step: int, write: bool) -> None:
        self._steps = steps
        self._write = write
        self._console = Console(soft_wrap=True, emoji=False)
        if not write:
            return
        path = Path(run_dir) / METRICS_FILE
        kept = [line for line in read_metrics(run_dir) if line["step"] <= start_step]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(Path(run_dir) / "tensorboard"), purge_step=start_step + 1)

    def write(self, window: Window) -> None:
        """Records one window."""
        if not self._write:
            return
        values = {name: value for name, value in asdict(window).items() if value is not None}
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()
        for name, value in values.items():
            if name != "step":
                self._board.add_scalar(f"train/{name}", value, window.step)
        self._board.flush()
        self.say(window.line(self._steps))

    def say(self, text: str) -> None:
        """One line on the terminal."""
        if self._write:
            self._console.print(text, markup=False)

    def close(self) -> None:
        """Closes the files."""
        if self._write:
            self._file.close()
            self._board.close()


def read_metrics(run_dir: str | Path) -> list[dict[str, Any]]:
    """The windows logged so far, in order; a last line that a crash has cut off is left out."""
    path = Path(run_dir) / METRICS_FILE
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def first_broken(metrics: Sequence[StepMetrics]) -> int | None:
    """Index of the first step whose loss or gradient is not finite."""
    for index, one in enumerate(metrics):
        if not (math.isfinite(float(one.loss)) and math.isfinite(float(one.grad_norm))):
            return index
    return None
