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
    """A label, or query, that is answered far more often than it is gold; how often it is either."""

    task: str
    label: str
    predicted: int
    gold: int


def label_failures(task: SavedTask, labels: Sequence[str]) -> list[LabelFailure]:
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
        for times in resample(task.name, len(task.predictions), RESAMPLES, seed=0)
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


def costliest(evaluation: Evaluation, number: int) -> list[LabelFailure]:
    """The labels with the most wrong units, at most `number`, by data set: that with the smallest gap comes first.

    One of each data set is there before there is a second one of any.
    """
    of_set = [
        sorted(
            (count["right"] * 2 - count["gold"] - count["predicted"], name, label)
            for name in data["atomic_tasks"]
            for label, count in evaluation.tasks[name].numbers["labels"].items()
        )
        for data in evaluation.datasets_by_gap()
    ]
    worst = [ranked[0] for ranked in of_set if ranked and ranked[0][0] < 0][:number]
    others = sorted(one for ranked in of_set for one in ranked[1:] if one[0] < 0)
    kept = {*worst, *others[: number - len(worst)]}
    chosen = [(name, label) for ranked in of_set for cost, name, label in ranked if (cost, name, label) in kept]
    by_task: dict[str, list[str]] = {}
    for name, label in chosen:
        by_task.setdefault(name, []).append(label)
    found = {
        (name, one.label): one
        for name, labels in by_task.items()
        for one in label_failures(evaluation.tasks[name], labels)
    }
    return [found[key] for key in chosen]


def favored_labels(evaluation: Evaluation) -> list[FavoredLabel]:
    """Of each task the label that is answered at least twice as often as it is gold, the largest excess first.

    Labels that are answered fewer than five times are left out.
    """
    found = [
        FavoredLabel(task.name, label, count["predicted"], count["gold"])
        for task in evaluation.tasks.values()
        for label, count in task.numbers["labels"].items()
        if count["predicted"] >= max(_FAVORED * count["gold"], _LEAST_ANSWERS)
    ]
    best: dict[str, FavoredLabel] = {}
    for one in sorted(found, key=lambda one: (one.gold - one.predicted, one.task, one.label)):
        best.setdefault(one.task, one)
    return list(best.values())
