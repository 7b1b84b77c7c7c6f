"""What a task that could not be tried on its published files is tried on: a few records in their true form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Gold = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Sample:
    """Small files of one task, written by hand, and what they must give.

    Attributes:
      files: name below the data set's folder -> its content: a text, or rows for JSON lines.
      expected: split -> (text, gold) of each instance in file order; None stands for a record that
        is skipped. For a split by hash: the key "+" and the instances of all its splits, in any order.
    """

    files: Mapping[str, str | Sequence[Mapping]]
    expected: Mapping[str, Sequence[tuple[str, Gold] | None]]


def split_by_hash(file: str, rows: str | Sequence[Mapping], *expected: tuple[str, Gold] | None) -> Sample:
    """One file whose records are split by hash."""
    return Sample({file: rows}, {"+": expected})
