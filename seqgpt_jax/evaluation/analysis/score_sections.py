"""Sections with scores: families and languages, data sets, differences, metrics of other work."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqgpt_jax.evaluation.analysis.analysis import Analysis
from seqgpt_jax.evaluation.analysis.blocks import (
    Block,
    Cell,
    Chart,
    Fold,
    Section,
    Table,
    Text,
    common_cell,
    judged,
    name_cell,
    number,
    with_interval,
)
from seqgpt_jax.evaluation.analysis.charts import family_chart, gap_chart
from seqgpt_jax.evaluation.analysis.paired_differences import Difference
from seqgpt_jax.evaluation.analysis.saved import Evaluation
from seqgpt_jax.evaluation.analysis.summary_section import dataset_name, difference_sentence
from seqgpt_jax.evaluation.tables import BASELINE_NAMES, FAMILY_NAMES

# A setting of a prepared store, whose name ends with a hash of all its settings.
_STORE = re.compile(r"(Prepare|left_out)\..+\.[0-9a-f]{10}(\.|$)")
Groups = Mapping[str, Mapping[str, Any]]
_LEGEND = (
    "All numbers times 100. F1 is the headline; gap is F1 minus that of the best baseline, a program without a model "
    "on the same instances: always-None answers None throughout, majority the most frequent gold label of the task, "
    "uniform any label with equal probability. Paper score = (F1 + ROUGE) / 2."
)
_DETAILS_NOTE = (
    "Choose: how many labels an answer may have. P, R: precision and recall. Cut: prompts that lost the start of their "
    "text; unreachable: gold spans in what was cut off."
)
_DETAILS = (
    "F1 (95 %)", "best baseline", "gap (95 %)", "paper score", "labels asked", "choose", "P", "R", "ROUGE",
    "well-formed", "data sets", "instances", "prompts", "cut", "unreachable",
)  # fmt: skip


def family_section(evaluations: Sequence[Evaluation]) -> Section:
    """Families x models, in the form of the paper's table 2, then languages, and mixtures where there are several."""
    blocks: list[Block] = []
    if any(len(one.numbers["families"]) > 1 for one in evaluations):
        blocks.append(
            Chart(
                family_chart({one.name: _with_all(one, "families") for one in evaluations}),
                "F1 of each family with its 95 % interval; the line is the best baseline.",
            )
        )
    for title, kind in (("family", "families"), ("language", "languages"), ("mixture", "mixtures")):
        of_all = {one.name: _with_all(one, kind) for one in evaluations}
        # Without "all", one mixture or language says nothing that the families have not said.
        if kind == "families" or any(len(groups) > 2 for groups in of_all.values()):
            blocks += _tables(title, of_all)
    blocks.append(Text(_LEGEND))
    found = dict.fromkeys(family for one in evaluations for family in one.numbers["families"])
    named = ", ".join(f"{family} {FAMILY_NAMES[family]}" for family in found if family in FAMILY_NAMES)
    blocks.append(Text(f"Families: {named}."))
    return Section("families", "Families and languages", blocks)


def _with_all(evaluation: Evaluation, kind: str) -> Groups:
    return {**evaluation.numbers.get(kind, {}), "all": evaluation.numbers["overall"]}


def _tables(title: str, of_all: Mapping[str, Groups]) -> list[Block]:
    """A row for each group: of one model all its scores, of several a table of F1 and one of the paper score."""
    groups = [*dict.fromkeys(group for of_one in of_all.values() for group in of_one if group != "all"), "all"]
    note = "Green: the whole interval of the gap to the best baseline is above 0; red: below it."
    if len(of_all) == 1:
        ((_, of_one),) = of_all.items()
        rows = [[name_cell(group), *_score_cells(of_one[group])] for group in groups]
        return [Table([title, "F1 (95 %)", "best baseline", "gap (95 %)", "paper score"], rows, note)]
    f1, paper = [], []
    for group in groups:
        numbers = [of_one.get(group) for of_one in of_all.values()]
        baseline = common_cell(_baseline(one) for one in numbers if one)
        f1.append([name_cell(group), baseline, *map(_f1, numbers)])
        paper.append([name_cell(group), *(Cell(number(one["paper_score"] if one else None)) for one in numbers)])
    return [
        Table([f"F1 by {title}", "best baseline", *of_all], f1, "Differences between models: see below."),
        Table([f"paper score by {title}", *of_all], paper, "(F1 + ROUGE) / 2, as table 2 of the SeqGPT paper."),
    ]


