"""Scores of predictions: micro-F1 of atomic tasks beside its baselines, averaged up to one number.

The headline is F1. SeqGPT (section 3.1) reports (micro-F1 + ROUGE) / 2, here the paper score. A data set with several
atomic tasks scores their mean, and the overall score is the mean over data sets.

True positives, gold and predicted units are summed over all instances of an atomic task. A task without a single gold
unit has F1 = 1 if nothing was predicted, else 0. ROUGE is a mean over instances (`seqgpt_jax.evaluation.measures`).
All rates are between 0 and 1 here; the reports show them times 100.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqgpt_jax.evaluation.field_metrics import FieldMetric, MeanMetric, field_means, field_metric, resampled_metrics
from seqgpt_jax.evaluation.label_report import LabelReport, label_reports
from seqgpt_jax.evaluation.metrics import Metrics, mean_metrics, task_metrics
from seqgpt_jax.evaluation.predictions import Prediction, by_task
from seqgpt_jax.evaluation.rouge import Mode


class Dataset(NamedTuple):
    """Unit of averaging: a data set of several families or languages is one unit for each of them."""

    name: str
    family: str
    language: str


@dataclass(frozen=True)
class Scores:
    """All scores of an evaluation.

    Attributes:
      mode: of ROUGE in the paper score that reports show; `Metrics` have both.
      overall: mean over `datasets`.
      mixtures: each mixture's own overall score.
      families, languages: means over their data sets.
      datasets: means over their atomic tasks.
      tasks: the atomic tasks of each data set.
      labels: task -> the scores of each of its labels, and what they are taken for.
      field: task -> its metrics as other work reports them (`field_metrics`).
      field_means: metric -> its mean over the tasks that have it.
      predictions: what was scored.
    """

    mode: Mode
    overall: Metrics
    mixtures: Mapping[str, Metrics]
    families: Mapping[str, Metrics]
    languages: Mapping[str, Metrics]
    datasets: Mapping[Dataset, Metrics]
    tasks: Mapping[Dataset, Mapping[str, Metrics]]
    labels: Mapping[str, LabelReport]
    field: Mapping[str, Mapping[str, FieldMetric]]
    field_means: Mapping[str, MeanMetric]
    predictions: Sequence[Prediction]


def compute_scores(
    predictions: Iterable[Prediction], mode: Mode = "fixed", resamples: int = 1000, seed: int = 0
) -> Scores:
    """Scores predictions; their order does not matter.

    Args:
      predictions: at least one, each instance once. The splits of a task count together.
      mode: of ROUGE in the paper score that reports show.
      resamples: of the bootstrap.
      seed: of the bootstrap.

    Raises:
      ValueError: there are no predictions, or an instance is there twice.
    """
    predictions = tuple(predictions)
    check_ids(prediction.record.instance for prediction in predictions)
    tasks = _tasks(predictions, resamples, seed)
    datasets = _datasets(tasks)
    members: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        members[prediction.mixture].append(prediction)
    mixtures = {}
    for mixture, subset in members.items():
        of_mixture = datasets if len(members) == 1 else _datasets(_tasks(subset, resamples, seed))
        mixtures[mixture] = _mean_of_datasets(of_mixture.values())
    field = _field_metrics(predictions, resamples, seed)
    return Scores(
        mode=mode,
        overall=_mean_of_datasets(datasets.values()),
        mixtures=mixtures,
        families=_grouped(datasets, "family"),
        languages=_grouped(datasets, "language"),
        datasets=datasets,
        tasks=tasks,
        labels=label_reports(predictions),
        field={
            task: {name: field_metric(values) for name, values in of_task.items()} for task, of_task in field.items()
        },
        field_means=field_means(field.values()),
        predictions=predictions,
    )


def _field_metrics(predictions: Sequence[Prediction], resamples: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    # Sorted, so that resamples do not depend on the order of the predictions.
    tasks = by_task(sorted(predictions, key=lambda prediction: prediction.record.instance))
    return {task: resampled_metrics(task, members, resamples, seed) for task, members in tasks.items()}


def check_ids(ids: Iterable[str]) -> None:
    """Raises ValueError where there is no id of an instance, or a duplicate."""
    counts = Counter(ids)
    if not counts:
        raise ValueError("there is nothing to score: no evaluation data, or its tasks have no instances")
    id, times = counts.most_common(1)[0]
    if times > 1:
        raise ValueError(f"instance {id} is there {times} times: two evaluation stores have the same task and split")


def _tasks(predictions: Iterable[Prediction], resamples: int, seed: int) -> dict[Dataset, dict[str, Metrics]]:
    """Data set -> task -> its metrics, in the order of families, data sets and tasks."""
    members: dict[Dataset, dict[str, list[Prediction]]] = {}
    # Sorted, so that sums and resamples do not depend on the order of the predictions.
    for prediction in sorted(predictions, key=lambda prediction: prediction.record.instance):
        record = prediction.record
        data = Dataset(record.task.split(".")[0], record.family, record.language)
        members.setdefault(data, {}).setdefault(record.task, []).append(prediction)
    return {
        data: {task: task_metrics(task, tasks[task], resamples, seed) for task in sorted(tasks)}
        for data, tasks in sorted(members.items(), key=lambda item: (item[0].family, item[0]))
    }


def _datasets(tasks: Mapping[Dataset, Mapping[str, Metrics]]) -> dict[Dataset, Metrics]:
    return {data: mean_metrics(members.values(), datasets=1) for data, members in tasks.items()}


def _mean_of_datasets(members: Collection[Metrics]) -> Metrics:
    return mean_metrics(members, datasets=len(members))


def _grouped(datasets: Mapping[Dataset, Metrics], field: str) -> dict[str, Metrics]:
    groups: dict[str, list[Metrics]] = defaultdict(list)
    for data, of_dataset in datasets.items():
        groups[getattr(data, field)].append(of_dataset)
    return {name: _mean_of_datasets(groups[name]) for name in sorted(groups)}
