"""Paired differences in F1 between two evaluations of the same records.

Both models are resampled with the same instances, so what is hard about an instance is hard for both: intervals are
those of the difference, and mostly narrower than those of the two scores suggest. A task counts only where both were
asked the same instances (text, labels, gold answers) in the same way; the others are named with the reason.

Suffixes: N instances, R resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqgpt_jax.evaluation.analysis.saved import Evaluation, SavedPrediction, SavedTask
from seqgpt_jax.evaluation.bootstrap import interval, resampled_f1

RESAMPLES = 1000


class Difference(NamedTuple):
    """F1 of the second evaluation minus that of the first, times 100.

    Attributes:
      value: of all instances.
      low, high: ends of its 95 % paired bootstrap interval.
      p_value: two-sided, of the bootstrap: how often a resample has no difference, or one of the other sign.
      first, second: F1 of both, times 100.
      tasks, instances: how many were compared.
    """

    value: float
    low: float
    high: float
    p_value: float
    first: float
    second: float
    tasks: int
    instances: int

    @property
    def may_be_chance(self) -> bool:
        """Whether the interval holds 0."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """Two evaluations compared.

    Attributes:
      first, second: their names.
      overall: mean over the data sets that were compared; None without any.
      families, languages, datasets: the same for each of them.
      not_compared: task -> the reason, of all tasks of either evaluation that are in no difference.
    """

    first: str
    second: str
    overall: Difference | None
    families: Mapping[str, Difference]
    languages: Mapping[str, Difference]
    datasets: Mapping[str, Difference]
    not_compared: Mapping[str, str]


@dataclass(frozen=True)
class _Pair:
    """F1 of both models, point values [2] and resampled [R, 2], of a task or a mean of tasks."""

    point: np.ndarray
    resampled_Rx2: np.ndarray
    tasks: int
    instances: int


def compare_evaluations(first: Evaluation, second: Evaluation) -> Comparison:
    """The differences between two evaluations, for all tasks whose records are the same."""
    reasons = {
        name: _mismatch(first, second, first.tasks.get(name), second.tasks.get(name))
        for name in sorted(first.tasks.keys() | second.tasks.keys())
    }
    datasets: dict[tuple[str, str, str], list[_Pair]] = {}
    for name, reason in reasons.items():
        if not reason:
            task = first.tasks[name]
            pair = _task_pair(task, second.tasks[name])
            datasets.setdefault((task.family, task.dataset, task.language), []).append(pair)
    means = {key: _mean(members) for key, members in sorted(datasets.items())}

    def groups(place: int) -> dict[str, Difference]:
        names = sorted({key[place] for key in means})
        return {name: _difference(_mean([p for key, p in means.items() if key[place] == name])) for name in names}

    return Comparison(
        first=first.name,
        second=second.name,
        overall=_difference(_mean(list(means.values()))) if means else None,
        families=groups(0),
        languages=groups(2),
        datasets={f"{name} ({family}, {code})": _difference(p) for (family, name, code), p in means.items()},
        not_compared={name: reason for name, reason in reasons.items() if reason},
    )


def _mismatch(first: Evaluation, second: Evaluation, one: SavedTask | None, other: SavedTask | None) -> str:
    """Why two tasks cannot be compared; "" where they can."""
    if one is None or other is None:
        return f"not in {first.name if one is None else second.name}"
    left, right = ({item.id for item in task.predictions} for task in (one, other))
    reason = asked_differently(one, other)
    if not reason and left != right:
        return f"different instances ({len(left):,} and {len(right):,}, {len(left & right):,} in both)"
    return reason


def asked_differently(one: SavedTask, other: SavedTask) -> str:
    """Why two evaluations of a task cannot be compared even on the instances that both have; "" where they can."""
    for name in ("protocol", "choose"):
        if (a := one.numbers[name]) != (b := other.numbers[name]):
            return f"asked in different ways ({name}: {a}, {b})"
    left, right = ({item.id: _question(item) for item in task.predictions} for task in (one, other))
    if different := [id for id in left if id in right and left[id] != right[id]]:
        return f"{len(different):,} records differ in text, labels or gold answers ({different[0]})"
    return ""


def _question(prediction: SavedPrediction) -> tuple:
    """What was asked and what is right; the order of labels is a setting of the evaluation."""
    return prediction.text, frozenset(prediction.labels), prediction.gold_units


def unit_counts(predictions: Sequence[SavedPrediction]) -> np.ndarray:
    """Right, gold and predicted units of each instance, float64 [instances, 3]."""
    pairs = [(one.gold_units, one.predicted_units) for one in predictions]
    return np.array([(len(gold & predicted), len(gold), len(predicted)) for gold, predicted in pairs], np.float64)


def _task_pair(one: SavedTask, other: SavedTask) -> _Pair:
    counts_Nx2x3 = np.stack([unit_counts(task.predictions) for task in (one, other)], axis=1)
    point, *resampled = resampled_f1(one.name, counts_Nx2x3, RESAMPLES, seed=0)
    return _Pair(point, np.array(resampled), 1, len(one.predictions))


def _mean(members: Sequence[_Pair]) -> _Pair:
    return _Pair(
        np.mean([one.point for one in members], axis=0),
        np.mean([one.resampled_Rx2 for one in members], axis=0),
        sum(one.tasks for one in members),
        sum(one.instances for one in members),
    )


def _difference(pair: _Pair) -> Difference:
    first, second = (100 * pair.point).tolist()
    differences = 100 * (pair.resampled_Rx2[:, 1] - pair.resampled_Rx2[:, 0])
    low, high = interval(differences)
    # A value that rounding has moved away from 0 is none.
    rounded = differences.round(9)
    p_value = min(1.0, 2 * float(min((rounded <= 0).mean(), (rounded >= 0).mean())))
    # Of R resamples one side says no less than 1 / R, and both no less than twice that.
    p_value = max(p_value, min(1.0, 2 / len(differences)))
    return Difference(second - first, low, high, p_value, first, second, pair.tasks, pair.instances)
