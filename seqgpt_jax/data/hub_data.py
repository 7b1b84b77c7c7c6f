"""Own data by the name of a data set on the Hugging Face hub: its splits, saved as files of JSON lines."""

import json
import os
import re
import sys
from pathlib import Path

from etils import epath

from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE
from seqgpt_jax.data.raw.hub_rows import hub_rows
from seqgpt_jax.data.raw.sources import HuggingFace
from seqgpt_jax.io import storage

PREFIX = "hf:"
"""Before `owner/name`, or `owner/name:configuration`."""

_FOLDER = "hub"


def hub_files(text: str, split_names: dict[str, str]) -> tuple[str, str | dict[str, str]]:
    """(name, {split: file}) of `hf:owner/name`; what is there already is not loaded again.

    The one file of a data set that has nothing but `train` stands alone, to be split by hash.

    The files are in `hub/` of the folder of the raw data sets ($SEQGPT_DATA_DIR), or of the current one.

    Args:
      text: as the flag gives it.
      split_names: the hub's name of a split -> ours; other splits are left out, and printed to stderr.

    Raises:
      ValueError: the extra is not installed, there is no such data set or no such split, or two splits have one of our
        names.
    """
    path, _, config = text.removeprefix(PREFIX).partition(":")
    slug = re.sub(r"[^\w-]+", "_", f"{path}_{config}".strip("/_"))
    folder = Path(os.environ.get(DATA_DIR_VARIABLE) or ".") / _FOLDER / slug
    marker = folder / "splits.json"
    if not marker.exists():
        splits = _chosen(text, _splits(text, path, config), split_names)
        for ours, theirs in splits.items():
            rows, _ = hub_rows(HuggingFace(path, config, {ours: theirs}), ours)
            lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
            storage.write(epath.Path(folder / f"{ours}.jsonl"), lines.encode())
        storage.write(epath.Path(marker), json.dumps(splits).encode())
    name = re.sub(r"[^\w-]+", "_", path.rstrip("/").rpartition("/")[2])
    files = {split: str(folder / f"{split}.jsonl") for split in json.loads(marker.read_text(encoding="utf-8"))}
    return name, files["train"] if files.keys() == {"train"} else files


def _chosen(text: str, names: list[str], split_names: dict[str, str]) -> dict[str, str]:
    """Our name of a split -> the hub's, for those that we know."""
    splits: dict[str, str] = {}
    for name in names:
        if (ours := split_names.get(name)) in splits:
            raise ValueError(
                f"{text}: {splits[ours]} and {name} are both of {ours}: save the data set as files and name the ones "
                "that you mean, train=FILE,validation=FILE"
            )
        if ours:
            splits[ours] = name
    others = [name for name in names if name not in split_names]
    if not splits:
        raise ValueError(
            f"{text}: there is no split called {', '.join(split_names)}; there are {', '.join(others) or 'none'}"
        )
    if others:
        print(f"{text}: read are {', '.join(splits.values())}; not read: {', '.join(others)}", file=sys.stderr)
    return splits


def _splits(text: str, path: str, config: str) -> list[str]:
    try:
        import datasets

        return datasets.get_dataset_split_names(path, config or None)
    except ModuleNotFoundError as error:
        raise ValueError(f"{text} needs the extra 'hub': pip install 'seqgpt_jax[hub]' ({error})") from error
    except Exception as error:  # the hub and its file systems have errors of their own
        raise ValueError(f"{text}: the data set cannot be read: {error}") from error
