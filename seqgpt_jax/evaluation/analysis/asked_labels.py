"""Scores by how many labels were asked, and false answers where none is right."""

from collections.abc import Iterable
from typing import NamedTuple

from scipy.stats import binomtest

from seqgpt_jax.evaluation.analysis.saved import SavedPrediction
from seqgpt_jax.evaluation.label_counts import LabelCount

# Upper bounds of the rows.
_BOUNDS = (2, 5, 10, 20, 50)


class LabelNumberRow(NamedTuple):
    """Instances that were asked a number of labels.

    Attributes:
      kind: "classification" or "extraction".
      low, high: how many labels or queries; `high` is the most that any instance has.
      instances, tasks: how many.
      f1: micro-F1 over all their units, 0 to 100; None where nothing is gold and nothing predicted.
    """

    kind: str
    low: int
    high: int
    instances: int
    tasks: int
    f1: float | None


class FalseAnswers(NamedTuple):
    """Answers where "nothing" is right.

    Attributes:
      kind: what was asked.
      asked: how many texts or queries have no gold answer.
      answered: how many of them were answered nevertheless.
      rate: their share, 0 to 100.
      low, high: ends of its 95 % interval (Wilson).
    """

    kind: str
    asked: int
    answered: int
    rate: float
    low: float
    high: float


def by_number_of_labels(predictions: Iterable[tuple[str, SavedPrediction]]) -> list[LabelNumberRow]:
    """Rows of (task, prediction) pairs, few labels first."""
    rows: dict[tuple[str, int], list[tuple[str, SavedPrediction]]] = {}
    for task, one in predictions:
        kind = "extraction" if one.extraction else "classification"
        number = next((place for place, bound in enumerate(_BOUNDS) if len(one.labels) <= bound), len(_BOUNDS))
        rows.setdefault((kind, number), []).append((task, one))
    found = []
    for (kind, _), members in sorted(rows.items()):
        count = LabelCount()
        for _, one in members:
            count.add(one.gold_units, one.predicted_units)
        numbers = [len(one.labels) for _, one in members]
        f1 = count.f1()
        found.append(
            LabelNumberRow(
                kind=kind,
                low=min(numbers),
                high=max(numbers),
                instances=len(members),
                tasks=len({task for task, _ in members}),
                f1=None if f1 is None else 100 * f1,
            )
        )
    return found


def false_answers(predictions: Iterable[SavedPrediction]) -> list[FalseAnswers]:
    """False-positive rates of texts, and of queries, without a gold answer; kinds without any are left out."""
    counts: dict[str, list[bool]] = {}
    for one in predictions:
        if not one.gold_units:
            kind = "texts of extractions without any gold span" if one.extraction else "texts to which no label fits"
            counts.setdefault(kind, []).append(bool(one.predicted_units))
        if one.extraction:
            for gold, answers in zip(one.gold, one.answers, strict=True):
                if not gold:
                    counts.setdefault("queries without a gold span", []).append(bool(answers))
    found = []
    for kind, answered in sorted(counts.items()):
        interval = binomtest(sum(answered), len(answered)).proportion_ci(method="wilson")
        rate = 100 * sum(answered) / len(answered)
        found.append(FalseAnswers(kind, len(answered), sum(answered), rate, 100 * interval.low, 100 * interval.high))
    return found
