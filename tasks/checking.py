"""A look at files of own data before anything is made of them: what is broken, what is odd, what they hold.

The records are read by the reader that `prepare` uses (`seqgpt_jax.tasks.readers.own`), so what is
good here is read there, and what is bad here stops it.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Atom, Instance
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks import own as own_files
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.split import SHARES, hash_split

PERCENTILES = (0, 50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend ("bad") or to look at ("warning"); line 0 stands for the whole file."""

    path: Path
    line: int
    kind: str
    reason: str
    detail: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{place}: {self.kind}: {self.reason}: {self.detail}"


@dataclass
class FileSummary:
    """What one file holds.

    Attributes:
      path: of the file.
      records: good and bad ones.
      bad, warnings: how many records for each reason.
      tasks: atom -> good records.
      labels: atom -> label -> records that have it.
      lengths: of the good texts, in characters.
      splits: split -> good records, where the file is split by hash.
      language: "en" or "zh", as `prepare` will take it.
    """

    path: Path
    records: int = 0
    bad: Counter = field(default_factory=Counter)
    warnings: Counter = field(default_factory=Counter)
    tasks: Counter = field(default_factory=Counter)
    labels: dict[Atom, Counter] = field(default_factory=dict)
    lengths: Counter = field(default_factory=Counter)
    splits: Counter = field(default_factory=lambda: Counter(dict.fromkeys(SHARES, 0)))
    language: str = ""

    @property
    def good(self) -> int:
        """Records that can be used."""
        return self.tasks.total()

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
            "file": str(self.path),
            "records": self.records,
            "good": self.good,
            "bad": dict(self.bad),
            "warnings": dict(self.warnings),
            "tasks": dict(self.tasks),
            "labels": {atom: dict(counts.most_common()) for atom, counts in self.labels.items()},
            "text_length": {str(percent): length for percent, length in self.percentiles().items()},
            "splits": dict(self.splits),
            "language": self.language,
        }


class Check:
    """Checks files one after the other; repetitions are found across all of them."""

    def __init__(self) -> None:
        # What was asked -> where it stood first, and what was answered there.
        self._asked: dict[tuple, tuple[str, dict[str, frozenset]]] = {}

    def file(self, path: Path, summary: FileSummary) -> Iterator[Finding]:
        """All findings of one file in its order; counts them, and what is good, in `summary`.

        Raises:
          FileNotFoundError: it is not there.
          ValueError: its name ends in no known format.
        """
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        try:
            for item in own.checked(path):
                summary.records += 1
                yield from self._record(item, summary)
            yield from _whole_file(summary)
        except RecordError as error:
            summary.bad[own.reason_of(error)] += 1
            summary.records += 1
            yield Finding(
                path, error.line, "bad", own.reason_of(error), f"{error.problem}; nothing after it can be read"
            )

    def _record(self, item: own.Checked, summary: FileSummary) -> Iterator[Finding]:
        if item.fault:
            summary.bad[item.fault.reason] += 1
            yield Finding(item.path, item.line, "bad", item.fault.reason, str(item.fault))
        if instance := item.instance:
            summary.tasks[instance.atom] += 1
            summary.labels.setdefault(instance.atom, Counter()).update(instance.gold.keys())
            summary.lengths[len(instance.text)] += 1
            summary.splits[hash_split(item.key, SHARES)] += 1
        for remark in [*item.remarks, *self._repetition(item)]:
            summary.warnings[remark.reason] += 1
            yield Finding(item.path, item.line, "warning", remark.reason, str(remark))

    def _repetition(self, item: own.Checked) -> Iterable[own.Fault]:
        if item.instance is None:
            return []
        asked = (item.atom, item.key, frozenset(item.instance.labels))
        gold = {label: frozenset(spans) for label, spans in item.instance.gold.items()}
        place, before = self._asked.setdefault(asked, (f"{item.path}:{item.line}", gold))
        if place == f"{item.path}:{item.line}":
            return []
        if before == gold:
            return [own.Fault("duplicate", f"the same record as {place}")]
        return [own.Fault("contradiction", f"the text of {place} with other answers: {_shown(item.instance)}")]


def _shown(instance: Instance) -> str:
    """The answers in a few words."""
    return (
        ", ".join(f"{label}: {' | '.join(spans)}" if spans else label for label, spans in instance.gold.items()) or "–"
    )


def _whole_file(summary: FileSummary) -> Iterator[Finding]:
    def warning(reason: str, detail: str) -> Finding:
        summary.warnings[reason] += 1
        return Finding(summary.path, 0, "warning", reason, detail)

    if not summary.records:
        summary.bad["no_record"] += 1
        yield Finding(summary.path, 0, "bad", "no_record", "the file holds no record")
    if not summary.good:
        return
    summary.language = own_files.language([own_files.survey(summary.path)])
    for split in [split for split, count in summary.splits.items() if not count]:
        yield warning("empty_split", f"split by hash, its part for {split} is empty: give more records, or own files")
    if len(summary.labels.get("cls", ())) == 1:
        yield warning("one_label", f"all its classifications have one label: {next(iter(summary.labels['cls']))!r}")
