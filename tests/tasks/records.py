"""Small records for the readers, and the tasks of all families."""

import json
from pathlib import Path

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.task_spec import Reader, Skipped
from seqgpt_jax.tasks import (
    classification,
    entity_typing,
    events,
    inference,
    intent,
    llm_labelled,
    ner,
    reading,
    relations,
    sentiment,
    slots,
)

FAMILIES = (
    *(classification, sentiment, intent, inference, entity_typing, reading, ner, slots, relations, events),
    llm_labelled,
)
SPECS = {spec.name: spec for module in FAMILIES for spec in module.TASKS}


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def json_lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read(task: str | Reader, *paths: Path, split: str = "train") -> list[Instance | Skipped]:
    return list((SPECS[task].read if isinstance(task, str) else task)(split, paths))


def read_all(task: str, *paths: Path) -> list[Instance | Skipped]:
    """What all splits of a task that share `paths` hold, train first."""
    return [item for split in SPECS[task].splits for item in read(task, *paths, split=split)]
