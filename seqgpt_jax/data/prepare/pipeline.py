"""Preparation pipeline: raw records -> instances -> decontamination -> quota -> negatives -> prompts -> ids -> store.

Everything random happens here, so a run of training reads files and nothing else. Raw files are parsed once; later
passes read the parsed instances (`PreparationState`). The work is cut into shards: any number of processes makes the
same store, byte for byte, and a preparation that was interrupted resumes where it was.
"""

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from etils import epath

from seqgpt_jax.atomic import TEMPLATES
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.decontamination import bare_text, leaking
from seqgpt_jax.data.prepare.label_stats import Items, LabelStats, collect_label_stats, no_negatives, with_clean_labels
from seqgpt_jax.data.prepare.losses import advice
from seqgpt_jax.data.prepare.mixing import TaskMixing, epoch_instances, mixing_weights, with_general_share
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.prepare.shards import (
    Shard,
    ShardReport,
    ShardWriter,
    TaskFacts,
    shard_name,
    shards,
    without_leaks,
)
from seqgpt_jax.data.prepare.state import PreparationState, Wanted
from seqgpt_jax.data.prepare.workers import Runner, available_cores, processes
from seqgpt_jax.data.raw.files import read_instances, total_size
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.data.store import StoreError, StoreWriter, is_finished
from seqgpt_jax.data.tokenizer import encoder_of
from seqgpt_jax.io import storage
from seqgpt_jax.io.file_lock import held
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.io.tokenizer import fingerprint

# Less than this is read faster than worker processes start.
_SMALL_BYTES = 8 << 20


def _mixing_report(
    specs: Sequence[TaskSpec], mixed: Sequence[tuple[float, int]], epochs: Sequence[Sequence[ShardReport]]
) -> dict[str, dict[str, Any]]:
    """Of each task the rate that was asked for and what came of it, in instances and in examples of each epoch."""
    totals = [sum(report.examples for report in epoch) for epoch in epochs]
    return {
        spec.name: {
            "rate": share,
            "instances": number,
            "examples_rate": [epoch[task].examples / total for epoch, total in zip(epochs, totals, strict=True)],
        }
        for task, (spec, (share, number)) in enumerate(zip(specs, mixed, strict=True))
    }


# The splits whose texts may not be trained on.
_HELD_BACK = ("validation", "test")


def prepare(
    preparation: ResolvedPreparation,
    progress: Progress = no_progress,
    runner: Runner | None = None,
) -> Path:
    """Writes the store of a preparation, unless it is there already, and returns its folder.

    Args:
      preparation: settings, tasks and tokenizer.
      progress: called as the work gets done.
      runner: does the work; None for as many processes as `config.workers` says.

    Raises:
      RecordError: a raw file is malformed; the message names file and line.
      ValueError: no task of the mixture has the split, nothing gives an example, or no task draws negative queries of
        which the settings want a number.
    """
    config, folder = preparation.config, preparation.folder
    if not any(config.split in spec.splits for spec in preparation.specs):
        raise ValueError(f"no task of the mixture {config.mixture!r} has a split {config.split!r}")
    with _exclusive(folder):
        if not is_finished(folder):
            _Preparing(preparation, progress, runner or _local_processes(preparation)).write_store()
    return folder


