"""Instances that evaluation asks: the prompts of a prepared instance joined, with the labels that are asked."""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from seqgpt_jax.atomic import NONE, TAB
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.decoding.questions import Choice, Question

ALL_LABELS = "all labels"


@dataclass(frozen=True, slots=True)
class EvalInstance:
    """One instance as it is asked.

    Attributes:
      record: all its labels with their gold answers; its prompt is that of its first chunk.
      mixture: where it comes from.
      choose: how many labels its task allows (`Question.choose`).
      candidates: labels of its task; where fewer are asked, the gold ones are among them.
    """

    record: EvalRecord
    mixture: str = ""
    choose: Choice = "any"
    candidates: int = 0

    @property
    def question(self) -> Question:
        """What the model is asked, as `decode` asks it."""
        record = self.record
        return Question(record.text, record.atom, record.labels, self.choose)


def task_protocol(instances: Sequence[EvalInstance]) -> str:
    """Which labels the instances of a task are asked, in words; ranges where their numbers differ."""
    if all(len(instance.record.labels) >= instance.candidates for instance in instances):
        return ALL_LABELS
    asked = _range(len(instance.record.labels) for instance in instances)
    return f"{asked} of {_range(instance.candidates for instance in instances)} candidates, gold included"


def _range(numbers: Iterable[int]) -> str:
    low, *_, high = sorted([*numbers] * 2)
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def join(records: Iterable[EvalRecord]) -> Iterator[EvalRecord]:
    """The records of each instance as one."""
    chunks_of: dict[str, list[EvalRecord]] = {}
    for record in records:
        chunks_of.setdefault(record.instance, []).append(record)
    for chunks in chunks_of.values():
        labels = tuple(label for chunk in chunks for label in chunk.labels)
        answers = tuple(answer for chunk in chunks for answer in chunk.answers)
        yield replace(chunks[0], labels=labels, answers=answers, target=target(chunks[0].atom, labels, answers))


def with_candidates(record: EvalRecord, number: int | None, seed: int) -> EvalRecord:
    """A classification with its gold labels and others up to `number`, in their order; all where that is None."""
    if number is None or record.atom != "cls" or len(record.labels) <= number:
        return record
    rng = random.Random(stable_hash(seed, "candidates", record.id))
    others = [label for label in record.labels if label not in record.answers]
    asked = {*record.answers, *rng.sample(others, min(max(number - len(record.answers), 0), len(others)))}
    return replace(record, labels=tuple(label for label in record.labels if label in asked))


def without_queries(record: EvalRecord, names: Collection[str]) -> EvalRecord:
    """An extraction without these queries and their answers; a classification as it is."""
    if record.atom == "cls" or set(names).isdisjoint(record.labels):
        return record
    kept = [number for number, label in enumerate(record.labels) if label not in names]
    labels, answers = (tuple(values[number] for number in kept) for values in (record.labels, record.answers))
    return replace(record, labels=labels, answers=answers, target=target(record.atom, labels, answers))


def target(atom: str, labels: Sequence[str], answers: tuple) -> str:
    """The right output for these labels, all chunks together."""
    if atom == "cls":
        return TAB.join(answers) or NONE
    lines = (f"{query}: {TAB.join(spans) or NONE}\n" for query, spans in zip(labels, answers, strict=True))
    return "".join(lines)
