"""Rows of TensorFlow Datasets as plain Python values. It belongs to the SeqIO side: it loads TensorFlow."""

from collections.abc import Callable, Iterator
from typing import Any

import seqio
import tensorflow_datasets as tfds

from seqgpt_jax.data.raw.sources import Tfds


def tfds_rows(source: Tfds, split: str) -> tuple[Iterator[dict[str, Any]], int]:
    """(rows, their number) of one of our splits; TFDS downloads and caches what it needs below TFDS_DATA_DIR."""
    # SeqIO wants a version; what the installed TFDS has is the one that it can make.
    name = source.name if ":" in source.name else f"{source.name}:{tfds.builder(source.name).version}"
    provider = seqio.TfdsDataSource(name, splits=dict(source.splits))
    dataset = provider.get_dataset(split, shuffle=False)
    features = provider.tfds_dataset.info.features
    return (_named(features, row) for row in tfds.as_numpy(dataset)), provider.num_input_examples(split)


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
