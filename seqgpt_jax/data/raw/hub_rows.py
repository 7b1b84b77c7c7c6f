"""Rows of the Hugging Face hub as plain Python values, of one commit."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.network import Client, FetchError, connection_problem
from seqgpt_jax.data.raw.sources import PARQUET, HuggingFace
from seqgpt_jax.io.hub_access import hub_endpoint, hub_token, hub_way_out, is_unreachable

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Snapshot:
    """A data set of the hub at one commit.

    Attributes:
      commit: its hash; "" for a folder on this machine.
      branch: the branch that it was found on: `PARQUET` where its tables are those that the hub has made.
      files: the names of its files, and their bytes.
      gated: whether it has conditions that must be accepted on its page.
    """

    commit: str = ""
    branch: str = ""
    files: Mapping[str, int] = field(default_factory=dict)
    gated: bool = False


def snapshot(source: HuggingFace, commit: str = "", branch: str = "", client: Client | None = None) -> Snapshot:
    """Looks a data set up on the hub.

    A data set whose own form is a loading script is taken from the branch of the hub's own tables.

    Args:
      source: the data set; a commit as its revision comes before `commit`.
      commit: from an earlier look-up; "" for the newest of the branch.
      branch: the one that `commit` is on.
      client: knows how long to wait, and whether the hub could not be reached before.

    Raises:
      FetchError: the hub cannot be reached.
      Exception: the hub's library has errors of its own.
    """
    if Path(source.path).is_dir():
        return Snapshot()
    client = client or Client()
    if problem := client.problem(hub_endpoint()):
        raise FetchError(problem)
    try:
        return _snapshot(source, commit, branch, client.patience.timeout)
    except Exception as error:
        if not is_unreachable(error):
            raise
        problem = f"{connection_problem(error)}{hub_way_out()}"
        client.unreachable(hub_endpoint(), problem)
        raise FetchError(problem) from error


def _snapshot(source: HuggingFace, commit: str, branch: str, timeout: float) -> Snapshot:
    branch = branch or source.revision
    if _COMMIT.fullmatch(source.revision):
        commit = ""
    if branch == source.revision and branch != PARQUET:
        found = _look_up(source.path, commit, branch, timeout)
        if f"{source.path.rpartition('/')[2]}.py" not in found.files:
            return found
        commit = ""
    return _look_up(source.path, commit, PARQUET, timeout)


@contextlib.contextmanager
def hub_errors(source: HuggingFace) -> Iterator[None]:
    """Makes a refusal of the hub an error with the way out.

    Raises:
      FetchError: the hub gives the data set to no one, or not without a token.
    """
    try:
        yield
    except Exception as error:  # the hub's library has errors of its own, and those of the library below
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status not in (401, 403):
            raise
        page = f"{hub_endpoint()}/datasets/{source.path}"
        raise FetchError(
            f"HTTP {status}: there is no such data set, or it has conditions: accept them on {page}, then set HF_TOKEN "
            "to a token that may read it"
        ) from error


def _look_up(path: str, commit: str, branch: str, timeout: float) -> Snapshot:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub_endpoint(), token=hub_token())
    info = api.dataset_info(path, revision=commit or branch or None, files_metadata=True, timeout=timeout)
    files = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    return Snapshot(info.sha or commit, branch, files, bool(info.gated))


def hub_rows(source: HuggingFace, split: str, at: Snapshot | None = None) -> tuple[Iterator[dict[str, Any]], int]:
    """(rows, their number) of one of our splits; files that are downloaded are cached below HF_HOME.

    Args:
      source: the data set.
      split: one of ours.
      at: the commit to read; None for the newest.
    """
    import datasets

    theirs, at = source.splits[split], at or snapshot(source)
    if at.branch == PARQUET:
        # The branch has no card that names configurations and splits: its folders do.
        name, bracket, slice_ = theirs.partition("[")
        files = [_cached(source.path, at.commit, file) for file in converted_files(list(at.files), source.config, name)]
        dataset = datasets.load_dataset("parquet", data_files={"rows": files}, split=f"rows{bracket}{slice_}")
    else:
        dataset = datasets.load_dataset(
            source.path, source.config or None, split=theirs, revision=at.commit or None, token=hub_token()
        )
    features = dict(dataset.features)
    return (_named(features, row) for row in dataset.with_format(None)), dataset.num_rows


def download_size(source: HuggingFace, at: Snapshot) -> int | None:
    """Bytes that the splits of a source have on the hub; None where its files do not show which are its own.

    Raises:
      ValueError: a split is not there; see `converted_files`.
    """
    if at.branch == PARQUET:
        names = [split.partition("[")[0] for split in source.splits.values()]
        own = {file for name in names for file in converted_files(list(at.files), source.config, name)}
    else:
        own = {file for file in at.files if not file.endswith((".md", ".py", ".gitattributes"))}
        if source.config:
            own = {file for file in own if source.config in file.split("/")}
    return sum(at.files[file] for file in own) or None


def converted_files(files: Sequence[str], config: str, split: str) -> list[str]:
    """The tables of a configuration's split on the branch of the hub's own tables, `configuration/split/0000.parquet`.

    A configuration that is not there, or has no name, is the only one that is there.

    Raises:
      ValueError: there are no tables of it, or only of a part of it.

    >>> converted_files(["default/train/0000.parquet"], "plain_text", "train")
    ['default/train/0000.parquet']
    """
    tables: dict[str, dict[str, list[str]]] = {}
    for file in sorted(files):
        if found := re.fullmatch(r"(.+)/([^/]+)/[^/]+\.parquet", file):
            tables.setdefault(found[1], {}).setdefault(found[2], []).append(file)
    splits = tables.get(config)
    if splits is None and len(tables) == 1:
        (splits,) = tables.values()
    if splits is None:
        splits = tables.get("default") if not config else None
    if splits is None:
        there = ", ".join(tables) or "none"
        raise ValueError(f"the branch {PARQUET} has no configuration {config!r}; its configurations: {there}")
    if split not in splits:
        part = "; of this split the hub has converted only a part" if f"partial-{split}" in splits else ""
        raise ValueError(f"the branch {PARQUET} has no split {split!r}; its splits: {', '.join(splits)}{part}")
    return splits[split]


def _cached(path: str, commit: str, file: str) -> str:
    from huggingface_hub import hf_hub_download

    return hf_hub_download(path, file, repo_type="dataset", revision=commit, endpoint=hub_endpoint(), token=hub_token())


def _named(feature: Any, value: Any) -> Any:
    import datasets

    if value is None:
        return None
    if isinstance(feature, datasets.ClassLabel):
        return feature.int2str(value) if value >= 0 else None
    if isinstance(feature, Mapping):
        return {key: _named(part, value[key]) for key, part in feature.items()}
    if isinstance(feature, datasets.List | datasets.LargeList):
        return [_named(feature.feature, part) for part in value]
    return value
