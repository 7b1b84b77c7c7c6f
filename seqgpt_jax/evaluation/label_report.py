"""Scores of each label of a task, and what labels are taken for each other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.label_counts import LabelCount, count_labels
from seqgpt_jax.evaluation.measures import label_answer
from seqgpt_jax.evaluation.predictions import Prediction, by_task


@dataclass(frozen=True)
class LabelReport:
    """The labels of one task.

    Attributes:
      counts: label -> its gold, predicted and right units; labels without any are left out. The most frequent
        gold one is first.
      confusion: (gold label, predicted label) -> how often, equal ones too. "None" as the predicted label is what was
        missed, as the gold one what was predicted without need. Most frequent first.
      unused: how many labels were asked that are neither gold nor predicted in any instance.
    """

    counts: Mapping[str, LabelCount]
    confusion: Mapping[tuple[str, str], int]
    unused: int


def label_reports(predictions: Iterable[Prediction]) -> dict[str, LabelReport]:
    """Task -> the report on its labels, for each task of the predictions."""
    return {task: _report(members) for task, members in by_task(predictions).items()}


def _report(predictions: Sequence[Prediction]) -> LabelReport:
    counts = count_labels(
        (label_answer(item.record, item.record.answers), label_answer(item.record, item.answers))
        for item in predictions
    )
    used = {label: count for label, count in counts.items() if count.gold or count.predicted}
    pairs = Counter(pair for item in predictions for pair in _confused(item))
    asked = {label for item in predictions for label in item.record.labels}
    return LabelReport(
        counts={label: used[label] for label in sorted(used, key=lambda label: (-used[label].gold, label))},
        confusion={pair: pairs[pair] for pair in sorted(pairs, key=lambda pair: (-pairs[pair], pair))},
        unused=len(asked - used.keys()),
    )


def _confused(prediction: Prediction) -> Iterator[tuple[str, str]]:
    """The (gold, predicted) labels of an instance: of its text ("cls"), or of each of its spans ("ext")."""
    if prediction.record.atom == "cls":
        gold, predicted = ({label for (label,) in units} for units in (prediction.gold, prediction.predicted))
        yield from label_pairs(gold, predicted) or [(NONE, NONE)]
        return
    queries: dict[str, tuple[set[str], set[str]]] = {}
    for place, units in enumerate((prediction.gold, prediction.predicted)):
        for query, span in units:
            queries.setdefault(span, (set(), set()))[place].add(query)
    for gold, predicted in queries.values():
        yield from label_pairs(gold, predicted)


def label_pairs(gold: set[str], predicted: set[str]) -> list[tuple[str, str]]:
    """Which gold label was predicted as which, sorted.

    A label that is in both sets is paired with itself. Each other gold label is paired with each other predicted label,
    and with "None" where there is none of these.

    >>> label_pairs({"city", "river"}, {"river", "lake"})
    [('city', 'lake'), ('river', 'river')]
    >>> label_pairs({"city"}, set())
    [('city', 'None')]
    """
    missed, spurious = gold - predicted, predicted - gold
    pairs = [(label, label) for label in gold & predicted]
    if missed or spurious:
        pairs += [(left, right) for left in missed or {NONE} for right in spurious or {NONE}]
    return sorted(pairs)
