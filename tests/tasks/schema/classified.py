"""Short forms for samples of tasks that give a text its labels."""

from collections.abc import Mapping, Sequence

from seqgpt_jax.data.raw.task_spec import SPLITS
from tests.tasks.schema.sample import Gold, Sample

Rows = str | Sequence[Mapping]


def answer(text: str, *labels: str) -> tuple[str, Gold]:
    """What a record must give."""
    return text, dict.fromkeys(labels, ())


def each_split(
    rows: Rows,
    *expected: tuple[str, Gold] | None,
    folder: str = "",
    splits: Sequence[str] = SPLITS,
    names: Mapping[str, str] | None = None,
) -> Sample:
    """The same rows in the file of every split: `folder/split.jsonl`, or the file that `names` gives it."""
    files = {split: f"{folder}/{split}.jsonl" if folder else f"{split}.jsonl" for split in splits}
    files = files if names is None else dict(names)
    return Sample(dict.fromkeys(files.values(), rows), dict.fromkeys(files, expected))
