"""Composition of a prepared mixture: instances and tokens by family and language, example lengths."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqgpt_jax.atomic import FAMILIES, LANGUAGES


@dataclass
class MixtureGroup:
    """Some tasks of a mixture taken together; the fields are those of `pipeline.TaskReport`."""

    tasks: int = 0
    labels: int = 0
    instances: int = 0
    within_quota: int = 0
    examples: int = 0
    tokens_before: int = 0
    tokens: int = 0

    def add(self, task: Mapping[str, Any]) -> None:
        """Adds one task of a manifest."""
        self.tasks += 1
        self.labels += len(task["labels"])
        for name in ("instances", "within_quota", "examples", "tokens"):
            setattr(self, name, getattr(self, name) + task[name])
        if task["characters_within_quota"]:
            self.tokens_before += round(task["tokens"] * task["characters"] / task["characters_within_quota"])


def mixture_groups(manifest: Mapping[str, Any]) -> dict[str, MixtureGroup]:
    """The tasks of a manifest by family, then by language, then all."""
    groups: dict[str, MixtureGroup] = {}
    for kind, order in (("family", FAMILIES), ("language", LANGUAGES)):
        for key in order:
            for task in manifest["tasks"].values():
                if task[kind] == key:
                    groups.setdefault(key, MixtureGroup()).add(task)
    for task in manifest["tasks"].values():
        groups.setdefault("all", MixtureGroup()).add(task)
    return groups


def mixture_lengths(folder: Path) -> np.ndarray:
    """Tokens of each example of the first epoch, prompt and target."""
    with np.load(folder / "epoch-0000" / "index.npz") as index:
        return index["prompt_lengths"] + index["target_lengths"]
