"""Precision, recall and F1 of each label over a few answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LabelAnswer = Sequence[str] | Mapping[str, Sequence[str]]
"""The labels of a text, or label -> its spans."""

Units = frozenset[tuple[str, ...]]
"""What F1 counts; see `units`."""


@dataclass
class LabelCount:
    """Units of one label: the label itself ("cls"), or each of its spans once ("ext").

    Attributes:
      right: predicted units that are gold.
      gold, predicted: all of them.
    """

    right: int = 0
    gold: int = 0
    predicted: int = 0

    def precision(self) -> float | None:
        """Share of the predicted units that are right; None where there are none."""
        return self.right / self.predicted if self.predicted else None

    def recall(self) -> float | None:
        """Share of the gold units that were predicted; None where there are none."""
        return self.right / self.gold if self.gold else None

    def f1(self) -> float | None:
        """Harmonic mean of the two; None where nothing is gold and nothing predicted."""
        return 2 * self.right / (self.gold + self.predicted) if self.gold + self.predicted else None

    def add(self, gold: Units, predicted: Units) -> None:
        """Counts the units of one text."""
        self.right += len(gold & predicted)
        self.gold += len(gold)
        self.predicted += len(predicted)


def count_labels(answers: Iterable[tuple[LabelAnswer, LabelAnswer]]) -> dict[str, LabelCount]:
    """label -> its counts over (gold, predicted) answers, in the order in which labels occur.

    >>> counts = count_labels([({"city": ["Oslo"]}, {"city": ["Oslo", "Lima"]}), (["late"], [])])
    >>> counts["city"]
    LabelCount(right=1, gold=1, predicted=2)
    >>> counts["late"].f1()
    0.0
    """
    counts: dict[str, LabelCount] = {}
    for gold, predicted in answers:
        gold_units, predicted_units = _by_label(gold), _by_label(predicted)
        for label in {**gold_units, **predicted_units}:
            counts.setdefault(label, LabelCount()).add(
                gold_units.get(label, frozenset()), predicted_units.get(label, frozenset())
            )
    return counts


def total(counts: Iterable[LabelCount]) -> LabelCount:
    """All labels together: micro precision, recall and F1."""
    counts = list(counts)
    return LabelCount(*(sum(getattr(count, name) for count in counts) for name in ("right", "gold", "predicted")))


def units(answer: LabelAnswer) -> Units:
    """The units of an answer that F1 counts: (label,), or (label, span)."""
    if isinstance(answer, Mapping):
        return frozenset((label, span) for label, spans in answer.items() for span in spans)
    return frozenset((label,) for label in answer)


def _by_label(answer: LabelAnswer) -> dict[str, Units]:
    """Label -> its units; () where it was asked without any."""
    found: dict[str, set[tuple[str, ...]]] = {label: set() for label in answer}
    for unit in units(answer):
        found[unit[0]].add(unit)
    return {label: frozenset(of_label) for label, of_label in found.items()}
