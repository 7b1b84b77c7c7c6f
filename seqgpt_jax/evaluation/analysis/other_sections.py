"""Sections beside the errors: calibration, robustness, learning curves, settings."""

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
    Text,
    name_cell,
    number,
    with_interval,
)
from seqgpt_jax.evaluation.analysis.charts import learning_chart, reliability_chart
from seqgpt_jax.evaluation.analysis.robustness import SizeRow

_FALSE_ANSWERS_NOTE = (
    "Answered although nothing is right, with the 95 % interval of Wilson; queries of one text are not independent of "
    "each other, so few texts with many queries have a wide one."
)


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


def robustness_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """Scores by number and order of labels and by length of texts, and answers where nothing is right."""
    numbers = [(one, row) for one in analyses for row in one.label_numbers]
    lengths = [(one, row) for one in analyses for row in one.text_lengths]
    positions = [
        [
            name_cell(one.evaluation.name),
            name_cell(row.kind),
            name_cell(row.position),
            *map(Cell, (f"{row.gold:,}", f"{row.predicted:,}", number(row.precision), number(row.recall))),
        ]
        for one in analyses
        for row in one.positions
    ]
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
    note = "Over the units of all tasks in a row; rows hold different tasks, so they differ in more than this."
    blocks: list[Block] = []
    if rates:
        head = ["evaluation", "asked", "false-positive rate, %", "answered"]
        blocks.append(Table(head, rates, _FALSE_ANSWERS_NOTE))
    blocks += [_size_table("labels asked", numbers, note), _size_table("characters of the text", lengths, note)]
    if positions:
        head = ["evaluation", "task", "place of the label", "gold", "answered", "P", "R"]
        note = (
            "The place of a label among those that were asked, three or more. A model that reads all labels alike "
            "answers each third about as often as it is gold."
        )
        blocks.append(Table(head, positions, note))
    return Section("robustness", "Robustness", blocks)


def _size_table(name: str, rows: Sequence[tuple[EvaluationAnalysis, SizeRow]], note: str) -> Table:
    cells = [
        [
            name_cell(one.evaluation.name),
            name_cell(row.kind),
            Cell(f"{row.low:,}" if row.low == row.high else f"{row.low:,} to {row.high:,}"),
            *map(Cell, (number(row.f1), f"{row.instances:,}", f"{row.tasks:,}")),
        ]
        for one, row in rows
    ]
    return Table(["evaluation", "task", name, "micro-F1", "instances", "tasks"], cells, note)


def learning_section(analyses: Sequence[EvaluationAnalysis]) -> Section | None:
    """Losses over steps of the runs that are on this machine, and those that cannot be read; None without any."""
    runs = {one.evaluation.name: one.curves for one in analyses if one.curves}
    blocks: list[Block] = []
    if runs:
        blocks.append(Chart(learning_chart(runs), "Losses of the runs over their steps, up to what was evaluated."))
    blocks += [
        Text(f"{one.evaluation.name} has no learning curve: {one.curves_note}") for one in analyses if one.curves_note
    ]
    return Section("learning", "Learning curves", blocks) if blocks else None


def settings_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """What the scores depend on, as `evaluate` has recorded it."""
    blocks: list[Block] = []
    for one in analyses:
        facts = one.evaluation.numbers["about"]
        rows = [[name_cell(key), name_cell(json.dumps(v, ensure_ascii=False))] for key, v in facts.items()]
        title = f"{one.evaluation.name}: model {one.evaluation.model or 'not known'}"
        blocks.append(Fold(title, [Table(["setting", "value"], rows)]))
    return Section("settings", "Settings", blocks)
