"""Small records for the readers, and the tasks that were tried on published files."""

import json
from collections.abc import Iterable
from pathlib import Path

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import Reader, RecordError, Skipped
from seqgpt_jax.tasks import SUBSETS, TASKS, quickstart
from tests.tasks.schema import SAMPLES

_GENERATED = {spec.name for spec in quickstart.TASKS}
_ALL = TASKS | SUBSETS
_ELSEWHERE = _GENERATED | SAMPLES.keys()
SPECS = {name: spec for name, spec in _ALL.items() if name not in _ELSEWHERE and spec.verified != "schema"}
"""The tasks that are tried on packs of published files; of those that have a declared subset, the subset."""


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def json_lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def strict(items: Iterable) -> list:
    """All items; the first broken record is raised, as `Prepare.bad_records = "stop"` does."""
    found = list(items)
    for item in found:
        if isinstance(item, RecordError):
            raise item
    return found


def read(task: str | Reader, *paths: Path, split: str = "train") -> list[Instance | Skipped]:
    return strict((_ALL[task].read if isinstance(task, str) else task)(split, paths))


def read_all(task: str, *paths: Path) -> list[Instance | Skipped]:
    """What all splits of a task that share `paths` hold, train first."""
    return [item for split in _ALL[task].splits for item in read(task, *paths, split=split)]
