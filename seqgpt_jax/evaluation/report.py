"""Files of an evaluation: numbers for programs, and the report for people.

scores.json          all scores, times 100, with the settings behind them
predictions.jsonl    one line for each instance: what was asked, gold, output, answers and their scores
end_to_end.jsonl     with `Evaluate.end_to_end`: one line for each text, its gold and predicted relations or events
report.html          where the model fails, in one file that needs no network
report.md, .json     the same for editors and programs
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgpt_jax.evaluation.analysis.page import write_report_page
from seqgpt_jax.evaluation.analysis.saved import PREDICTIONS, SCORES, read_evaluation
from seqgpt_jax.evaluation.end_to_end import scoring
from seqgpt_jax.evaluation.end_to_end.scoring import EndToEnd
from seqgpt_jax.evaluation.field_metrics import FieldMetric
from seqgpt_jax.evaluation.label_report import LabelReport
from seqgpt_jax.evaluation.metrics import COUNTS, Metrics
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores
from seqgpt_jax.io.json_line import json_line

END_TO_END = "end_to_end.jsonl"
_FACTS = ("protocol", "choose", "datasets", *COUNTS)


def write_report(
    scores: Scores,
    folder: Path,
    about: Mapping[str, Any],
    notes: Sequence[str] = (),
    end_to_end: Sequence[EndToEnd] = (),
) -> None:
    """Writes all files into `folder`, which is made where it is missing.

    Args:
      scores: of one evaluation.
      folder: files of an earlier report in it are replaced.
      about: JSON-like facts about the scores (model, data, settings), shown as they are.
      notes: what a reader should know besides, each a sentence.
      end_to_end: scores of relations and events, where they were asked.
    """
    write_scores(scores, folder, about, notes, end_to_end)
    # From the files, as `python -m seqgpt_jax.report` does: what it shows can be had again from them.
    write_report_page([read_evaluation(folder)], folder / "report.html")


def write_scores(
    scores: Scores,
    folder: Path,
    about: Mapping[str, Any],
    notes: Sequence[str] = (),
    end_to_end: Sequence[EndToEnd] = (),
) -> None:
    """Writes scores.json and the files of predictions alone, as `write_report` does."""
    folder.mkdir(parents=True, exist_ok=True)
    content = as_json(scores, about, notes)
    # Of an earlier evaluation in this folder, which may have asked for them.
    (folder / END_TO_END).unlink(missing_ok=True)
    if end_to_end:
        content["end_to_end"] = [scoring.as_json(one) for one in end_to_end]
    # First: the scores are what hours of answering were for.
    (folder / SCORES).write_text(json_line(content, indent=1), encoding="utf-8")
    if end_to_end:
        _write_lines(folder / END_TO_END, scoring.prediction_lines(end_to_end))
    _write_lines(folder / PREDICTIONS, map(_prediction_json, scores.predictions))


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(json_line, lines))


def as_json(scores: Scores, about: Mapping[str, Any], notes: Sequence[str] = ()) -> dict[str, Any]:
    """The content of scores.json; every rate is times 100 and unrounded."""
    groups = {
        name: {key: _metrics_json(value, scores.mode) for key, value in getattr(scores, name).items()}
        for name in ("mixtures", "families", "languages")
    }
    datasets = [
        {
            **data._asdict(),
            **_metrics_json(value, scores.mode),
            "atomic_tasks": {
                task: _metrics_json(part, scores.mode)
                | _labels_json(scores.labels[task])
                | {"field_metrics": {name: _times_100(metric) for name, metric in scores.field[task].items()}}
                for task, part in scores.tasks[data].items()
            },
        }
        for data, value in scores.datasets.items()
    ]
    overall = _metrics_json(scores.overall, scores.mode)
    return {
        "about": dict(about),
        "notes": list(notes),
        "mode": scores.mode,
        "overall": overall,
        **groups,
        "field_metrics": {
            name: _times_100(FieldMetric(*mean[:3])) | {"tasks": mean.tasks}
            for name, mean in scores.field_means.items()
        },
        "datasets": datasets,
    }


def _labels_json(report: LabelReport) -> dict[str, Any]:
    """Rates times 100, the confusion as gold label -> predicted label -> how often."""
    confusion: dict[str, dict[str, int]] = {}
    for (gold, predicted), times in report.confusion.items():
        confusion.setdefault(gold, {})[predicted] = times
    labels = {}
    for label, count in report.counts.items():
        rates = {"precision": count.precision(), "recall": count.recall(), "f1": count.f1()}
        labels[label] = {name: None if rate is None else 100 * rate for name, rate in rates.items()}
        labels[label] |= {"gold": count.gold, "predicted": count.predicted, "right": count.right}
    return {"labels": labels, "labels_without_units": report.unused, "confusion": confusion}


def _times_100(metric: FieldMetric) -> dict[str, float]:
    return {name: 100 * value for name, value in metric._asdict().items()}


def _metrics_json(metrics: Metrics, mode: Mode) -> dict[str, Any]:
    rates = {name: getattr(metrics, name) for name in ("f1", "precision", "recall")}
    rates |= {"paper_score": metrics.paper_score(mode)}
    rates |= {f"rouge_{name}": metrics.rouge[name] for name in MODES}
    rates |= {"well_formed": metrics.well_formed, "gap": metrics.gap}
    intervals = {
        "f1": metrics.f1_interval,
        "gap": metrics.gap_interval,
        "paper_score": metrics.paper_score_interval(mode),
    }
    baselines = {}
    for name, baseline in metrics.baselines.items():
        values = {"f1": baseline.f1, "paper_score": baseline.paper_score(mode)}
        baselines[name] = {key: 100 * value for key, value in values.items() if value is not None}
    return {
        **{name: 100 * rate for name, rate in rates.items()},
        **{f"{name}_interval": [100 * bound for bound in bounds] for name, bounds in intervals.items()},
        "best_baseline": metrics.best_baseline,
        "baselines": baselines,
        **{name: getattr(metrics, name) for name in _FACTS},
    }


def _prediction_json(prediction: Prediction) -> dict[str, Any]:
    record = prediction.record
    return {
        "id": record.instance,
        "task": record.task,
        "mixture": prediction.mixture,
        "text": record.text,
        "labels": record.labels,
        "prompts": prediction.prompts,
        "gold": record.answers,
        "output": prediction.output,
        "answers": prediction.answers,
        "well_formed": prediction.well_formed,
        "confidences": prediction.confidences,
        "label_scores": prediction.label_scores,
        "mean_log_probs": [completion.score for completion in prediction.completions],
        "truncated_tokens": max((completion.truncated for completion in prediction.completions), default=0),
        "unreachable_spans": sorted(prediction.unreachable),
        "finished": all(completion.finished for completion in prediction.completions),
        "correct": prediction.correct,
        **({"refusal": prediction.refusal} if prediction.refusal else {}),
        "scores": {
            "true_positives": prediction.measures.correct,
            "gold": len(prediction.gold),
            "predicted": len(prediction.predicted),
            **{f"rouge_{mode}": None if rate is None else 100 * rate for mode, rate in prediction.rouge.items()},
        },
    }
