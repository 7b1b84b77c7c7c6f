"""Metric sinks: JSON lines, TensorBoard, Weights & Biases, Trackio.

A resumed run repeats the steps after its checkpoint. Their first copy is removed from the JSON lines, hidden by
TensorBoard (a session start purges later points), and not sent a second time to the trackers.

tensorboardX's `SummaryWriter` does not fit: on a full disk its writer thread dies and the training loop then blocks for
ever once its queue of ten events is full. Events are framed with its checksums and written by `append_log`.
"""

import importlib
import json
import os
import socket
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.training.append_log import open_append_log
from seqgpt_jax.training.metrics import WindowMetrics
from seqgpt_jax.training.tensorboard_events import Event, SessionLog, Summary, masked_crc32c
from seqgpt_jax.training.validation import ValidationResult

METRICS_FILE = "metrics.jsonl"
SKIPPED_FILE = "skipped.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
TRACKING_ID_FILE = "tracking_id"
TRACKERS = ("wandb", "trackio")


class MetricSink(Protocol):
    """Destination of the metrics of a run. Called on host 0 alone."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Records the values of a step by name, such as "train/loss" or "validation/loss/NER"."""

    def flush(self) -> None:
        """Writes what is pending; called before every checkpoint, from which a killed run resumes."""

    def close(self) -> None:
        """Flushes and releases the destination."""


