"""Label set of a task, and sampling of negative labels from it.

Negatives (SeqGPT, section 2.2) are labels of the same task that the instance does not have, sampled
uniformly or by frequency (UniversalNER, which found frequency better): without replacement, each with
a probability proportional to the number of its answers in the task. A label that equals, contains or
is contained in one of the instance's labels is never a negative: it may be right.
"""

import itertools
import random
from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from seqgpt_jax.data.prepare.quota import NO_LABEL


@dataclass(frozen=True)
class LabelSet:
    """The labels of one task, sorted, with the numbers of their answers, and whether they exclude each other."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    exclusive: bool = False
    _cumulative: tuple[int, ...] = field(init=False, repr=False)
    _folded: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cumulative", tuple(itertools.accumulate(self.counts)))
        object.__setattr__(self, "_folded", {label: label.casefold() for label in self.labels})

    @classmethod
    def of(cls, counts: Mapping[str, int], exclusive: bool = False) -> "LabelSet":
        """The set with these counts; instances without a label are not a label."""
        items = sorted((label, count) for label, count in counts.items() if label != NO_LABEL)
        return cls(tuple(label for label, _ in items), tuple(count for _, count in items), exclusive)

    def negatives(self, gold: Iterable[str], number: int, sampler: str, rng: random.Random) -> list[str]:
        """At most `number` different labels, none of them possibly right for the instance."""
        forbidden = [label.casefold() for label in gold]

        def may_serve(label: str) -> bool:
            folded = self._folded[label]
            if self.exclusive:
                return folded not in forbidden
            return all(folded not in other and other not in folded for other in forbidden)

        if number <= 0 or not self.labels:
            return []
        # A large label set is sampled with rejection: listing it for every instance is too slow.
        if len(self.labels) > 4 * number + 16:
            chosen: dict[str, None] = {}  # in sampled order
            for _ in range(20 * number):
                if sampler == "frequency":
                    label = self.labels[bisect(self._cumulative, rng.random() * self._cumulative[-1])]
                else:
                    label = self.labels[rng.randrange(len(self.labels))]
                if may_serve(label):
                    chosen[label] = None
                if len(chosen) == number:
                    return list(chosen)
            # A few very frequent labels took nearly all samples: list the rest after all.
        free = [(label, count) for label, count in zip(self.labels, self.counts, strict=True) if may_serve(label)]
        if sampler == "frequency":
            # Weighted sampling without replacement (Efraimidis and Spirakis, 2006).
            free.sort(key=lambda item: rng.random() ** (1.0 / max(item[1], 1)), reverse=True)
        else:
            rng.shuffle(free)
        return [label for label, _ in free[:number]]
