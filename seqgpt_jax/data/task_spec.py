"""`TaskSpec`: everything the stack knows about one atomic task of one data set, in one place.

A module of the folder `tasks/` declares its specs in a tuple `TASKS`. A data set that gives several
atomic tasks (relations: spans, then typing) has one spec for each, named `dataset.part`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.atomic import FAMILIES, LANGUAGES, Atom, Instance

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that a reader passes over on purpose (no gold label, say); it is counted, never lost."""

    id: str
    reason: str


Reader = Callable[[str, tuple[Path, ...]], Iterator[Instance | Skipped]]


class RecordError(ValueError):
    """A record that cannot be read: the message starts with `file:line: ` and says how to mend it."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")


@dataclass(frozen=True)
class TaskSpec:
    """One atomic task.

    Attributes:
      name: `dataset` or `dataset.part`; the data set's folder below the data folder is `dataset`.
      family: one of the ten families (`seqgpt_jax.atomic.FAMILIES`).
      language: "en" or "zh".
      atom: "cls" or "ext"; every instance the reader yields is of this atom.
      splits: split -> its files, relative to `<data folder>/<data set>/`; () for a split that is
        generated. Splits that share a file are told apart by the reader.
      read: reads one split: `read(split, paths)` yields instances whose ids are unique within the
        split and stable between runs (`file:line` is a good one).
      held_out: never trained on; its label set is for zero-shot scores.
      exclusive: the labels exclude each other by design (`entailment`, `not_entailment`), so one
        that contains another is still a right negative.
      licence, source: of the data; never of this code.
    """

    name: str
    family: str
    language: str
    atom: Atom
    splits: Mapping[str, tuple[str, ...]]
    read: Reader
    held_out: bool = False
    exclusive: bool = False
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for value, allowed in ((self.family, FAMILIES), (self.language, LANGUAGES), (self.atom, ("cls", "ext"))):
            if value not in allowed:
                raise ValueError(f"task {self.name}: {value!r} is not one of {', '.join(allowed)}")
        unknown = set(self.splits) - set(SPLITS)
        if unknown or not self.splits:
            raise ValueError(f"task {self.name}: splits must be among {SPLITS}, found {sorted(self.splits)}")

    @property
    def dataset(self) -> str:
        """The data set this task is a part of."""
        return self.name.split(".")[0]