@dataclass(frozen=True)
class TaskReport:
    """What became of one task: the rows of the manifest and of the printed table.

    Attributes:
      choose: how many labels an instance has, in all splits: "one", "one_or_none" or "any" number.
      instances, characters: what the split holds.
      within_quota, characters_within_quota: what the quotas keep.
      examples, tokens, target_tokens: what the store holds, of its first epoch.
      truncated_prompts: prompts that lost their left end.
      examples_without_answer: examples in which nothing is to be found.
      texts_in_windows, lost_spans: texts that were cut into windows, and gold spans that no window is asked about.
      gold_spans: of all prompts; windows overlap, so that some are there twice.
      unreachable_spans: gold spans of evaluation that are in the part that a prompt lost.
      label_counts: label -> [instances, instances within its quota].
      drops, drop_samples: what was lost in the first epoch, by reason, and the first of each kind.
      dropped_by_epoch: how many were lost in each epoch; sampled labels differ, and so may losses.
    """

    family: str
    language: str
    atom: str
    labels: list[str]
    choose: str
    instances: int
    characters: int
    within_quota: int
    characters_within_quota: int
    examples: int
    tokens: int
    target_tokens: int
    truncated_prompts: int
    examples_without_answer: int
    texts_in_windows: int
    lost_spans: int
    gold_spans: int
    unreachable_spans: int
    label_counts: dict[str, tuple[int, int]]
    drops: dict[str, int]
    drop_samples: dict[str, str]
    dropped_by_epoch: list[int]

    @classmethod
    def of(cls, spec: TaskSpec, stats: LabelStats, epochs: Sequence[ShardReport]) -> "TaskReport":
        """The report of a task, from the reports of its epochs."""
        first = epochs[0]
        dropped = sum(stats.drops.counts.values())
        by_epoch = [dropped + sum(report.drops.counts.values()) for report in epochs]
        stats.drops.merge(first.drops.counts, first.drops.samples)
        counts = stats.label_counts.items()
        return cls(
            family=spec.family,
            language=spec.language,
            atom=spec.atom,
            labels=list(stats.label_set.labels),
            choose=stats.choose,
            instances=stats.instances,
            characters=stats.characters,
            within_quota=first.instances,
            characters_within_quota=first.characters,
            examples=first.examples,
            tokens=first.tokens,
            target_tokens=first.target_tokens,
            truncated_prompts=first.truncated_prompts,
            examples_without_answer=first.examples_without_answer,
            texts_in_windows=first.texts_in_windows,
            lost_spans=first.lost_spans,
            gold_spans=first.gold_spans,
            unreachable_spans=first.unreachable_spans,
            label_counts={label: (count, first.label_counts.get(label, 0)) for label, count in counts},
            drops=stats.drops.counts,
            drop_samples=stats.drops.samples,
            dropped_by_epoch=by_epoch,
        )


