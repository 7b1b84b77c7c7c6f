"""Shards of a store: a few thousand consecutive instances of one task, sampled, rendered, tokenized, written.

Shards are the unit of all work: they depend on nothing but their instances, so they can be written in any order, by any
number of processes or machines, and those that are there already need not be written again. The store is the same, byte
for byte.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from seqgpt_jax.atomic import TAB, TEMPLATES, ContractError, Example, Extraction, Instance
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.label_stats import DropCounts, Items, LabelStats
from seqgpt_jax.data.prepare.mixing import TaskMixing
from seqgpt_jax.data.prepare.quota import NO_LABEL
from seqgpt_jax.data.prepare.sampling import SkipInstance
from seqgpt_jax.data.prepare.state import PreparationState
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.data.store import EvalRecord, StoreWriter, eval_fields, train_fields
from seqgpt_jax.data.truncation import truncate_left

SHARD_INSTANCES = 4096
# Examples that are tokenized together.
_BATCH = 512
# Families whose classifications are about a pair of texts: a premise and a hypothesis, a passage and a question.
_PAIRS = ("NLI", "MRC")
# The fields of a report that add up.
_COUNTED = (
    "instances",
    "characters",
    "examples",
    "tokens",
    "target_tokens",
    "truncated_prompts",
    "examples_without_answer",
    "texts_in_windows",
    "lost_spans",
    "gold_spans",
    "unreachable_spans",
)


@dataclass(frozen=True)
class Shard:
    """The instances of one shard.

    Attributes:
      epoch, task, number: which shard; `task` is the task's number in the mixture.
      instances: each with those of its labels that are within the quotas.
      read: instances up to its end, of those that come in the epoch, for a progress bar.
      quota_per_instance: the quota is on instances, so their labels, which are questions, are not counted.
    """

    epoch: int
    task: int
    number: int
    instances: Sequence[tuple[Instance, tuple[str, ...]]]
    read: int
    quota_per_instance: bool = False

    @property
    def name(self) -> str:
        """The name of its files below the store's folder; names sort in the order of shards."""
        return shard_name(self.epoch, self.task, self.number)


def shard_name(epoch: int, task: int, number: int) -> str:
    """The name of a shard."""
    return f"epoch-{epoch:04d}/examples-{task:04d}-{number:05d}"


@dataclass
class ShardReport:
    """What became of the instances of a shard, or of several.

    Attributes:
      instances, characters: within the quotas.
      examples, tokens, target_tokens: written.
      truncated_prompts: that lost their left end.
      examples_without_answer: in which nothing is to be found.
      texts_in_windows: texts that were cut into overlapping windows.
      lost_spans: gold spans that no window is asked about (`SampledExamples`).
      gold_spans: of all prompts; windows overlap, so that some are there twice.
      unreachable_spans: gold spans of evaluation that are in the part that a prompt lost.
      label_counts: label -> instances.
      drops: instances and examples that were dropped.
    """

    instances: int = 0
    characters: int = 0
    examples: int = 0
    tokens: int = 0
    target_tokens: int = 0
    truncated_prompts: int = 0
    examples_without_answer: int = 0
    texts_in_windows: int = 0
    lost_spans: int = 0
    gold_spans: int = 0
    unreachable_spans: int = 0
    label_counts: dict[str, int] = field(default_factory=dict)
    drops: DropCounts = field(default_factory=DropCounts)

    def merge(self, fields: Mapping[str, Any]) -> None:
        """Adds a later shard's report, as `asdict` gives it."""
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + fields[name])
        for label, count in fields["label_counts"].items():
            self.label_counts[label] = self.label_counts.get(label, 0) + count
        self.drops.merge(**fields["drops"])


def shards(
    items: Items, stats: LabelStats, epoch: int = 0, task: int = 0, mixing: TaskMixing | None = None
) -> Iterator[Shard]:
    """The shards of the items of one task in one epoch, in order; holds the instances of one at a time."""
    instances: list[tuple[Instance, tuple[str, ...]]] = []
    read = number = 0
    for item in items:
        if isinstance(item, Skipped):
            continue
        read += 1
        if not (labels := stats.labels_within_quota(item)):
            continue
        for instance in mixing.repetitions(item, epoch) if mixing else (item,):
            instances.append((instance, labels))
            if len(instances) == SHARD_INSTANCES:
                yield Shard(epoch, task, number, instances, read, stats.quota_per_instance)
                instances, number = [], number + 1
    if instances:
        yield Shard(epoch, task, number, instances, read, stats.quota_per_instance)


def without_leaks(items: Items, leaks: Mapping[str, str]) -> Items:
    """The items, those whose ids are in `leaks` (id -> what it leaks) as skipped ones."""
    for item in items:
        if item.id in leaks and isinstance(item, Instance):
            item = Skipped(item.id, "leak", leaks[item.id])
        yield item


