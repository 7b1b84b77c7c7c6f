"""The download step: from a data set's sources to the files its tasks read.

Everything is written below `<data folder>/<data set>/`, first under a temporary name, so that a file
that is there is complete. What is there already stays as it is. One failure does not stop the rest.
"""

import contextlib
import difflib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from seqgpt_jax.data.raw import archives
from seqgpt_jax.data.raw.hub_rows import hub_rows
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Remote, Source, Tfds
from seqgpt_jax.data.raw.task_spec import TaskSpec

_TIMEOUT = 60
Rows = tuple[Iterator[Mapping[str, Any]], int]


@dataclass(frozen=True)
class Failure:
    """Something that was not fetched.

    Attributes:
      dataset: the data set it belongs to.
      what: the URL, or the name at its source.
      reason: why not.
    """

    dataset: str
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.dataset}: {self.what}: {self.reason}"


def chosen(
    names: Sequence[str], tasks: Mapping[str, TaskSpec], mixtures: Mapping[str, Sequence[str]]
) -> dict[str, list[TaskSpec]]:
    """Data set -> its tasks, for names of data sets, tasks and mixtures.

    Raises:
      ValueError: nothing is called so.
    """
    datasets: dict[str, list[TaskSpec]] = {}
    for spec in tasks.values():
        datasets.setdefault(spec.dataset.name, []).append(spec)
    found = {}
    for name in names:
        for member in mixtures.get(name, (name,)):
            dataset = tasks[member].dataset.name if member in tasks else member
            if dataset not in datasets:
                # A data set of one task has its name: each is proposed once.
                close = difflib.get_close_matches(member, list(dict.fromkeys([*datasets, *mixtures, *tasks])), n=3)
                hint = f"did you mean {' or '.join(close)}?" if close else "`python -m seqgpt_jax.catalogue` shows them"
                raise ValueError(f"there is no data set, task or mixture {member!r}: {hint}")
            found[dataset] = datasets[dataset]
    return found


def sources_of(specs: Iterable[TaskSpec]) -> list[Source]:
    """The sources of a data set's tasks, each once."""
    found: list[Source] = []
    for spec in specs:
        if spec.source is not None and spec.source not in found:
            found.append(spec.source)
    return found


def missing_files(specs: Iterable[TaskSpec], data_folder: Path) -> tuple[list[str], int]:
    """(the files that are not in the data folder, how many files there should be) of one data set."""
    specs = list(specs)
    names = dict.fromkeys(name for spec in specs for files in spec.splits.values() for name in files)
    base = data_folder / specs[0].dataset.name
    return [name for name in names if not _path(base, name).exists()], len(names)


def download_all(datasets: Mapping[str, Sequence[TaskSpec]], data_folder: Path, console: Console) -> int:
    """Downloads one data set after the other and lists what failed; the exit code: 1 where something did."""
    failures = [failure for name, specs in datasets.items() for failure in download(name, specs, data_folder, console)]
    if failures:
        _say(console, f"\nnot fetched ({len(failures)}):")
        for failure in failures:
            _say(console, f"  {failure}")
    return int(bool(failures))


def download(dataset: str, specs: Sequence[TaskSpec], data_folder: Path, console: Console) -> list[Failure]:
    """Fetches what is missing of one data set; returns what could not be fetched."""
    fetchers = {Files: _fetch_files, HuggingFace: _fetch_rows, Tfds: _fetch_rows, OnRequest: _ask}
    sources = [source for source in sources_of(specs) if type(source) in fetchers]
    if not sources:
        console.print(f"[bold]{dataset}[/bold]: nothing to fetch: it is generated, or your own data")
        return []
    console.print(f"[bold]{dataset}[/bold]")
    for title, texts in (
        ("licence", [spec.licence for spec in specs]),
        ("citation", [spec.citation for spec in specs]),
    ):
        if text := "; ".join(dict.fromkeys(filter(None, texts))):
            _say(console, f"  {title}: {text}")
    base = data_folder / dataset
    failures = []
    for source in sources:
        for what, reason in fetchers[type(source)](source, specs, base, console):
            failures.append(Failure(dataset, what, reason))
            _say(console, f"  failed: {what}: {reason}", style="red")
    missing, _ = missing_files(specs, data_folder)
    if missing and not failures:
        failures.append(Failure(dataset, " ".join(missing), f"not found in {base} after everything was fetched"))
        _say(console, f"  failed: {failures[-1].what}: {failures[-1].reason}", style="red")
    return failures


def _fetch_files(source: Files, specs: Sequence[TaskSpec], base: Path, console: Console) -> Iterator[tuple[str, str]]:
    """Fetches each URL once, whatever is taken out of it; yields (URL, reason) of failures."""
    wanted: dict[str, dict[str, Remote]] = {}
    for name, remote in source.files.items():
        if _path(base, name).exists():
            other = remote.sha256 and not remote.member and not _has_digest(_path(base, name), remote.sha256)
            note = ", though its SHA-256 is not that of the published file" if other else ""
            _say(console, f"  kept: {name} is there already{note}")
        else:
            wanted.setdefault(remote.url, {})[name] = remote
    for url, remotes in wanted.items():
        try:
            with _staging(base) as stage:
                digest = next((remote.sha256 for remote in remotes.values() if remote.sha256), "")
                got = _retrieve(url, digest, stage, console)
                for name, remote in remotes.items():
                    staged = stage / "staged"
                    if remote.member:
                        archives.extract(got, remote.member, staged)
                    elif archives.is_gzip(got) and Path(name).suffix not in (".gz", ".tgz"):
                        archives.unpack_gzip(got, staged)
                    else:
                        shutil.copyfile(got, staged)
                    _put(staged, _path(base, name))
                    _say(console, f"  fetched: {name} from {url}")
        except Exception as error:  # every protocol has errors of its own
            yield url, _reason(error)


