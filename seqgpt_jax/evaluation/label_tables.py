"""Labels of each task as scores.json has them, and the legend of their confusion."""

from typing import Any

from seqgpt_jax.evaluation.label_report import LabelReport

LEGEND = (
    'A confusion "A → B" is a text, or a span, with the gold label A that got B; "A → None" was missed, "None → B" was '
    "predicted without need."
)


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
