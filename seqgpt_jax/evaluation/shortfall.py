"""Tasks of which fewer instances are asked than was wished, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seqgpt_jax.data.store import EvalStore


class Shortfall(NamedTuple):
    """A task of which fewer instances are asked.

    Attributes:
      task: its name.
      asked: instances that are asked.
      wanted: instances that were wished: `Evaluate.records`, or all that the data have.
      reason: why, in words.
    """

    task: str
    asked: int
    wanted: int
    reason: str

    def __str__(self) -> str:
        """A line for people."""
        return f"{self.task}: {self.asked:,} instances of {self.wanted:,} were asked: {self.reason}"


def shortfalls(
    stores: Sequence[EvalStore], tasks: Iterable[str], records: int | None, without_labels: Sequence[str] = ()
) -> list[Shortfall]:
    """The tasks of which fewer instances are asked than `Evaluate.records`, by name.

    Args:
      stores: what is evaluated on; their manifests say what was dropped.
      tasks: the task of each instance that is asked.
      records, without_labels: of `Evaluate`.
    """
    asked = Counter(tasks)
    reports: dict[str, list[Mapping[str, Any]]] = {task: [] for task in asked}
    for store in stores:
        for task, report in store.manifest.get("tasks", {}).items():
            reports.setdefault(task, []).append(report)
    found = []
    for task in sorted(reports):
        total = sum(report["instances"] for report in reports[task]) if reports[task] else asked[task]
        wanted = total if records is None else records
        if asked[task] < wanted:
            reason = _reason(reports[task], total, wanted, without_labels)
            found.append(Shortfall(task, asked[task], wanted, reason))
    return found


def _reason(reports: Sequence[Mapping[str, Any]], total: int, wanted: int, without_labels: Sequence[str]) -> str:
    parts = []
    drops = Counter()
    for report in reports:
        drops.update(report["drops"])
    prepared = sum(report["within_quota"] for report in reports)
    if total < wanted:
        parts.append(f"the data have {total:,}")
    elif prepared < wanted:
        parts.append(f"{prepared:,} of {total:,} were prepared (Prepare.max_instances or a quota)")
    if drops:
        kinds = ", ".join(f"{number:,} {reason}" for reason, number in sorted(drops.items()))
        parts.append(f"{drops.total():,} were dropped ({kinds})")
    if without_labels:
        parts.append(f"texts that ask nothing but {', '.join(without_labels)} are left out (Evaluate.without_labels)")
    return "; ".join(parts) or "the prepared data hold no more"
