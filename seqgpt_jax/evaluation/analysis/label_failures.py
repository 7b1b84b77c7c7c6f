"""Labels by what they cost: false negatives and positives, F1 with its interval, what they are taken for.

Suffixes: N instances, L labels, R resamples.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.analysis.saved import Evaluation, SavedTask
from seqgpt_jax.evaluation.bootstrap import resample

RESAMPLES = 1000
# A label that is answered so many times more often than it is right to is one that the model favors.
_FAVORED = 2.0
_LEAST_ANSWERS = 5


class LabelFailure(NamedTuple):
    """A label, or query, of a task.

    Attributes:
      task: its task.
      label: its name.
      f1: 0 to 100.
      low, high: ends of its 95 % bootstrap interval over the instances of the task, of resamples that have the label.
      gold, predicted, right: units.
      answered_instead: (another label, how often) that was most often answered where this one is gold; None: none was.
      gold_instead: (another label, how often) that was most often gold where this one was answered.
    """

    task: str
    label: str
    f1: float
    low: float
    high: float
    gold: int
    predicted: int
    right: int
    answered_instead: tuple[str, int] | None
    gold_instead: tuple[str, int] | None

    @property
    def false_negatives(self) -> int:
        """Gold units that were not predicted."""
        return self.gold - self.right

    @property
    def false_positives(self) -> int:
        """Predicted units that are not gold."""
        return self.predicted - self.right

    @property
    def cost(self) -> int:
        """Wrong units of both kinds."""
        return self.false_negatives + self.false_positives


class FavoredLabel(NamedTuple):
    """A label that a classification answers far more often than it is gold; shares of instances, 0 to 1."""

    task: str
    label: str
    predicted_share: float
    gold_share: float


def label_failures(task: SavedTask, labels: Sequence[str], seed: int = 0) -> list[LabelFailure]:
    """These labels of a task, in their order."""
    if not labels:
        return []
    place = {label: number for number, label in enumerate(labels)}
    counts_NxLx3 = np.zeros((len(task.predictions), len(labels), 3))
    for row, one in zip(counts_NxLx3, task.predictions, strict=True):
        gold, predicted = one.gold_units, one.predicted_units
        for column, units in enumerate((gold & predicted, gold, predicted)):
            for unit in units:
                if unit[0] in place:
                    row[place[unit[0]], column] += 1
    flat = counts_NxLx3.reshape(len(task.predictions), -1)
    resampled = [
        _f1((times @ flat).reshape(len(times), len(labels), 3))
        for times in resample(task.name, len(task.predictions), RESAMPLES, seed)
    ]
    low_L, high_L = 100 * np.nanquantile(np.concatenate(resampled), (0.025, 0.975), axis=0)
    sums_Lx3 = counts_NxLx3.sum(axis=0)
    f1_L = 100 * _f1(sums_Lx3)
    confusion = task.numbers["confusion"]
    return [
        LabelFailure(
            task=task.name,
            label=label,
            f1=float(f1_L[number]),
            low=float(low_L[number]),
            high=float(high_L[number]),
            right=int(sums_Lx3[number, 0]),
            gold=int(sums_Lx3[number, 1]),
            predicted=int(sums_Lx3[number, 2]),
            answered_instead=_most(label, confusion.get(label, {})),
            gold_instead=_most(label, {gold: row.get(label, 0) for gold, row in confusion.items()}),
        )
        for label, number in place.items()
    ]


def _f1(sums: np.ndarray) -> np.ndarray:
    """[..., (right, gold, predicted)] -> F1 [...]; NaN where a resample has nothing of a label."""
    units = sums[..., 1] + sums[..., 2]
    return np.where(units == 0, np.nan, 2 * sums[..., 0] / np.where(units == 0, 1.0, units))


def _most(label: str, times_of: Mapping[str, int]) -> tuple[str, int] | None:
    others = [(other, times) for other, times in times_of.items() if other not in (label, NONE) and times]
    return min(others, key=lambda item: (-item[1], item[0]), default=None)


def costliest(evaluation: Evaluation, number: int, seed: int = 0) -> list[LabelFailure]:
    """Of each data set the labels with the most wrong units, the data set with the smallest gap to its baseline first.

    At most `number` in all, and at least two of a data set: of many data sets only the first ones are there.
    """
    datasets = evaluation.datasets_by_gap()
    of_each = max(2, number // len(datasets))
    chosen: list[tuple[str, str]] = []
    for data in datasets:
        ranked = sorted(
            (count["right"] * 2 - count["gold"] - count["predicted"], name, label)
            for name in data["atomic_tasks"]
            for label, count in evaluation.tasks[name].numbers["labels"].items()
        )
        chosen += [(name, label) for cost, name, label in ranked[:of_each] if cost < 0]
    chosen = chosen[:number]
    by_task: dict[str, list[str]] = {}
    for name, label in chosen:
        by_task.setdefault(name, []).append(label)
    found = {
        (name, one.label): one
        for name, labels in by_task.items()
        for one in label_failures(evaluation.tasks[name], labels, seed)
    }
    return [found[key] for key in chosen]


def favored_labels(evaluation: Evaluation) -> list[FavoredLabel]:
    """Of each classification the label that is answered at least twice as often as it is gold, largest excess first.

    Labels that are answered fewer than five times are left out.
    """
    found = []
    for task in evaluation.tasks.values():
        if task.extraction:
            continue
        number = len(task.predictions)
        for label, count in task.numbers["labels"].items():
            predicted, gold = count["predicted"], count["gold"]
            if predicted >= max(_FAVORED * gold, _LEAST_ANSWERS):
                found.append(FavoredLabel(task.name, label, predicted / number, gold / number))
    best: dict[str, FavoredLabel] = {}
    for one in sorted(found, key=lambda one: (one.gold_share - one.predicted_share, one.task, one.label)):
        best.setdefault(one.task, one)
    return list(best.values())