def render_shard(
    shard: Shard,
    label_set: LabelSet,
    config: PrepareConfig,
    report: ShardReport,
    counts: TokenCounts | None = None,
) -> Iterator[tuple[str, Example, str, str]]:
    """(id, example, prompt, target) of each example of a shard; instances that give none go into `report`."""
    template, sampler = TEMPLATES[config.template], config.sampler(counts)
    for instance, labels in shard.instances:
        report.instances += 1
        report.characters += len(instance.text)
        try:
            if config.training:
                sampled = sampler.training_examples(instance, label_set, labels, shard.epoch, template)
            else:
                sampled = sampler.evaluation_examples(instance, label_set, template)
            pairs = [template.render(example) for example in sampled.examples]
        except SkipInstance as error:
            report.drops.add(error.reason, instance.id, str(error))
            continue
        except ContractError as error:
            report.drops.add("contract", instance.id, str(error))
            continue
        for label in () if shard.quota_per_instance else labels:
            if label != NO_LABEL:
                report.label_counts[label] = report.label_counts.get(label, 0) + 1
        report.texts_in_windows += sampled.windows > 1
        report.lost_spans += sampled.lost_spans
        for chunk, (example, (prompt, target)) in enumerate(zip(sampled.examples, pairs, strict=True)):
            yield f"{instance.id}#{chunk}", example, prompt, target


class TaskFacts(NamedTuple):
    """What records say of their task; unlike a `TaskSpec` it has no reader, which may not travel to other processes."""

    name: str
    family: str
    language: str
    atom: str
    pairs: bool

    @classmethod
    def of(cls, spec: TaskSpec) -> "TaskFacts":
        """The facts of a task."""
        return cls(spec.name, spec.family, spec.language, spec.atom, spec.pairs or spec.family in _PAIRS)


@dataclass(frozen=True)
class ShardWriter:
    """Writes shards. It is small, so that it travels easily: large inputs are read from the state.

    Attributes:
      store: that the shards are of.
      state: holds the tokenizer and the label statistics.
      config: the settings.
      tasks: of the mixture, in order.
    """

    store: StoreWriter
    state: PreparationState
    config: PrepareConfig
    tasks: Sequence[TaskFacts]

    @functools.cached_property
    def _encoder(self) -> Encoder:
        return self.state.encoder()

    @functools.cached_property
    def _counts(self) -> TokenCounts:
        return TokenCounts(self._encoder)

    @functools.cached_property
    def _label_sets(self) -> dict[int, LabelSet]:
        return {}

    def _label_set(self, task: int) -> LabelSet:
        if task not in self._label_sets:
            self._label_sets[task] = self.state.label_stats(task).label_set
        return self._label_sets[task]

    def __call__(self, shard: Shard) -> Shard:
        """Writes the shard's records, then its report, which says that it is complete.

        Returns:
          The shard, without its instances.
        """
        report, records, lengths = ShardReport(), [], []
        rows = render_shard(shard, self._label_set(shard.task), self.config, report, self._counts)
        for batch in _batches(rows, _BATCH):
            self._encode(shard, batch, report, records, lengths)
        self.store.write_shard(shard.name, records, np.array(lengths, np.int32).reshape(-1, 2), asdict(report))
        return replace(shard, instances=())

    def _encode(
        self,
        shard: Shard,
        batch: Sequence[tuple[str, Example, str, str]],
        report: ShardReport,
        records: list[dict[str, Any]],
        lengths: list[tuple[int, int]],
    ) -> None:
        """Appends the records of some examples and their (prompt, target) lengths; counts those that are dropped."""
        config, task = self.config, self.tasks[shard.task]
        prompts = self._encoder.encode_prompts([prompt for _, _, prompt, _ in batch])
        targets = self._encoder.encode([target for _, _, _, target in batch])
        for (id, example, prompt, target), prompt_ids, target_ids in zip(batch, prompts, targets, strict=True):
            target_ids.append(self._encoder.eos_id)
            report.gold_spans += sum(map(len, example.answers)) if example.atom == "ext" else 0
            # Half an answer teaches a wrong one: a long target is dropped, never cut.
            if len(target_ids) > config.max_target_tokens and config.training:
                report.drops.add("target_too_long", id, f"{len(target_ids)} tokens")
                continue
            needed = _needed_parts(example, task.pairs)
            start = len(self._encoder.start_ids)
            cut = truncate_left(prompt_ids, config.max_prompt_tokens, self._encoder.decode, needed, start)
            if cut.removed:
                report.truncated_prompts += 1
                # In training such a prompt is dropped, and counted as that.
                report.unreachable_spans += cut.missing if example.atom == "ext" and not config.training else 0
                # An evaluation prompt stays: the score has to show what the model cannot see.
                if cut.loss and config.training:
                    report.drops.add(cut.loss, id, f"its prompt was cut to {config.max_prompt_tokens} tokens")
                    continue
            report.examples += 1
            report.examples_without_answer += not any(example.answers)
            report.tokens += len(cut.ids) + len(target_ids)
            report.target_tokens += len(target_ids)
            lengths.append((len(cut.ids), len(target_ids)))
            if config.training:
                records.append(train_fields(id, shard.task, cut.ids, target_ids))
                continue
            record = EvalRecord(
                id=id,
                task=task.name,
                family=task.family,
                language=task.language,
                atom=task.atom,
                text=example.text,
                labels=example.labels,
                answers=example.answers,
                prompt=prompt,
                target=target,
                prompt_ids=cut.ids,
            )
            records.append(eval_fields(record))


def _needed_parts(example: Example, pairs: bool) -> list[str]:
    """The parts of a text without which its example has no answer: gold spans, or the question after a passage."""
    if isinstance(example, Extraction):
        return [span for spans in example.answers for span in spans]
    # The hypothesis, or the question of a multiple choice. A TAB in a single text is a space like any other.
    return [example.text.rpartition(TAB)[2]] if pairs and TAB in example.text else []


def _batches(rows: Iterable[tuple[str, Example, str, str]], size: int) -> Iterator[list[tuple[str, Example, str, str]]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, size)):
        yield batch
