"""The files in which a run can be watched: lines of JSON, and TensorBoard events.

A run that goes on at a step forgets what was logged after it: those steps are done again. A full disk
neither stops the run nor loses a line, as long as the run lives: what could not be written waits for room.
In a bucket, where nothing can be appended to, files are written anew every so often, and before every checkpoint:
a kill costs lines of those steps alone that are done again.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from etils import epath
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from seqgpt_jax.io import storage
from seqgpt_jax.training.metrics import Window
from seqgpt_jax.training.validation import Score

METRICS_FILE = "metrics.jsonl"
SKIPPED_FILE = "skipped.jsonl"
BOARD_FOLDER = "tensorboard"
_REST_SECONDS = 60  # between two writings of a file in a bucket


class MetricsWriter:
    """Writes windows and validations to metrics.jsonl and tensorboard/, and skipped steps to skipped.jsonl.

    Args:
      run_dir: of the run.
      start_step: batches taken before.
      say: tells the user when a file cannot be written.
    """

    def __init__(self, run_dir: epath.PathLike, *, start_step: int, say: Callable[[str], None]) -> None:
        folder = storage.open_path(run_dir)
        self._windows, self._skipped = (
            _growing(folder / name, say, _forget(folder / name, start_step)) for name in (METRICS_FILE, SKIPPED_FILE)
        )
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._board = _growing(folder / BOARD_FOLDER / name, say)
        start = SessionLog(status=SessionLog.START)
        self._board.append(
            _record(Event(wall_time=time.time(), file_version="brain.Event:2"))
            # TensorBoard drops points from this step on that an interrupted process wrote.
            + _record(Event(wall_time=time.time(), step=start_step + 1, session_log=start))
        )

    def write(self, window: Window) -> None:
        """Records one window; what it does not know is left out."""
        values = {name: value for name, value in asdict(window).items() if value is not None}
        values |= {f"loss/{family}": loss for family, loss in values.pop("family_loss").items()}
        self._windows.append(_line(values))
        self._draw(window.step, {f"train/{name}": value for name, value in values.items() if name != "step"})

    def validated(self, score: Score) -> None:
        """Records one validation, in a line of its own; what is not finite is left out."""
        losses = {} if score.loss is None else {"validation/loss": score.loss}
        losses |= {f"validation/loss/{family}": loss for family, loss in score.family_loss.items()}
        self._windows.append(_line({"step": score.step, **losses}))
        self._draw(score.step, losses)

    def skipped(self, step: int, loss: float, grad_norm: float, ids: list[str]) -> None:
        """Records a step that has changed nothing; its ids are those of all examples of its batch."""
        # JSON has no word for what is not finite.
        self._skipped.append(_line({"step": step, "loss": str(loss), "grad_norm": str(grad_norm), "ids": ids}))

    def flush(self) -> None:
        """Writes what waits: to be called before a checkpoint, with which a run goes on that is killed from now on."""
        for file in (self._windows, self._skipped, self._board):
            file.flush()

    def close(self) -> None:
        """Closes the files."""
        for file in (self._windows, self._skipped, self._board):
            file.close()

    def _draw(self, step: int, points: Mapping[str, float]) -> None:
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in points.items()]
        self._board.append(_record(Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))))


def read_metrics(run_dir: epath.PathLike) -> list[dict[str, Any]]:
    """The windows and validations logged so far, in order; a last line that a crash has cut off is left out."""
    path = storage.open_path(run_dir) / METRICS_FILE
    return _read(path) if path.exists() else []


def _growing(path: epath.Path, say: Callable[[str], None], content: bytes = b"") -> "_Appender | _Rewriter":
    """The file at `path`, which holds `content`, to append to."""
    return _Rewriter(path, say, content) if storage.is_bucket(path) else _Appender(Path(path), say)


class _Appender:
    """A file that grows. What the disk does not take is kept, and written before all else as soon as it does."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._waiting, self._told = b"", False

    def append(self, content: bytes) -> None:
        self._waiting += content
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered, and opened anew: how much was taken is known, and a file that somebody moved comes again.
            with self._path.open("ab", buffering=0) as file:
                while self._waiting:
                    self._waiting = self._waiting[file.write(self._waiting) :]
            self._told = False
        except OSError as error:
            if not self._told:
                self._say(f"{self._path} cannot be written: {error}; what belongs there waits until it can")
            self._told = True

    def flush(self) -> None:
        if self._waiting:
            self.append(b"")

    def close(self) -> None:
        self.flush()
        if self._waiting:
            self._say(f"{self._path}: the last {len(self._waiting):,} bytes are lost")


class _Rewriter:
    """A file in a bucket that grows by being written anew, all of it: once a minute at most, and so seldom that it
    takes no more than two per cent of the time, however large it gets; and whenever `flush` is called."""

    def __init__(self, path: epath.Path, say: Callable[[str], None], content: bytes) -> None:
        self._path, self._say = path, say
        self._content, self._written = content, len(content)
        self._told, self._next = False, 0.0

    def append(self, content: bytes) -> None:
        self._content += content
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        if self._written == len(self._content):
            return
        started = time.monotonic()
        try:
            storage.write(self._path, self._content)
            self._written, self._told = len(self._content), False
        except OSError as error:
            if not self._told:
                self._say(f"{error}; what belongs there waits until it can")
            self._told = True
        finished = time.monotonic()
        self._next = finished + max(_REST_SECONDS, 50 * (finished - started))

    def close(self) -> None:
        self.flush()
        if self._written < len(self._content):
            self._say(f"{self._path}: the last {len(self._content) - self._written:,} bytes are lost")


def _line(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False) + "\n").encode()


def _read(path: epath.Path) -> list[dict[str, Any]]:
    lines = []
    for line in storage.read(path).decode("utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def _forget(path: epath.Path, start_step: int) -> bytes:
    """What stays of a file of lines once those after `start_step` are removed."""
    if not path.exists():
        return b""
    kept = b"".join(_line(line) for line in _read(path) if line["step"] <= start_step)
    storage.write(path, kept)
    return kept


def _record(event: Event) -> bytes:
    """One TFRecord: length, its checksum, the event, its checksum."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
