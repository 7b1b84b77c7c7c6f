"""Robustness that saved predictions show: number and order of labels, length of texts, answers where none is right."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from seqgpt_jax.evaluation.analysis.saved import SavedPrediction
from seqgpt_jax.evaluation.intervals import wilson
from seqgpt_jax.evaluation.label_counts import LabelCount

# Upper bounds of the rows.
_LABELS = (2, 5, 10, 20, 50)
_CHARACTERS = (50, 100, 200, 400)
_THIRDS = ("first third", "middle third", "last third")

TaskPredictions = Sequence[tuple[str, SavedPrediction]]
"""(task, prediction) pairs."""


class SizeRow(NamedTuple):
    """Instances of a size.

    Attributes:
      kind: "classification" or "extraction".
      low, high: the least and the largest size among them.
      instances, tasks: how many.
      f1: micro-F1 over all their units, 0 to 100; None where nothing is gold and nothing predicted.
    """

    kind: str
    low: int
    high: int
    instances: int
    tasks: int
    f1: float | None


class PositionRow(NamedTuple):
    """Labels by their place among those that were asked.

    Attributes:
      kind: "classification" or "extraction".
      position: which third of the list.
      gold, predicted: units of these labels.
      precision, recall: of them, 0 to 100; None where there are none.
    """

    kind: str
    position: str
    gold: int
    predicted: int
    precision: float | None
    recall: float | None


class FalseAnswers(NamedTuple):
    """Answers where "nothing" is right.

    Attributes:
      kind: what was asked.
      asked: how many texts or queries have no gold answer.
      answered: how many of them were answered nevertheless.
      rate: their share, 0 to 100.
      low, high: ends of its 95 % interval (Wilson; queries count for as many as their texts make of them).
    """

    kind: str
    asked: int
    answered: int
    rate: float
    low: float
    high: float


def by_number_of_labels(predictions: TaskPredictions) -> list[SizeRow]:
    """Rows by how many labels or queries were asked, few first."""
    return _by_size(predictions, lambda one: len(one.labels), _LABELS)


def by_length_of_text(predictions: TaskPredictions) -> list[SizeRow]:
    """Rows by the characters of the text, short ones first."""
    return _by_size(predictions, lambda one: len(one.text), _CHARACTERS)


def _by_size(
    predictions: TaskPredictions, size: Callable[[SavedPrediction], int], bounds: Sequence[int]
) -> list[SizeRow]:
    rows: dict[tuple[str, int], list[tuple[str, SavedPrediction]]] = {}
    for task, one in predictions:
        place = next((number for number, bound in enumerate(bounds) if size(one) <= bound), len(bounds))
        rows.setdefault((_kind(one), place), []).append((task, one))
    found = []
    for (kind, _), members in sorted(rows.items()):
        count = LabelCount()
        for _, one in members:
            count.add(one.gold_units, one.predicted_units)
        sizes = [size(one) for _, one in members]
        tasks = len({task for task, _ in members})
        found.append(SizeRow(kind, min(sizes), max(sizes), len(members), tasks, _times_100(count.f1())))
    return found


def by_position(predictions: Iterable[SavedPrediction]) -> list[PositionRow]:
    """Rows by the third of the list in which a label is; lists of fewer than three labels are left out."""
    counts: dict[tuple[str, int], LabelCount] = {}
    for one in predictions:
        if len(one.labels) < len(_THIRDS):
            continue
        third = {label: len(_THIRDS) * place // len(one.labels) for place, label in enumerate(one.labels)}
        for number in range(len(_THIRDS)):
            gold, predicted = (
                frozenset(unit for unit in units if third[unit[0]] == number)
                for units in (one.gold_units, one.predicted_units)
            )
            counts.setdefault((_kind(one), number), LabelCount()).add(gold, predicted)
    return [
        PositionRow(
            kind=kind,
            position=_THIRDS[number],
            gold=count.gold,
            predicted=count.predicted,
            precision=_times_100(count.precision()),
            recall=_times_100(count.recall()),
        )
        for (kind, number), count in sorted(counts.items())
    ]


def false_answers(predictions: Iterable[SavedPrediction]) -> list[FalseAnswers]:
    """False-positive rates of texts, and of queries, without a gold answer.

    Kinds without any are left out, and so are instances that could not be asked.
    """
    # (answered, asked) of each text.
    counts: dict[str, list[tuple[int, int]]] = {}
    for one in predictions:
        if one.refusal:
            continue
        if not one.gold_units:
            kind = "texts of extractions without any gold span" if one.extraction else "texts to which no label fits"
            counts.setdefault(kind, []).append((bool(one.predicted_units), 1))
        if one.extraction:
            answered = [bool(answers) for gold, answers in zip(one.gold, one.answers, strict=True) if not gold]
            if answered:
                counts.setdefault("queries without a gold span", []).append((sum(answered), len(answered)))
    found = []
    for kind, texts in sorted(counts.items()):
        answered, asked = map(sum, zip(*texts, strict=True))
        rate, number = answered / asked, _independent(texts)
        low, high = wilson(rate * number, number)
        found.append(FalseAnswers(kind, asked, answered, 100 * rate, 100 * low, 100 * high))
    return found


def _independent(texts: Sequence[tuple[int, int]]) -> float:
    """How many independent queries would leave the rate as uncertain as these, of which those of a text are alike.

    That is the number at which the variance of a share is that of the rate when texts are resampled (Korn and
    Graubard 1998); where the rate of all texts is the same, which has none, the number of texts.

    Args:
      texts: (answered, asked) of each.
    """
    answered, asked = map(sum, zip(*texts, strict=True))
    # Of integers, so that it is exactly 0 where all rates are the same: the variance times asked ** 4.
    spread = sum((of_text * asked - answered * queries) ** 2 for of_text, queries in texts)
    return min(asked, answered * (asked - answered) * asked**2 / spread) if spread else len(texts)


def _kind(one: SavedPrediction) -> str:
    return "extraction" if one.extraction else "classification"


def _times_100(rate: float | None) -> float | None:
    return None if rate is None else 100 * rate
