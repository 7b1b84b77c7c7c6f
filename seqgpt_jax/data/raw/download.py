"""Download of data sets: from their sources to the raw files that their tasks read.

Files are written below `<data folder>/<data set>/`, first under a temporary name, so that a file that is there is
complete. What exists is kept, and compared with the lock file. One failure does not stop the rest.
"""

import contextlib
import difflib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from seqgpt_jax.data.raw import http_file
from seqgpt_jax.data.raw.archives import ArchiveError
from seqgpt_jax.data.raw.content_check import ContentError
from seqgpt_jax.data.raw.fetch_files import (
    PARTS,
    FileJob,
    check_existing,
    file_path,
    part_file,
    remove_stages,
    run_file_job,
)
from seqgpt_jax.data.raw.fetch_rows import RowsJob, run_rows_job
from seqgpt_jax.data.raw.http_file import Update
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.data.raw.lock_file import LockError, LockFile, remove_partial
from seqgpt_jax.data.raw.network import Client, FetchError, Patience, Stopped
from seqgpt_jax.data.raw.probe import probe_all
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Remote, Source, Tfds
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.io.file_lock import held

# Files at a time. Rows of the hub and of TFDS, whose libraries are not made for threads, come one split at a time.
_PARALLEL = 8
# Of the question for sizes, which is asked once.
_SIZES = Patience(timeout=10)
# Errors of ours: their text is made for people, and says all.
_OURS = (FetchError, ContentError, LockError, ArchiveError)


