"""Data sets of rows (the Hugging Face hub, TFDS), as the download step leaves them: JSON lines, one file a split."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.data.sources import PARQUET, HuggingFace, Tfds

__all__ = ["PARQUET", "THREE_SPLITS", "hub", "tfds"]

THREE_SPLITS = {"train": "train", "validation": "validation", "test": "test"}


def hub(path: str, config: str = "", splits: Mapping[str, str] = THREE_SPLITS, revision: str = "") -> dict[str, Any]:
    """The fields `source` and `splits` of a `TaskSpec`; `splits` is ours -> the hub's.

    >>> hub("owner/name", "en", {"train": "train"})["splits"]
    {'train': ('en/train.jsonl',)}
    """
    return {"source": HuggingFace(path, config, dict(splits), revision), "splits": _files(config, splits)}


def tfds(name: str, splits: Mapping[str, str] = THREE_SPLITS) -> dict[str, Any]:
    """The same for a data set of TFDS; `name` is `builder/config:version`.

    >>> tfds("glue/mnli", {"test": "validation_matched"})["splits"]
    {'test': ('mnli/test.jsonl',)}
    """
    config = name.split(":")[0].partition("/")[2]
    return {"source": Tfds(name, dict(splits)), "splits": _files(config, splits)}


def _files(config: str, splits: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    folder = f"{config.replace('/', '_')}/" if config else ""
    return {split: (f"{folder}{split}.jsonl",) for split in splits}
