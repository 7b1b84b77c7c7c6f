"""A part of a store: a few thousand consecutive instances of one task, drawn, rendered, tokenised, written.

Parts are the unit of all work: they depend on nothing but their instances, so they can be made in
any order, by any number of processes or machines, and those that are there already need not be
made again. The store is the same, byte for byte.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgpack
import numpy as np

from seqgpt_jax.atomic import TEMPLATES, ContractError, Example, Extraction, Instance
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.data.prepare.label_stats import Drops, LabelStats, instances_of, scan
from seqgpt_jax.data.prepare.quota import NO_LABEL
from seqgpt_jax.data.prepare.sampling import LabelSet, SkipInstance
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.data.store import EvalRecord, StoreWriter, eval_fields, train_fields

SHARD_INSTANCES = 4096
_BATCH = 512


@dataclass(frozen=True)
class Shard:
    """The work of making one part.

    Attributes:
      epoch, task, number: which part; `task` is the task's number in the mixture.
      instances: with their labels that are within the quotas.
      read: instances of the split that were read up to its end, for a progress bar.
      whole: the quota is on instances, so their labels, which are questions, are not counted.
    """

    epoch: int
    task: int
    number: int
    instances: Sequence[tuple[Instance, tuple[str, ...]]]
    read: int
    whole: bool = False

    @property
    def name(self) -> str:
        """Its files' name below the store's folder; names sort as parts follow each other."""
        return part_name(self.epoch, self.task, self.number)


def scan_name(task: int) -> str:
    """The note that holds the scan of a task."""
    return f"scan-{task:04d}"


def part_name(epoch: int, task: int, number: int) -> str:
    """The name of a part."""
    return f"epoch-{epoch:04d}/examples-{task:04d}-{number:05d}"


@dataclass
class ShardReport:
    """What became of the instances of a part, or of several."""

    instances: int = 0
    characters: int = 0
    examples: int = 0
    tokens: int = 0
    target_tokens: int = 0
    truncated_prompts: int = 0
    label_counts: dict[str, int] = field(default_factory=dict)
    drops: Drops = field(default_factory=Drops)

    def merge(self, fields: Mapping[str, Any]) -> None:
        """Adds a later part's report, as `asdict` gives it."""
        for name in ("instances", "characters", "examples", "tokens", "target_tokens", "truncated_prompts"):
            setattr(self, name, getattr(self, name) + fields[name])
        for label, count in fields["label_counts"].items():
            self.label_counts[label] = self.label_counts.get(label, 0) + count
        self.drops.merge(**fields["drops"])


def parts(
    spec: TaskSpec,
    task: int,
    scan: LabelStats,
    config: PrepareConfig,
    epoch: int,
    leaks: Mapping[str, str] | None = None,
) -> Iterator[Shard]:
    """The parts of one task in one epoch, in order; holds one part's instances at a time."""
    kept: list[tuple[Instance, tuple[str, ...]]] = []
    read = number = 0
    for item in instances_of(spec, config.split, config, leaks):
        if isinstance(item, Skipped):
            continue
        read += 1
        if labels := scan.keep(item):
            kept.append((item, labels))
        if len(kept) == SHARD_INSTANCES:
            yield Shard(epoch, task, number, kept, read, scan.whole)
            kept, number = [], number + 1
    if kept:
        yield Shard(epoch, task, number, kept, read, scan.whole)


def count_name(epoch: int, task: int) -> str:
    """The note that holds the number of parts of a task in an epoch."""
    return f"parts-{epoch:04d}-{task:04d}"


def missing_parts(
    job: tuple[int, int],
    specs: Sequence[TaskSpec],
    config: PrepareConfig,
    leaks: Mapping[str, str],
    writer: StoreWriter,
) -> Iterator[Shard]:
    """The parts of (epoch, task number) that the store does not have yet; notes how many there are in all."""
    (epoch, task), number = job, 0
    found = LabelStats.unpacked(writer.note(scan_name(task)))
    for part in parts(specs[task], task, found, config, epoch, leaks):
        number += 1
        if not writer.has_part(part.name):
            yield part
    writer.take_note(count_name(epoch, task), str(number).encode())


def scan_one(
    task: int, specs: Sequence[TaskSpec], config: PrepareConfig, leaks: Mapping[str, str], writer: StoreWriter
) -> None:
    """Scans the task of this number and notes what it finds."""
    writer.take_note(scan_name(task), scan(specs[task], config, leaks).packed())


