"""Declared data sets as tasks, with the checksums of their downloads (`checksums.json`)."""

import json
from dataclasses import replace
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec

# Data set -> file below its folder -> SHA-256 of what its URL gives.
_CHECKSUMS: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("checksums.json").read_text(encoding="utf-8")
)


def task_specs(*datasets: DatasetSpec) -> tuple[TaskSpec, ...]:
    """The tasks of data sets, in their order."""
    complete = (replace(dataset, checksums=_CHECKSUMS.get(dataset.name, {})) for dataset in datasets)
    return tuple(spec for dataset in complete for spec in dataset.task_specs())
