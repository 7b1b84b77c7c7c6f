"""Sampling of examples from instances: negative labels, label order and chunks.

Training samples; evaluation asks everything. All randomness comes from (seed, epoch, instance id), so a
preparation can be repeated, resumed and split over machines.

Negatives (SeqGPT, section 2.2) are labels of the same task that the instance does not have, sampled
uniformly or by frequency (UniversalNER, which found frequency better). A label that equals,
contains or is contained in one of the instance's labels is never a negative: it may be right.
"""

import itertools
import random
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seqgpt_jax.atomic import Classification, Example, Extraction, Instance, Template, chunk_labels, clean_text
from seqgpt_jax.data.prepare.quota import NO_LABEL, stable_hash


class SkipInstance(ValueError):
    """An instance that gives no example; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class LabelSet:
    """The labels of one task, sorted, with their counts, and whether they exclude each other."""

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


@dataclass(frozen=True)
class ExampleSampler:
    """Builds examples of instances.

    Attributes:
      seed: of all sampling.
      negatives: "uniform" or "frequency".
      max_labels: most labels in one classification prompt.
      max_queries: most queries in one extraction prompt (SeqGPT: 6).
      max_negative_queries: most negative queries that training adds to an instance.
    """

    seed: int = 0
    negatives: str = "uniform"
    max_labels: int = 64
    max_queries: int = 6
    max_negative_queries: int = 5

    def training_examples(
        self, instance: Instance, label_set: LabelSet, labels: Sequence[str], epoch: int, template: Template
    ) -> list[Example]:
        """The examples of one instance in one epoch.

        `labels` are its labels that are within their quotas (`Quota.keep`); its other labels are
        neither asked nor used as negatives.

        Raises:
          SkipInstance: nothing can be asked of this instance.
        """
        rng = random.Random(stable_hash(self.seed, epoch, instance.id))
        kept = [label for label in labels if label != NO_LABEL]
        if instance.labels:
            others = [label for label in instance.labels if label not in instance.gold]
        elif instance.atom == "cls":
            # Half of the prompts list all that fits, as evaluation does; half a random part.
            room = max(self.max_labels - len(kept), 1)
            number = room if rng.random() < 0.5 else rng.randint(1, min(room, max(len(label_set.labels) - 1, 1)))
            others = label_set.negatives(instance.gold, number, self.negatives, rng)
        else:
            number = rng.randint(0 if kept else 1, max(self.max_negative_queries, 0 if kept else 1))
            others = label_set.negatives(instance.gold, number, self.negatives, rng)
        return self._examples(instance, [*kept, *others], rng, template)

    def evaluation_examples(self, instance: Instance, label_set: LabelSet, template: Template) -> list[Example]:
        """One example that asks all labels (cls), or one for every few queries (ext)."""
        rng = random.Random(stable_hash(self.seed, "evaluation", instance.id))
        labels = list(instance.labels or label_set.labels)
        if instance.atom == "cls" and len(labels) > self.max_labels:
            gold = [label for label in labels if label in instance.gold]
            others = [label for label in labels if label not in instance.gold]
            labels = [*gold, *rng.sample(others, max(self.max_labels - len(gold), 0))]
        return self._examples(instance, labels, rng, template)

    def _examples(self, instance: Instance, labels: list[str], rng: random.Random, template: Template) -> list[Example]:
        # Sorted first, so that the shuffled order depends on nothing but the seed.
        labels = sorted(set(labels))
        rng.shuffle(labels)
        if not labels:
            raise SkipInstance("no_label", "it has no label and its task offers none")
        text = clean_text(instance.text)
        if not text.strip():
            raise SkipInstance("empty_text", "its text is empty")
        clean = {label: template.clean_label(label) for label in labels}
        if len(set(clean.values())) != len(labels) or not all(clean.values()):
            raise SkipInstance("unusable_label", f"labels are empty or equal after cleaning: {sorted(clean.values())}")
        if instance.atom == "cls":
            answers = tuple(clean[label] for label in labels if label in instance.gold)
            if not answers:
                raise SkipInstance("no_answer", "none of its labels is among those asked")
            return [Classification(text, tuple(clean.values()), answers)]
        spans = {clean[label]: tuple(map(clean_text, instance.gold.get(label, ()))) for label in labels}
        for query, spans_of_query in spans.items():
            for span in spans_of_query:
                if span not in text:
                    raise SkipInstance("span_not_in_text", f"span {span!r} of {query!r} is not in its text")
        return [
            Extraction(text, queries, tuple(spans[query] for query in queries))
            for queries in chunk_labels(tuple(spans), self.max_queries)
        ]