def rendered(
    part: Shard, label_set: LabelSet, config: PrepareConfig, report: ShardReport
) -> Iterator[tuple[str, Example, str, str]]:
    """(id, example, prompt, target) of each example of a part; instances that give none go into `report`."""
    template, drawing = TEMPLATES[config.template], config.drawing()
    for instance, kept in part.instances:
        report.instances += 1
        report.characters += len(instance.text)
        try:
            if config.training:
                examples = drawing.training_examples(instance, label_set, kept, part.epoch, template)
            else:
                examples = drawing.evaluation_examples(instance, label_set, template)
            pairs = [template.render(example) for example in examples]
        except SkipInstance as error:
            report.drops.add(error.reason, instance.id, str(error))
            continue
        except ContractError as error:
            report.drops.add("contract", instance.id, str(error))
            continue
        for label in () if part.whole else kept:
            if label != NO_LABEL:
                report.label_counts[label] = report.label_counts.get(label, 0) + 1
        for chunk, (example, (prompt, target)) in enumerate(zip(examples, pairs, strict=True)):
            yield f"{instance.id}#{chunk}", example, prompt, target


@dataclass(frozen=True)
class ShardWriter:
    """Makes parts. It is small, so that it travels easily: all it needs it finds in the notes of the store.

    Attributes:
      writer: of the store; its notes hold the tokenizer, the tasks and their scans.
      config: the settings.
    """

    writer: StoreWriter
    config: PrepareConfig

    @staticmethod
    def prepare_notes(writer: StoreWriter, specs: Sequence[TaskSpec], encoder: Encoder) -> None:
        """Notes what `ShardWriter`s need; the scans are there already (`scan_name`)."""
        writer.take_note("tokenizer", encoder.packed())
        tasks = [{name: getattr(spec, name) for name in ("name", "family", "language", "atom")} for spec in specs]
        writer.take_note("tasks", msgpack.packb(tasks))

    @functools.cached_property
    def _encoder(self) -> Encoder:
        return Encoder.unpacked(self.writer.note("tokenizer"))

    @functools.cached_property
    def _tasks(self) -> list[dict[str, str]]:
        return msgpack.unpackb(self.writer.note("tasks"))

    @functools.cached_property
    def _label_sets(self) -> dict[int, LabelSet]:
        return {}

    def _label_set(self, task: int) -> LabelSet:
        if task not in self._label_sets:
            self._label_sets[task] = LabelStats.unpacked(self.writer.note(scan_name(task))).label_set
        return self._label_sets[task]

    def __call__(self, part: Shard) -> Shard:
        """Writes the part's records, then its report, which says that it is complete.

        Returns:
          The part, without its instances.
        """
        report, records, lengths = ShardReport(), [], []
        stream = rendered(part, self._label_set(part.task), self.config, report)
        batch: list[tuple[str, Example, str, str]] = []
        for row in stream:
            batch.append(row)
            if len(batch) == _BATCH:
                self._encode(part, batch, report, records, lengths)
                batch = []
        self._encode(part, batch, report, records, lengths)
        self.writer.write_part(part.name, records, np.array(lengths, np.int32).reshape(-1, 2), asdict(report))
        return replace(part, instances=())

    def _encode(
        self,
        part: Shard,
        batch: Sequence[tuple[str, Example, str, str]],
        report: ShardReport,
        records: list[dict[str, Any]],
        lengths: list[tuple[int, int]],
    ) -> None:
        config, task = self.config, self._tasks[part.task]
        prompts = self._encoder.encode([prompt for _, _, prompt, _ in batch])
        targets = self._encoder.encode([target for _, _, _, target in batch])
        for (id, example, prompt, target), prompt_ids, target_ids in zip(batch, prompts, targets, strict=True):
            target_ids.append(self._encoder.eos_id)
            if len(target_ids) > config.max_target_tokens and config.training:
                report.drops.add("target_too_long", id, f"{len(target_ids)} tokens")
                continue
            if len(prompt_ids) > config.max_prompt_tokens:
                prompt_ids = prompt_ids[-config.max_prompt_tokens :]
                report.truncated_prompts += 1
                if config.training and (lost := _lost_by_cut(self._encoder.decode(prompt_ids), example, prompt)):
                    report.drops.add(lost, id, f"its prompt was cut to {config.max_prompt_tokens} tokens")
                    continue
            report.examples += 1
            report.tokens += len(prompt_ids) + len(target_ids)
            report.target_tokens += len(target_ids)
            lengths.append((len(prompt_ids), len(target_ids)))
            if config.training:
                records.append(train_fields(id, part.task, prompt_ids, target_ids))
                continue
            record = EvalRecord(
                id=id,
                task=task["name"],
                family=task["family"],
                language=task["language"],
                atom=task["atom"],
                text=example.text,
                labels=example.labels,
                answers=example.answers,
                prompt=prompt,
                target=target,
                prompt_ids=prompt_ids,
            )
            records.append(eval_fields(record))


def _lost_by_cut(kept: str, example: Example, prompt: str) -> str | None:
    """Why a prompt that was cut from the left can no longer be answered, None where it can."""
    if not kept.endswith(prompt[prompt.index("\n") :]):
        return "labels_cut"
    text = kept.split("\n")[0]
    spans = [span for spans in example.answers for span in spans] if isinstance(example, Extraction) else []
    return "answer_cut" if any(span not in text for span in spans) else None
