"""Declared data sets as tasks, with what is known of their published files.

`checksums.json` has the SHA-256 of what the URLs give; `evidence.json` the instances that readers found in published
files: task -> split -> number. A split that is not there was too large to be had. A task with evidence is verified on
files, and its sizes are those that were counted. `file_sizes.json` has the bytes of files, where they are known.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec


def _table(name: str) -> dict[str, dict[str, Any]]:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


# Data set -> file below its folder -> SHA-256 of what its URL gives.
_CHECKSUMS: dict[str, dict[str, str]] = _table("checksums.json")
EVIDENCE: dict[str, dict[str, int]] = _table("evidence.json")
"""Task -> split -> instances that its reader found in the published files."""
FILE_SIZES: dict[str, dict[str, int]] = _table("file_sizes.json")
"""Data set -> file below its folder -> bytes of what its URL gives."""


def task_specs(*datasets: DatasetSpec) -> tuple[TaskSpec, ...]:
    """The tasks of data sets, in their order."""
    complete = (replace(dataset, checksums=_CHECKSUMS.get(dataset.name, {})) for dataset in datasets)
    return tuple(_with_evidence(spec) for dataset in complete for spec in dataset.task_specs())


def _with_evidence(spec: TaskSpec) -> TaskSpec:
    """The task with the sizes that were counted.

    Raises:
      ValueError: others are declared.
    """
    counted = EVIDENCE.get(spec.name)
    if counted is None:
        return spec
    if wrong := [split for split in counted if spec.sizes.get(split, counted[split]) != counted[split]]:
        raise ValueError(f"task {spec.name}: other sizes are declared of {', '.join(wrong)} than evidence.json has")
    return replace(spec, verified="files", sizes={**spec.sizes, **counted})
