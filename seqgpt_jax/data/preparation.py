"""source -> instances -> quota -> negatives -> render -> tokenise -> store.

Everything random happens here, so a run of training reads files and nothing else.
"""

import hashlib
import importlib.util
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN, TEMPLATES, ContractError, Example, Extraction, Instance
from seqgpt_jax.data.drawing import DrawError, LabelSet
from seqgpt_jax.data.quota import Quota
from seqgpt_jax.data.settings import DATA_DIR_VARIABLE, PrepareConfig
from seqgpt_jax.data.store import EvalRecord, StoreWriter, eval_fields, read_manifest, train_fields
from seqgpt_jax.data.task_spec import Skipped, TaskSpec
from seqgpt_jax.data.tokenizer import encode, fingerprint

_BATCH = 512
_PACKAGE = Path(__file__).parent.parent
# The modules of this package that decide what a store holds.
_DECIDING = ("drawing", "preparation", "quota", "store", "tokenizer")
Progress = Callable[[str, int, int], None]
"""Called with (task, instances done, instances in all)."""


class DataNotFound(FileNotFoundError):
    """Raw files that are not where they should be."""


@dataclass
class TaskReport:
    """What became of one task: the rows of the manifest and of the printed table."""

    family: str
    language: str
    atom: str
    labels: list[str]
    instances: int = 0
    within_quota: int = 0
    examples: int = 0
    tokens: int = 0
    target_tokens: int = 0
    truncated_prompts: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    drop_samples: dict[str, str] = field(default_factory=dict)

    def drop(self, reason: str, id: str, detail: str) -> None:
        """Counts a loss and keeps the first of its kind to show."""
        self.drops[reason] = self.drops.get(reason, 0) + 1
        self.drop_samples.setdefault(reason, f"{id}: {detail}")


def resolve_files(spec: TaskSpec, split: str, data_folder: Path | None) -> tuple[Path, ...]:
    """The files of one split.

    Raises:
      DataNotFound: no data folder is named, or a file is missing.
    """
    names = spec.splits[split]
    if not names:
        return ()
    if data_folder is None:
        raise DataNotFound(
            f"task {spec.name} reads raw files, but no data folder is named: set {DATA_DIR_VARIABLE} or "
            f"Prepare.data_dir to the folder that holds {spec.dataset}/"
        )
    if not data_folder.is_dir():
        raise DataNotFound(
            f"the data folder {data_folder} does not exist: set {DATA_DIR_VARIABLE} or Prepare.data_dir to the folder "
            f"that holds {spec.dataset}/"
        )
    # A name may lead out of the data set's folder (`../../other/file`), which then need not exist.
    paths = tuple(Path(os.path.normpath(data_folder / spec.dataset / name)) for name in names)
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        origin = f" (source: {spec.source})" if spec.source else ""
        raise DataNotFound(f"task {spec.name}: not found: {', '.join(missing)}{origin}")
    return paths


