"""Raw files: their paths, their instances, and a hash of each."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped, TaskSpec
from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.io.name_list import first_names

DATA_DIR_VARIABLE = "SEQGPT_DATA_DIR"


def default_data_folder() -> Path:
    """Where data sets are downloaded to and read where nothing names a folder: in the user's cache.

    It is `seqgpt_jax/datasets` below XDG_CACHE_HOME, else below `~/.cache`.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqgpt_jax" / "datasets"


class DataNotFound(FileNotFoundError):
    """Raw files that are not where they should be."""


def resolve_files(spec: TaskSpec, split: str, data_folder: Path | None) -> tuple[Path, ...]:
    """The files (or folders) of one split.

    Raises:
      DataNotFound: no data folder is named, or a file is missing.
    """
    check_files([spec], data_folder, splits=(split,))
    return _paths(spec, split, data_folder)


def absent_files(
    specs: Iterable[TaskSpec], data_folder: Path | None, splits: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Data set -> its files that are not in the data folder (in `splits`; () means every split); {} where none is.

    Raises:
      DataNotFound: a task reads files of a data folder, and none is named.
    """
    missing: dict[str, list[str]] = {}
    for spec in specs:
        for split, names in spec.splits.items():
            if splits and split not in splits:
                continue
            if data_folder is None and not all(Path(name).is_absolute() for name in names):
                raise DataNotFound(
                    f"task {spec.name} reads raw files, but no data folder is named and {default_data_folder()} does "
                    f"not exist: `python -m seqgpt_jax.fetch` with the same flags makes it; or set {DATA_DIR_VARIABLE} "
                    f"or Prepare.data_dir to the folder that holds {spec.dataset.name}/"
                )
            gone = [str(path) for path in _paths(spec, split, data_folder) if not path.exists()]
            known = missing.setdefault(spec.dataset.name, [])
            known += [path for path in gone if path not in known]
    return {dataset: paths for dataset, paths in missing.items() if paths}


def available(
    specs: Sequence[TaskSpec], data_folder: Path | None, splits: Sequence[str] = ()
) -> tuple[list[TaskSpec], dict[str, list[str]]]:
    """(the tasks whose files are there, data set -> files that the others miss).

    A user's own data count as there, so that a wrong path is an error and never a gap.
    """
    kept, left_out = [], {}
    for spec in specs:
        try:
            gone = {} if spec.verified == "own" else absent_files([spec], data_folder, splits)
        except DataNotFound:  # no data folder is named
            gone = {spec.dataset.name: [name for names in spec.splits.values() for name in names]}
        if not gone:
            kept.append(spec)
        for dataset, paths in gone.items():
            known = left_out.setdefault(dataset, [])
            known += [path for path in paths if path not in known]
    return kept, left_out


def fetch_command(datasets: Iterable[str]) -> str:
    """The command that downloads data sets, or says who gives them."""
    return f"python -m seqgpt_jax.catalogue --download {' '.join(datasets)}"


def check_files(specs: Iterable[TaskSpec], data_folder: Path | None, splits: Sequence[str] = ()) -> None:
    """Raises one DataNotFound that names all that is missing (in `splits`; () means every split)."""
    specs = list(specs)
    missing = absent_files(specs, data_folder, splits)
    if not missing:
        return
    if data_folder is not None and not data_folder.is_dir():
        raise DataNotFound(
            f"the data folder {data_folder} does not exist: set {DATA_DIR_VARIABLE} or Prepare.data_dir to the folder "
            f"that holds {first_names(f'{dataset}/' for dataset in missing)}"
        )
    shown = [f"{dataset} ({', '.join(paths[:2])}{', …' if paths[2:] else ''})" for dataset, paths in missing.items()]
    public = dict.fromkeys(
        spec.dataset.name for spec in specs if spec.dataset.name in missing and spec.source is not None
    )
    fetch = f". `{fetch_command(public)}` fetches them, or says who gives them" if public else ""
    if public and any(spec.dataset.name not in missing for spec in specs):
        fetch += "; `--gin.Prepare.missing=skip` goes on without them"
    number = f"{len(missing)} data set{'s' * (len(missing) > 1)}"
    raise DataNotFound(f"raw files of {number} not found: {first_names(shown, separator='; ')}{fetch}")


def _paths(spec: TaskSpec, split: str, data_folder: Path | None) -> tuple[Path, ...]:
    # A name may lead out of the data set's folder (`../../other/file`), which then need not exist.
    base = (data_folder or Path()) / spec.dataset.name
    return tuple(Path(os.path.normpath(base / name)) for name in spec.splits[split])


def read_instances(
    spec: TaskSpec, split: str, data_folder: Path | None, bad_records: str = "stop"
) -> Iterator[Instance | Skipped]:
    """The instances of one split, their ids made unique among all tasks.

    Args:
      bad_records: what a broken record does: "stop" raises it, "skip" makes it a `Skipped` with the
        reason "bad_record".

    Raises:
      RecordError: a record cannot be read; the message names file and line.
    """
    for item in spec.read(split, resolve_files(spec, split, data_folder)):
        if isinstance(item, RecordError):
            if bad_records == "stop":
                raise item
            item = Skipped(f"{item.path.name}:{item.line}", "bad_record", item.problem)
        yield replace(item, id=f"{spec.name}/{split}/{item.id}")


def file_hashes(specs: Iterable[TaskSpec], data_folder: Path | None, splits: Sequence[str] = ()) -> dict[str, str]:
    """`data set/file` -> digest, for every file (of `splits`; () means every split)."""
    found: dict[str, dict[Path, None]] = {}
    for spec in specs:
        for split, names in spec.splits.items():
            if splits and split not in splits:
                continue
            for name, path in zip(names, _paths(spec, split, data_folder), strict=True):
                # Own data may lie anywhere: the place does not decide the content. Files that differ in it alone share
                # a key.
                key = f"{spec.dataset.name}/{f'{split}/{path.name}' if Path(name).is_absolute() else name}"
                found.setdefault(key, {})[path] = None
    return {key: files_hash(file for path in paths for file in _files(path)) for key, paths in found.items()}


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def total_size(specs: Iterable[TaskSpec], data_folder: Path | None) -> int:
    """Bytes of all files, each counted once."""
    paths = {path for spec in specs for split in spec.splits for path in _paths(spec, split, data_folder)}
    return sum(file.stat().st_size for file in {file for path in paths for file in _files(path)})
