"""Section with scores of relations and events of whole texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqgpt_jax.evaluation.analysis.blocks import (
    Block,
    Cell,
    Section,
    Table,
    Text,
    common_cell,
    judged,
    name_cell,
    with_interval,
)
from seqgpt_jax.evaluation.analysis.saved import Evaluation
from seqgpt_jax.evaluation.tables import BASELINE_NAMES

_LEGEND = (
    "Whole texts, asked as SeqGPT.relations and SeqGPT.events ask: what the first step misses, the next cannot find. "
    "A unit is right where all its words, types and roles are. majority: the unit most often gold, wherever its "
    "words are in the text. Green: the whole interval of the gap to the best baseline is above 0; red: below it."
)


def end_to_end_section(evaluations: Sequence[Evaluation]) -> Section | None:
    """Each data set's metrics, a column for each model; None where no evaluation asked for them."""
    if not any(one.numbers.get("end_to_end") for one in evaluations):
        return None
    of_all = {one.name: {data["name"]: data for data in one.numbers.get("end_to_end", ())} for one in evaluations}
    rows = []
    for name in dict.fromkeys(name for of_one in of_all.values() for name in of_one):
        found = [of_one.get(name) for of_one in of_all.values()]
        for metric in dict.fromkeys(key for data in found if data for key in data["metrics"]):
            numbers = [data["metrics"].get(metric) if data else None for data in found]
            known = [one for one in numbers if one]
            gold, baseline = common_cell(f"{one['gold']:,}" for one in known), common_cell(map(_baseline, known))
            cells = [name_cell(name), name_cell(metric.replace("_", " ")), gold, baseline]
            rows.append([*cells, *map(_cell, numbers)])
    head = ["data set", "metric", "gold", "best baseline", *(f"{name}: F1 (95 %)" for name in of_all)]
    blocks: list[Block] = [Table(head, rows), *(Text(line) for line in _losses(of_all)), Text(_LEGEND)]
    return Section("end-to-end", "Relations and events, end to end", blocks)


def _baseline(metric: Mapping[str, Any]) -> str:
    name = metric["best_baseline"]
    return f"{BASELINE_NAMES[name]} {metric['baselines'][name]:.1f}"


def _cell(metric: Mapping[str, Any] | None) -> Cell:
    if metric is None:
        return Cell("–")
    return judged(with_interval(metric["f1"], *metric["f1_interval"]), *metric["gap_interval"])


def _losses(of_all: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What could not be asked, in sentences."""
    kinds = {
        "refused_texts": "texts could not be asked and count as answered with nothing",
        "pairs_not_asked": "pairs of spans were not asked: too far apart for one prompt, or beyond 2,000 of a text",
        "gold_outside_schema": "gold relations are between other types than the schema has, and cannot be found",
    }
    return [
        f"{model}, {name}: {data[kind]:,} {words}."
        for model, of_one in of_all.items()
        for name, data in of_one.items()
        for kind, words in kinds.items()
        if data[kind]
    ]
