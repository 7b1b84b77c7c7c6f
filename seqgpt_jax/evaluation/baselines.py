"""Baselines: what programs without a model score on the same instances.

    always_none   answers `None` to every query, and that no label fits
    majority      answers the label that is most frequent in the gold answers of the scored instances of the task
    uniform       answers one label, each of those that are asked with the same probability; its numbers are expected
                  values

In an extraction all three answer `None`: no query has a span that is frequent in other texts. A majority label that
is not among those an instance is asked is no answer to it.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.evaluation.instances import target
from seqgpt_jax.evaluation.measures import Measures, measure, rouge_of_answer, units

BASELINES = ("always_none", "majority", "uniform")
# Those whose answers are known, and so their ROUGE.
WITH_ROUGE = ("always_none", "majority")


def majority_label(records: Sequence[EvalRecord]) -> str | None:
    """The most frequent gold label of a classification, the first in the alphabet of several; None without any."""
    counts = Counter(label for record in records if record.atom == "cls" for label in record.answers)
    return min(counts, key=lambda label: (-counts[label], label), default=None)


def measure_baselines(records: Sequence[EvalRecord]) -> np.ndarray:
    """The measures of every baseline on the instances of one task.

    Args:
      records: one for each instance, with all labels that it is asked and its gold answers.

    Returns:
      float64 [instances, baselines, measures], in the order of `BASELINES` and `Measures`; ROUGE of `uniform` is NaN.
    """
    majority = majority_label(records)
    rows = []
    for record in records:
        none = _measure(record, ())
        frequent = _measure(record, (majority,)) if majority in record.labels else none
        rows.append((none, frequent, _uniform(record) if record.atom == "cls" else none))
    return np.array(rows, np.float64).reshape(len(records), len(BASELINES), len(Measures._fields))


def _measure(record: EvalRecord, labels: tuple) -> Measures:
    """The measures of an answer of these labels, or of `None` throughout."""
    answers = labels if record.atom == "cls" else ((),) * len(record.labels)
    output = target(record.atom, record.labels, answers)
    return measure(units(record, record.answers), units(record, answers), rouge_of_answer(record, answers, output))


def _uniform(record: EvalRecord) -> Measures:
    """Expected measures of one label, sampled uniformly from those that are asked."""
    correct = len(set(record.answers) & set(record.labels)) / len(record.labels)
    return Measures(correct, len(set(record.answers)), 1, np.nan, np.nan, np.nan)
