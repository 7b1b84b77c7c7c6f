"""Sections beside the errors: calibration, numbers of labels, false positives, learning curves, settings."""

import json
from collections.abc import Sequence

from seqgpt_jax.evaluation.analysis.analysis import EvaluationAnalysis
from seqgpt_jax.evaluation.analysis.blocks import (
    Block,
    Cell,
    Chart,
    Fold,
    Section,
    Table,
    name_cell,
    number,
    with_interval,
)
from seqgpt_jax.evaluation.analysis.charts import learning_chart, reliability_chart


def reliability_section(analyses: Sequence[EvaluationAnalysis]) -> Section | None:
    """Whether scores are shares of right answers; None where there are no scores."""
    rows, charts = [], []
    for one in analyses:
        name = one.evaluation.name
        for item in one.reliability:
            mean = sum(b.score * b.answers for b in item.bins) / item.answers
            right = sum(b.right * b.answers for b in item.bins) / item.answers
            cells = (f"{item.answers:,}", number(item.error), number(100 * mean), number(100 * right))
            rows.append([name_cell(name), name_cell(item.kind), *map(Cell, cells)])
        if one.reliability:
            charts.append(Chart(reliability_chart(name, one.reliability), f"Reliability of the scores of {name}."))
    if not rows:
        return None
    head = ["evaluation", "scores of", "answers", "calibration error", "mean score", "right"]
    note = "0 to 100. Below the diagonal a model is too sure; `python -m seqgpt_jax.calibrate` fits its scores."
    return Section("calibration", "Calibration", [Table(head, rows, note), *charts])


def asked_labels_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """Scores by the number of labels that were asked, and answers where nothing is right."""
    numbers = [
        [
            name_cell(one.evaluation.name),
            name_cell(row.kind),
            Cell(f"{row.low:,}" if row.low == row.high else f"{row.low:,} to {row.high:,}"),
            Cell(number(row.f1)),
            Cell(f"{row.instances:,}"),
            Cell(f"{row.tasks:,}"),
        ]
        for one in analyses
        for row in one.label_numbers
    ]
    head = ["evaluation", "task", "labels asked", "micro-F1", "instances", "tasks"]
    note = (
        "Over the units of all tasks in a row; different tasks are in different rows, so rows differ in more than this."
    )
    blocks: list[Block] = [Table(head, numbers, note)]
    rates = [
        [
            name_cell(one.evaluation.name),
            name_cell(row.kind),
            Cell(with_interval(row.rate, row.low, row.high), shade=row.rate / 100),
            Cell(f"{row.answered:,} of {row.asked:,}"),
        ]
        for one in analyses
        for row in one.false_answers
    ]
    if rates:
        note = "False-positive rate: answered although nothing is right, 95 % interval of Wilson."
        blocks.append(Table(["evaluation", "asked", "false-positive rate, %", "answered"], rates, note))
    return Section("asked", "Number of labels, and false positives", blocks)


def learning_section(analyses: Sequence[EvaluationAnalysis]) -> Section | None:
    """Losses over steps of the runs that are on this machine; None without any."""
    runs = {one.evaluation.name: one.curves for one in analyses if one.curves}
    if not runs:
        return None
    return Section("learning", "Learning curves", [Chart(learning_chart(runs), "Losses of the runs over their steps.")])


def settings_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """What the scores depend on, as `evaluate` has recorded it."""
    blocks: list[Block] = []
    for one in analyses:
        facts = one.evaluation.numbers["about"]
        rows = [[name_cell(key), name_cell(json.dumps(v, ensure_ascii=False))] for key, v in facts.items()]
        title = f"{one.evaluation.name}: model {one.evaluation.model or 'not known'}"
        blocks.append(Fold(title, [Table(["setting", "value"], rows)]))
    return Section("settings", "Settings", blocks)
