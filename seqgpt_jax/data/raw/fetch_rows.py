"""Download of rows of the Hugging Face hub and of TensorFlow Datasets: each split becomes a file of JSON lines."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.fetch_files import file_key, file_path, put, staging
from seqgpt_jax.data.raw.http_file import Update
from seqgpt_jax.data.raw.hub_rows import hub_errors, hub_rows, snapshot
from seqgpt_jax.data.raw.json_value import json_value
from seqgpt_jax.data.raw.lock_file import LockFile, sha256_of
from seqgpt_jax.data.raw.network import Client
from seqgpt_jax.data.raw.sources import HuggingFace, Tfds

TFDS_FOLDER = "tensorflow_datasets"
"""Folder in the data folder where TFDS keeps its own form of the data, unless TFDS_DATA_DIR names another one."""

# Rows between two updates of the progress bar.
_UPDATE_ROWS = 100
Rows = tuple[Iterator[Mapping[str, Any]], int]


@dataclass(frozen=True)
class RowsJob:
    """One split of a data set.

    Attributes:
      dataset: the data set.
      source: where its rows are.
      split: one of ours.
      name: of the file, below the data set's folder.
    """

    dataset: str
    source: HuggingFace | Tfds
    split: str
    name: str

    @property
    def origin(self) -> str:
        """The split, as messages call it."""
        return f"{self.source}, split {self.source.splits[self.split]}"


def run_rows_job(job: RowsJob, data_folder: Path, lock: LockFile, update: Update, client: Client) -> list[str]:
    """Writes one split as a file of JSON lines; returns what there is to report, a line each.

    The first download of a data set of the hub puts its commit on record; later ones read the same.

    Raises:
      Exception: the hub, TFDS and their file systems have errors of their own.
    """
    if isinstance(job.source, HuggingFace):
        key, facts, rows, total = _hub(job, lock, client)
    else:
        key, facts, rows, total = _tfds(job, data_folder)
    with staging(data_folder / job.dataset) as stage:
        _write_lines(rows, total, stage / "staged", update)
        checksum, file = sha256_of(stage / "staged"), file_key(job.dataset, job.name)
        lock.check_file(file, checksum, here=False)
        lock.record(key, facts, {file: checksum})
        put(stage / "staged", file_path(data_folder / job.dataset, job.name))
    commit = f" at {facts['revision'][:12]}" if facts else ""
    return [f"downloaded: {job.dataset}/{job.name}, {total:,} rows of {job.origin}{commit}"]


def _hub(job: RowsJob, lock: LockFile, client: Client) -> tuple[str, dict[str, str], Iterator[Mapping[str, Any]], int]:
    source = job.source
    key = f"huggingface.co/datasets/{source.path}" + (f"@{source.revision}" if source.revision else "")
    known = lock.source(key)
    with _needs("hub"):
        import datasets  # noqa: F401  before the hub is asked

        with hub_errors(source):
            at = snapshot(source, known.get("revision", ""), known.get("branch", ""), client)
            rows, total = hub_rows(source, job.split, at)
    facts = {"revision": at.commit, "branch": at.branch} if at.commit else {}
    return key, facts, rows, total


def _tfds(job: RowsJob, data_folder: Path) -> tuple[str, dict[str, str], Iterator[Mapping[str, Any]], int]:
    with _needs("tfds"):
        from seqgpt_jax.data.raw.tfds_rows import tfds_rows
    folder = Path(os.environ.get("TFDS_DATA_DIR") or data_folder / TFDS_FOLDER)
    rows, total = tfds_rows(job.source, job.split, folder)
    return "", {}, rows, total


@contextlib.contextmanager
def _needs(extra: str) -> Iterator[None]:
    """Names the extra where a module is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(f"needs the extra {extra!r}: pip install 'seqgpt_jax[{extra}]' ({error})") from error


def _write_lines(rows: Iterable[Mapping[str, Any]], total: int, path: Path, update: Update) -> None:
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(json_value(row), ensure_ascii=False, allow_nan=False) + "\n")
            written += 1
            if written % _UPDATE_ROWS == 0 or written == total:
                update(written, total)
    if written != total:
        raise OSError(f"the source has {total:,} rows, but {written:,} were received")
    if not total:
        raise OSError("the source has no rows")
