"""Declarations of data sets and of the atomic tasks made of them.

    DatasetSpec(
        "weather",
        github("someone/weather", "5f1d3c", "data/{}"),
        license="CC BY 4.0",
        citation="Doe et al. 2020, ACL",
        splits={"train": ("train.jsonl",), "test": ("test.jsonl",)},
        tasks=(
            Task("ID", "en", reader(jsonl(), labelled("text", "intent")), name="intent"),
            Task("SF", "en", reader(jsonl(), pairs("text", slots)), name="slots"),
        ),
    ).task_specs()

gives the two `TaskSpec`s `weather.intent` and `weather.slots`: what preparation, scoring and the catalogue read.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from seqgpt_jax.atomic import FAMILIES, LANGUAGES, Atom, Instance
from seqgpt_jax.data.raw.sources import FilePattern, Files, HuggingFace, Source, Tfds

SPLITS = ("train", "validation", "test")
EVALUATION_SPLITS = ("validation", "test")
# The atomic task of the families that have one; the others (MRC, RE, EE) say it task by task.
_ATOMS: dict[str, Atom] = dict.fromkeys(("CLS", "SA", "ID", "NLI", "ET"), "cls") | dict.fromkeys(("NER", "SF"), "ext")

Splits = Mapping[str, tuple[str, ...]]
"""Split -> its files, relative to `<data folder>/<data set>/`; () for a split that is generated."""

Verified = Literal["files", "schema", "own"]
"""What a declaration was tested on: "files" (the published ones), "schema" (small files in the published
format, written by hand: `tests/tasks/schema/`), or "own" (a user's data)."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that a reader skips on purpose (it has no gold label, say); preparation counts it.

    Attributes:
      id: of the record or instance.
      reason: one word in snake case; drops are counted by it.
      detail: what a report prints.
    """

    id: str
    reason: str
    detail: str = "skipped by its reader"


class RecordError(ValueError):
    """A record that cannot be read: the message starts with `file:line: ` and says how to fix it."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.path, self.line, self.problem = path, line, problem

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.line, self.problem)


Reader = Callable[[str, tuple[Path, ...]], Iterator[Instance | Skipped | RecordError]]
"""Reads one split: `read(split, paths)` yields its instances. A malformed record that is followed by readable
ones is yielded as a `RecordError` among the instances: the caller decides whether to stop or to skip it."""


@dataclass(frozen=True)
class Task:
    """One atomic task, as a `DatasetSpec` declares it.

    Attributes:
      family: one of the ten families (`seqgpt_jax.atomic.FAMILIES`).
      language: "en" or "zh".
      read: see `TaskSpec`.
      name: of the task within its data set; "" where it is the only one.
      atom: "cls" or "ext"; None for the families that have only one of them.
      held_out, exclusive, pairs: see `TaskSpec`.
      splits, sizes, source, verified: where they are not those of the data set.
    """

    family: str
    language: str
    read: Reader
    name: str = ""
    atom: Atom | None = None
    held_out: bool = False
    exclusive: bool = False
    pairs: bool = False
    splits: Splits | None = None
    sizes: Mapping[str, int] | None = None
    source: Source | FilePattern | None = None
    verified: Verified | None = None


