"""Prompts that are asked again: with the same answers, or with others.

What contradicts itself cannot be learned, and lowers every score. `MOST_CONTRADICTIONS` of a split may; a data set with
more says why (`DatasetSpec.contradictions`).
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from seqgpt_jax.atomic import Instance, clean_text

MOST_CONTRADICTIONS = 0.003
"""The share of a split's instances that may contradict an earlier one without a reason in the declaration."""

Repetition = Literal["duplicate", "contradiction"]


@dataclass
class AskedBefore:
    """What was asked, where first, and what was answered there.

    A classification asks a text with its candidates. An extraction that has candidates of its own asks each of them:
    the roles of two events may overlap. One without asks for all labels of its task.

    >>> asked = AskedBefore()
    >>> asked.repeats(Instance("1", "cls", "No way!", {"anger": ()}), "a.csv:1")
    >>> asked.repeats(Instance("2", "cls", "No way!", {"surprise": ()}), "a.csv:2")
    ('contradiction', 'a.csv:1')
    """

    _asked: dict[Hashable, tuple[str, Hashable]] = field(default_factory=dict)

    def repeats(self, instance: Instance, place: str) -> tuple[Repetition, str] | None:
        """Whether all of it was asked before or some of it answered otherwise, and where; None where it is new.

        Args:
          instance: is remembered.
          place: of the instance; what stands at one place does not repeat itself.
        """
        known = []
        for question, answer in _questions(instance):
            before = self._asked.setdefault(question, (place, answer))
            if before[0] != place and before[1] != answer:
                return "contradiction", before[0]
            known.append(before[0])
        if known and place not in known:
            return "duplicate", known[0]
        return None


def _questions(instance: Instance) -> Iterator[tuple[Hashable, Hashable]]:
    """(question, answer) of each of them."""
    text = clean_text(instance.text).strip()
    if instance.atom == "cls":
        yield ("cls", text, frozenset(instance.labels)), frozenset(instance.gold)
    elif instance.labels:
        for label in instance.labels:
            yield ("ext", text, label), frozenset(instance.gold.get(label, ()))
    else:
        found = ((label, frozenset(spans)) for label, spans in instance.gold.items() if spans)
        yield ("ext", text), frozenset(found)
