"""source -> instances -> quota -> negatives -> render -> tokenise -> store.

Everything random happens here, so a run of training reads files and nothing else. The work is cut
into parts (`seqgpt_jax.data.prepare.shards`): any number of processes makes the same store, byte for byte,
and a preparation that was interrupted goes on where it was.
"""

import contextlib
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from etils import epath
from filelock import FileLock, Timeout
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN
from seqgpt_jax.data.prepare.code_fingerprint import code_fingerprint
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_stats import LabelStats, scan
from seqgpt_jax.data.prepare.shards import (
    ShardReport,
    ShardWriter,
    count_name,
    missing_parts,
    part_name,
    parts,
    rendered,
    scan_name,
    scan_one,
)
from seqgpt_jax.data.prepare.workers import Runner, available_cores, processes
from seqgpt_jax.data.raw.files import check_files, file_hashes, total_size
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.data.store import StoreError, StoreWriter, is_finished
from seqgpt_jax.data.tokenizer import encoder_of, fingerprint

# Less than this is read faster than worker processes start.
_SMALL = 8 << 20
Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is done, how much there is)."""


def settings_fingerprint(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    tokenizer: PreTrainedTokenizerFast,
    evaluation: Sequence[TaskSpec] = (),
) -> tuple[str, dict[str, str]]:
    """(fingerprint, digest of each source file): equal exactly where `prepare` would write the same store.

    It covers the settings, the tokenizer, every source file and the code that reads and renders.

    Raises:
      DataNotFound: raw files are missing; all of them are named.
    """
    everything_read = [*specs, *evaluation]
    check_files(everything_read, config.data_folder())
    files = file_hashes(everything_read, config.data_folder())
    code = code_fingerprint(everything_read, config.modules)
    settings = config.content() | {"tokenizer": fingerprint(tokenizer)}
    names = [[spec.name for spec in group] for group in (specs, evaluation)]
    everything = json.dumps([settings, names, sorted(files.items()), code], sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()[:10], files


def store_folder(config: PrepareConfig, fingerprint: str) -> epath.Path:
    """Where the store with this fingerprint lies: other settings make another folder."""
    return epath.Path(config.output_dir) / f"{config.mixture}.{config.split}.{fingerprint}"


def locate(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    tokenizer: PreTrainedTokenizerFast,
    evaluation: Sequence[TaskSpec] = (),
) -> Path | None:
    """The finished store for these settings, or None where it has to be prepared."""
    folder = store_folder(config, settings_fingerprint(config, specs, tokenizer, evaluation)[0])
    return folder if is_finished(folder) else None


def prepare(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    tokenizer: PreTrainedTokenizerFast,
    progress: Progress = lambda task, done, total: None,
    evaluation: Sequence[TaskSpec] = (),
    runner: Runner | None = None,
) -> Path:
    """Writes the store for these settings and returns its folder.

    Args:
      config: the settings.
      specs: the tasks of the mixture.
      tokenizer: that the ids are of.
      progress: is told how far it is.
      evaluation: tasks whose validation and test texts may not be trained on (`data.leaks`).
      runner: does the work; None for as many processes as `config.workers` says.

    Raises:
      DataNotFound: a raw file is missing.
      RecordError: a raw file is malformed; the message names file and line.
      ValueError: no task of the mixture has the split.
    """
    specs = [spec for spec in specs if config.split in spec.splits]
    if not specs:
        raise ValueError(f"no task of the mixture {config.mixture!r} has a split {config.split!r}")
    key, files = settings_fingerprint(config, specs, tokenizer, evaluation)
    folder = store_folder(config, key)
    with _only_one(folder):
        if is_finished(folder):
            return folder
        writer = StoreWriter(folder)
        run = runner or _local_processes(config, specs)
        leaks = _leaks(config, specs, evaluation, writer, progress)
        scans = _scan_all(config, specs, leaks, writer, run, progress)
        ShardWriter.prepare_notes(writer, specs, encoder_of(tokenizer))
        names = _make_parts(config, specs, scans, leaks, writer, run, progress)
        reports = [_reports(writer, len(specs), epoch) for epoch in names]
        tasks = {
            spec.name: asdict(_task_report(spec, found, [epoch[number] for epoch in reports]))
            for number, (spec, found) in enumerate(zip(specs, scans, strict=True))
        }
        if not any(names[0]) or not any(task["examples"] for task in tasks.values()):
            writer.abandon()
            lost = {name: task["drops"] for name, task in tasks.items() if task["drops"]}
            raise ValueError(f"{config.mixture} ({config.split}) gives no example at all; dropped: {lost or 'nothing'}")
        writer.finish(
            names,
            {
                "name": folder.name,
                "mixture": config.mixture,
                "split": config.split,
                "kind": "train" if config.training else "eval",
                "fingerprint": key,
                "epochs": len(names),
                "settings": config.content(),
                "tokenizer": {"fingerprint": fingerprint(tokenizer), "tokens": len(tokenizer)},
                "files": files,
                "tasks": tasks,
                # SeqIO's word for the weight of a task in a mixture: what survives its quotas.
                "rates": {name: task["examples"] for name, task in tasks.items()},
            },
        )
    return folder


@dataclass(frozen=True)
class TaskReport:
    """What became of one task: the rows of the manifest and of the printed table.

    Attributes:
      instances, characters: what the split holds.
      within_quota, characters_within_quota: what the quotas keep.
      examples, tokens, target_tokens: what the store holds, of its first epoch.
      truncated_prompts: prompts that lost their left end.
      label_counts: label -> [instances, instances within its quota].
      drops, drop_samples: what was lost in the first epoch, by reason, and the first of each kind.
      dropped_by_epoch: how many were lost in each epoch; draws differ, and so may losses.
    """

    family: str
    language: str
    atom: str
    labels: list[str]
    instances: int
    characters: int
    within_quota: int
    characters_within_quota: int
    examples: int
    tokens: int
    target_tokens: int
    truncated_prompts: int
    label_counts: dict[str, tuple[int, int]]
    drops: dict[str, int]
    drop_samples: dict[str, str]
    dropped_by_epoch: list[int]


def _task_report(spec: TaskSpec, found: LabelStats, epochs: Sequence[ShardReport]) -> TaskReport:
    first = epochs[0]
    dropped = sum(found.drops.counts.values())
    by_epoch = [dropped + sum(report.drops.counts.values()) for report in epochs]
    found.drops.merge(first.drops.counts, first.drops.samples)
    return TaskReport(
        family=spec.family,
        language=spec.language,
        atom=spec.atom,
        labels=list(found.label_set.labels),
        instances=found.instances,
        characters=found.characters,
        within_quota=first.instances,
        characters_within_quota=first.characters,
        examples=first.examples,
        tokens=first.tokens,
        target_tokens=first.target_tokens,
        truncated_prompts=first.truncated_prompts,
        label_counts={label: (count, first.label_counts.get(label, 0)) for label, count in found.label_counts.items()},
        drops=found.drops.counts,
        drop_samples=found.drops.samples,
        dropped_by_epoch=by_epoch,
    )


@contextlib.contextmanager
def _only_one(folder: epath.Path) -> Iterator[None]:
    """Keeps a second process from preparing the same store: it waits, and then finds it there."""
    if "://" in str(folder):  # buckets know no locks
        yield
        return
    locks = folder.parent / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{folder.name} is being prepared by another process: waiting for it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _local_processes(config: PrepareConfig, specs: Sequence[TaskSpec]) -> Runner:
    if config.workers is not None:
        return processes(config.workers)
    return processes(1 if total_size(specs, config.data_folder()) < _SMALL else available_cores())


def _leaks(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    evaluation: Sequence[TaskSpec],
    writer: StoreWriter,
    progress: Progress,
) -> dict[str, str]:
    """id of a training instance -> what it leaks; {} where nothing is to be compared."""
    if not evaluation or not config.training:
        return {}
    if noted := writer.note("leaks"):
        return json.loads(noted)
    from seqgpt_jax.data.prepare.decontamination import leaking, texts

    source = {"data_folder": config.data_folder(), "bad_records": config.bad_records, "progress": progress}
    found = leaking(texts(specs, ("train",), **source), texts(evaluation, ("validation", "test"), **source))
    leaks = {id: str(leak) for id, leak in found.items()}
    writer.take_note("leaks", json.dumps(leaks).encode())
    return leaks


def _scan_all(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    leaks: Mapping[str, str],
    writer: StoreWriter,
    run: Runner,
    progress: Progress,
) -> list[LabelStats]:
    """One scan for each task, those of an earlier, interrupted preparation used again."""
    missing = [number for number in range(len(specs)) if writer.note(scan_name(number)) is None]
    work = functools.partial(scan_one, specs=specs, config=config, leaks=leaks, writer=writer)
    for done, _ in enumerate(run(missing, lambda number: [number], work), start=1):
        progress("counting labels", done, len(missing))
    return [LabelStats.unpacked(writer.note(scan_name(number))) for number in range(len(specs))]


def _make_parts(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    scans: Sequence[LabelStats],
    leaks: Mapping[str, str],
    writer: StoreWriter,
    run: Runner,
    progress: Progress,
) -> list[list[tuple[int, str]]]:
    """Makes every part that is not there yet; returns (task number, name) of all of each epoch."""
    epochs = config.epochs if config.training else 1
    before = [0, *itertools.accumulate(found.instances for found in scans)]
    jobs = [(epoch, number) for epoch in range(epochs) for number in range(len(specs))]
    expand = functools.partial(missing_parts, specs=specs, config=config, leaks=leaks, writer=writer)
    for part in run(jobs, expand, ShardWriter(writer, config)):
        read = part.epoch * before[-1] + before[part.task] + part.read
        progress(f"writing {specs[part.task].name}", read, epochs * before[-1])
    names: list[list[tuple[int, str]]] = [[] for _ in range(epochs)]
    for epoch, number in jobs:
        count = writer.note(count_name(epoch, number))
        if count is None:
            raise StoreError(f"{writer.folder}: another process has finished or removed it; run the same command again")
        names[epoch] += [(number, part_name(epoch, number, part)) for part in range(int(count))]
    return names


def _reports(writer: StoreWriter, tasks: int, names: Sequence[tuple[int, str]]) -> list[ShardReport]:
    reports = [ShardReport() for _ in range(tasks)]
    for number, name in names:
        reports[number].merge(writer.part(name)["report"])
    return reports


def rendered_examples(spec: TaskSpec, config: PrepareConfig, epoch: int) -> Iterator[tuple[str, str, str]]:
    """(id, prompt, target) of one split in file order; what gives no example is left out: `prepare` counts it."""
    found = scan(spec, config)
    for part in parts(spec, 0, found, config, epoch):
        for id, _, prompt, target in rendered(part, found.label_set, config, ShardReport()):
            yield id, prompt, target


def training_strings(config: PrepareConfig, specs: Sequence[TaskSpec]) -> Iterator[str]:
    """Prompts (without `[GEN]`) and targets of one epoch of training, for a tokenizer to learn from."""
    for spec in specs:
        for _, prompt, target in rendered_examples(spec, config, epoch=0):
            yield prompt.removesuffix(GEN)
            yield target