def _f1(numbers: Mapping[str, Any] | None) -> Cell:
    return Cell(with_interval(numbers["f1"], *numbers["f1_interval"]) if numbers else "–")


def _baseline(numbers: Mapping[str, Any]) -> str:
    name = numbers["best_baseline"]
    return f"{BASELINE_NAMES[name]} {number(numbers['baselines'][name]['f1'])}"


def _score_cells(numbers: Mapping[str, Any]) -> list[Cell]:
    return [
        Cell(with_interval(numbers["f1"], *numbers["f1_interval"])),
        Cell(_baseline(numbers)),
        judged(with_interval(numbers["gap"], *numbers["gap_interval"], "+"), *numbers["gap_interval"]),
        Cell(number(numbers["paper_score"])),
    ]


def dataset_section(evaluations: Sequence[Evaluation]) -> Section:
    """Each data set against its baseline, as a chart and with all numbers."""
    blocks: list[Block] = []
    if len(evaluations) > 1:
        of_all = {one.name: {dataset_name(data): data for data in one.numbers["datasets"]} for one in evaluations}
        names = list(dict.fromkeys(name for of_one in of_all.values() for name in of_one))
        rows = []
        for name in names:
            cells = [name_cell(name)]
            for of_one in of_all.values():
                if data := of_one.get(name):
                    cells.append(judged(f"{data['f1']:.1f} ({data['gap']:+.1f})", *data["gap_interval"]))
                else:
                    cells.append(Cell("–"))
            rows.append(cells)
        head = ["data set", *(f"{name}: F1 (gap)" for name in of_all)]
        blocks.append(Table(head, rows, "Gap: F1 minus that of the best baseline. Green and red: beyond chance."))
    for one in evaluations:
        datasets = one.numbers["datasets"]
        gaps = sorted((data["gap"], dataset_name(data), *data["gap_interval"]) for data in datasets)
        parts: list[Block] = []
        if len(gaps) > 1:
            svg = gap_chart([(name, gap, low, high) for gap, name, low, high in gaps])
            parts.append(Chart(svg, "Data sets, the worst first: F1 minus that of the best baseline, 95 % interval."))
        details = Table(["data set", *_DETAILS], _dataset_rows(one), _DETAILS_NOTE)
        if len(evaluations) > 1:
            blocks.append(Fold(f"All numbers of {one.name}", [*parts, details]))
        else:
            blocks += [*parts, Fold("All numbers", [details], open=len(gaps) == 1)]
    return Section("datasets", "Data sets", blocks)


def _dataset_rows(evaluation: Evaluation) -> list[list[Cell]]:
    rows = []
    for data in evaluation.numbers["datasets"]:
        rows.append([name_cell(dataset_name(data)), *_detail_cells(data, evaluation)])
        if len(data["atomic_tasks"]) > 1:
            for task, of_task in data["atomic_tasks"].items():
                rows.append([name_cell(f"– {task}"), *_detail_cells(of_task, evaluation)])
    return rows


def _detail_cells(numbers: Mapping[str, Any], evaluation: Evaluation) -> list[Cell]:
    f1, baseline, gap, paper = _score_cells(numbers)
    rouge = numbers[f"rouge_{evaluation.numbers['mode']}"]
    rates = (numbers["precision"], numbers["recall"], rouge, numbers["well_formed"])
    counts = ("datasets", "instances", "prompts", "truncated_prompts", "unreachable_spans")
    return [
        f1,
        baseline,
        gap,
        paper,
        Cell(numbers["protocol"]),
        Cell(numbers["choose"]),
        *(Cell(number(rate)) for rate in rates),
        *(Cell(f"{numbers[name]:,}") for name in counts),
    ]


