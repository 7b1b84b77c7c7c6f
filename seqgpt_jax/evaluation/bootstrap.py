"""Bootstrap of a task's rates: the same instances, weighted by how often a resample has each of them."""

import itertools
from collections.abc import Iterator

import numpy as np

from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.evaluation.measures import Measures

_RESAMPLES_AT_ONCE = 100


def weighted_rates(table: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
    """The rates of several programs on one task, where each instance counts a number of times.

    F1 is 1 where there is neither a gold nor a predicted unit, and so are precision and recall; `fixed` ROUGE is 1
    where no instance counts.

    Args:
      table: float64 [instances, programs, measures], as `Measures` names them.
      times: [resamples, instances], how often each instance counts; all 1 gives the rates themselves.

    Returns:
      "f1", "precision", "recall", "paper" and "fixed" (ROUGE) -> float64 [resamples, programs].
    """
    instances, programs, measures = table.shape
    sums = (times @ table.reshape(instances, programs * measures)).reshape(len(times), programs, measures)
    total = Measures(*np.moveaxis(sums, -1, 0))
    return {
        "f1": micro_f1(sums[..., :3]),
        "precision": _share(total.correct, total.predicted, total.gold == 0),
        "recall": _share(total.correct, total.gold, total.predicted == 0),
        "paper": total.rouge_paper / times.sum(axis=1, keepdims=True),
        "fixed": _share(total.rouge_fixed, total.counted_fixed, 1.0),
    }


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """F1 of sums of units, [..., 3] -> [...]: right, gold and predicted ones; 1 where nothing is gold nor predicted."""
    return _share(2 * sums[..., 0], sums[..., 1] + sums[..., 2], 1.0)


def _share(part: np.ndarray, whole: np.ndarray, empty: np.ndarray | float) -> np.ndarray:
    """part / whole, and `empty` where the whole is 0; NaN stays."""
    return np.where(whole == 0, empty, part / np.where(whole == 0, 1.0, whole))


def resample(task: str, instances: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each instance of a task is in resamples with replacement, as float64 [at most 100, instances]."""
    rng = np.random.default_rng(stable_hash(seed, "bootstrap", task))
    for start in range(0, resamples, _RESAMPLES_AT_ONCE):
        size = min(_RESAMPLES_AT_ONCE, resamples - start)
        yield rng.multinomial(instances, np.full(instances, 1 / instances), size=size).astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % interval of resampled values."""
    low, high = np.quantile(values, (0.025, 0.975)).tolist()
    return low, high


def resampled_f1(task: str, counts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """F1 of several programs on a task, each resample of the same instances for all of them: differences are paired.

    Args:
      task: its name, with which resamples vary.
      counts: float64 [instances, programs, 3], right, gold and predicted units.
      resamples: how many.
      seed: of the bootstrap.

    Returns:
      float64 [1 + resamples, programs], between 0 and 1; the first row is of each instance once.
    """
    once, drawn = np.ones((1, len(counts))), resample(task, len(counts), resamples, seed)
    return np.concatenate([micro_f1(np.tensordot(times, counts, axes=1)) for times in itertools.chain([once], drawn)])
