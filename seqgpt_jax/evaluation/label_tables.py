"""Labels of each task in the reports: numbers for scores.json, a short table, and tables to unfold."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from seqgpt_jax.evaluation.label_counts import LabelCount
from seqgpt_jax.evaluation.label_report import LabelReport
from seqgpt_jax.evaluation.tables import html_table

# Rows of a task in report.html; all of them are in scores.json.
SHOWN_LABELS, SHOWN_ERRORS = 60, 30
SHORT_HEAD = ("labels", "lowest F1", "most frequent confusions")
LEGEND = (
    'A confusion "A → B" is a text, or a span, with the gold label A that got B; "A → None" was missed, "None → B" was '
    "predicted without need."
)
_SHORT = 3


def labels_json(report: LabelReport) -> dict[str, Any]:
    """The report as JSON: rates times 100, the confusion as gold label -> predicted label -> how often."""
    confusion: dict[str, dict[str, int]] = {}
    for (gold, predicted), times in report.confusion.items():
        confusion.setdefault(gold, {})[predicted] = times
    labels = {}
    for label, count in report.counts.items():
        rates = {"precision": count.precision(), "recall": count.recall(), "f1": count.f1()}
        labels[label] = {name: None if rate is None else 100 * rate for name, rate in rates.items()}
        labels[label] |= {"gold": count.gold, "predicted": count.predicted, "right": count.right}
    return {"labels": labels, "labels_without_units": report.unused, "confusion": confusion}


def short_rows(reports: Mapping[str, LabelReport]) -> list[tuple[str, tuple[str, ...]]]:
    """(task, cells under `SHORT_HEAD`): the labels with the lowest F1 among those with gold, and what is confused."""
    rows = []
    for task, report in reports.items():
        ranked = sorted((count.f1() or 0.0, -count.gold, label) for label, count in report.counts.items() if count.gold)
        lowest = [f"{label} {100 * f1:.1f} (of {-gold:,})" for f1, gold, label in ranked[:_SHORT]]
        errors = [f"{gold} → {predicted} {times:,}×" for gold, predicted, times in report.errors[:_SHORT]]
        number = f"{len(report.counts):,} of {len(report.counts) + report.unused:,}"
        rows.append((task, (number, ", ".join(lowest) or "–", ", ".join(errors) or "–")))
    return rows


def labels_html(reports: Mapping[str, LabelReport]) -> str:
    """For each task a table of its labels and one of its confusions, folded."""
    parts = []
    for task, report in reports.items():
        labels = [(label, *_cells(count)) for label, count in report.counts.items()]
        errors = [(gold, predicted, f"{times:,}") for gold, predicted, times in report.errors]
        unused = (
            f"<p>{report.unused:,} more labels were asked, neither gold nor predicted.</p>" if report.unused else ""
        )
        parts.append(
            f"<details><summary>{escape(task)}: {len(labels):,} labels, {len(errors):,} kinds of errors</summary>\n"
            f"{_table(('label', 'P', 'R', 'F1', 'gold', 'predicted', 'right'), labels, SHOWN_LABELS)}{unused}"
            f"{_table(('gold', 'predicted', 'times'), errors, SHOWN_ERRORS)}</details>\n"
        )
    return "".join(parts)


def _cells(count: LabelCount) -> tuple[str, ...]:
    rates = (count.precision(), count.recall(), count.f1())
    numbers = (count.gold, count.predicted, count.right)
    return (*("–" if rate is None else f"{100 * rate:.1f}" for rate in rates), *(f"{number:,}" for number in numbers))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], shown: int) -> str:
    if not rows:
        return ""
    rest = len(rows) - shown
    more = f"<p>{rest:,} more rows are in scores.json.</p>" if rest > 0 else ""
    return html_table(head, rows[:shown]) + more
