"""The files in which a run can be watched: lines of JSON, and TensorBoard events.

A run that goes on at a step forgets what was logged after it: those steps are done again. A full disk
neither stops the run nor loses a line, as long as the run lives: what could not be written waits for room.
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

from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from seqgpt_jax.training.metrics import Window

METRICS_FILE = "metrics.jsonl"
SKIPPED_FILE = "skipped.jsonl"
BOARD_FOLDER = "tensorboard"


class MetricsWriter:
    """Writes windows to metrics.jsonl and tensorboard/, and skipped steps to skipped.jsonl.

    Args:
      run_dir: of the run.
      start_step: batches taken before.
      say: tells the user when a file cannot be written.
    """

    def __init__(self, run_dir: str | Path, *, start_step: int, say: Callable[[str], None]) -> None:
        folder = Path(run_dir)
        for name in (METRICS_FILE, SKIPPED_FILE):
            if (folder / name).exists():
                _forget(folder / name, start_step)
        self._windows, self._skipped = (_Appender(folder / name, say) for name in (METRICS_FILE, SKIPPED_FILE))
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._board = _Appender(folder / BOARD_FOLDER / name, say)
        start = SessionLog(status=SessionLog.START)
        self._board.append(
            _record(Event(wall_time=time.time(), file_version="brain.Event:2"))
            # TensorBoard drops points from this step on that an interrupted process wrote.
            + _record(Event(wall_time=time.time(), step=start_step + 1, session_log=start))
        )

    def write(self, window: Window) -> None:
        """Records one window; what it does not know is left out."""
        values = {name: value for name, value in asdict(window).items() if value is not None}
        self._windows.append(_line(values))
        scalars = [
            Summary.Value(tag=f"train/{name}", simple_value=value) for name, value in values.items() if name != "step"
        ]
        self._board.append(_record(Event(wall_time=time.time(), step=window.step, summary=Summary(value=scalars))))

    def skipped(self, step: int, loss: float, grad_norm: float, ids: list[str]) -> None:
        """Records a step that has changed nothing; its ids are those of all examples of its batch."""
        # JSON has no word for what is not finite.
        self._skipped.append(_line({"step": step, "loss": str(loss), "grad_norm": str(grad_norm), "ids": ids}))

    def close(self) -> None:
        """Closes the files."""
        for file in (self._windows, self._skipped, self._board):
            file.close()


def read_metrics(run_dir: str | Path) -> list[dict[str, Any]]:
    """The windows logged so far, in order; a last line that a crash has cut off is left out."""
    path = Path(run_dir) / METRICS_FILE
    return _read(path) if path.exists() else []


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

    def close(self) -> None:
        if self._waiting:
            self.append(b"")
        if self._waiting:
            self._say(f"{self._path}: the last {len(self._waiting):,} bytes are lost")


def _line(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False) + "\n").encode()


def _read(path: Path) -> list[dict[str, Any]]:
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def _forget(path: Path, start_step: int) -> None:
    """Under another name first: a kill must not cost the lines that stay."""
    partial = path.with_name(f"{path.name}.writing")
    partial.write_bytes(b"".join(_line(line) for line in _read(path) if line["step"] <= start_step))
    partial.replace(path)


def _record(event: Event) -> bytes:
    """One TFRecord: length, its checksum, the event, its checksum."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