class _Preparing:
    """One preparation while it runs: its passes in order, each of which skips what an earlier run has done."""

    def __init__(self, preparation: ResolvedPreparation, progress: Progress, run: Runner) -> None:
        self.preparation, self.progress, self.run = preparation, progress, run
        self.config: PrepareConfig = preparation.config
        self.specs = [spec for spec in preparation.specs if self.config.split in spec.splits]
        self.evaluation = list(preparation.evaluation) if self.config.training else []
        self.store = StoreWriter(preparation.folder)
        self.state = PreparationState(preparation.folder / "state")

    def write_store(self) -> None:
        self.parse()
        self.find_leaks()
        stats = self.collect_stats()
        if problem := no_negatives(self.config, self.specs, stats):
            self.store.remove()
            raise ValueError(problem)
        mixed = self.mix(stats)
        self.state.write_encoder(encoder_of(self.preparation.tokenizer))
        names = self.write_shards(stats)
        reports = [self.merged_reports(epoch) for epoch in names]
        tasks = {
            spec.name: asdict(TaskReport.of(spec, stats[number], [epoch[number] for epoch in reports]))
            for number, spec in enumerate(self.specs)
        }
        config = self.config
        if not any(names[0]) or not any(task["examples"] for task in tasks.values()):
            self.store.remove()
            lost = {name: task["drops"] for name, task in tasks.items() if task["drops"]}
            what = f"dropped: {lost}. {advice(lost, config.content())}" if lost else "no record is of this split"
            raise ValueError(f"{config.mixture} ({config.split}) gives no example at all; {what}")
        tokenizer = self.preparation.tokenizer
        manifest = {
            "name": self.preparation.folder.name,
            "mixture": config.mixture,
            "split": config.split,
            "kind": "train" if config.training else "eval",
            "fingerprint": self.preparation.fingerprint,
            "epochs": len(names),
            "settings": config.content(),
            "tokenizer": {
                "fingerprint": fingerprint(tokenizer),
                "tokens": len(tokenizer),
                # Where SeqIO's tasks find it; the fingerprint says whether it is still the same.
                "path": config.tokenizer,
            },
            "files": self.preparation.files,
            "tasks": tasks,
            # SeqIO's word for the weight of a task in a mixture: what survives its quotas.
            "rates": {name: task["examples"] for name, task in tasks.items()},
        }
        if self.preparation.left_out:
            # By name alone: where the folder lies is of no interest elsewhere.
            manifest["left_out"] = {use: sorted(missing) for use, missing in self.preparation.left_out.items()}
        if mixed:
            manifest["mixing"] = _mixing_report(self.specs, mixed, reports)
        if config.general_share and config.training:
            manifest["general"] = [spec.name for spec in self.specs if spec.name in self.preparation.general]
        self.store.finish(names, manifest)
        self.state.remove()

    def parse(self) -> None:
        """Reads every split that is needed, once: all splits of the tasks, and those of evaluation to compare with."""
        needed = {(spec.name, split): spec for spec in self.specs for split in spec.splits}
        for spec in self.evaluation:
            needed |= {(spec.name, split): spec for split in _HELD_BACK if split in spec.splits}
        missing = [key for key in needed if not self.state.is_parsed(*key)]
        work = functools.partial(_parse, specs=needed, config=self.config, state=self.state)
        for done, _ in enumerate(self.run(missing, _itself, work), start=1):
            self.progress("reading", done, len(missing))

    def find_leaks(self) -> None:
        """Compares the training texts with those of the evaluation splits; {} where there are none of these."""
        if self.state.leaks() is not None:
            return
        leaks = {}
        if self.evaluation:
            train = self.texts(self.specs, ("train",))
            worst = leaking(train, self.texts(self.evaluation, _HELD_BACK), self.progress)
            leaks = {id: str(leak) for id, leak in worst.items()}
        self.state.write_leaks(leaks)

    def texts(self, specs: Sequence[TaskSpec], splits: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(id, bare text) of all instances of these splits."""
        for spec, split in itertools.product(specs, splits):
            if split in spec.splits:
                for item in self.state.instances(spec.name, split):
                    if not isinstance(item, Skipped):
                        yield item.id, bare_text(item)

    def collect_stats(self) -> list[LabelStats]:
        """The label statistics of each task."""
        missing = [number for number in range(len(self.specs)) if self.state.label_stats(number) is None]
        work = functools.partial(_collect_stats, specs=self.specs, config=self.config, state=self.state)
        for done, _ in enumerate(self.run(missing, _itself, work), start=1):
            self.progress("counting labels", done, len(missing))
        return [self.state.label_stats(number) for number in range(len(self.specs))]

    def mix(self, stats: Sequence[LabelStats]) -> list[tuple[float, int]]:
        """For each task (share, instances of an epoch) as the settings say; [] where all come once."""
        config = self.config
        if not config.sets_rates:
            return []
        sizes = [task.within_quota for task in stats]
        if not any(sizes):
            return []
        if config.general_share:
            is_general = [spec.name in self.preparation.general for spec in self.specs]
            numbers = with_general_share(sizes, is_general, config.general_share)
            shares = [number / max(sum(numbers), 1) for number in numbers]
        else:
            shares = mixing_weights(sizes, config.mixing, config.temperature, config.mixing_maximum)
            numbers = epoch_instances(sizes, shares)
        missing = [task for task, size in enumerate(sizes) if size and self.state.mixing(task) is None]
        work = functools.partial(_mix, specs=self.specs, config=config, state=self.state, sizes=sizes, numbers=numbers)
        for done, _ in enumerate(self.run(missing, _itself, work), start=1):
            self.progress("mixing", done, len(missing))
        return list(zip(shares, numbers, strict=True))

    def write_shards(self, stats: Sequence[LabelStats]) -> list[list[tuple[int, str]]]:
        """Writes every shard that is not there yet; returns (task number, name) of all shards of each epoch."""
        epochs = self.config.epochs if self.config.training else 1
        before = [0, *itertools.accumulate(task.instances for task in stats)]
        jobs = [(epoch, number) for epoch in range(epochs) for number in range(len(self.specs))]
        expand = functools.partial(
            _missing_shards, specs=self.specs, config=self.config, state=self.state, store=self.store
        )
        write = ShardWriter(self.store, self.state, self.config, [TaskFacts.of(spec) for spec in self.specs])
        for shard in self.run(jobs, expand, write):
            read = shard.epoch * before[-1] + before[shard.task] + shard.read
            self.progress(f"writing {self.specs[shard.task].name}", read, epochs * before[-1])
        names: list[list[tuple[int, str]]] = [[] for _ in range(epochs)]
        for epoch, number in jobs:
            count = self.state.shard_count(epoch, number)
            if count is None:
                folder = self.store.folder
                raise StoreError(f"{folder}: another process has finished or removed it; run the same command again")
            names[epoch] += [(number, shard_name(epoch, number, shard)) for shard in range(count)]
        return names

    def merged_reports(self, names: Sequence[tuple[int, str]]) -> list[ShardReport]:
        """For each task the joint report of its shards."""
        reports = [ShardReport() for _ in self.specs]
        for number, name in names:
            reports[number].merge(self.store.shard_report(name))
        return reports


# What follows runs in worker processes.


def _itself(job: Any) -> Iterable[Any]:
    return [job]


def _parse(
    key: tuple[str, str], specs: dict[tuple[str, str], TaskSpec], config: PrepareConfig, state: PreparationState
) -> None:
    """Parses the raw files of (task, split) and writes their instances."""
    task, split = key
    state.write_instances(task, split, read_instances(specs[key], split, config.data_folder(), config.bad_records))


def _instances(
    spec: TaskSpec, split: str, config: PrepareConfig, state: PreparationState, wanted: Wanted | None = None
) -> Items:
    """The instances of a split, with clean labels; of the split that is prepared, leaks are skipped."""
    items = with_clean_labels(state.instances(spec.name, split, wanted), TEMPLATES[config.template])
    return without_leaks(items, state.leaks() or {}) if split == config.split else items


def _collect_stats(task: int, specs: Sequence[TaskSpec], config: PrepareConfig, state: PreparationState) -> None:
    """Collects and writes the label statistics of the task of this number."""
    read = functools.partial(_instances, specs[task], config=config, state=state)
    siblings = sum(spec.dataset.name == specs[task].dataset.name for spec in specs)
    state.write_label_stats(task, collect_label_stats(specs[task], config, read, 1 / siblings))


def _mix(
    task: int,
    specs: Sequence[TaskSpec],
    config: PrepareConfig,
    state: PreparationState,
    sizes: Sequence[int],
    numbers: Sequence[int],
) -> None:
    """Chooses and writes how often the instances of the task of this number come in each epoch."""
    stats, items = state.label_stats(task), _instances(specs[task], config.split, config, state)
    kept = (item.id for item in items if not isinstance(item, Skipped) and stats.labels_within_quota(item))
    state.write_mixing(task, TaskMixing.of(kept, sizes[task], numbers[task], config.epochs, config.seed))


def _missing_shards(
    job: tuple[int, int], specs: Sequence[TaskSpec], config: PrepareConfig, state: PreparationState, store: StoreWriter
) -> Iterable[Shard]:
    """The shards of (epoch, task number) that the store does not have yet; writes down how many there are in all."""
    (epoch, task), count = job, 0
    # Of a task that is mixed in, an epoch may have a few instances of very many.
    wanted = functools.partial(mixing.comes, epoch) if (mixing := state.mixing(task)) else None
    items = _instances(specs[task], config.split, config, state, wanted)
    for shard in shards(items, state.label_stats(task), epoch, task, mixing):
        count += 1
        if not store.has_shard(shard.name):
            yield shard
    state.write_shard_count(epoch, task, count)


def _exclusive(folder: epath.Path) -> contextlib.AbstractContextManager[None]:
    """Keeps a second process from preparing the same store: it waits, and then finds it there."""
    if storage.is_remote(folder):  # buckets know no locks
        return contextlib.nullcontext()
    waiting = f"{folder.name} is being prepared by another process: waiting for it"
    return held(Path(folder.parent) / ".locks" / f"{folder.name}.lock", waiting)


def _local_processes(preparation: ResolvedPreparation) -> Runner:
    config = preparation.config
    if config.workers is not None:
        return processes(config.workers)
    size = total_size(preparation.specs, config.data_folder())
    return processes(1 if size < _SMALL_BYTES else available_cores())