class MetricLogger:
    """Writes windows, validations and skipped steps of a run to its metric sinks.

    Args:
      run_dir: folder of the run.
      sinks: names of `TrainConfig.metric_sinks`.
      start_step: batches consumed before; what was logged after it is dropped.
      log: called with storage errors.
      project: project name for the trackers.
      config: settings of the run for the trackers.

    Raises:
      ValueError: the library of a tracker is not installed.
    """

    def __init__(
        self,
        run_dir: epath.PathLike,
        sinks: Sequence[str] = ("jsonl", "tensorboard"),
        *,
        start_step: int,
        log: Callable[[str], None],
        project: str = "seqgpt_jax",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        check_sinks(sinks)
        folder = storage.open_path(run_dir)
        last_logged = max((line["step"] for line in read_metrics(folder)), default=0)
        self._sinks: list[MetricSink] = []
        for name in dict.fromkeys(sinks):
            if name == "jsonl":
                self._sinks.append(JsonLinesSink(folder / METRICS_FILE, start_step, log))
            elif name == "tensorboard":
                self._sinks.append(TensorBoardSink(folder / TENSORBOARD_FOLDER, start_step, log))
            else:
                self._sinks.append(TrackerSink(name, folder, project, config or {}, last_logged))
        skipped = folder / SKIPPED_FILE
        self._skipped = open_append_log(skipped, log, _truncate_lines(skipped, start_step))

    def write_window(self, window: WindowMetrics) -> None:
        """Records the metrics of a window; unknown ones (None) are left out."""
        values = {name: value for name, value in asdict(window).items() if value is not None}
        step = values.pop("step")
        values |= {f"loss/{family}": loss for family, loss in values.pop("family_loss").items()}
        self._write(step, {f"train/{name}": value for name, value in values.items()})

    def write_validation(self, result: ValidationResult) -> None:
        """Records a validation; losses that are not finite are left out."""
        losses = {} if result.loss is None else {"validation/loss": result.loss}
        losses |= {f"validation/loss/{family}": loss for family, loss in result.family_loss.items()}
        self._write(result.step, losses)

    def write_skipped(self, step: int, loss: float, grad_norm: float, ids: list[str]) -> None:
        """Records a skipped step in skipped.jsonl, with the ids of all examples of its batch."""
        # As strings: JSON has no numbers that are not finite.
        self._skipped.append(_json_line({"step": step, "loss": str(loss), "grad_norm": str(grad_norm), "ids": ids}))

    def flush(self) -> None:
        """Writes what is pending; to be called before a checkpoint is saved."""
        for sink in (*self._sinks, self._skipped):
            sink.flush()

    def close(self) -> None:
        """Closes all sinks."""
        for sink in (*self._sinks, self._skipped):
            sink.close()

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        for sink in self._sinks:
            sink.write(step, values)


class JsonLinesSink:
    """metrics.jsonl: one JSON object for each window ("loss", …) and each validation ("validation/loss", …)."""

    def __init__(self, path: epath.Path, start_step: int, log: Callable[[str], None]) -> None:
        self._file = open_append_log(path, log, _truncate_lines(path, start_step))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Appends one line; the names of training metrics have no prefix."""
        self._file.append(_json_line({"step": step, **{k.removeprefix("train/"): v for k, v in values.items()}}))

    def flush(self) -> None:
        """Writes pending lines."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TensorBoardSink:
    """Scalars in an event file of its own for each process of the run."""

    def __init__(self, folder: epath.Path, start_step: int, log: Callable[[str], None]) -> None:
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._file = open_append_log(folder / name, log)
        start = SessionLog(status=SessionLog.START)
        self._file.append(
            tfrecord(Event(wall_time=time.time(), file_version="brain.Event:2"))
            # TensorBoard purges points from this step on that an interrupted process has written.
            + tfrecord(Event(wall_time=time.time(), step=start_step + 1, session_log=start))
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Appends one event with all values."""
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._file.append(tfrecord(Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))))

    def flush(self) -> None:
        """Writes pending events."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TrackerSink:
    """An experiment tracker with the interface of Weights & Biases, which Trackio shares.

    The run has one id for its whole life, kept in the run folder, so that a resumed run continues the same curves.
    Where the tracker stores or sends data is set by its own variables, such as WANDB_MODE=offline or TRACKIO_SPACE_ID.

    Args:
      library: "wandb" or "trackio".
      run_dir: folder of the run.
      project: project name.
      config: settings of the run.
      last_logged: last step that an earlier process has logged; steps up to it are not sent again.
    """

    def __init__(
        self, library: str, run_dir: epath.Path, project: str, config: Mapping[str, Any], last_logged: int
    ) -> None:
        path = run_dir / TRACKING_ID_FILE
        if not path.exists():
            storage.write(path, f"{run_dir.name}-{uuid.uuid4().hex[:8]}".encode())
        run_id = storage.read(path).decode()
        identity = {"name": run_id} if library == "trackio" else {"name": run_dir.name, "id": run_id}
        if library == "wandb" and not storage.is_bucket(run_dir):
            identity["dir"] = str(run_dir)
        self._last_logged = last_logged
        self._run = _import_tracker(library).init(project=project, config=dict(config), resume="allow", **identity)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the values of a step."""
        if step > self._last_logged and values:
            self._run.log(dict(values), step=step)

    def flush(self) -> None:
        """Nothing to do: trackers send in the background."""

    def close(self) -> None:
        """Finishes the run."""
        self._run.finish()


def check_sinks(sinks: Sequence[str]) -> None:
    """Raises ValueError for a tracker without "jsonl", or whose library is not installed, with the pip command."""
    for name in sinks:
        if name in TRACKERS:
            if "jsonl" not in sinks:
                raise ValueError(
                    f"Train.metric_sinks has {name!r} without 'jsonl', by which a resumed run knows what it has sent: "
                    "add 'jsonl'"
                )
            _import_tracker(name)


def read_metrics(run_dir: epath.PathLike) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl in order; a last line that a crash has truncated is left out."""
    path = storage.open_path(run_dir) / METRICS_FILE
    return _read_lines(path) if path.exists() else []


def tfrecord(event: Event) -> bytes:
    """An event framed as a TFRecord: length, checksum of the length, content, checksum of the content."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    checksums = [struct.pack("<I", masked_crc32c(data)) for data in (length, content)]
    return length + checksums[0] + content + checksums[1]


def _import_tracker(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ValueError(
            f"Train.metric_sinks has {library!r}, which is not installed: pip install 'seqgpt_jax[{library}]' ({error})"
        ) from error


def _json_line(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False) + "\n").encode()


def _read_lines(path: epath.Path) -> list[dict[str, Any]]:
    lines = []
    for line in storage.read(path).decode("utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def _truncate_lines(path: epath.Path, start_step: int) -> bytes:
    """Removes the lines after `start_step` from a file of JSON lines; returns what is left."""
    if not path.exists():
        return b""
    kept = b"".join(_json_line(line) for line in _read_lines(path) if line["step"] <= start_step)
    storage.write(path, kept)
    return kept
