"""What people see of prepared data: a table of counts, and prompts as the model sees them."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from seqgpt_jax.data import preparation
from seqgpt_jax.data.store import EvalStore, TrainStore, read_manifest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.data.task_spec import TaskSpec

_CONSOLE = Console(highlight=False, soft_wrap=False)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[preparation.Progress]:
    """A bar with an ETA for the task that is being prepared."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_CONSOLE, transient=True) as bar:
        shown = bar.add_task(title)
        yield lambda name, done, total: bar.update(shown, description=f"{title}: {name}", completed=done, total=total)


def print_tasks(tasks: Mapping[str, "TaskSpec"], mixtures: Mapping[str, Sequence[str]]) -> None:
    """All tasks and mixtures by name."""
    table = Table("task", "family", "language", "atom", "splits", "held out", box=box.SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for name, spec in sorted(tasks.items(), key=lambda item: (item[1].family, item[0])):
        table.add_row(
            name, spec.family, spec.language, spec.atom, " ".join(spec.splits), "yes" if spec.held_out else ""
        )
    _CONSOLE.print(table)
    for name, members in mixtures.items():
        _CONSOLE.print(f"mixture [bold]{name}[/bold] ({len(members)} tasks): {' '.join(members)}")


def print_summary(folder: Path, fresh: bool) -> None:
    """One row a task: what was read, what survived, what was lost and why."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    names = ("task", "", "instances", "kept", "examples", "tokens", "labels", "cut")
    title = f"{manifest['mixture']} ({manifest['split']})"
    table = Table(*names, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for name, task in manifest["tasks"].items():
        numbers = [task[key] for key in ("instances", "within_quota", "examples", "tokens")]
        numbers += [len(task["labels"]), task["truncated_prompts"]]
        table.add_row(name, f"{task['family']} {task['language']}", *(f"{number:,}" for number in numbers))
    _CONSOLE.print(table)
    for name, task in manifest["tasks"].items():
        for reason, sample in task["drop_samples"].items():
            count = task["drops"][reason]
            _CONSOLE.print(f"dropped: {count:,} of {name} ({reason}); the first: {sample[:200]}", markup=False)
    total = sum(task["tokens"] for task in manifest["tasks"].values())
    epochs = f", drawn for {manifest['epochs']} epochs" if manifest["kind"] == "train" else ""
    state = "prepared" if fresh else "already prepared"
    _CONSOLE.print(f"{state}: {manifest['examples']:,} examples, {total:,} tokens{epochs} in {folder}")


def print_examples(folder: Path, tokenizer: "PreTrainedTokenizerFast", number: int) -> None:
    """The first examples of every task, decoded from the stored ids."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    seen: dict[str, int] = {}
    if manifest["kind"] == "train":
        store = TrainStore(folder)
        names = list(manifest["tasks"])
        for example in range(manifest["examples"]):
            record = store.read(0, [example])[0]
            _show(seen, number, names[record.task], record.id, record.prompt_ids, record.target_ids, tokenizer)
    else:
        for record in EvalStore(folder):
            _show(seen, number, record.task, record.id, record.prompt_ids, record.target, tokenizer)


def _show(
    seen: dict[str, int],
    number: int,
    task: str,
    id: str,
    prompt_ids: Sequence[int],
    target: Sequence[int] | str,
    tokenizer: "PreTrainedTokenizerFast",
) -> None:
    if seen.setdefault(task, 0) >= number:
        return
    seen[task] += 1
    answer = target if isinstance(target, str) else tokenizer.decode(list(target))
    _CONSOLE.rule(f"{task}  {id}  {len(prompt_ids)} prompt ids")
    _CONSOLE.print(tokenizer.decode(list(prompt_ids)), markup=False)
    _CONSOLE.print(answer, style="green", markup=False)
