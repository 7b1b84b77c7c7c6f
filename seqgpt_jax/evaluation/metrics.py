"""Metrics of an atomic task or of a group: rates of the model, of the baselines, and their intervals."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import NamedTuple

import numpy as np

from seqgpt_jax.evaluation.baselines import BASELINES, WITH_ROUGE, measure_baselines
from seqgpt_jax.evaluation.bootstrap import interval, resample, weighted_rates
from seqgpt_jax.evaluation.instances import task_protocol
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode

Interval = tuple[float, float]
# Fields of `Metrics` that add up over tasks.
COUNTS = (
    "tasks",
    "instances",
    "prompts",
    "truncated_prompts",
    "unfinished_answers",
    "gold_spans",
    "unreachable_spans",
)
_MEAN = ("f1", "precision", "recall", "well_formed")
# Columns of `Metrics.resampled`: F1 and ROUGE in each mode, then F1 of each baseline.
_MODEL_COLUMNS = ("f1", *MODES)
MIXED = "mixed"


class Baseline(NamedTuple):
    """A program without a model, on the same instances.

    Attributes:
      f1: its micro-F1, or the mean over a group.
      rouge: mode -> its mean ROUGE; None where that is not computed.
    """

    f1: float
    rouge: Mapping[Mode, float] | None

    def paper_score(self, mode: Mode) -> float | None:
        """(micro-F1 + ROUGE) / 2, where ROUGE is known."""
        return None if self.rouge is None else (self.f1 + self.rouge[mode]) / 2


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of an atomic task, or their mean over a group; all rates are between 0 and 1.

    Attributes:
      f1, precision, recall: micro, over units (of a group: the mean of its members').
      rouge: mode -> mean ROUGE over instances (of a group: the mean of its members').
      well_formed: share of answers that follow the contract.
      baselines: name -> what it scores (`seqgpt_jax.evaluation.baselines`).
      protocol: which labels are asked, in words; "mixed" where the members of a group differ.
      choose: how many labels an answer may have; "mixed" as above.
      datasets, tasks, instances, prompts: how many were scored; prompts are those that the model completed.
      truncated_prompts: prompts that lost the start of their text.
      unfinished_answers: completions that the token limit cut off.
      gold_spans, unreachable_spans: gold units of extractions, and those that are not in the text that was read.
      resampled: float64 [resamples, 1 + modes + baselines], the bootstrap of F1, of ROUGE and of the baselines' F1.
    """

    f1: float
    precision: float
    recall: float
    rouge: Mapping[Mode, float]
    well_formed: float
    baselines: Mapping[str, Baseline]
    protocol: str
    choose: str
    datasets: int
    tasks: int
    instances: int
    prompts: int
    truncated_prompts: int
    unfinished_answers: int
    gold_spans: int
    unreachable_spans: int
    resampled: np.ndarray = field(compare=False, repr=False)

    def paper_score(self, mode: Mode) -> float:
        """(micro-F1 + ROUGE) / 2, the score of the paper; of a group, the mean of its members' scores."""
        return (self.f1 + self.rouge[mode]) / 2

    @property
    def best_baseline(self) -> str:
        """The baseline with the highest F1, the first of equal ones."""
        return max(self.baselines, key=lambda name: self.baselines[name].f1)

    @property
    def gap(self) -> float:
        """F1 minus that of the best baseline."""
        return self.f1 - self.baselines[self.best_baseline].f1

    @property
    def f1_interval(self) -> Interval:
        """95 % bootstrap interval of F1: what other instances of the same data might have given, for the same model."""
        return interval(self.resampled[:, 0])

    def paper_score_interval(self, mode: Mode) -> Interval:
        """The same of the paper score."""
        return interval((self.resampled[:, 0] + self.resampled[:, _MODEL_COLUMNS.index(mode)]) / 2)

    @property
    def gap_interval(self) -> Interval:
        """The same of the gap to the baseline that is the best one on all instances."""
        column = len(_MODEL_COLUMNS) + BASELINES.index(self.best_baseline)
        return interval(self.resampled[:, 0] - self.resampled[:, column])


def task_metrics(task: str, predictions: Sequence[Prediction], resamples: int, seed: int) -> Metrics:
    """The metrics of one atomic task.

    Args:
      task: its name, which seeds the bootstrap.
      predictions: one for each instance, in an order that does not depend on how they were made.
      resamples: of the bootstrap.
      seed: of the bootstrap.
    """
    number = len(predictions)
    measured = np.array([prediction.measures for prediction in predictions], np.float64)
    table = np.concatenate([measured[:, None], measure_baselines([item.record for item in predictions])], axis=1)
    point = weighted_rates(table, np.ones((1, number)))
    rates = {name: values[0].tolist() for name, values in point.items()}
    resampled = []
    for times in resample(task, number, resamples, seed):
        rows = weighted_rates(table, times)
        resampled.append(np.column_stack([*(rows[name][:, 0] for name in _MODEL_COLUMNS), rows["f1"][:, 1:]]))
    baselines = {}
    for place, name in enumerate(BASELINES, start=1):
        known = {mode: rates[mode][place] for mode in MODES} if name in WITH_ROUGE else None
        baselines[name] = Baseline(rates["f1"][place], known)
    completions = [completion for item in predictions for completion in item.completions]
    return Metrics(
        **{name: rates[name][0] for name in ("f1", "precision", "recall")},
        rouge={mode: rates[mode][0] for mode in MODES},
        well_formed=sum(prediction.well_formed for prediction in predictions) / number,
        baselines=baselines,
        protocol=task_protocol([prediction.instance for prediction in predictions]),
        choose=_common(prediction.instance.choose for prediction in predictions),
        datasets=1,
        tasks=1,
        instances=number,
        prompts=len(completions),
        truncated_prompts=sum(completion.truncated > 0 for completion in completions),
        unfinished_answers=sum(not completion.finished for completion in completions),
        gold_spans=sum(len(item.gold) for item in predictions if item.record.atom == "ext"),
        unreachable_spans=sum(len(prediction.unreachable) for prediction in predictions),
        resampled=np.concatenate(resampled),
    )


def mean_metrics(members: Collection[Metrics], datasets: int) -> Metrics:
    """The mean of a group; its counts are sums, `datasets` is given."""
    number = len(members)

    def mean(values: Collection[float]) -> float:
        return fsum(values) / number

    baselines = {}
    for name in BASELINES:
        of_members = [member.baselines[name] for member in members]
        known = [baseline.rouge for baseline in of_members if baseline.rouge is not None]
        rouge = {mode: mean([rates[mode] for rates in known]) for mode in MODES} if name in WITH_ROUGE else None
        baselines[name] = Baseline(mean([baseline.f1 for baseline in of_members]), rouge)
    return Metrics(
        **{name: mean([getattr(member, name) for member in members]) for name in _MEAN},
        rouge={mode: mean([member.rouge[mode] for member in members]) for mode in MODES},
        baselines=baselines,
        protocol=_common(member.protocol for member in members),
        choose=_common(member.choose for member in members),
        datasets=datasets,
        **{name: sum(getattr(member, name) for member in members) for name in COUNTS},
        resampled=np.mean([member.resampled for member in members], axis=0),
    )


def _common(values: Iterable[str]) -> str:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else MIXED
