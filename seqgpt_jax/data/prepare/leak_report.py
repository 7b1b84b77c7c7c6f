"""Leak report: what training and evaluation tasks share, counted by pair of tasks; ids and numbers, no texts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.data.prepare.decontamination import KINDS, NEAR, PIECE, SHORT, Leak, LeakIndex, bare_text
from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.io.progress import Progress

NUMBERS = (*KINDS, "tainted by them", "instances", "tainted", "share")
"""The columns of `LeakReport.tables` that hold numbers."""
# Examples that are kept of each pair of tasks.
_EXAMPLES = 3


@dataclass
class Pair:
    """What one training task has in common with one evaluation task.

    Attributes:
      kinds: exact, near and sentence -> training instances, each counted once, by the most similar instance there.
      evaluation: ids of the evaluation task whose texts these are.
      examples: the first ones.
    """

    kinds: Counter = field(default_factory=Counter)
    evaluation: set[str] = field(default_factory=set)
    examples: list[Leak] = field(default_factory=list)


@dataclass
class LeakReport:
    """All leaks between two lists of tasks.

    Attributes:
      train, evaluation: task -> its instances that were compared.
      leaking, tainted: task -> how many of its instances leak, and how many are leaked.
      kinds: "exact", "near" and "sentence" -> training instances.
      pairs: (training task, evaluation task) -> what they share.
    """

    train: Counter = field(default_factory=Counter)
    evaluation: Counter = field(default_factory=Counter)
    leaking: Counter = field(default_factory=Counter)
    tainted: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Numbers and ids, no texts."""
        pairs = [
            {
                "train": names[0],
                "evaluation": names[1],
                **{kind: pair.kinds[kind] for kind in KINDS},
                "evaluation_instances": len(pair.evaluation),
                "examples": [asdict(leak) | {"similarity": round(leak.similarity, 3)} for leak in pair.examples],
            }
            for names, pair in self.sorted_pairs()
        ]
        return {
            "limits": {"similarity": NEAR, "shortest_near_duplicate_bytes": SHORT, "piece_bytes": PIECE},
            "train_instances": self.train.total(),
            "evaluation_instances": self.evaluation.total(),
            "leaking": {kind: self.kinds[kind] for kind in KINDS},
            "tainted": self.tainted.total(),
            "pairs": pairs,
            "train_tasks": _shares(self.train, self.leaking, "leaking"),
            "evaluation_tasks": _shares(self.evaluation, self.tainted, "tainted"),
        }

    def summary(self) -> str:
        """The totals, in two sentences."""
        exact, near, sentences = (self.kinds[kind] for kind in KINDS)
        return (
            f"{self.kinds.total():,} of {self.train.total():,} training instances leak: {exact:,} exactly, {near:,} "
            f"nearly, {sentences:,} by a sentence. "
            f"{self.tainted.total():,} of {self.evaluation.total():,} evaluation instances are tainted."
        )

    def tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """(header, rows) of two tables: by pair of tasks, in the order of `sorted_pairs`; by evaluation task."""
        pairs = [
            [*names, *(f"{pair.kinds[kind]:,}" for kind in KINDS), f"{len(pair.evaluation):,}"]
            for names, pair in self.sorted_pairs()
        ]
        tasks = [
            [name, f"{self.evaluation[name]:,}", f"{count:,}", f"{count / self.evaluation[name]:.1%}"]
            for name, count in sorted(self.tainted.items(), key=lambda item: (-item[1], item[0]))
        ]
        return [(["training", "evaluation", *NUMBERS[:4]], pairs), (["evaluation", *NUMBERS[4:]], tasks)]

    def sorted_pairs(self) -> list[tuple[tuple[str, str], Pair]]:
        """The pairs, those with the most leaks first."""
        return sorted(self.pairs.items(), key=lambda item: (-item[1].kinds.total(), item[0]))


def leak_report(train: Iterable[tuple[str, str]], evaluation: Iterable[tuple[str, str]]) -> LeakReport:
    """Compares as `leaking` does and counts all that two tasks share; ids begin with the task's name and a slash."""
    report = LeakReport()
    index = LeakIndex(_counted(evaluation, report.evaluation))
    tainted: set[str] = set()
    for id, text in _counted(train, report.train):
        leaks = index.find(id, text)
        if leaks:
            report.kinds[leaks[0].kind] += 1
            report.leaking[_task(id)] += 1
            tainted |= {leak.evaluation_id for leak in leaks}
        counted = set()
        for leak in leaks:
            names = _task(id), _task(leak.evaluation_id)
            pair = report.pairs.setdefault(names, Pair())
            pair.evaluation.add(leak.evaluation_id)
            # By the most similar instance of each pair of tasks, which comes first.
            if names not in counted:
                counted.add(names)
                pair.kinds[leak.kind] += 1
                if len(pair.examples) < _EXAMPLES:
                    pair.examples.append(leak)
    report.tainted.update(sorted(map(_task, tainted)))
    return report


def texts(
    specs: Iterable[TaskSpec], splits: Sequence[str], data_folder: Path | None, bad_records: str, progress: Progress
) -> Iterator[tuple[str, str]]:
    """(id, bare text) of all instances of these splits, read from raw files; `progress` counts splits."""
    parts = [(spec, split) for spec in specs for split in splits if split in spec.splits]
    for done, (spec, split) in enumerate(parts):
        progress(f"{spec.name} ({split})", done, len(parts))
        for item in read_instances(spec, split, data_folder, bad_records):
            if not isinstance(item, Skipped):
                yield item.id, bare_text(item)


def _counted(texts: Iterable[tuple[str, str]], counts: Counter) -> Iterator[tuple[str, str]]:
    for id, text in texts:
        counts[_task(id)] += 1
        yield id, text


def _task(id: str) -> str:
    return id.partition("/")[0]


def _shares(counts: Counter, marked: Counter, word: str) -> dict[str, dict[str, int]]:
    return {name: {"instances": count, word: marked[name]} for name, count in counts.items()}
