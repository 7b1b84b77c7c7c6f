"""Rows of TensorFlow Datasets as plain Python values. It belongs to the SeqIO side: it loads TensorFlow."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import seqio
import tensorflow_datasets as tfds

from seqgpt_jax.data.raw.network import Client, FetchError, Patience
from seqgpt_jax.data.raw.probe import probe
from seqgpt_jax.data.raw.sources import Tfds

_PROBED = 3


def tfds_rows(source: Tfds, split: str, folder: Path) -> tuple[Iterator[dict[str, Any]], int]:
    """(rows, their number) of one of our splits.

    Args:
      source: the data set, with or without its version.
      split: one of ours.
      folder: TFDS downloads and prepares what it needs below it.

    Raises:
      FetchError: it is not prepared yet, and the first file that it needs cannot be reached: TFDS itself would try for
        minutes.
    """
    builder = tfds.builder(source.name, data_dir=str(folder))
    if not builder.is_prepared():
        _check_reachable(list(builder.url_infos or {}))
    # SeqIO wants a version; what the installed TFDS has is the one that it can make.
    name = source.name if ":" in source.name else f"{source.name}:{builder.version}"
    provider = seqio.TfdsDataSource(name, splits=dict(source.splits), tfds_data_dir=str(folder))
    dataset = provider.get_dataset(split, shuffle=False)
    features = provider.tfds_dataset.info.features
    return (_named(features, row) for row in tfds.as_numpy(dataset)), provider.num_input_examples(split)


def tfds_urls(source: Tfds) -> list[str]:
    """The files that TFDS would download for a data set, of all its configurations."""
    return list(tfds.builder(source.name).url_infos or {})


def _check_reachable(urls: Sequence[str]) -> None:
    # A builder of several configurations lists the files of all: one that answers shows that the network is there.
    problem, client = "", Client(Patience(timeout=10), mirrors=False)  # as TFDS asks for them
    for url in urls[:_PROBED]:
        answer = probe(client, url)
        if not answer.problem:
            return
        problem = f"{url}: {answer.problem}"
    if problem:
        raise FetchError(f"TensorFlow Datasets would download {problem}")


def _named(feature: Any, value: Any) -> Any:
    # A sequence of dicts comes as a dict of sequences, so that only keys and leaves matter.
    while isinstance(feature, tfds.features.Sequence):
        feature = feature.feature
    if isinstance(feature, tfds.features.FeaturesDict):
        return {key: _named(feature[key], part) for key, part in value.items()}
    if isinstance(feature, tfds.features.ClassLabel):
        return _leaves(value, lambda number: feature.int2str(number) if number >= 0 else None)
    return _leaves(value, lambda leaf: leaf.decode("utf-8") if isinstance(leaf, bytes) else leaf)


def _leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    if hasattr(value, "to_list"):  # ragged
        value = value.to_list()
    elif hasattr(value, "tolist"):  # an array, or a number of NumPy
        value = value.tolist()
    return [_leaves(part, change) for part in value] if isinstance(value, list) else change(value)
