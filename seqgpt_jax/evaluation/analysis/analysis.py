"""Analysis of saved evaluations: all that a report shows beside their scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.evaluation.analysis.label_failures import FavoredLabel, LabelFailure, costliest, favored_labels
from seqgpt_jax.evaluation.analysis.learning_curves import LearningCurve, learning_curves
from seqgpt_jax.evaluation.analysis.paired_differences import Comparison, compare_evaluations
from seqgpt_jax.evaluation.analysis.reliability import Reliability, reliability
from seqgpt_jax.evaluation.analysis.report_files import KEYS
from seqgpt_jax.evaluation.analysis.robustness import (
    FalseAnswers,
    PositionRow,
    SizeRow,
    by_length_of_text,
    by_number_of_labels,
    by_position,
    false_answers,
)
from seqgpt_jax.evaluation.analysis.saved import Evaluation
from seqgpt_jax.evaluation.analysis.span_errors import count_span_errors, shares

COSTLIEST = 16


@dataclass(frozen=True)
class EvaluationAnalysis:
    """What one evaluation fails at.

    Attributes:
      evaluation: with its scores and predictions.
      costliest: labels with the most wrong units: one of each data set, as far as they are shown, then any.
      favored: labels that are answered far too often.
      span_errors: extraction task -> class of error -> how many.
      reliability: of the scores of labels and of spans.
      label_numbers, text_lengths: scores by how many labels were asked, and by the length of the text.
      positions: scores of labels by their place among those that were asked.
      false_answers: answers where nothing is right.
      curves: of the run up to the step that was evaluated, where its folder is on this machine.
      curves_note: why there are none although it is; "" where that is not so.
    """

    evaluation: Evaluation
    costliest: Sequence[LabelFailure]
    favored: Sequence[FavoredLabel]
    span_errors: Mapping[str, Counter[str]]
    reliability: Sequence[Reliability]
    label_numbers: Sequence[SizeRow]
    text_lengths: Sequence[SizeRow]
    positions: Sequence[PositionRow]
    false_answers: Sequence[FalseAnswers]
    curves: Sequence[LearningCurve]
    curves_note: str

    @property
    def all_span_errors(self) -> Counter[str]:
        """Class -> how many errors of all extractions."""
        return sum(self.span_errors.values(), Counter())


@dataclass(frozen=True)
class Analysis:
    """Several evaluations, and each of the others compared with the first one."""

    evaluations: Sequence[EvaluationAnalysis]
    comparisons: Sequence[Comparison]


def analyze(evaluations: Sequence[Evaluation]) -> Analysis:
    """The analysis of at least one evaluation."""
    first, *others = evaluations
    return Analysis([_analyze(one) for one in evaluations], [compare_evaluations(first, other) for other in others])


def _analyze(evaluation: Evaluation) -> EvaluationAnalysis:
    pairs = [(name, one) for name, task in evaluation.tasks.items() for one in task.predictions]
    predictions = [one for _, one in pairs]
    curves, note = _curves(evaluation)
    return EvaluationAnalysis(
        evaluation=evaluation,
        costliest=costliest(evaluation, COSTLIEST),
        favored=favored_labels(evaluation),
        span_errors={
            name: count_span_errors(task.predictions) for name, task in evaluation.tasks.items() if task.extraction
        },
        reliability=reliability(predictions),
        label_numbers=by_number_of_labels(pairs),
        text_lengths=by_length_of_text(pairs),
        positions=by_position(predictions),
        false_answers=false_answers(predictions),
        curves=curves,
        curves_note=note,
    )


def _curves(evaluation: Evaluation) -> tuple[Sequence[LearningCurve], str]:
    """(curves of the run, why they are left out)."""
    if not evaluation.model:
        return [], ""
    try:
        return learning_curves(Path(evaluation.model), evaluation.numbers["about"].get("step")), ""
    except ValueError as error:
        return [], str(error)


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """The content of report.json: rates times 100, shares 0 to 1."""
    evaluations = [_evaluation_json(one) for one in analysis.evaluations]
    differences = [
        {**asdict(one), **{name: _differences_json(getattr(one, name)) for name in _DIFFERENCES}}
        | {"overall": one.overall and one.overall._asdict()}
        for one in analysis.comparisons
    ]
    return dict(zip(KEYS, (evaluations, differences), strict=True))


_DIFFERENCES = ("families", "languages", "datasets")


def _differences_json(differences: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one._asdict() for name, one in differences.items()}


def _evaluation_json(one: EvaluationAnalysis) -> dict[str, Any]:
    numbers = one.evaluation.numbers
    return {
        "name": one.evaluation.name,
        "folder": str(one.evaluation.folder),
        "model": one.evaluation.model,
        **{name: numbers[name] for name in ("notes", "overall", "families", "languages")},
        "datasets": [{key: v for key, v in data.items() if key != "atomic_tasks"} for data in numbers["datasets"]],
        "costliest_labels": [
            {**item._asdict(), "false_negatives": item.false_negatives, "false_positives": item.false_positives}
            for item in one.costliest
        ],
        "favored_labels": [item._asdict() for item in one.favored],
        "span_errors": {
            "counts": dict(one.all_span_errors),
            "shares": shares(one.all_span_errors),
            "tasks": {name: dict(counts) for name, counts in one.span_errors.items()},
        },
        "reliability": [item._asdict() | {"bins": [b._asdict() for b in item.bins]} for item in one.reliability],
        "by_number_of_labels": [item._asdict() for item in one.label_numbers],
        "by_length_of_text": [item._asdict() for item in one.text_lengths],
        "by_position_of_label": [item._asdict() for item in one.positions],
        "false_answers": [item._asdict() for item in one.false_answers],
        "learning_curves": {item.kind: item.points for item in one.curves},
        "learning_curves_note": one.curves_note,
    }
