"""Sources of rows: the Hugging Face hub and TFDS, with the three usual splits."""

from collections.abc import Mapping

from seqgpt_jax.data.raw.sources import HuggingFace, Tfds

THREE_SPLITS = {"train": "train", "validation": "validation", "test": "test"}


def hub(path: str, config: str = "", splits: Mapping[str, str] = THREE_SPLITS, revision: str = "") -> HuggingFace:
    """A data set of the hub; `splits` is ours -> the hub's.

    >>> hub("owner/name", "en", {"train": "train"}).files
    {'train': 'en/train.jsonl'}
    """
    return HuggingFace(path, config, dict(splits), revision)


def tfds(name: str, splits: Mapping[str, str] = THREE_SPLITS) -> Tfds:
    """The same for a data set of TFDS; `name` is `builder/config:version`.

    >>> tfds("glue/mnli", {"test": "validation_matched"}).files
    {'test': 'mnli/test.jsonl'}
    """
    return Tfds(name, dict(splits))
