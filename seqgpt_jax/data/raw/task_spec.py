"""`TaskSpec`: everything the stack knows about one atomic task of one data set, in one place.

A module of the folder `tasks/` declares its specs in a tuple `TASKS`. A data set that gives several
atomic tasks (relations: spans, then typing) has one spec for each, named `dataset.part`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seqgpt_jax.atomic import FAMILIES, LANGUAGES, Atom, Instance
from seqgpt_jax.data.raw.sources import Source

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that a reader passes over on purpose (no gold label, say); it is counted, never lost."""

    id: str
    reason: str
    detail: str = "passed over by its reader"


class RecordError(ValueError):
    """A record that cannot be read: the message starts with `file:line: ` and says how to mend it."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.path, self.line, self.problem = path, line, problem

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.line, self.problem)


Reader = Callable[[str, tuple[Path, ...]], Iterator[Instance | Skipped | RecordError]]
"""Reads one split. A record that is broken, while those after it can still be read, comes as a
`RecordError` among the instances: who reads decides whether to stop or to count it and go on."""


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
      source: where the raw files come from (`seqgpt_jax.data.raw.sources`); None for own data.
      licence: of the data; never of this code.
      citation: the paper or report that describes the data, in a few words.
      verified: what the declaration was tested on: "files" (the published ones), "schema" (small
        files in their true form, written by hand), or "own" (a user's data).
      sizes: split -> instances: counted, where verified on files, else as published; {} unknown.
    """

    name: str
    family: str
    language: str
    atom: Atom
    splits: Mapping[str, tuple[str, ...]]
    read: Reader
    held_out: bool = False
    exclusive: bool = False
    source: Source | None = None
    licence: str = ""
    citation: str = ""
    verified: Literal["files", "schema", "own"] = "own"
    sizes: Mapping[str, int] = field(default_factory=dict)

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