def settings_fingerprint(
    config: PrepareConfig, specs: Sequence[TaskSpec], tokenizer: PreTrainedTokenizerFast
) -> tuple[str, dict[str, str]]:
    """(fingerprint, digest of each source file): equal exactly where `prepare` would write the same store.

    It covers the settings, the tokenizer, every source file and the code that reads and renders.
    """
    files: dict[str, str] = {}
    for spec in specs:
        for split in spec.splits:
            paths = resolve_files(spec, split, config.data_folder())
            files |= {
                f"{spec.dataset}/{name}": _digest([path]) for name, path in zip(spec.splits[split], paths, strict=True)
            }
    own = [*sorted((_PACKAGE / "atomic").glob("*.py")), *(_PACKAGE / "data" / f"{name}.py" for name in _DECIDING)]
    # The folder tasks/ as a whole, whatever of it is loaded, and the modules of a user's own readers.
    own += sorted(Path(importlib.util.find_spec("seqgpt_jax.tasks").origin).parent.rglob("*.py"))
    readers = {getattr(spec.read, "func", spec.read).__module__ for spec in specs}
    readers = {name for name in readers if not name.startswith("seqgpt_jax.")}
    code = _digest([*own, *(Path(sys.modules[name].__file__) for name in sorted(readers))])
    settings = config.content() | {"tokenizer": fingerprint(tokenizer)}
    everything = json.dumps([settings, [spec.name for spec in specs], sorted(files.items()), code], sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()[:10], files


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def store_folder(config: PrepareConfig, fingerprint: str) -> Path:
    """Where the store with this fingerprint lies: other settings make another folder."""
    return Path(config.output_dir) / f"{config.mixture}.{config.split}.{fingerprint}"


def locate(config: PrepareConfig, specs: Sequence[TaskSpec], tokenizer: PreTrainedTokenizerFast) -> Path | None:
    """The finished store for these settings, or None where it has to be prepared."""
    folder = store_folder(config, settings_fingerprint(config, specs, tokenizer)[0])
    return folder if read_manifest(folder) else None


def prepare(
    config: PrepareConfig,
    specs: Sequence[TaskSpec],
    tokenizer: PreTrainedTokenizerFast,
    progress: Progress = lambda task, done, total: None,
) -> Path:
    """Writes the store for these settings and returns its folder.

    Raises:
      DataNotFound: a raw file is missing.
      RecordError: a raw file is malformed; the message names file and line.
      ValueError: no task of the mixture has the split.
    """
    specs = [spec for spec in specs if config.split in spec.splits]
    if not specs:
        raise ValueError(f"no task of the mixture {config.mixture!r} has a split {config.split!r}")
    key, files = settings_fingerprint(config, specs, tokenizer)
    folder = store_folder(config, key)
    scans = {spec.name: _scan(spec, config) for spec in specs}
    reports = {
        spec.name: TaskReport(spec.family, spec.language, spec.atom, list(scans[spec.name].label_set.labels))
        for spec in specs
    }
    with StoreWriter(folder) as writer:
        epochs = config.epochs if config.training else 1
        counts = []
        for epoch in range(epochs):
            rows = (
                row
                for number, spec in enumerate(specs)
                # Most drops repeat in every epoch: the first one is reported.
                for row in _rows(
                    spec,
                    number,
                    scans[spec.name],
                    config,
                    tokenizer,
                    epoch,
                    reports[spec.name] if epoch == 0 else replace(reports[spec.name], drops={}, drop_samples={}),
                    progress,
                )
            )
            counts.append(writer.write_epoch(epoch, rows))
        if not counts[0]:
            lost = {name: report.drops for name, report in reports.items() if report.drops}
            raise ValueError(f"{config.mixture} ({config.split}) gives no example at all; dropped: {lost or 'nothing'}")
        writer.finish(
            {
                "name": folder.name,
                "mixture": config.mixture,
                "split": config.split,
                "kind": "train" if config.training else "eval",
                "fingerprint": key,
                "epochs": epochs,
                "examples": counts[0],
                "examples_per_epoch": counts,
                "settings": config.content(),
                "tokenizer": {"fingerprint": fingerprint(tokenizer), "tokens": len(tokenizer)},
                "files": files,
                "tasks": {name: asdict(report) for name, report in reports.items()},
                # SeqIO's word for the weight of a task in a mixture: what survives its quotas.
                "rates": {name: report.examples for name, report in reports.items()},
            }
        )
    return folder


@dataclass(frozen=True)
class _Scan:
    """What a first pass over a task has found."""

    label_set: LabelSet
    quota: Quota
    sample: Quota
    instances: int


def read_instances(spec: TaskSpec, split: str, data_folder: Path | None) -> Iterator[Instance | Skipped]:
    """The instances of one split, their ids made unique among all tasks."""
    for item in spec.read(split, resolve_files(spec, split, data_folder)):
        yield replace(item, id=f"{spec.name}/{split}/{item.id}")


def _scan(spec: TaskSpec, config: PrepareConfig) -> _Scan:
    """Labels of all splits; quotas of the split that is prepared."""
    labels: Counter = Counter()
    quota = Quota(config.quota if config.training else None, config.seed)
    sample = Quota(config.max_instances, config.seed)
    instances = 0
    for split in spec.splits:
        for item in read_instances(spec, split, config.data_folder()):
            if isinstance(item, Skipped):
                continue
            if not item.labels:
                labels.update(item.gold.keys())
            if split == config.split:
                instances += 1
                quota.count(item.id, item.gold)
    if config.max_instances is not None:
        for item in read_instances(spec, config.split, config.data_folder()):
            # Of what the quotas keep: a choice before them would starve the rare labels.
            if not isinstance(item, Skipped) and quota.keep(item.id, item.gold):
                sample.count(item.id, {})
    return _Scan(LabelSet.of(labels, spec.exclusive), quota, sample, instances)


def _lost_by_cut(kept: str, example: Example, prompt: str) -> str | None:
    """Why a prompt that was cut from the left can no longer be answered, None where it can."""
    if not kept.endswith(prompt[prompt.index("\n") :]):
        return "labels_cut"
    text = kept.split("\n")[0]
    spans = [span for spans in example.answers for span in spans] if isinstance(example, Extraction) else []
    return "answer_cut" if any(span not in text for span in spans) else None


def label_counts(spec: TaskSpec, config: PrepareConfig) -> tuple[LabelSet, Quota]:
    """The label set of a task and the counted quota of the split these settings name."""
    scan = _scan(spec, config)
    return scan.label_set, scan.quota


def examples_of(
    instance: Instance, spec: TaskSpec, label_set: LabelSet, quota: Quota, config: PrepareConfig, epoch: int
) -> list[Example]:
    """The examples these settings make of one instance; [] where it is over its quotas.

    Raises:
      DrawError: it gives none.
    """
    template, drawing = TEMPLATES[config.template], config.drawing()
    if not config.training:
        return drawing.evaluation_examples(instance, label_set, template)
    kept = quota.keep(instance.id, instance.gold)
    if not kept:
        return []
    return drawing.training_examples(instance, label_set, kept, epoch, template)


def rendered_examples(spec: TaskSpec, config: PrepareConfig, epoch: int) -> Iterator[tuple[str, str, str]]:
    """(id, prompt, target) of one split in file order; what gives no example is left out: `prepare` counts it."""
    label_set, quota = label_counts(spec, config)
    template = TEMPLATES[config.template]
    for item in read_instances(spec, config.split, config.data_folder()):
        if isinstance(item, Skipped):
            continue
        try:
            pairs = [template.render(example) for example in examples_of(item, spec, label_set, quota, config, epoch)]
        except (DrawError, ContractError):
            continue
        for chunk, (prompt, target) in enumerate(pairs):
            yield f"{item.id}#{chunk}", prompt, target


def training_strings(config: PrepareConfig, specs: Sequence[TaskSpec]) -> Iterator[str]:
    """Prompts (without `[GEN]`) and targets of one epoch of training, for a tokenizer to learn from."""
    for spec in specs:
        for _, prompt, target in rendered_examples(spec, config, epoch=0):
            yield prompt.removesuffix(GEN)
            yield target


def _rows(
    spec: TaskSpec,
    number: int,
    scan: _Scan,
    config: PrepareConfig,
    tokenizer: PreTrainedTokenizerFast,
    epoch: int,
    report: TaskReport,
    progress: Progress,
) -> Iterator[tuple[int, int, int, Mapping[str, Any]]]:
    """The rows of one task in one epoch, for `StoreWriter.write_epoch`."""
    template = TEMPLATES[config.template]

    def rendered() -> Iterator[tuple[str, Example, str, str]]:
        done = 0
        for item in read_instances(spec, config.split, config.data_folder()):
            if isinstance(item, Skipped):
                report.drop(item.reason, item.id, "passed over by its reader")
                continue
            done += 1
            report.instances += 1
            if done % 256 == 0 or done == scan.instances:
                progress(spec.name, done, scan.instances)
            if not scan.quota.keep(item.id, item.gold) or not scan.sample.keep(item.id, {}):
                continue
            try:
                examples = examples_of(item, spec, scan.label_set, scan.quota, config, epoch)
                pairs = [template.render(example) for example in examples]
            except DrawError as error:
                report.drop(error.reason, item.id, str(error))
                continue
            except ContractError as error:
                report.drop("contract", item.id, str(error))
                continue
            report.within_quota += bool(examples)
            for chunk, (example, (prompt, target)) in enumerate(zip(examples, pairs, strict=True)):
                yield f"{item.id}#{chunk}", example, prompt, target

    stream = rendered()
    while batch := list(itertools.islice(stream, _BATCH)):
        prompts = encode(tokenizer, [prompt for _, _, prompt, _ in batch])
        targets = encode(tokenizer, [target for _, _, _, target in batch])
        for (id, example, prompt, target), prompt_ids, target_ids in zip(batch, prompts, targets, strict=True):
            target_ids.append(tokenizer.eos_token_id)
            if len(target_ids) > config.max_target_tokens and config.training:
                report.drop("target_too_long", id, f"{len(target_ids)} tokens")
                continue
            if len(prompt_ids) > config.max_prompt_tokens:
                prompt_ids = prompt_ids[-config.max_prompt_tokens :]
                report.truncated_prompts += 1
                if config.training and (lost := _lost_by_cut(tokenizer.decode(prompt_ids), example, prompt)):
                    report.drop(lost, id, f"its prompt was cut to {config.max_prompt_tokens} tokens")
                    continue
            report.examples += 1
            report.tokens += len(prompt_ids) + len(target_ids)
            report.target_tokens += len(target_ids)
            if config.training:
                fields = train_fields(id, number, prompt_ids, target_ids)
            else:
                fields = eval_fields(
                    EvalRecord(
                        id=id,
                        task=spec.name,
                        family=spec.family,
                        language=spec.language,
                        atom=spec.atom,
                        text=example.text,
                        labels=example.labels,
                        answers=example.answers,
                        prompt=prompt,
                        target=target,
                        prompt_ids=prompt_ids,
                    )
                )
            yield number, len(prompt_ids), len(target_ids), fields
