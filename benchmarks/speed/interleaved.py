"""Parts of a benchmark in fresh processes, both sides in turn (A B A B …), with a journal to resume from."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.io.progress import Progress

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Part:
    """One call in a process of its own: `function` of the module `module` of this folder, with `arguments` (JSON).

    Attributes:
      repeats: how often at most; None: as often as the question says.
      creates: a file or folder that it makes. Where that is gone, the part runs again.
    """

    module: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    repeats: int | None = None
    creates: str = ""

    def key(self, repeat: int) -> str:
        """Its name in the journal."""
        text = json.dumps([self.module, self.function, self.arguments, repeat], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
      ours, peer, ratio: medians, and by how much ours is better: peer / ours of times, ours / peer of rates and of
        shares; of memory (unit GB) ours / peer, where less is better. None: there is no peer.
      goal: of `ratio`, at least; of memory, and of seconds without a peer, at most. None: none is set.
      spread: lowest and highest of ours, then of the peer.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    goal: float | None
    unit: str
    spread: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)
    note: str = ""

    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        if self.ratio is None:
            return self.ours <= self.goal if self.unit == "s" else self.ours >= self.goal
        return self.ratio <= self.goal if self.unit == "GB" else self.ratio >= self.goal

    def to_json(self, machine: Mapping[str, Any], commit: str) -> dict[str, Any]:
        """As it is stored."""
        return {**asdict(self), "machine": dict(machine), "commit": commit}


Results = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Question:
    """What one comparison runs, and what it makes of the results.

    Attributes:
      name: of the comparison.
      script: the module that asks it, for `--only`.
      setup: parts that come first, once; equal parts of several questions run once.
      sides: the part of each side, run in turn, `repeats` times each.
      rows: (results of each side, results of the setup) -> rows; raises `Different` where results are not equal.
    """

    name: str
    script: str
    setup: Sequence[Part]
    sides: Mapping[str, Part]
    repeats: int
    rows: Callable[[Results, Sequence[Mapping[str, Any]]], list[Row]]

    def runs(self) -> list[tuple[str, Part, int]]:
        """(side, part, repeat) in the order in which they run; the setup has no side."""
        turns = [("", part, 0) for part in self.setup]
        for repeat in range(self.repeats):
            for side, part in self.sides.items():
                if part.repeats is None or repeat < part.repeats:
                    turns.append((side, part, repeat))
        return turns


class Different(ValueError):
    """The two sides do not compute the same: their speeds cannot be compared."""


class PartFailed(RuntimeError):
    """The process of a part has failed."""


class Runner:
    """Runs parts, and remembers their results in `folder`/parts.jsonl.

    Args:
      folder: of journal and logs.
      threads: cores and threads of every part.
      device: "cpu" or "gpu".
    """

    def __init__(self, folder: Path, threads: int, device: str, cache: Path) -> None:
        self._journal, self._errors = folder / "parts.jsonl", folder / "errors.log"
        self._threads, self._device, self._cache = threads, device, cache
        folder.mkdir(parents=True, exist_ok=True)
        self._done: dict[str, dict[str, Any]] = {}
        if self._journal.exists():
            for line in self._journal.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # cut off by a kill while it was written: that part runs again
                self._done[entry["key"]] = entry["result"]

    def run(self, part: Part, repeat: int) -> dict[str, Any]:
        """The result of a part, of the journal where it is there."""
        key = part.key(repeat)
        if key in self._done and (not part.creates or Path(part.creates).exists()):
            return self._done[key]
        cores = sorted(os.sched_getaffinity(0))[: self._threads]
        words = [sys.executable, str(WORKER), part.module, part.function, json.dumps(part.arguments)]
        words += [",".join(map(str, cores)), self._device]
        with self._errors.open("w", encoding="utf-8") as errors:
            done = subprocess.run(
                words, env=self._environment(), stdout=subprocess.PIPE, stderr=errors, text=True, check=False
            )
        if done.returncode or not done.stdout.strip():
            tail = "\n".join(self._errors.read_text(encoding="utf-8").splitlines()[-25:])
            raise PartFailed(
                f"{part.module}.{part.function} {dict(part.arguments)} ended with {done.returncode}:\n{tail}"
            )
        result = json.loads(done.stdout.splitlines()[-1])
        self._done[key] = result
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"key": key, "part": asdict(part), "repeat": repeat, "result": result}) + "\n")
        return result

    def _environment(self) -> dict[str, str]:
        count = str(self._threads)
        return os.environ | {
            "JAX_PLATFORMS": {"cpu": "cpu", "gpu": "cuda"}[self._device],
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "JAX_COMPILATION_CACHE_DIR": str(self._cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "XLA_FLAGS": "",
            "OMP_NUM_THREADS": count,
            "MKL_NUM_THREADS": count,
            "TOKENIZERS_PARALLELISM": "false",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "HF_HUB_OFFLINE": "1",
            # Large pages for both sides: fresh memory costs less.
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        }

    def ask(self, question: Question, progress: Progress, done: int, total: int) -> tuple[list[Row], int]:
        """(the rows of a question, number of runs that are done now)."""
        setup: list[dict[str, Any]] = []
        sides: dict[str, list[dict[str, Any]]] = {side: [] for side in question.sides}
        for side, part, repeat in question.runs():
            progress(f"{question.name}{side and ': ' + side}", done, total)
            (sides[side] if side else setup).append(self.run(part, repeat))
            done += 1
        return question.rows(sides, setup), done
