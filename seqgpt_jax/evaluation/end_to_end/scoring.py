"""Scores of relations and events of whole texts, beside baselines and with intervals.

    relation_strict           (head, its type, relation, tail, its type)
    relation_boundary         (head, relation, tail)
    trigger_identification    (trigger,)
    trigger_classification    (event type, trigger)
    argument_identification   (event type, span)
    argument_classification   (event type, role, span)

A unit counts once in a text: the data sets' gold spans are words without a place here, and so are the answers. F1 is
micro over all texts of a data set. The baseline `always_none` finds nothing; `majority` answers the unit that is most
often gold in these texts wherever its words are in the text.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqgpt_jax.atomic import clean_text
from seqgpt_jax.evaluation.bootstrap import interval, resampled_f1
from seqgpt_jax.evaluation.end_to_end.asking import EndToEndPrediction
from seqgpt_jax.evaluation.end_to_end.gold import GoldData
from seqgpt_jax.evaluation.metrics import Interval

BASELINES = ("always_none", "majority")
# Metric -> which parts of a unit are words of the text.
WORDS: Mapping[str, tuple[int, ...]] = {
    "relation_strict": (0, 3),
    "relation_boundary": (0, 2),
    "trigger_identification": (0,),
    "trigger_classification": (1,),
    "argument_identification": (1,),
    "argument_classification": (2,),
}


class EndToEndMetric(NamedTuple):
    """A metric of one data set; rates are between 0 and 1.

    Attributes:
      f1, precision, recall: micro over units; 1 where there is nothing to find and nothing was found.
      right, gold, predicted: numbers of units.
      interval: 95 % bootstrap interval of F1 over texts.
      baselines: name -> its F1.
      best_baseline: the first of the highest F1.
      gap, gap_interval: F1 minus that of the best baseline, of the same resamples.
    """

    f1: float
    precision: float
    recall: float
    right: int
    gold: int
    predicted: int
    interval: Interval
    baselines: Mapping[str, float]
    best_baseline: str
    gap: float
    gap_interval: Interval


@dataclass(frozen=True)
class EndToEnd:
    """The scores of one data set.

    Attributes:
      data: its gold.
      metrics: name -> scores.
      predictions: one for each text.
    """

    data: GoldData
    metrics: Mapping[str, EndToEndMetric]
    predictions: Sequence[EndToEndPrediction]


def score(data: GoldData, predictions: Sequence[EndToEndPrediction], resamples: int, seed: int) -> EndToEnd:
    """The scores of what was found in the texts of a data set, at least one."""
    names = predictions[0].gold.units
    metrics = {name: _metric(name, data.name, predictions, resamples, seed) for name in names}
    return EndToEnd(data, metrics, predictions)


def _metric(
    name: str, task: str, predictions: Sequence[EndToEndPrediction], resamples: int, seed: int
) -> EndToEndMetric:
    units = Counter(unit for one in predictions for unit in one.gold.units[name])
    frequent = min(units, key=lambda unit: (-units[unit], unit), default=None)
    rows = []
    for one in predictions:
        gold, found = one.gold.units[name], one.units[name]
        text = clean_text(one.gold.text)
        majority = {frequent} if frequent and all(frequent[part] in text for part in WORDS[name]) else set()
        rows.append([(len(gold & answer), len(gold), len(answer)) for answer in (found, set(), majority)])
    counts = np.array(rows, np.float64)
    f1 = resampled_f1(f"{task} {name}", counts, resamples, seed)
    right, gold_units, predicted = (int(number) for number in counts[:, 0].sum(axis=0))
    baselines = dict(zip(BASELINES, f1[0, 1:].tolist(), strict=True))
    best = max(baselines, key=lambda baseline: baselines[baseline])
    gap = f1[:, 0] - f1[:, 1 + BASELINES.index(best)]
    return EndToEndMetric(
        f1=float(f1[0, 0]),
        precision=right / predicted if predicted else float(gold_units == 0),
        recall=right / gold_units if gold_units else float(predicted == 0),
        right=right,
        gold=gold_units,
        predicted=predicted,
        interval=interval(f1[1:, 0]),
        baselines=baselines,
        best_baseline=best,
        gap=float(gap[0]),
        gap_interval=interval(gap[1:]),
    )


def as_json(one: EndToEnd) -> dict[str, Any]:
    """A data set's scores as scores.json has them, rates times 100."""
    data = one.data
    return {
        "name": data.name,
        "family": data.family,
        "language": data.language,
        "texts": len(one.predictions),
        "texts_without_gold": sum(not any(text.gold.units.values()) for text in one.predictions),
        "refused_texts": sum(bool(text.refusal) for text in one.predictions),
        "pairs_not_asked": sum(text.not_asked for text in one.predictions),
        "gold_outside_schema": data.outside_schema,
        "schema": dict(data.schema),
        "schema_splits": list(data.schema_splits),
        "metrics": {name: _metric_json(metric) for name, metric in one.metrics.items()},
    }


def _metric_json(metric: EndToEndMetric) -> dict[str, Any]:
    rates = {name: 100 * getattr(metric, name) for name in ("f1", "precision", "recall", "gap")}
    ends = {"f1_interval": metric.interval, "gap_interval": metric.gap_interval}
    return {
        **rates,
        **{name: [100 * bound for bound in bounds] for name, bounds in ends.items()},
        "right": metric.right,
        "gold": metric.gold,
        "predicted": metric.predicted,
        "best_baseline": metric.best_baseline,
        "baselines": {name: 100 * f1 for name, f1 in metric.baselines.items()},
    }


def prediction_lines(found: Sequence[EndToEnd]) -> Iterator[dict[str, Any]]:
    """What end_to_end.jsonl has of each text: gold and predicted units of every metric."""
    for data in found:
        for one in data.predictions:
            yield {
                "id": one.gold.id,
                "data": data.data.name,
                "text": one.gold.text,
                "gold": {name: sorted(units) for name, units in one.gold.units.items()},
                "predicted": {name: sorted(units) for name, units in one.units.items()},
                "not_asked": one.not_asked,
                "refusal": one.refusal,
            }