def difference_section(analysis: Analysis) -> Section | None:
    """Paired differences to the first evaluation; None where there is one evaluation only."""
    if not analysis.comparisons:
        return None
    blocks: list[Block] = [
        Text(
            "Both models are resampled with the same instances (paired bootstrap). p: two-sided, how often a resample "
            "has no difference or one of the other sign. Of many rows some are below 0.05 by chance."
        )
    ]
    first, *others = (item.evaluation.numbers["about"] for item in analysis.evaluations)
    for one, about in zip(analysis.comparisons, others, strict=True):
        blocks.append(Text(difference_sentence(one), strong=True))
        rows = [_difference_row("all", one.overall)] if one.overall else []
        rows += [_difference_row(name, item) for group in (one.families, one.languages) for name, item in group.items()]
        head = ["group", one.first, one.second, "difference (95 %)", "p", "tasks", "instances"]
        if rows:
            blocks.append(Table(head, rows))
            datasets = sorted(one.datasets.items(), key=lambda pair: pair[1].value)
            table = Table(["data set", *head[1:]], [_difference_row(name, item) for name, item in datasets])
            if len(datasets) > 1:
                svg = gap_chart(
                    [(name, item.value, item.low, item.high) for name, item in datasets],
                    f"F1 of {one.second} minus that of {one.first}",
                )
                blocks.append(
                    Chart(svg, "Differences of each data set, 95 % interval; in colour where it is without 0.")
                )
            blocks.append(Fold(f"{len(datasets)} data sets: {one.second} against {one.first}", [table]))
        if one.not_compared:
            reasons = [[name_cell(task), name_cell(reason)] for task, reason in one.not_compared.items()]
            title = f"{len(reasons)} tasks that cannot be compared: {one.second} and {one.first}"
            blocks.append(Fold(title, [Table(["task", "reason"], reasons)]))
        if settings := differing_settings(first, about):
            rows = [[name_cell(text) for text in row] for row in settings]
            title = f"{len(rows)} settings that differ: {one.first} and {one.second}"
            blocks.append(Fold(title, [Table(["setting", one.first, one.second], rows)]))
    return Section("differences", "Paired differences", blocks)


def differing_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(dotted name, value, other value) of what differs between two evaluations' settings, by name.

    Settings of prepared data are left out where their stores are named differently: the hash in the name says so.

    >>> differing_settings({"Decode": {"num_beams": 1, "seed": 0}}, {"Decode": {"num_beams": 4, "seed": 0}})
    [('Decode.num_beams', '1', '4')]
    """
    one, other = dict(_flat(first)), dict(_flat(second))
    return [
        (name, one.get(name, "–"), other.get(name, "–"))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name) and not (_STORE.match(name) and (name not in one or name not in other))
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value, ensure_ascii=False)


def _difference_row(name: str, one: Difference) -> list[Cell]:
    change = with_interval(one.value, one.low, one.high, "+")
    cells = [name_cell(name), Cell(number(one.first)), Cell(number(one.second)), judged(change, one.low, one.high)]
    return [*cells, Cell(f"{one.p_value:.3f}"), Cell(f"{one.tasks:,}"), Cell(f"{one.instances:,}")]


def other_metrics_section(evaluations: Sequence[Evaluation]) -> Section:
    """Metrics of other work; those that `Evaluate.metric` names have a table of their own, before all."""
    names = list(dict.fromkeys(name for one in evaluations for name in one.tasks))
    rows: list[tuple[str, str, list[Cell]]] = []
    for name in names:
        metrics = [one.tasks[name].numbers.get("field_metrics", {}) if name in one.tasks else {} for one in evaluations]
        for metric in dict.fromkeys(key for of_one in metrics for key in of_one):
            rows.append((name, metric, _metric_cells([of_one.get(metric) for of_one in metrics])))
    # Not in the files of earlier versions.
    means = [one.numbers.get("field_metrics", {}) for one in evaluations]
    for metric in dict.fromkeys(key for of_one in means for key in of_one):
        found = [of_one.get(metric) for of_one in means]
        tasks = " or ".join(f"{number:,}" for number in sorted({one["tasks"] for one in found if one}))
        rows.append((f"mean of {tasks} task{'s' * (tasks != '1')}", metric, _metric_cells(found)))
    models = [one.name for one in evaluations]
    note = "0 to 100, with 95 % intervals; how they are computed: docs/scores.md."
    chosen = dict.fromkeys(one.numbers["about"].get("Evaluate", {}).get("metric") for one in evaluations)
    blocks: list[Block] = []
    for metric in filter(None, chosen):
        blocks.append(Text(metric, strong=True))
        table = [[name_cell(name), *cells] for name, of_row, cells in rows if of_row == metric]
        blocks.append(Table(["task", *models], table, note))
    everything = [[name_cell(name), name_cell(metric), *cells] for name, metric, cells in rows]
    blocks.append(Fold(f"{len(rows)} metrics", [Table(["task", "metric", *models], everything, note)]))
    return Section("metrics", "Metrics of other work", blocks)


def _metric_cells(found: Sequence[Mapping[str, float] | None]) -> list[Cell]:
    return [Cell(with_interval(one["value"], one["low"], one["high"]) if one else "–") for one in found]
