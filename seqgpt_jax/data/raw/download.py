"""Download of data sets: from their sources to the raw files that their tasks read.

Files are written below `<data folder>/<data set>/`, first under a temporary name, so that a file that is there is
complete. Files that exist are kept. One failure does not stop the rest.
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
from typing import Any, Literal, Protocol

from seqgpt_jax.data.raw import archives
from seqgpt_jax.data.raw.hub_rows import hub_rows
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Remote, Source, Tfds
from seqgpt_jax.data.raw.task_spec import TaskSpec

_TIMEOUT = 60
# Rows between two updates of the progress bar.
_UPDATE_ROWS = 100
Rows = tuple[Iterator[Mapping[str, Any]], int]
Update = Callable[[int, int | None], None]
"""Takes (done, total); the total is None where it is unknown."""


class Reporter(Protocol):
    """Where a download reports to (`seqgpt_jax.console.download`)."""

    def log(self, text: str, style: Literal["", "bold", "red"] = "") -> None:
        """Prints one line."""

    def progress(self, title: str, unit: Literal["bytes", "rows"]) -> contextlib.AbstractContextManager[Update]:
        """A progress bar that is there while the context is open."""


@dataclass(frozen=True)
class Failure:
    """A file that could not be downloaded.

    Attributes:
      dataset: the data set it belongs to.
      file: its URL, or its name at the source.
      reason: the error.
    """

    dataset: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.dataset}: {self.file}: {self.reason}"


def select(
    names: Sequence[str], tasks: Mapping[str, TaskSpec], mixtures: Mapping[str, Sequence[str]]
) -> dict[str, list[TaskSpec]]:
    """Data set -> its tasks, for names of data sets, tasks and mixtures.

    Raises:
      ValueError: nothing has that name.
    """
    datasets: dict[str, list[TaskSpec]] = {}
    for spec in tasks.values():
        datasets.setdefault(spec.dataset.name, []).append(spec)
    selected = {}
    for name in names:
        for member in mixtures.get(name, (name,)):
            dataset = tasks[member].dataset.name if member in tasks else member
            if dataset not in datasets:
                # A data set of one task has its name: each is proposed once.
                close = difflib.get_close_matches(member, list(dict.fromkeys([*datasets, *mixtures, *tasks])), n=3)
                hint = f"did you mean {' or '.join(close)}?" if close else "`python -m seqgpt_jax.catalogue` shows them"
                raise ValueError(f"there is no data set, task or mixture {member!r}: {hint}")
            selected[dataset] = datasets[dataset]
    return selected


def sources_of(specs: Iterable[TaskSpec]) -> list[Source]:
    """The sources of a data set's tasks, each once."""
    sources: list[Source] = []
    for spec in specs:
        if spec.source is not None and spec.source not in sources:
            sources.append(spec.source)
    return sources


def missing_files(specs: Iterable[TaskSpec], data_folder: Path) -> tuple[list[str], int]:
    """(the files of one data set that are not in the data folder, how many files it has)."""
    specs = list(specs)
    names = dict.fromkeys(name for spec in specs for files in spec.splits.values() for name in files)
    base = data_folder / specs[0].dataset.name
    return [name for name in names if not _path(base, name).exists()], len(names)


def download_all(datasets: Mapping[str, Sequence[TaskSpec]], data_folder: Path, reporter: Reporter) -> int:
    """Downloads data sets in turn and lists the failures; returns the exit code, 1 if any download failed."""
    failures = [failure for name, specs in datasets.items() for failure in download(name, specs, data_folder, reporter)]
    if failures:
        reporter.log(f"\nnot downloaded ({len(failures)}):")
        for failure in failures:
            reporter.log(f"  {failure}")
    return int(bool(failures))


def download(dataset: str, specs: Sequence[TaskSpec], data_folder: Path, reporter: Reporter) -> list[Failure]:
    """Downloads the missing files of one data set; returns the failures."""
    fetchers = {Files: _fetch_files, HuggingFace: _fetch_rows, Tfds: _fetch_rows, OnRequest: _request}
    sources = [source for source in sources_of(specs) if type(source) in fetchers]
    if not sources:
        reporter.log(f"{dataset}: nothing to download: it is generated, or your own data", style="bold")
        return []
    reporter.log(dataset, style="bold")
    for title, text in (("license", specs[0].dataset.license), ("citation", specs[0].dataset.citation)):
        if text:
            reporter.log(f"  {title}: {text}")
    base = data_folder / dataset
    failures = []
    for source in sources:
        for file, reason in fetchers[type(source)](source, specs, base, reporter):
            failures.append(Failure(dataset, file, reason))
            reporter.log(f"  failed: {file}: {reason}", style="red")
    missing, _ = missing_files(specs, data_folder)
    if missing and not failures:
        failures.append(Failure(dataset, " ".join(missing), f"not in {base} after all downloads"))
        reporter.log(f"  failed: {failures[-1].file}: {failures[-1].reason}", style="red")
    return failures


