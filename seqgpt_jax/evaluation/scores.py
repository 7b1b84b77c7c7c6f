"""Scores of predictions: micro-F1 and ROUGE of atomic tasks, averaged up to one number.

SeqGPT (section 3.1): score = (micro-F1 + ROUGE) / 2; a data set with several atomic tasks scores
their mean, and the overall score is the mean over data sets.

True positives, gold and predicted units are summed over all instances of an atomic task, so the
chunks of an instance count together. A task without a single gold unit has F1 = 1 if nothing was
predicted, else 0. ROUGE compares whole answers, echoed queries included, and is a mean over instances.
All rates are between 0 and 1 here; the reports show them times 100.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

import numpy as np

from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode

_RESAMPLES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of an atomic task, or their mean over a group; all rates are between 0 and 1.

    Attributes:
      f1, precision, recall: micro, over units (of a group: the mean of its members').
      rouge: mode -> mean ROUGE over predictions.
      well_formed: share of answers that follow the contract.
      datasets, tasks, instances, prompts: how many were scored; prompts are those that the model completed.
    """

    f1: float
    precision: float
    recall: float
    rouge: Mapping[str, float]
    well_formed: float
    datasets: int
    tasks: int
    instances: int
    prompts: int

    def score(self, mode: Mode) -> float:
        """(micro-F1 + ROUGE) / 2, the score of the paper; of a group, the mean of its members' scores."""
        return (self.f1 + self.rouge[mode]) / 2


class Dataset(NamedTuple):
    """Unit of averaging: a data set of several families or languages is one unit for each of them."""

    name: str
    family: str
    language: str


@dataclass(frozen=True)
class Scores:
    """All scores of an evaluation.

    Attributes:
      mode: of ROUGE in the headline score; `Metrics` have both.
      overall: mean over `datasets`.
      interval: 95 % bootstrap interval of the overall score: what other instances of the
        same data sets might have given, for the same model.
      mixtures: each mixture's own overall score.
      families, languages: means over their data sets.
      datasets: means over their atomic tasks.
      tasks: the atomic tasks of each data set.
      predictions: what was scored.
    """

    mode: Mode
    overall: Metrics
    interval: tuple[float, float]
    mixtures: Mapping[str, Metrics]
    families: Mapping[str, Metrics]
    languages: Mapping[str, Metrics]
    datasets: Mapping[Dataset, Metrics]
    tasks: Mapping[Dataset, Mapping[str, Metrics]]
    predictions: Sequence[Prediction]


def compute_scores(
    predictions: Iterable[Prediction], mode: Mode = "fixed", resamples: int = 1000, seed: int = 0
) -> Scores:
    """Scores predictions; their order does not matter.

    Args:
      predictions: at least one, each prompt once. The splits of a task count together.
      mode: of ROUGE in the headline score and its interval.
      resamples: of the bootstrap.
      seed: of the bootstrap.

    Raises:
      ValueError: there are no predictions, or a prompt is there twice.
    """
    predictions = tuple(predictions)
    check_ids(prediction.record.id for prediction in predictions)
    tables = _tables(predictions)
    tasks = _task_metrics(tables)
    datasets = _dataset_metrics(tasks)
    members: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        members[prediction.mixture].append(prediction)
    mixtures = {}
    for mixture, subset in members.items():
        mixtures[mixture] = _mean_of_datasets(_dataset_metrics(_task_metrics(_tables(subset))).values())
    return Scores(
        mode=mode,
        overall=_mean_of_datasets(datasets.values()),
        interval=_interval(tables, mode, resamples, seed),
        mixtures=mixtures,
        families=_grouped(datasets, "family"),
        languages=_grouped(datasets, "language"),
        datasets=datasets,
        tasks=tasks,
        predictions=predictions,
    )


def check_ids(ids: Iterable[str]) -> None:
    """Raises ValueError where there is no id, or a duplicate."""
    counts = Counter(ids)
    if not counts:
        raise ValueError("there is nothing to score: no evaluation data, or its tasks have no instances")
    id, times = counts.most_common(1)[0]
    if times > 1:
        raise ValueError(f"prompt {id} is there {times} times: two evaluation stores have the same task and split")


# Columns of a table: true positives, gold and predicted units, predictions, well-formed ones, prompts, and ROUGE in
# each mode.
_FIXED_COLUMNS = 6
_Tables = dict[Dataset, dict[str, np.ndarray]]