class Reporter(Protocol):
    """Where a download reports to (`seqgpt_jax.console.download`); threads call it."""

    def log(self, text: str, style: Literal["", "bold", "red"] = "") -> None:
        """Prints one line."""

    def overall(self, jobs: int, size: int) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Progress of everything while the context is open: of so many jobs, and bytes; is called after each job."""

    def progress(self, title: str, unit: Literal["bytes", "rows"]) -> contextlib.AbstractContextManager[Update]:
        """A progress bar that is there while the context is open; of bytes, they also count as overall progress."""


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
    return [name for name in names if not file_path(base, name).exists()], len(names)


def download_all(
    datasets: Mapping[str, Sequence[TaskSpec]],
    data_folder: Path,
    reporter: Reporter,
    patience: Patience | None = None,
) -> int:
    """Downloads data sets and lists the failures; returns the exit code, 1 if any download failed."""
    failures = download(datasets, data_folder, reporter, patience)
    list_failures(failures, reporter)
    return int(bool(failures))


def list_failures(failures: Sequence[Failure], reporter: Reporter) -> None:
    """Reports the failures of a download together, at its end."""
    if failures:
        reporter.log(f"\nnot downloaded ({len(failures)}):")
    for failure in failures:
        reporter.log(f"  {failure}")


def download(
    datasets: Mapping[str, Sequence[TaskSpec]],
    data_folder: Path,
    reporter: Reporter,
    patience: Patience | None = None,
) -> list[Failure]:
    """Downloads the missing files of data sets, several at a time; returns the failures.

    Licenses are reported first. One process at a time downloads into a data folder, a second one waits.

    Args:
      datasets: data set -> its tasks.
      data_folder: the folder of all data sets.
      reporter: is told what happens.
      patience: with servers that are slow or fail.

    Raises:
      LockError: the lock file cannot be read.
    """
    public = {name: specs for name, specs in datasets.items() if _fetched(specs)}
    for name in [name for name in datasets if name not in public]:
        reporter.log(f"{name}: nothing to download: it is generated, or your own data", style="bold")
    if not public:
        return []
    _report_licenses(public, reporter)
    run = _Run(data_folder, reporter, patience)
    with folder_lock(data_folder, reporter):
        remove_partial(data_folder)
        for name in public:
            remove_stages(data_folder / name)
        run.plan(public)
        run.download()
        for name in public:
            remove_stages(data_folder / name)
    failed = {failure.dataset for failure in run.failures}
    for name, specs in public.items():
        missing, _ = missing_files(specs, data_folder)
        if missing and name not in failed:
            run.fail(name, " ".join(missing), f"not in {data_folder / name} after all downloads")
    return run.failures


def _fetched(specs: Sequence[TaskSpec]) -> list[Source]:
    return [source for source in sources_of(specs) if isinstance(source, Files | HuggingFace | Tfds | OnRequest)]


def _report_licenses(datasets: Mapping[str, Sequence[TaskSpec]], reporter: Reporter) -> None:
    not_commercial = []
    for name, specs in datasets.items():
        dataset = specs[0].dataset
        reporter.log(name, style="bold")
        for title, text in (("license", dataset.license), ("citation", dataset.citation)):
            if text:
                reporter.log(f"  {title}: {text}")
        if not is_commercial(dataset.license):
            not_commercial.append(f"{name} ({dataset.license or 'license unknown'})")
    if not_commercial:
        reporter.log(
            f"commercial use is forbidden, or not settled, by the licenses of {len(not_commercial)} of "
            f"{counted(len(datasets), 'data set')}: {', '.join(not_commercial)}",
            style="bold",
        )


def folder_lock(data_folder: Path, reporter: Reporter) -> contextlib.AbstractContextManager[None]:
    """The right to write to a data folder and its lock file, which one process has at a time."""
    waiting = f"another process downloads into {data_folder}: waiting for it"
    return held(data_folder / PARTS / "lock", waiting, reporter.log)


@dataclass
class _Run:
    """One call of `download`."""

    data_folder: Path
    reporter: Reporter
    patience: Patience | None
    failures: list[Failure] = field(default_factory=list)
    _files: list[FileJob] = field(default_factory=list)
    _rows: list[RowsJob] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = Client(self.patience)

    def fail(self, dataset: str, file: str, reason: str) -> None:
        self.failures.append(Failure(dataset, file, reason))
        self.reporter.log(f"  failed: {self.failures[-1]}", style="red")

    def plan(self, datasets: Mapping[str, Sequence[TaskSpec]]) -> None:
        """Looks at what is there, and makes jobs of the rest."""
        self._lock = LockFile(self.data_folder)
        for name, specs in datasets.items():
            by_url: dict[str, dict[str, Remote]] = {}
            urls: set[str] = set()
            for source in _fetched(specs):
                if isinstance(source, Files):
                    urls |= {remote.url for remote in source.files.values()}
                    for file, remote in source.files.items():
                        if not self._is_here(name, file, remote):
                            by_url.setdefault(remote.url, {})[file] = remote
                elif isinstance(source, HuggingFace | Tfds):
                    for split, file in source.files.items():
                        if not self._is_here(name, file, None):
                            self._rows.append(RowsJob(name, source, split, file))
                else:
                    self._request(name, source, specs)
            self._files += [FileJob(name, url, files) for url, files in by_url.items()]
            for url in urls - by_url.keys():
                # A kill between the last file and the end of its job has left it.
                http_file.discard(part_file(self.data_folder, name, url))

    def _is_here(self, dataset: str, file: str, remote: Remote | None) -> bool:
        if not file_path(self.data_folder / dataset, file).exists():
            return False
        try:
            note = check_existing(dataset, file, remote, self.data_folder, self._lock)
            self.reporter.log(f"  kept: {dataset}/{file} exists{', ' * bool(note)}{note}")
        except (ContentError, LockError, OSError) as error:
            self.fail(dataset, str(file_path(self.data_folder / dataset, file)), _reason(error))
        return True

    def _request(self, dataset: str, source: OnRequest, specs: Sequence[TaskSpec]) -> None:
        """Reports who gives the files and where to put them, unless they are there."""
        missing, number = missing_files(specs, self.data_folder)
        if not missing:
            self.reporter.log(f"  kept: all {number} files of {dataset} exist")
            return
        self.reporter.log(f"  {dataset}: ask: {source.owner}")
        self.reporter.log(f"  then: {source.how}")
        self.reporter.log(f"  into {self.data_folder / dataset}: {', '.join(missing)}")
        self.fail(dataset, ", ".join(missing), f"only on request from {source.owner}")

    def download(self) -> None:
        """Runs the jobs: those of files in threads, those of rows here."""
        if not self._files and not self._rows:
            return
        size = self._report_size()
        pool = ThreadPoolExecutor(_PARALLEL)
        try:
            with self.reporter.overall(len(self._files) + len(self._rows), size) as job_done:
                futures = [pool.submit(self._file, job, job_done) for job in self._files]
                for job in self._rows:
                    self._split(job, job_done)
                for future in futures:
                    future.result()
        finally:
            self._client.stop()  # after an interruption the threads end at their next bytes
            pool.shutdown(cancel_futures=True)

    def _report_size(self) -> int:
        """Asks the servers how much there is to download; returns the bytes."""
        # A client of its own: what does not answer here still gets all its tries.
        probes = probe_all(Client(_SIZES), [job.url for job in self._files])
        size = sum(probe.size or 0 for probe in probes.values())
        unknown = sum(probe.size is None for probe in probes.values()) + len(self._rows)
        number = len(probes) + len(self._rows)
        datasets = len({job.dataset for job in [*self._files, *self._rows]})
        more = f", and {unknown} of unknown size" if unknown else ""
        self.reporter.log(
            f"to download: {counted(number, 'file')} of {counted(datasets, 'data set')}, {readable_size(size)}{more}, "
            f"into {self.data_folder}"
        )
        free = shutil.disk_usage(self.data_folder).free
        if size > free:
            self.reporter.log(f"only {readable_size(free)} are free in {self.data_folder}", style="red")
        return size

    def _file(self, job: FileJob, job_done: Callable[[], None]) -> None:
        with self._reported(job.dataset, job.url, job_done) as report, self.reporter.progress(job.url, "bytes") as bar:
            report += run_file_job(job, self.data_folder, self._client, self._lock, bar)

    def _split(self, job: RowsJob, job_done: Callable[[], None]) -> None:
        title = f"{job.source} {job.split}"
        with self._reported(job.dataset, job.origin, job_done) as report, self.reporter.progress(title, "rows") as bar:
            report += run_rows_job(job, self.data_folder, self._lock, bar, self._client)

    @contextlib.contextmanager
    def _reported(self, dataset: str, file: str, job_done: Callable[[], None]) -> Iterator[list[str]]:
        """Reports the lines that a job has added to the list, or its failure."""
        lines: list[str] = []
        try:
            yield lines
            for line in lines:
                self.reporter.log(f"  {line}")
        except Stopped:
            pass
        except Exception as error:  # the hub, TFDS and their file systems have errors of their own
            self.fail(dataset, file, _reason(error))
        finally:
            job_done()


def counted(number: int, what: str) -> str:
    """A number and its noun.

    >>> counted(1, "file"), counted(2_000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def readable_size(size: int) -> str:
    """Bytes as people read them.

    >>> readable_size(1_234_567)
    '1.2 MB'
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, _OURS):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
