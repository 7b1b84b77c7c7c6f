"""Findings of validation, and summaries of what data sets hold."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Atom
from seqgpt_jax.data.raw.task_spec import SPLITS

PERCENTILES = (0, 50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Finding:
    """One record to fix ("bad") or to look at ("warning"); line 0 stands for the whole file."""

    path: Path
    line: int
    kind: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.reason}: {self.detail}"

    @property
    def place(self) -> str:
        """`file:line`, or the file alone."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    def as_json(self) -> dict[str, str | int]:
        """The finding as plain data."""
        return {
            "file": str(self.path),
            "line": self.line,
            "kind": self.kind,
            "reason": self.reason,
            "detail": self.detail,
        }


@dataclass
class DataSummary:
    """What a file, or a task of a module, holds.

    Attributes:
      name: of the file or task.
      records: good and bad ones.
      bad, warnings: how many records for each reason.
      tasks: atom -> good records.
      labels: atom -> label -> split -> records that have it.
      lengths: of the good texts, in characters.
      long_texts, prompt: how many of them have no room beside their labels in a prompt, and what that prompt is.
      splits: split -> good records.
      language: "en" or "zh", as `prepare` will take it.
      advice: sentences that say what to do.
    """

    name: str
    records: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    tasks: Counter[Atom] = field(default_factory=Counter)
    labels: dict[Atom, dict[str, Counter[str]]] = field(default_factory=dict)
    lengths: Counter[int] = field(default_factory=Counter)
    long_texts: int = 0
    prompt: str = ""
    splits: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SPLITS, 0)))
    language: str = ""
    advice: list[str] = field(default_factory=list)

    @property
    def good(self) -> int:
        """Records that can be used."""
        return self.tasks.total()

    def label_counts(self, atom: Atom) -> Counter[str]:
        """label -> records that have it, in all splits."""
        return Counter({label: splits.total() for label, splits in self.labels.get(atom, {}).items()})

    def percentiles(self) -> dict[int, int]:
        """The length that so many percent of the texts do not exceed."""
        found = {}
        for percent in PERCENTILES if self.lengths else ():
            rank, seen = max(1, math.ceil(percent / 100 * self.lengths.total())), 0
            for length, count in sorted(self.lengths.items()):
                seen += count
                if seen >= rank:
                    found[percent] = length
                    break
        return found

    def as_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return {
            "file": self.name,
            "records": self.records,
            "good": self.good,
            "bad": dict(self.bad),
            "warnings": dict(self.warnings),
            "tasks": dict(self.tasks),
            "labels": {atom: dict(self.label_counts(atom).most_common()) for atom in self.labels},
            "text_length": {str(percent): length for percent, length in self.percentiles().items()},
            "long_texts": self.long_texts,
            "splits": dict(self.splits),
            "language": self.language,
            "advice": self.advice,
        }