@dataclass(frozen=True)
class DatasetSpec:
    """One data set: where it comes from, what it may be used for, and its tasks.

    Attributes:
      name: of the data set, and of its folder below the data folder.
      source: where its raw files come from; None for a user's own. A `FilePattern` becomes the `Files` that the
        splits name.
      license: of the data; never of this code.
      citation: the paper or report that describes the data, in a few words.
      verified: see `Verified`.
      splits: of each task that has none of its own; {} means one file a split, as the download step writes the
        rows of the Hugging Face hub and of TFDS.
      sizes: split -> instances of each task that has none of its own: counted, where verified on files, else as
        published; {} unknown.
      tasks: what is made of it.
      checksums: file -> SHA-256 of what its URL gives.
      derived_from: names of data sets whose texts it has, translated or copied: nothing derived from a held-out data
        set is trained on, and copies of one text are in a mixture once.
      overlaps: names of data sets that have some of its texts with labels of their own, one of each pair names the
        other: they may be in a mixture together, but where one is held out the other is not trained on.
      contradictions: why more than three in a thousand instances of a split ask what an earlier one asks, with other
        answers; "" where there are fewer.
      held_out: all its tasks are.

    Raises:
      ValueError: a task has no splits, or its family has tasks of both atoms and it does not say which it is.
    """

    name: str
    source: Source | FilePattern | None = None
    license: str = ""
    citation: str = ""
    verified: Verified = "schema"
    splits: Splits = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)
    derived_from: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    contradictions: str = ""
    held_out: bool = False

    def __post_init__(self) -> None:
        names = {file: None for task in self.tasks if task.source is None for file in self._files(task)}
        object.__setattr__(self, "source", self._resolved(self.source, names))

    def only(self, family: str) -> "DatasetSpec":
        """The data set with its tasks of one family: it is declared once, and each family lists its own."""
        return replace(self, tasks=tuple(task for task in self.tasks if task.family == family))

    def task_specs(self) -> tuple["TaskSpec", ...]:
        """The tasks, each with all that it shares with the others of the data set."""
        return tuple(map(self._task_spec, self.tasks))

    def _task_spec(self, task: Task) -> "TaskSpec":
        name = f"{self.name}.{task.name}" if task.name else self.name
        atom = task.atom or _ATOMS.get(task.family)
        if atom is None:
            raise ValueError(f'task {name}: say atom="cls" or atom="ext": the family {task.family} has both')
        return TaskSpec(
            name,
            task.family,
            task.language,
            atom,
            self._splits(task),
            task.read,
            held_out=task.held_out or self.held_out,
            exclusive=task.exclusive,
            pairs=task.pairs,
            sizes=self.sizes if task.sizes is None else task.sizes,
            source=self._resolved(task.source, self._files(task)) if task.source else self.source,
            verified=task.verified or self.verified,
            dataset=self,
        )

    def _splits(self, task: Task) -> Splits:
        source = task.source or self.source
        if not (task.splits or self.splits) and isinstance(source, HuggingFace | Tfds):
            return {split: (file,) for split, file in source.files.items()}
        return task.splits or self.splits

    def _files(self, task: Task) -> dict[str, None]:
        return {file: None for files in self._splits(task).values() for file in files}

    def _resolved(self, source: Source | FilePattern | None, names: Mapping[str, None]) -> Source | None:
        if isinstance(source, FilePattern):
            source = source.files(names)
        if not isinstance(source, Files):
            return source
        return Files(
            {
                name: replace(remote, sha256=self.checksums.get(name, remote.sha256))
                for name, remote in source.files.items()
            }
        )


@dataclass(frozen=True)
class TaskSpec:
    """One atomic task, complete.

    Attributes:
      name: `dataset` or `dataset.task`; the data set's folder below the data folder is `dataset`.
      family: one of the ten families (`seqgpt_jax.atomic.FAMILIES`).
      language: "en" or "zh".
      atom: "cls" or "ext"; every instance the reader yields is of this atom.
      splits: see `Splits`. Splits that share a file are told apart by the reader.
      read: see `Reader`; ids are unique within the split and stable between runs (`file:line` is a good one).
      held_out: never trained on; its label set is for zero-shot scores.
      exclusive: the labels exclude each other by design (`entailment`, `not_entailment`), so one
        that contains another is still a right negative.
      pairs: of the classifications of families whose texts are single ones: its texts are pairs, joined by a TAB, such
        as a review and a question about it. Those of NLI and MRC always are.
      sizes: split -> number of instances; {} unknown.
      source, verified: where they are not those of the data set.
      dataset: the data set it is made of; None makes one of the name's first part, of own data.

    Raises:
      ValueError: the family, language, atom or a split is unknown.
    """

    name: str
    family: str
    language: str
    atom: Atom
    splits: Splits
    read: Reader
    held_out: bool = False
    exclusive: bool = False
    pairs: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)
    source: Source | None = None
    verified: Verified | None = None
    dataset: DatasetSpec | None = None

    def __post_init__(self) -> None:
        for value, allowed in ((self.family, FAMILIES), (self.language, LANGUAGES), (self.atom, ("cls", "ext"))):
            if value not in allowed:
                raise ValueError(f"task {self.name}: {value!r} is not one of {', '.join(allowed)}")
        unknown = set(self.splits) - set(SPLITS)
        if unknown or not self.splits:
            raise ValueError(f"task {self.name}: splits must be among {SPLITS}, not {sorted(self.splits)}")
        if self.dataset is None:
            dataset = DatasetSpec(self.name.split(".")[0], self.source, verified=self.verified or "own")
            object.__setattr__(self, "dataset", dataset)
        if self.source is None:
            object.__setattr__(self, "source", self.dataset.source)
        if self.verified is None:
            object.__setattr__(self, "verified", self.dataset.verified)