def _tables(predictions: Iterable[Prediction]) -> _Tables:
    """Data set -> task -> float64 [instances, 6 + modes]: the sums over the prompts of each instance."""
    rows: dict[Dataset, dict[str, dict[str, list]]] = {}
    # Sorted, so that sums and resamples do not depend on the order of the predictions.
    for prediction in sorted(predictions, key=lambda prediction: prediction.record.id):
        record = prediction.record
        data = Dataset(record.task.split(".")[0], record.family, record.language)
        counts = (prediction.true_positives, len(prediction.gold), len(prediction.predicted), 1, prediction.well_formed)
        row = (*counts, len(prediction.completions), *(prediction.rouge[mode] for mode in MODES))
        rows.setdefault(data, {}).setdefault(record.task, {}).setdefault(record.instance, []).append(row)
    return {
        data: {
            task: np.array([np.sum(parts, axis=0) for parts in tasks[task].values()], np.float64)
            for task in sorted(tasks)
        }
        for data, tasks in sorted(rows.items(), key=lambda item: (item[0].family, item[0]))
    }


def _task_metrics(tables: _Tables) -> dict[Dataset, dict[str, Metrics]]:
    return {data: {task: _metrics(table) for task, table in tasks.items()} for data, tasks in tables.items()}


def _metrics(table: np.ndarray) -> Metrics:
    """The metrics of one atomic task from its table [instances, 6 + modes]."""
    correct, gold, predicted, number, well_formed, prompts, *rouges = (fsum(column) for column in table.T)
    return Metrics(
        f1=float(_f1(correct, gold, predicted)),
        precision=correct / predicted if predicted else float(not gold),
        recall=correct / gold if gold else float(not predicted),
        rouge={mode: total / number for mode, total in zip(MODES, rouges, strict=True)},
        well_formed=well_formed / number,
        datasets=1,
        tasks=1,
        instances=len(table),
        prompts=int(prompts),
    )


def _f1(correct, gold, predicted) -> np.ndarray:
    """2 TP / (gold + predicted) of numbers or arrays of one shape; 1 where there is neither gold nor prediction."""
    total = np.add(gold, predicted)
    return np.where(total == 0, 1.0, 2 * np.asarray(correct) / np.maximum(total, 1))


def _mean(members: Collection[Metrics], datasets: int) -> Metrics:
    def mean(name: str) -> float:
        return fsum(getattr(member, name) for member in members) / len(members)

    def total(name: str) -> int:
        return sum(getattr(member, name) for member in members)

    return Metrics(
        f1=mean("f1"),
        precision=mean("precision"),
        recall=mean("recall"),
        rouge={mode: fsum(member.rouge[mode] for member in members) / len(members) for mode in MODES},
        well_formed=mean("well_formed"),
        datasets=datasets,
        tasks=total("tasks"),
        instances=total("instances"),
        prompts=total("prompts"),
    )


def _dataset_metrics(tasks: Mapping[Dataset, Mapping[str, Metrics]]) -> dict[Dataset, Metrics]:
    return {data: _mean(members.values(), datasets=1) for data, members in tasks.items()}


def _mean_of_datasets(members: Collection[Metrics]) -> Metrics:
    return _mean(members, datasets=len(members))


def _grouped(datasets: Mapping[Dataset, Metrics], field: str) -> dict[str, Metrics]:
    groups: dict[str, list[Metrics]] = defaultdict(list)
    for data, of_dataset in datasets.items():
        groups[getattr(data, field)].append(of_dataset)
    return {name: _mean_of_datasets(groups[name]) for name in sorted(groups)}


def _interval(tables: _Tables, mode: Mode, resamples: int, seed: int) -> tuple[float, float]:
    """2.5 and 97.5 % quantiles of the overall score over resamples of each task's instances."""
    by_dataset = [
        np.mean([_resampled(task, table, mode, resamples, seed) for task, table in tasks.items()], axis=0)
        for tasks in tables.values()
    ]
    low, high = np.quantile(np.mean(by_dataset, axis=0), (0.025, 0.975))
    return float(low), float(high)


def _resampled(task: str, table: np.ndarray, mode: Mode, resamples: int, seed: int) -> np.ndarray:
    """float64 [resamples]: scores of a task whose instances [instances, 6 + modes] were resampled with replacement."""
    rng = np.random.default_rng(stable_hash(seed, "bootstrap", task))
    instances = len(table)
    column = _FIXED_COLUMNS + MODES.index(mode)
    scores: list[np.ndarray] = []
    for start in range(0, resamples, _RESAMPLES_AT_ONCE):
        size = min(_RESAMPLES_AT_ONCE, resamples - start)
        # How often each instance is in a resample, in place of the resamples themselves.
        times = rng.multinomial(instances, np.full(instances, 1 / instances), size=size)
        sums = times @ table
        f1 = _f1(sums[:, 0], sums[:, 1], sums[:, 2])
        scores.append((f1 + sums[:, column] / sums[:, 3]) / 2)
    return np.concatenate(scores)
