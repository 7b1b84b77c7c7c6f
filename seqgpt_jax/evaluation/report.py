"""Report of an evaluation: numbers for programs, tables for people, a page to browse.

scores.json          all scores, times 100, with the settings behind them
scores.md            the same as Markdown tables
scores.png           a bar chart of the families: F1, the best baseline, ROUGE
predictions.jsonl    one line for each instance: labels, gold, output, answers and its scores
report.html          tables, chart and wrong answers, in one file that needs no network
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgpt_jax.evaluation import label_tables
from seqgpt_jax.evaluation.chart import family_chart
from seqgpt_jax.evaluation.field_metrics import FieldMetric
from seqgpt_jax.evaluation.html_report import html_page
from seqgpt_jax.evaluation.metrics import COUNTS, Metrics
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores
from seqgpt_jax.evaluation.tables import HEAD, LEGEND, markdown_table, sections, words

_FACTS = ("protocol", "choose", "datasets", *COUNTS)


def write_report(scores: Scores, folder: Path, about: Mapping[str, Any], notes: Sequence[str] = ()) -> None:
    """Writes all files into `folder`, which is made where it is missing.

    Args:
      scores: of one evaluation.
      folder: files of an earlier report in it are replaced.
      about: JSON-like facts about the scores (model, data, settings), shown as they are.
      notes: what a reader should know besides, each a sentence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chart = family_chart(scores)
    numbers = json.dumps(as_json(scores, about, notes), ensure_ascii=False, indent=1)
    lines = (json.dumps(_prediction_json(item), ensure_ascii=False) + "\n" for item in scores.predictions)
    (folder / "scores.json").write_text(numbers + "\n", encoding="utf-8")
    (folder / "scores.md").write_text(markdown(scores, about, notes), encoding="utf-8")
    (folder / "scores.png").write_bytes(chart)
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(lines)
    sentences = [*words(scores, notes), LEGEND]
    page = html_page(scores, sentences, HEAD, sections(scores), about, chart)
    (folder / "report.html").write_text(page, encoding="utf-8")


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
                | label_tables.labels_json(scores.labels[task])
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
        "datasets": datasets,
    }


def _times_100(metric: FieldMetric) -> dict[str, float]:
    return {name: 100 * value for name, value in metric._asdict().items()}


def _field_rows(scores: Scores) -> list[tuple[str, tuple[str, ...]]]:
    """(task, (metric, its value and interval)) of every metric that other work reports."""
    return [
        (task, (name, f"{100 * metric.value:.1f} ({100 * metric.low:.1f} to {100 * metric.high:.1f})"))
        for task, metrics in scores.field.items()
        for name, metric in metrics.items()
    ]


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


def markdown(scores: Scores, about: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The content of scores.md."""
    parts = ["# Scores", *words(scores, notes), LEGEND]
    parts += [markdown_table(title, HEAD, rows) for title, rows in sections(scores)]
    parts += [
        "## Labels",
        label_tables.LEGEND,
        markdown_table("Task", label_tables.SHORT_HEAD, label_tables.short_rows(scores.labels)),
    ]
    parts += ["## Metrics of other work", markdown_table("Task", ("metric", "0 to 100"), _field_rows(scores))]
    facts = json.dumps(about, ensure_ascii=False, indent=1)
    return "\n\n".join([*parts, "## Settings", f"```json\n{facts}\n```"]) + "\n"
