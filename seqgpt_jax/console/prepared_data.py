"""Prepared data on the terminal: tables of counts, and prompts as the model sees them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgpt_jax.atomic import LANGUAGES
from seqgpt_jax.console.progress import progress_bar
from seqgpt_jax.data.prepare import pipeline
from seqgpt_jax.data.prepare.losses import losses
from seqgpt_jax.data.prepare.mixture_summary import mixture_groups, mixture_lengths
from seqgpt_jax.data.store import MANIFEST, EvalStore, TrainStore, read_manifest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
    from seqgpt_jax.data.prepare.workers import Runner
    from seqgpt_jax.data.raw.task_spec import TaskSpec

# Without emoji: `data.json:train:7` is no tram.
_CONSOLE = Console(highlight=False, soft_wrap=False, emoji=False)


def prepare_and_print(preparation: "ResolvedPreparation", runner: "Runner | None" = None) -> Path:
    """Prepares the store where it is missing, with a progress bar, and prints its summary; returns its folder."""
    fresh = not preparation.is_prepared
    with progress_bar(f"preparing {preparation.config.mixture} ({preparation.config.split})") as progress:
        folder = pipeline.prepare(preparation, progress, runner)
    print_summary(folder, fresh)
    return folder


def prepare_if_missing(preparation: "ResolvedPreparation") -> Path:
    """The same, silent where the store is there already: for `train` and `evaluate`, which need it on their way."""
    return Path(preparation.folder) if preparation.is_prepared else prepare_and_print(preparation)


def print_tasks(tasks: Mapping[str, "TaskSpec"], mixtures: Mapping[str, Sequence[str]]) -> None:
    """All tasks and mixtures by name."""
    table = Table("task", "kind", "splits", "", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for name, spec in sorted(tasks.items(), key=lambda item: (item[1].family, item[0])):
        kind = f"{spec.family} {spec.language} {spec.atom}"
        table.add_row(name, kind, " ".join(spec.splits), "held out" if spec.held_out else "")
    _CONSOLE.print(table)
    for name, members in mixtures.items():
        shown = [*members[:12], *(["…"] if members[12:] else [])]
        _CONSOLE.print(f"mixture [bold]{name}[/bold] ({len(members)} tasks): {' '.join(shown)}")
    _CONSOLE.print("`--inspect` shows all that is in one; names can be joined: --gin.Prepare.mixture=ft_en+cluener")


def print_summary(folder: Path, fresh: bool) -> None:
    """One row a task: what was read, what survived, what was dropped and why."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    names = ("task", "", "instances", "within", "examples", "tokens", "labels", "cut")
    title = f"{manifest['mixture']} ({manifest['split']})"
    table = Table(*names, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[1].no_wrap = True
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for name, task in manifest["tasks"].items():
        numbers = [task[key] for key in ("instances", "within_quota", "examples", "tokens")]
        numbers += [len(task["labels"]), task["truncated_prompts"]]
        table.add_row(name, f"{task['family']} {task['language']}", *(f"{number:,}" for number in numbers))
    _CONSOLE.print(table)
    dropped = Table("lost", "reason", "the first, by task", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    rows = [
        (f"{task['drops'][reason]:,}", reason, Text(sample))
        for task in manifest["tasks"].values()
        for reason, sample in task["drop_samples"].items()
    ]
    taken = sum(max([len(row[number]) for row in rows] + [7]) for number in range(2))
    for column in dropped.columns:
        column.no_wrap = True
    # Rich would take the room for the samples, which may be cut, from the numbers, which may not.
    dropped.columns[2].max_width = max(_CONSOLE.width - taken - 5, 16)
    dropped.columns[0].justify = "right"
    for row in rows:
        dropped.add_row(*row)
    if dropped.row_count:
        _CONSOLE.print(dropped)
        _CONSOLE.print(f"the first of each in full: {folder / MANIFEST}")
    for sentence in losses(manifest["tasks"], manifest["settings"]):
        _CONSOLE.print(f"- {sentence}", markup=False, soft_wrap=True)
    if (general := manifest.get("general")) is not None:
        _CONSOLE.print(general_line(general, manifest["mixing"]), soft_wrap=True)
    total = sum(task["tokens"] for task in manifest["tasks"].values())
    epochs = f", sampled for {manifest['epochs']} epochs" if manifest["kind"] == "train" else ""
    state = "prepared" if fresh else "already prepared"
    _CONSOLE.print(f"{state}: {manifest['examples']:,} examples, {total:,} tokens{epochs} in {folder}")


def general_line(names: Sequence[str], mixing: Mapping[str, Mapping[str, int]]) -> str:
    """How much of an epoch is general data, mixed in by `Prepare.general_share`."""
    instances = {name: task["instances"] for name, task in mixing.items()}
    total, general = sum(instances.values()), sum(instances[name] for name in names)
    return (
        f"general data, against forgetting: {general:,} of {total:,} instances ({general / max(total, 1):.0%}) of "
        f"{len(names)} tasks (Prepare.general_share)"
    )


def print_mixture(folder: Path) -> None:
    """Composition of a mixture before and after the quotas, by family and language; drops; lengths."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    title = f"{manifest['mixture']} ({manifest['split']}): before -> after quotas, by family and language"
    names = ("", "tasks", "labels", "instances", "within", "examples", "~ktok. all", "ktokens", "share")
    table = Table(*names, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    groups = mixture_groups(manifest)
    for key, row in groups.items():
        if key in (*LANGUAGES[:1], "all"):
            table.add_section()
        numbers = [row.tasks, row.labels, row.instances, row.within_quota, row.examples]
        numbers += [round(row.tokens_before / 1000), round(row.tokens / 1000)]
        table.add_row(key, *(f"{number:,}" for number in numbers), f"{row.tokens / groups['all'].tokens:.1%}")
    _CONSOLE.print(table)
    _CONSOLE.print("~ktok. all: thousand tokens that all instances would have, estimated from their characters\n")
    drops = Counter()
    for task in manifest["tasks"].values():
        drops.update(task["drops"])
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in drops.most_common()) or "none"
    _CONSOLE.print(f"drops by reason: {reasons}")
    if manifest["kind"] == "train":
        by_epoch = [
            sum(counts) for counts in zip(*(t["dropped_by_epoch"] for t in manifest["tasks"].values()), strict=True)
        ]
        _CONSOLE.print(f"epochs: {manifest['epochs']}; examples {manifest['examples_per_epoch']}, drops {by_epoch}")
    lengths = mixture_lengths(folder)
    edges = [0, *(1 << power for power in range(4, 64) if 1 << (power - 1) < max(lengths.max(), 16))]
    counts = np.histogram(lengths - 1, edges)[0]  # the upper edge belongs to its bar
    table = Table("tokens", "examples", "", title="lengths", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.columns[0].justify = table.columns[1].justify = "right"
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        table.add_row(f"{low + 1}-{high}", f"{count:,}", "█" * round(40 * count / counts.max()))
    _CONSOLE.print(table)
    quarters = ", ".join(f"{share} %: {np.percentile(lengths, share):.0f}" for share in (5, 25, 50, 75, 95, 99, 100))
    _CONSOLE.print(f"length percentiles: {quarters}")


def print_examples(folder: Path, tokenizer: "PreTrainedTokenizerFast", number: int) -> None:
    """The first `number` examples of every task, decoded from the stored ids."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    with np.load(folder / "epoch-0000" / "index.npz") as index:
        tasks = index["tasks"]
    names = list(manifest["tasks"])
    chosen = [example for task in range(len(names)) for example in np.flatnonzero(tasks == task)[:number].tolist()]
    if manifest["kind"] == "train":
        for record in TrainStore(folder).read(0, chosen):
            answer = tokenizer.decode(list(record.target_ids))
            _show(names[record.task], record.id, tokenizer.decode(list(record.prompt_ids)), answer, record.prompt_ids)
    else:
        store = EvalStore(folder)
        for record in (store[example] for example in chosen):
            _show(record.task, record.id, record.prompt, record.target, record.prompt_ids)


def _show(task: str, id: str, prompt: str, answer: str, prompt_ids: Sequence[int]) -> None:
    _CONSOLE.rule(f"{task}  {id}  {len(prompt_ids)} prompt ids")
    _CONSOLE.print(prompt, markup=False, soft_wrap=True)
    _CONSOLE.print(answer, style="green", markup=False, soft_wrap=True)
