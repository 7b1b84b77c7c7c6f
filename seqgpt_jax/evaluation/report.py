"""Report of an evaluation: numbers for programs, tables for people, a page to browse.

scores.json          all scores, times 100, with the settings behind them
scores.md            the same as Markdown tables
scores.png           a bar chart of the families
predictions.jsonl    one line for each prompt: labels, gold, output, answers and its scores
report.html          tables, chart and wrong answers, in one file that needs no network
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seqgpt_jax.evaluation.chart import family_chart
from seqgpt_jax.evaluation.html_report import html_page
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Metrics, Scores

HEAD = ("score", "F1", "P", "R", "ROUGE", "well-formed", "data sets", "prompts")
_TERMINAL_HEAD = ("score", "F1", "ROUGE", "well-formed", "prompts")


def write_report(scores: Scores, folder: Path, about: Mapping[str, Any]) -> None:
    """Writes all files into `folder`, which is made where it is missing.

    Args:
      scores: of one evaluation.
      folder: files of an earlier report in it are replaced.
      about: JSON-like facts about the scores (model, data, settings), shown as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chart = family_chart(scores)
    numbers = json.dumps(as_json(scores, about), ensure_ascii=False, indent=1)
    lines = (json.dumps(_prediction_json(item), ensure_ascii=False) + "\n" for item in scores.predictions)
    (folder / "scores.json").write_text(numbers + "\n", encoding="utf-8")
    (folder / "scores.md").write_text(markdown(scores, about), encoding="utf-8")
    (folder / "scores.png").write_bytes(chart)
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(lines)
    page = html_page(scores, headline(scores), HEAD, sections(scores), about, chart)
    (folder / "report.html").write_text(page, encoding="utf-8")


def as_json(scores: Scores, about: Mapping[str, Any]) -> dict[str, Any]:
    """The content of scores.json; every rate is times 100 and unrounded."""
    low, high = scores.interval
    groups = {
        name: {key: _metrics_json(value, scores.mode) for key, value in getattr(scores, name).items()}
        for name in ("mixtures", "families", "languages")
    }
    datasets = [
        {
            **data._asdict(),
            **_metrics_json(value, scores.mode),
            "atomic_tasks": {task: _metrics_json(part, scores.mode) for task, part in scores.tasks[data].items()},
        }
        for data, value in scores.datasets.items()
    ]
    overall = _metrics_json(scores.overall, scores.mode) | {"interval_low": 100 * low, "interval_high": 100 * high}
    return {"about": dict(about), "mode": scores.mode, "overall": overall, **groups, "datasets": datasets}


def _metrics_json(metrics: Metrics, mode: Mode) -> dict[str, float | int]:
    rates = {"score": metrics.score(mode)}
    rates |= {f"score_{name}": metrics.score(name) for name in MODES}
    rates |= {name: getattr(metrics, name) for name in ("f1", "precision", "recall")}
    rates |= {f"rouge_{name}": metrics.rouge[name] for name in MODES}
    rates["well_formed"] = metrics.well_formed
    counts = {name: getattr(metrics, name) for name in ("datasets", "tasks", "instances", "prompts")}
    return {name: 100 * rate for name, rate in rates.items()} | counts


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
        "mean_log_probs": [completion.score for completion in prediction.completions],
        "truncated_tokens": max(completion.truncated for completion in prediction.completions),
        "finished": all(completion.finished for completion in prediction.completions),
        "correct": prediction.correct,
        "scores": {
            "true_positives": prediction.true_positives,
            "gold": len(prediction.gold),
            "predicted": len(prediction.predicted),
            **{f"rouge_{mode}": 100 * value for mode, value in prediction.rouge.items()},
        },
    }


def row(metrics: Metrics, mode: Mode) -> tuple[str, ...]:
    """The cells under `HEAD`."""
    rates = (
        metrics.score(mode),
        metrics.f1,
        metrics.precision,
        metrics.recall,
        metrics.rouge[mode],
        metrics.well_formed,
    )
    return (*(f"{100 * rate:.1f}" for rate in rates), f"{metrics.datasets:,}", f"{metrics.prompts:,}")


def sections(scores: Scores) -> Iterator[tuple[str, Sequence[tuple[str, tuple[str, ...]]]]]:
    """(title, rows as (name, cells)) of every table, the widest mean first."""
    groups = [("Family", scores.families), ("Language", scores.languages)]
    if len(scores.mixtures) > 1:
        groups.insert(0, ("Mixture", scores.mixtures))
    yield "Overall", [("all data sets", row(scores.overall, scores.mode))]
    for title, group in groups:
        yield title, [(name, row(score, scores.mode)) for name, score in group.items()]
    rows: list[tuple[str, tuple[str, ...]]] = []
    for data, score in scores.datasets.items():
        rows.append((f"{data.name} ({data.family}, {data.language})", row(score, scores.mode)))
        if len(scores.tasks[data]) > 1:
            rows += [(f"– {task}", row(part, scores.mode)) for task, part in scores.tasks[data].items()]
    yield "Data set", rows


def headline(scores: Scores) -> str:
    """One sentence with the overall score, its interval and its other mode."""
    low, high = (100 * bound for bound in scores.interval)
    (other,) = (mode for mode in MODES if mode != scores.mode)
    return (
        f"Overall {100 * scores.overall.score(scores.mode):.1f} (95 % interval {low:.1f} to {high:.1f}), "
        f"ROUGE mode {scores.mode}; {100 * scores.overall.score(other):.1f} in mode {other}."
    )


def markdown(scores: Scores, about: Mapping[str, Any]) -> str:
    """The content of scores.md."""
    parts = ["# Scores", headline(scores), "Score = (micro-F1 + ROUGE) / 2, all numbers times 100."]
    for title, rows in sections(scores):
        lines = [f"| {title} | {' | '.join(HEAD)} |", f"|---|{'---:|' * len(HEAD)}"]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
        parts.append("\n".join(lines))
    facts = json.dumps(about, ensure_ascii=False, indent=1)
    return "\n\n".join([*parts, "## Settings", f"```json\n{facts}\n```"]) + "\n"


def print_scores(scores: Scores, console: Console | None = None) -> None:
    """Prints the tables for a terminal of 80 columns; scores.md has more columns."""
    console = console or Console(highlight=False, emoji=False)
    kept = [HEAD.index(name) for name in _TERMINAL_HEAD]
    for title, rows in sections(scores):
        table = Table(box=box.SIMPLE, pad_edge=False)
        table.add_column(title, overflow="fold", min_width=30)
        for name in _TERMINAL_HEAD:
            table.add_column(name, justify="right", no_wrap=True)
        for name, cells in rows:
            table.add_row(escape(name), *(cells[index] for index in kept))
        console.print(table)
    console.print(headline(scores))
