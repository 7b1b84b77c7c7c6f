"""Sampling of examples from instances: negative labels, prompts without an answer, label order, chunks and windows.

Training samples prompts of the kinds that decoding asks: any number of labels, in any order, in chunks of which many
have no answer; evaluation asks all labels in chunks. All randomness comes from (seed, epoch, instance id), so a
preparation can be repeated, resumed and split over machines.
"""

import itertools
import random
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seqgpt_jax.atomic import (
    TAB,
    Classification,
    Example,
    Extraction,
    Instance,
    Template,
    chunk_labels,
    clean_text,
)
from seqgpt_jax.atomic.families import unique
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.quota import NO_LABEL, stable_hash
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.prepare.windows import ExtractionWindow, extraction_windows, span_places, window_around


class SkipInstance(ValueError):
    """An instance that gives no example; `reason` is the short name it is counted under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class SampledExamples:
    """The examples of one instance.

    Attributes:
      examples: each is one prompt.
      windows: windows that its text was cut into; 1 where it is whole.
      lost_spans: gold spans that no window is asked about: they are in none, or only in some that also hold a part of
        such a span of the same label.
    """

    examples: Sequence[Example]
    windows: int = 1
    lost_spans: int = 0


@dataclass(frozen=True)
class ExampleSampler:
    """Builds examples of instances.

    Attributes:
      seed: of all sampling.
      negatives: "uniform" or "frequency".
      max_labels: most labels in one classification prompt.
      max_queries: most queries in one extraction prompt (SeqGPT: 6).
      min_negative_queries, max_negative_queries: fewest and most negative queries that training adds to an extraction.
      empty_extractions, empty_classifications: share of a task's training prompts in which nothing is to be found, in
        addition to those of instances without an answer. Decoding asks all labels in chunks, and most chunks of a large
        label set have no answer.
      max_prompt_tokens, max_target_tokens: limits of a prompt and of an answer.
      counts: counts tokens; None where there is no tokenizer yet, and numbers of labels are the only limit.
    """

    seed: int = 0
    negatives: str = "uniform"
    max_labels: int = 64
    max_queries: int = 6
    min_negative_queries: int = 0
    max_negative_queries: int = 5
    empty_extractions: float = 0.0
    empty_classifications: float = 0.0
    max_prompt_tokens: int = 1024
    max_target_tokens: int = 256
    counts: TokenCounts | None = None

    def training_examples(
        self, instance: Instance, label_set: LabelSet, labels: Sequence[str], epoch: int, template: Template
    ) -> SampledExamples:
        """The examples of one instance in one epoch.

        `labels` are its labels that are within their quotas (`Quota.keep`); its other labels are
        neither asked nor used as negatives.

        Raises:
          SkipInstance: nothing can be asked of this instance.
        """
        rng = random.Random(stable_hash(self.seed, epoch, instance.id))
        kept = [label for label in labels if label != NO_LABEL]
        instance = _clean(instance)
        if instance.atom == "cls":
            return SampledExamples(self._training_classifications(instance, label_set, kept, template, rng))
        return self._training_extractions(instance, label_set, kept, template, rng)

    def evaluation_examples(self, instance: Instance, label_set: LabelSet, template: Template) -> SampledExamples:
        """Examples that together ask all labels, in the chunks in which decoding asks them.

        Raises:
          SkipInstance: nothing can be asked of this instance.
        """
        instance = _clean(instance)
        labels = _shuffled(
            instance.labels or label_set.labels, random.Random(stable_hash(self.seed, "evaluation", instance.id))
        )
        if instance.atom == "ext":
            return SampledExamples(self._extractions(instance, labels, template, training=False))
        if instance.gold and not any(label in instance.gold for label in labels):
            raise SkipInstance("no_answer", "none of its labels is among those asked")
        cleaned = _cleaned_labels(labels, template)
        tokens = budget = None
        if self.counts:
            tokens = self.counts.labels(cleaned.values())
            budget = self.counts.label_room(template, "cls", instance.text, tokens, self.max_prompt_tokens)
        chunks = chunk_labels(labels, self.max_labels, tokens, budget)
        return SampledExamples([self._classification(instance, chunk, template, training=False) for chunk in chunks])

    def _training_classifications(
        self, instance: Instance, label_set: LabelSet, kept: list[str], template: Template, rng: random.Random
    ) -> list[Example]:
        if instance.labels and instance.gold and not any(label in instance.labels for label in kept):
            raise SkipInstance("no_answer", "none of its labels is among those asked")
        candidates = instance.labels or label_set.labels
        most = self._chunk_size(instance, candidates, template)
        own_negatives = [label for label in instance.labels if label not in instance.gold]
        if instance.labels and most == len(candidates):
            # Decoding asks all of them at once, and a choice between options needs all of these.
            labels = self._fitting(instance, kept, own_negatives, template, rng)
            return [self._classification(instance, labels, template)]

        def sample(number: int) -> list[str]:
            if instance.labels:
                return rng.sample(own_negatives, min(number, len(own_negatives)))
            return label_set.negatives(instance.gold, number, self.negatives, rng)

        # Half of the prompts list as many labels as decoding asks at once, half a random number of them.
        room = max(most - len(kept), 1)
        number = room if rng.random() < 0.5 else rng.randint(1, min(room, max(len(candidates) - 1, 1)))
        asked = [self._fitting(instance, kept, sample(number), template, rng)]
        for _ in range(_additional(1, self.empty_classifications, rng) if kept else 0):
            if without_answer := sample(most if rng.random() < 0.5 else rng.randint(1, most)):
                asked.append(self._fitting(instance, [], without_answer, template, rng))
        return [self._classification(instance, labels, template) for labels in asked]

    def _training_extractions(
        self, instance: Instance, label_set: LabelSet, kept: list[str], template: Template, rng: random.Random
    ) -> SampledExamples:
        windows = self._windows(instance, label_set, kept, template)
        lost = {label for window in windows for label in window.barred}
        answered = [window for window in windows if any(map(window.instance.gold.get, _allowed(kept, window)))]
        others = [window for window in windows if window not in answered]
        if not answered:
            if kept and lost.issuperset(kept):
                # Half an answer teaches a wrong one, and so does `None` about a text that has one.
                raise SkipInstance("span_too_long", f"no window of its text holds all of a span of {kept[0]!r}")
            answered, others = [rng.choice(windows)], []
        asked: list[tuple[Instance, list[str]]] = []
        for window in answered:
            if instance.labels:
                asked.append((window.instance, _allowed(_within_quota(instance, kept), window)))
                continue
            present = [label for label in _allowed(kept, window) if label in window.instance.gold]
            least = max(self.min_negative_queries, 0 if present else 1)  # a prompt has to ask something
            number = rng.randint(least, max(self.max_negative_queries, least))
            asked.append((window.instance, [*present, *self._negatives(window, label_set, number, rng)]))
        empty = _additional(len(answered), self.empty_extractions, rng) if kept else 0
        if instance.labels:
            more = [(window.instance, _allowed(_within_quota(instance, kept), window)) for window in others]
            more = [(window, labels) for window, labels in more if labels]
            asked += rng.sample(more, min(empty, len(more)))
        else:
            most = _even(len(label_set.labels), -(-len(label_set.labels) // self.max_queries))
            for _ in range(empty):
                window, number = rng.choice(windows), most if rng.random() < 0.5 else rng.randint(1, most)
                if without_answer := self._negatives(window, label_set, number, rng):
                    asked.append((window.instance, without_answer))
        examples = [
            example
            for window, labels in asked
            for example in self._extractions(window, _shuffled(labels, rng), template)
        ]
        return SampledExamples(examples, len(windows), _lost_spans(instance, windows))

    def _negatives(self, window: ExtractionWindow, label_set: LabelSet, number: int, rng: random.Random) -> list[str]:
        """Labels of which nothing is to be found in a window, nor a part of a span that is in none."""
        return label_set.negatives([*window.instance.gold, *window.barred], number, self.negatives, rng)

    def _fitting(
        self, instance: Instance, gold: list[str], negatives: list[str], template: Template, rng: random.Random
    ) -> list[str]:
        """The gold labels and as many of the negatives as fit into a prompt, shuffled."""
        if self.counts:
            costs = self.counts.labels(template.clean_label(label) for label in (*gold, *negatives))
            budget = self.counts.label_room(template, "cls", instance.text, costs, self.max_prompt_tokens)
            ends = list(itertools.accumulate(costs))
            negatives = negatives[: max(bisect(ends, budget) - len(gold), 0 if gold else 1)]
        return _shuffled([*gold, *negatives], rng)

    def _classification(
        self, instance: Instance, labels: Sequence[str], template: Template, training: bool = True
    ) -> Example:
        clean = _cleaned_labels(labels, template)
        answers = tuple(clean[label] for label in labels if label in instance.gold)
        text = self._cut_text(instance, clean.values(), template)
        if text is None and training:
            raise SkipInstance("mentions_too_far", f"no prompt holds all of {instance.mentions}")
        # An evaluation prompt stays: the score has to show what the model cannot see.
        return Classification(instance.text if text is None else text, tuple(clean.values()), answers)

    def _cut_text(self, instance: Instance, labels: Iterable[str], template: Template) -> str | None:
        """The text of a classification; of a composed question that is too long, with a window of its sentence.

        Returns:
          None where the mentions are too far from each other.
        """
        text, sentence = instance.text, instance.source_text
        if not self.counts or not instance.mentions or sentence not in text:
            return text
        room = self.max_prompt_tokens - self.counts.control_words(template, "cls") - sum(self.counts.labels(labels))
        if len(text.encode()) <= room or (tokens := self.counts.text(text)) <= room:
            return text
        offsets = self.counts.encoder.offsets(sentence)
        # Two tokens for words that are joined in another way once the sentence is shorter.
        window = window_around(sentence, offsets, room - (tokens - len(offsets)) - 2, instance.mentions)
        return None if window is None else text.replace(sentence, window)

    def _extractions(
        self, instance: Instance, labels: Sequence[str], template: Template, training: bool = True
    ) -> list[Example]:
        """The extractions of these queries, as few as fit into prompts and answers.

        Training knows the answers and leaves room for them; evaluation chunks the queries as decoding does.
        """
        clean = _cleaned_labels(labels, template)
        spans = {clean[label]: tuple(instance.gold.get(label, ())) for label in labels}
        for query, spans_of_query in spans.items():
            for span in spans_of_query:
                if span not in instance.text:
                    raise _span_not_in_text(query, span)
        tokens = budget = None
        if self.counts:
            # A query costs its line of the answer, which is longer than its place in the prompt.
            tokens = self.counts.queries(spans)
            budget = self.counts.label_room(template, "ext", instance.text, tokens, self.max_prompt_tokens)
            budget = min(budget, self.max_target_tokens - 1)
            if training:
                tokens = [max(*pair) for pair in zip(tokens, self._answers(spans), strict=True)]
        return [
            Extraction(instance.text, queries, tuple(spans[query] for query in queries))
            for queries in chunk_labels(tuple(spans), self.max_queries, tokens, budget)
        ]

    def _answers(self, spans: Mapping[str, Sequence[str]]) -> list[int]:
        """Tokens of each query's line of the answer."""
        lines = {query: f"{query}: {TAB.join(of_query)}\n" for query, of_query in spans.items() if of_query}
        # Most answers are short, and a token is at least a byte.
        if sum(len(line.encode()) for line in lines.values()) < self.max_target_tokens // 2:
            return [0] * len(spans)
        counts = dict(zip(lines, map(len, self.counts.encoder.encode(list(lines.values()))), strict=True))
        return [counts.get(query, 0) for query in spans]

    def _windows(
        self, instance: Instance, label_set: LabelSet, kept: Sequence[str], template: Template
    ) -> list[ExtractionWindow]:
        """The windows of an extraction that fit into prompts and answers."""
        whole = ExtractionWindow(instance)
        if not self.counts:
            return [whole]
        costs = self._label_costs(instance, label_set.labels, template)
        largest = sum(sorted(costs)[-self.max_queries :])
        room = self.max_prompt_tokens - self.counts.control_words(template, "ext")
        room = max(room - min(largest, self.max_target_tokens, self.max_prompt_tokens // 2), 1)
        if len(instance.text.encode()) <= room:
            if room <= _SMALLEST_WINDOW or self._answer_fits(whole, kept, template):
                return [whole]
            room //= 2
        offsets, places = self.counts.encoder.offsets(instance.text), span_places(instance)
        for label in kept:
            for span in instance.gold.get(label, ()):
                if not places[span]:
                    raise _span_not_in_text(label, span)
        windows = extraction_windows(instance, offsets, room, places)
        while room > _SMALLEST_WINDOW and not all(self._answer_fits(window, kept, template) for window in windows):
            room //= 2
            windows = extraction_windows(instance, offsets, room, places)
        return windows

    def _answer_fits(self, window: ExtractionWindow, kept: Sequence[str], template: Template) -> bool:
        gold = window.instance.gold
        lines = {template.clean_label(label): gold[label] for label in _allowed(kept, window) if gold.get(label)}
        return max(self._answers(lines), default=0) < self.max_target_tokens

    def _label_costs(self, instance: Instance, labels: tuple[str, ...], template: Template) -> Sequence[int]:
        """Tokens of each label that an instance brings, or of each of `labels`, those of its label set."""
        if instance.labels:  # most often of no other instance, so they are not kept
            return self.counts.labels(map(template.clean_label, instance.labels))
        return self.counts.label_set(labels, template)

    def _chunk_size(self, instance: Instance, labels: tuple[str, ...], template: Template) -> int:
        """How many of these labels decoding asks in one prompt about this text."""
        chunks = -(-len(labels) // self.max_labels)
        if self.counts:
            costs = self._label_costs(instance, labels, template)
            budget = self.counts.label_room(template, "cls", instance.text, costs, self.max_prompt_tokens)
            chunks = max(chunks, -(-sum(costs) // budget))
        return _even(len(labels), chunks)


# Windows of fewer tokens than this are not cut further: an answer that is too long even so is dropped and counted.
_SMALLEST_WINDOW = 32


def _clean(instance: Instance) -> Instance:
    """The instance with clean text and spans; SkipInstance where it has no text."""
    text = clean_text(instance.text)
    if not text.strip():
        raise SkipInstance("empty_text", "its text is empty")
    gold = {label: unique(map(clean_text, spans)) for label, spans in instance.gold.items()}
    mentions = tuple(map(clean_text, instance.mentions))
    return replace(instance, text=text, gold=gold, source_text=clean_text(instance.source_text), mentions=mentions)


def _shuffled(labels: Iterable[str], rng: random.Random) -> list[str]:
    # Sorted first, so that the shuffled order depends on nothing but the seed.
    labels = sorted(set(labels))
    rng.shuffle(labels)
    if not labels:
        raise SkipInstance("no_label", "it has no label and its task offers none")
    return labels


def _cleaned_labels(labels: Sequence[str], template: Template) -> dict[str, str]:
    clean = {label: template.clean_label(label) for label in labels}
    if len(set(clean.values())) != len(labels) or not all(clean.values()):
        raise SkipInstance("unusable_label", f"labels are empty or equal after cleaning: {sorted(clean.values())}")
    return clean


def _within_quota(instance: Instance, kept: Sequence[str]) -> list[str]:
    """The candidates of an instance that may be asked."""
    return [label for label in instance.labels if label in kept or label not in instance.gold]


def _allowed(labels: Iterable[str], window: ExtractionWindow) -> list[str]:
    """Those of the labels that a window may be asked about."""
    return [label for label in labels if label not in window.barred]


def _lost_spans(instance: Instance, windows: Iterable[ExtractionWindow]) -> int:
    """Gold spans that are in no window that may be asked about them."""
    held = {
        (label, span)
        for window in windows
        for label in _allowed(window.instance.gold, window)
        for span in window.instance.gold[label]
    }
    return sum((label, span) not in held for label, spans in instance.gold.items() for span in spans)


def _span_not_in_text(label: str, span: str) -> SkipInstance:
    return SkipInstance("span_not_in_text", f"span {span!r} of {label!r} is not in its text")


def _even(labels: int, chunks: int) -> int:
    """Labels in the largest of so many even chunks, at least 1."""
    return max(-(-labels // max(chunks, 1)), 1)


def _additional(examples: int, share: float, rng: random.Random) -> int:
    """How many examples to add to `examples` so that they are `share` of all, in the mean."""
    number = examples * share / (1 - share)
    return int(number) + (rng.random() < number % 1)
