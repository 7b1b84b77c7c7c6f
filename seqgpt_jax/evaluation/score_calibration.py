"""Calibration of scores: fitted on the predictions of an evaluation, and its expected calibration error.

Labels that are compared get a temperature (Guo et al. 2017, arXiv:1706.04599), spans and labels that may be one of any
number a line through their log-odds (Platt scaling). Both keep the order of the scores of a prompt. Of labels that are
asked in chunks all log-probabilities are compared.

Suffixes: P predictions, L labels.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from seqgpt_jax.atomic import NONE
from seqgpt_jax.io.contract import ScoreCalibration

BINS = 10
"""Of the expected calibration error, equally wide."""
LEAST = 30
"""Fewer predictions fit nothing."""


@dataclass
class Evidence:
    """Scores of an evaluation, and what was right.

    Attributes:
      compared: (log-probabilities of the labels, the number of the right one) of each classification.
      values: (probability, whether it is right) of each span, and of each label that may be one of any number.
    """

    compared: list[tuple[np.ndarray, int]] = field(default_factory=list)
    values: list[tuple[float, bool]] = field(default_factory=list)


def read_evidence(path: Path) -> Evidence:
    """The scores in a predictions.jsonl of `evaluate`.

    Raises:
      ValueError: not such a file, or one of an older version, without scores; names the line.
      OSError: it cannot be read.
    """
    found = Evidence()
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                _add(found, json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}:{number}: no prediction with scores ({error!r}): run `evaluate` once more"
                ) from error
    return found


def _add(found: Evidence, record: dict[str, Any]) -> None:
    gold, scores = record["gold"], record["label_scores"]
    if scores is not None:
        right = gold[0] if len(gold) == 1 else NONE if not gold else None
        if right in scores:
            found.compared.append((np.array(list(scores.values()), float), list(scores).index(right)))
        return
    answers, confidences = record["answers"], record["confidences"]
    if answers and isinstance(answers[0], list):
        pairs = [
            (value, score, right)
            for of_label, of_scores, right in zip(answers, confidences, gold, strict=True)
            for value, score in zip(of_label, of_scores, strict=True)
        ]
    else:
        pairs = [(value, score, gold) for value, score in zip(answers, confidences, strict=True)]
    found.values += [(score, value in right) for value, score, right in pairs if score is not None]


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted calibration and how good it is.

    Attributes:
      calibration: what was fitted to all evidence; what has too little stays as it is.
      errors: ("compared labels" or "spans and other labels") -> (predictions, expected calibration error before,
        after), 0-100. That after is measured on each half with what was fitted to the other.
    """

    calibration: ScoreCalibration
    errors: dict[str, tuple[int, float, float]]


def fit(evidence: Evidence) -> Fit:
    """The calibration that fits the evidence."""
    settings: dict[str, float] = {}
    errors: dict[str, tuple[int, float, float]] = {}
    rng = np.random.default_rng(0)
    if len(evidence.compared) >= LEAST:
        settings["temperature"] = _temperature(evidence.compared)
        halves = _halves(evidence.compared, rng)
        before = [_choice(scores, right, 1.0) for scores, right in evidence.compared]
        after = [_choice(s, r, t) for half, other in halves for t in [_temperature(other)] for s, r in half]
        errors["compared labels"] = (len(before), calibration_error(before), calibration_error(after))
    if len(evidence.values) >= LEAST and len({right for _, right in evidence.values}) == 2:
        settings |= _line(evidence.values)
        after = []
        for half, other in _halves(evidence.values, rng):
            line = ScoreCalibration(**_line(other)) if len({right for _, right in other}) == 2 else ScoreCalibration()
            after += [(line.of_value(score), right) for score, right in half]
        errors["spans and other labels"] = (len(after), calibration_error(evidence.values), calibration_error(after))
    return Fit(ScoreCalibration(**settings), errors)


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """The expected calibration error, 0-100: how far shares of right answers are from their probabilities, by bins.

    >>> round(calibration_error([(0.75, True), (0.75, True), (0.75, True), (0.75, False), (0.2, True)]), 1)
    16.0
    """
    scores, right = np.array(pairs, float).T
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [abs((scores - right)[bins == number].sum()) for number in range(BINS)]
    return float(100 * sum(gaps) / len(pairs))


def _halves(items: Sequence[Any], rng: np.random.Generator) -> list[tuple[list[Any], list[Any]]]:
    """Both orders of two random halves."""
    order = rng.permutation(len(items))
    one, other = ([items[i] for i in part] for part in np.array_split(order, 2))
    return [(one, other), (other, one)]


def _choice(scores_L: np.ndarray, right: int, temperature: float) -> tuple[float, bool]:
    """(probability of the best label, whether it is right)."""
    shares_L = np.exp(scores_L / temperature - np.logaddexp.reduce(scores_L / temperature))
    return float(shares_L.max()), int(shares_L.argmax()) == right


def _temperature(compared: Sequence[tuple[np.ndarray, int]]) -> float:
    """The temperature with the least cross-entropy of the right labels."""

    def loss(log_temperature: float) -> float:
        scaled = [(scores / np.exp(log_temperature), right) for scores, right in compared]
        return float(np.mean([np.logaddexp.reduce(scores) - scores[right] for scores, right in scaled]))

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


def _line(values: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Slope and intercept of the log-odds with the least cross-entropy."""
    scores, right = np.array(values, float).T
    inside = np.clip(scores, 1e-12, 1 - 1e-12)
    log_odds = np.log(inside) - np.log1p(-inside)

    def loss(parameters: np.ndarray) -> float:
        found = np.exp(parameters[0]) * log_odds + parameters[1]
        return float(np.mean(np.logaddexp(0, found) - right * found))

    bounds = ((-5, 3), (-20, 20))  # separable evidence has no best line
    log_slope, intercept = minimize(loss, np.zeros(2), method="Nelder-Mead", bounds=bounds).x
    return {"slope": float(np.exp(log_slope)), "intercept": float(intercept)}
