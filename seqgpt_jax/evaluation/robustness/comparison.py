"""Robustness of a model: the same instances before and after each perturbation, and what that costs.

F1 is compared as everywhere: units are summed over the instances of a task, tasks make the mean of a data set, data
sets the mean of all. Both sides of a difference are of the same instances, resampled together.

Suffixes: N instances, R resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.completion import Generator
from seqgpt_jax.evaluation.bootstrap import interval, resampled_f1
from seqgpt_jax.evaluation.evaluator import answers_or_refusals, prediction_of
from seqgpt_jax.evaluation.instances import EvalInstance
from seqgpt_jax.evaluation.intervals import wilson
from seqgpt_jax.evaluation.predictions import Prediction, by_task
from seqgpt_jax.evaluation.robustness.perturbations import Perturbed
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Effect:
    """What a perturbation does to the instances of some tasks; all numbers but counts times 100.

    Attributes:
      instances: that it changes.
      plain, perturbed: F1 before and after it.
      difference: the second minus the first.
      low, high: ends of its 95 % paired bootstrap interval.
    """

    instances: int
    plain: float
    perturbed: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some cases were answered, where nothing is right; rates times 100.

    Attributes:
      number: of cases.
      rate: share of those that were answered.
      low, high: ends of its 95 % interval (Wilson).
    """

    number: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Predicted:
    """The predictions of perturbed instances, in their order.

    Attributes:
      scored: compared with what is right; of extractions without the labels that were added.
      asked: compared for all labels that were asked.
    """

    scored: list[Prediction]
    asked: list[Prediction]


def predict(generator: Generator, asked: Sequence[Perturbed], progress: Progress = no_progress) -> Predicted:
    """The answers to perturbed instances, compared with what is right then; one that cannot be asked has none."""
    answers = answers_or_refusals(generator, [one.asked.question for one in asked], progress)
    whole = [prediction_of(one.asked, given) for one, given in zip(asked, answers, strict=True)]
    scored = [
        prediction if one.scored is one.asked else prediction_of(one.scored, _of_labels(given, one.scored))
        for one, given, prediction in zip(asked, answers, whole, strict=True)
    ]
    return Predicted(scored, whole)


def _of_labels(given: Answer | str, scored: EvalInstance) -> Answer | str:
    """The answer to an extraction with the labels that are scored alone; a refusal as it is."""
    if isinstance(given, str) or not isinstance(given.answers, dict) or not isinstance(given.found, dict):
        return given
    labels = scored.record.labels
    return replace(
        given,
        answers={label: given.answers[label] for label in labels},
        found={label: given.found[label] for label in labels},
    )


def effect(
    plain: Sequence[Prediction], perturbed: Sequence[Prediction], resamples: int = 1000, seed: int = 0
) -> Effect:
    """What a perturbation costs.

    Args:
      plain, perturbed: of the same instances, in the same order; at least one.
      resamples, seed: of the bootstrap.
    """
    after = {prediction.record.instance: prediction for prediction in perturbed}
    datasets: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for task, members in by_task(plain).items():
        pairs = [(one.measures, after[one.record.instance].measures) for one in members]
        rates_Rx2 = resampled_f1(task, np.array(pairs, np.float64)[..., :3], resamples, seed)
        record = members[0].record
        datasets.setdefault((task.split(".")[0], record.family, record.language), []).append(rates_Rx2)
    rates_Rx2 = 100 * np.mean([np.mean(tasks, axis=0) for tasks in datasets.values()], axis=0)
    before, later = rates_Rx2[0].tolist()
    return Effect(len(plain), before, later, later - before, *interval(rates_Rx2[1:, 1] - rates_Rx2[1:, 0]))


def false_answers(predictions: Sequence[Prediction]) -> Share | None:
    """How often instances without a right answer were answered; None where none of them could be asked."""
    return _share([bool(one.predicted) for one in predictions if not one.refusal])


def added_labels_answered(predicted: Predicted) -> Share | None:
    """How often texts of extractions have a span for a label that was added; None without such labels.

    Texts are counted, not labels: a model that answers one label falsely answers others of the text, too.
    """
    found = []
    for scored, asked in zip(predicted.scored, predicted.asked, strict=True):
        if scored is not asked and not asked.refusal:
            own = set(scored.record.labels)
            found.append(any(label not in own for label, _ in asked.predicted))
    return _share(found)


def _share(cases: Sequence[bool]) -> Share | None:
    if not cases:
        return None
    low, high = wilson(sum(cases), len(cases))
    return Share(len(cases), 100 * sum(cases) / len(cases), 100 * low, 100 * high)


def by_family(
    plain: Sequence[Prediction], perturbed: Sequence[Prediction], resamples: int = 1000, seed: int = 0
) -> Mapping[str, Effect]:
    """Family -> what a perturbation costs there."""
    families = sorted({prediction.record.family for prediction in plain})
    return {
        family: effect(
            [one for one in plain if one.record.family == family],
            [one for one in perturbed if one.record.family == family],
            resamples,
            seed,
        )
        for family in families
    }