def _retrieve(url: str, sha256: str, stage: Path, console: Console) -> Path:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with _progress(columns, console) as progress:
        # A .gz must come as it is: `requests` would unpack what the server calls an encoding.
        http = pooch.HTTPDownloader(_Bar(progress, url), headers={"Accept-Encoding": "identity"}, timeout=_TIMEOUT)
        downloader = http if url.startswith("http") else None  # pooch knows what else there is
        known = f"sha256:{sha256}" if sha256 else None
        got = Path(pooch.retrieve(url, known, fname="download", path=str(stage), downloader=downloader))
    if not sha256:
        _say(console, f"  no SHA-256 is on record for {url}; it is {pooch.file_hash(str(got))}")
    return got


def _fetch_rows(
    source: HuggingFace | Tfds, specs: Sequence[TaskSpec], base: Path, console: Console
) -> Iterator[tuple[str, str]]:
    """Writes each split as JSON lines; yields (split at its source, reason) of failures."""
    for split, name in source.files.items():
        if _path(base, name).exists():
            _say(console, f"  kept: {name} is there already")
            continue
        what = f"{source}, split {source.splits[split]}"
        try:
            rows, total = _open(source, split)
            with _staging(base) as stage:
                _write_lines(rows, total, stage / "staged", f"{source} {split}", console)
                _put(stage / "staged", _path(base, name))
            _say(console, f"  fetched: {name}, {total:,} rows of {what}")
        except Exception as error:  # the hub, TFDS and their file systems have errors of their own
            yield what, _reason(error)


def _open(source: HuggingFace | Tfds, split: str) -> Rows:
    extra = "hub" if isinstance(source, HuggingFace) else "tfds"
    try:
        if isinstance(source, HuggingFace):
            return hub_rows(source, split)
        from seqgpt_jax.data.raw.tfds_rows import tfds_rows

        return tfds_rows(source, split)
    except ModuleNotFoundError as error:
        raise ImportError(f"needs the extra {extra!r}: pip install 'seqgpt_jax[{extra}]' ({error})") from error


def _write_lines(rows: Iterable[Mapping[str, Any]], total: int, path: Path, title: str, console: Console) -> None:
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written = 0
    with _progress(columns, console) as progress, path.open("w", encoding="utf-8", newline="\n") as file:
        for row in progress.track(rows, total=total, description=title):
            file.write(json.dumps(_json(row), ensure_ascii=False, allow_nan=False) + "\n")
            written += 1
    if written != total:
        raise OSError(f"{total:,} rows were promised, {written:,} came")


def _json(value: Any) -> Any:
    """What JSON has no word for: a missing number is null, a date is its ISO form, bytes are UTF-8 text."""
    if isinstance(value, Mapping):
        return {key: _json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _ask(source: OnRequest, specs: Sequence[TaskSpec], base: Path, console: Console) -> Iterator[tuple[str, str]]:
    """Says who gives the files and where to put them, unless they are there."""
    missing, number = missing_files(specs, base.parent)
    if not missing:
        _say(console, f"  kept: all {number} files are there already")
        return
    _say(console, f"  ask: {source.owner}")
    _say(console, f"  then: {source.how}")
    _say(console, f"  into {base}: {', '.join(missing)}")
    yield ", ".join(missing), f"only on request from {source.owner}"


@contextlib.contextmanager
def _staging(base: Path) -> Iterator[Path]:
    """A folder beside the goal, gone in the end whatever happens, as the data set's own is while it is empty."""
    base.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=base, prefix=".download-") as folder:
            yield Path(folder)
    finally:
        with contextlib.suppress(OSError):
            base.rmdir()


def _put(staged: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.rename(target)


def _path(base: Path, name: str) -> Path:
    # A name may lead out of the data set's folder (`../../other/file`), which then need not exist.
    return Path(os.path.normpath(base / name))


def _has_digest(path: Path, sha256: str) -> bool:
    import pooch

    return path.is_file() and pooch.file_hash(str(path)) == sha256.lower()


def _reason(error: Exception) -> str:
    # What `requests` wraps says the address once more before it says what is wrong.
    error = next((arg.reason for arg in error.args if isinstance(getattr(arg, "reason", None), Exception)), error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _say(console: Console, text: str, **how: Any) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True, **how)


def _progress(columns: Sequence[ProgressColumn], console: Console) -> Progress:
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Bar:
    """Shows pooch's progress: it sets `total`, then calls `update` for each piece that has come."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._update: Callable[..., None] = progress.update
        self._task = progress.add_task(title, total=None)

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total = size
        self._update(self._task, total=size or None)

    def update(self, size: int) -> None:
        self._update(self._task, advance=size)

    def reset(self) -> None:
        self._update(self._task, completed=0)

    def close(self) -> None:
        pass
