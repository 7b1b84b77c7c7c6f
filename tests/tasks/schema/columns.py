"""Short ways to write samples: column files, and one content for all splits."""

from collections.abc import Sequence

from tests.tasks.schema.sample import Gold, Sample


def columns(*sentences: str, separator: str = "\t", between: str = "") -> str:
    """`Oslo/B-LOC is/O` -> one token, separator and tag on each line, and `between` before each sentence."""
    text = ""
    for sentence in sentences:
        pairs = [item.rpartition("/")[::2] for item in sentence.split()]
        text += between + "".join(f"{token}{separator}{tag}\n" for token, tag in pairs) + "\n"
    return text


def everywhere(
    content: str | Sequence[dict], files: Sequence[str], *instances: tuple[str, Gold], splits: Sequence[str] = ()
) -> Sample:
    """Every split has this content and gives these instances; by default the splits are train, validation and test."""
    return Sample(dict.fromkeys(files, content), dict.fromkeys(splits or ("train", "validation", "test"), instances))