def _fetch_files(source: Files, specs: Sequence[TaskSpec], base: Path, reporter: Reporter) -> Iterator[tuple[str, str]]:
    """Downloads each URL once, however many files come from it; yields (URL, reason) of failures."""
    by_url: dict[str, dict[str, Remote]] = {}
    for name, remote in source.files.items():
        if _path(base, name).exists():
            changed = remote.sha256 and not remote.member and not _has_checksum(_path(base, name), remote.sha256)
            note = ", though its SHA-256 is not that of the published file" if changed else ""
            reporter.log(f"  kept: {name} exists{note}")
        else:
            by_url.setdefault(remote.url, {})[name] = remote
    for url, remotes in by_url.items():
        try:
            with _staging(base) as stage:
                checksum = next((remote.sha256 for remote in remotes.values() if remote.sha256), "")
                download = _retrieve(url, checksum, stage, reporter)
                for name, remote in remotes.items():
                    staged = stage / "staged"
                    if remote.member:
                        archives.extract(download, remote.member, staged)
                    elif archives.is_gzip(download) and Path(name).suffix not in (".gz", ".tgz"):
                        archives.unpack_gzip(download, staged)
                    else:
                        shutil.copyfile(download, staged)
                    _put(staged, _path(base, name))
                    reporter.log(f"  downloaded: {name} from {url}")
        except Exception as error:  # every protocol has errors of its own
            yield url, _reason(error)


def _retrieve(url: str, sha256: str, stage: Path, reporter: Reporter) -> Path:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    with reporter.progress(url, "bytes") as update:
        # A .gz must come as it is: `requests` would unpack what the server calls an encoding.
        http = pooch.HTTPDownloader(_Bar(update), headers={"Accept-Encoding": "identity"}, timeout=_TIMEOUT)
        downloader = http if url.startswith("http") else None  # pooch knows the other protocols
        known = f"sha256:{sha256}" if sha256 else None
        path = Path(pooch.retrieve(url, known, fname="download", path=str(stage), downloader=downloader))
    if not sha256:
        reporter.log(f"  no SHA-256 is on record for {url}; the download's is {pooch.file_hash(str(path))}")
    return path


def _fetch_rows(
    source: HuggingFace | Tfds, specs: Sequence[TaskSpec], base: Path, reporter: Reporter
) -> Iterator[tuple[str, str]]:
    """Writes each split as JSON lines; yields (split at its source, reason) of failures."""
    for split, name in source.files.items():
        if _path(base, name).exists():
            reporter.log(f"  kept: {name} exists")
            continue
        origin = f"{source}, split {source.splits[split]}"
        try:
            rows, total = _open(source, split)
            with _staging(base) as stage, reporter.progress(f"{source} {split}", "rows") as update:
                _write_lines(rows, total, stage / "staged", update)
                _put(stage / "staged", _path(base, name))
            reporter.log(f"  downloaded: {name}, {total:,} rows of {origin}")
        except Exception as error:  # the hub, TFDS and their file systems have errors of their own
            yield origin, _reason(error)


def _open(source: HuggingFace | Tfds, split: str) -> Rows:
    extra = "hub" if isinstance(source, HuggingFace) else "tfds"
    try:
        if isinstance(source, HuggingFace):
            return hub_rows(source, split)
        from seqgpt_jax.data.raw.tfds_rows import tfds_rows

        return tfds_rows(source, split)
    except ModuleNotFoundError as error:
        raise ImportError(f"needs the extra {extra!r}: pip install 'seqgpt_jax[{extra}]' ({error})") from error


def _write_lines(rows: Iterable[Mapping[str, Any]], total: int, path: Path, update: Update) -> None:
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(_json(row), ensure_ascii=False, allow_nan=False) + "\n")
            written += 1
            if written % _UPDATE_ROWS == 0 or written == total:
                update(written, total)
    if written != total:
        raise OSError(f"the source has {total:,} rows, but {written:,} were received")


def _json(value: Any) -> Any:
    """A value that JSON can hold: NaN becomes null, a date its ISO form, bytes UTF-8 text."""
    if isinstance(value, Mapping):
        return {key: _json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _request(source: OnRequest, specs: Sequence[TaskSpec], base: Path, reporter: Reporter) -> Iterator[tuple[str, str]]:
    """Reports who gives the files and where to put them, unless they are there."""
    missing, number = missing_files(specs, base.parent)
    if not missing:
        reporter.log(f"  kept: all {number} files exist")
        return
    reporter.log(f"  ask: {source.owner}")
    reporter.log(f"  then: {source.how}")
    reporter.log(f"  into {base}: {', '.join(missing)}")
    yield ", ".join(missing), f"only on request from {source.owner}"


@contextlib.contextmanager
def _staging(base: Path) -> Iterator[Path]:
    """A temporary folder beside the target; on exit it is removed, and the data set's own folder too if it is empty."""
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


def _has_checksum(path: Path, sha256: str) -> bool:
    import pooch

    return path.is_file() and pooch.file_hash(str(path)) == sha256.lower()


def _reason(error: Exception) -> str:
    # An error that `requests` wraps repeats the address before the reason.
    error = next((arg.reason for arg in error.args if isinstance(getattr(arg, "reason", None), Exception)), error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Bar:
    """The progress bar that pooch expects: it sets `total`, then calls `update` with each size received."""

    def __init__(self, update: Update) -> None:
        self._update, self._done = update, 0
        self.total = 0

    def update(self, size: int) -> None:
        self._done += size
        self._update(self._done, self.total or None)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
