"""Data sets of rows (the Hugging Face hub, TFDS), as the download step leaves them: JSON lines, one file a split."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import HuggingFace, Tfds

THREE_SPLITS = {"train": "train", "validation": "validation", "test": "test"}


def hub(path: str, config: str = "", splits: Mapping[str, str] = THREE_SPLITS, revision: str = "") -> dict[str, Any]:
    """The fields `source` and `splits` of a `TaskSpec`; `splits` is ours -> the hub's.

    >>> hub("owner/name", "en", {"train": "train"})["splits"]
    {'train': ('en/train.jsonl',)}
    """
    return _fields(HuggingFace(path, config, dict(splits), revision))


def tfds(name: str, splits: Mapping[str, str] = THREE_SPLITS) -> dict[str, Any]:
    """The same for a data set of TFDS; `name` is `builder/config:version`.

    >>> tfds("glue/mnli", {"test": "validation_matched"})["splits"]
    {'test': ('mnli/test.jsonl',)}
    """
    return _fields(Tfds(name, dict(splits)))


def _fields(source: HuggingFace | Tfds) -> dict[str, Any]:
    return {"source": source, "splits": {split: (file,) for split, file in source.files.items()}}
