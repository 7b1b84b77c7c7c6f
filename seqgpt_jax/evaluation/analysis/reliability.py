"""Reliability of scores: how often answers with a score are right, in bins of the score."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqgpt_jax.evaluation.analysis.saved import SavedPrediction
from seqgpt_jax.evaluation.score_calibration import BINS, calibration_error

KINDS = ("labels", "spans")


class Bin(NamedTuple):
    """Answers whose scores are in one bin.

    Attributes:
      low, high: its bounds.
      answers: how many.
      score: their mean score.
      right: the share that is right.
    """

    low: float
    high: float
    answers: int
    score: float
    right: float


class Reliability(NamedTuple):
    """Scores of one kind of answer, and how far they are from shares of right answers.

    Attributes:
      kind: "labels" or "spans".
      answers: how many have a score.
      error: the expected calibration error, 0 to 100.
      bins: those that are not empty.
    """

    kind: str
    answers: int
    error: float
    bins: tuple[Bin, ...]


def reliability(predictions: Iterable[SavedPrediction]) -> list[Reliability]:
    """The reliability of each kind of answer that has scores."""
    pairs: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in KINDS}
    for one in predictions:
        gold = one.gold_units
        pairs["spans" if one.extraction else "labels"] += [(score, unit in gold) for unit, score in one.scored_answers]
    return [
        Reliability(kind, len(of_kind), calibration_error(of_kind), _bins(of_kind))
        for kind, of_kind in pairs.items()
        if of_kind
    ]


def _bins(pairs: list[tuple[float, bool]]) -> tuple[Bin, ...]:
    scores, right = np.array(pairs, float).T
    numbers = np.minimum((scores * BINS).astype(int), BINS - 1)
    found = []
    for number in np.unique(numbers).tolist():
        inside = numbers == number
        means = float(scores[inside].mean()), float(right[inside].mean())
        found.append(Bin(number / BINS, (number + 1) / BINS, int(inside.sum()), *means))
    return tuple(found)
