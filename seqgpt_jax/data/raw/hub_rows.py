"""Rows of the Hugging Face hub as plain Python values."""

from collections.abc import Iterator, Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import PARQUET, HuggingFace

HUB = "hf://datasets"


def hub_rows(source: HuggingFace, split: str) -> tuple[Iterator[dict[str, Any]], int]:
    """(rows, their number) of one of our splits; `datasets` downloads and caches what it needs below HF_HOME."""
    import datasets

    theirs = source.splits[split]
    if source.revision == PARQUET:
        # The branch has no card that names configurations and splits: its folders do.
        files = f"{HUB}/{source.path}@{PARQUET}/{source.config or '*'}/{theirs}/*.parquet"
        dataset = datasets.load_dataset("parquet", data_files={"rows": files}, split="rows")
    else:
        dataset = datasets.load_dataset(
            source.path, source.config or None, split=theirs, revision=source.revision or None
        )
    features = dict(dataset.features)
    return (_named(features, row) for row in dataset.with_format(None)), dataset.num_rows


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
