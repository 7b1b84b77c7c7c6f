"""A user's tasks: files of own data (no code), and modules with `TASKS` and `MIXTURES`.

A file becomes one task named after it, or several, like `name.cls` and `name.ext`, where it holds several
kinds of records. Its texts decide the language; the records themselves decide everything else.
"""

import functools
import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.atomic import Atom, Instance
from seqgpt_jax.atomic.languages import CHINESE, CHINESE_SHARE
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.task_spec import DatasetSpec, RecordError, Skipped, TaskSpec
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.own_formats.items import Item
from seqgpt_jax.tasks.readers.record import Record
from seqgpt_jax.tasks.readers.split import SHARES, hash_split

Kind = tuple[str, Atom]
"""Family and atomic task of a record."""

# Enough texts to tell a language by.
_TEXTS = 1000


@dataclass(frozen=True)
class Survey:
    """What a look at all records of a file tells about its tasks.

    Attributes:
      kinds: of its records, in the order of their names below.
      letters, chinese: of its first texts, and the Chinese characters among them.
      several: kinds of classification that have several labels, or none.
    """

    kinds: tuple[Kind, ...]
    letters: int
    chinese: int
    several: frozenset[Kind]


def language(surveys: Iterable[Survey]) -> str:
    """ "zh" where at least a fifth of the letters are Chinese characters, else "en"."""
    letters = chinese = 0
    for survey in surveys:
        letters, chinese = letters + survey.letters, chinese + survey.chinese
    return "zh" if chinese >= CHINESE_SHARE * letters > 0 else "en"


@dataclass(frozen=True)
class Form:
    """How own files are written, where they do not show it.

    Attributes:
      format: see `Prepare.own_format`.
      columns: see `Prepare.own_columns`, as pairs.
    """

    format: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, config: PrepareConfig) -> "Form":
        """What the settings say."""
        return cls(config.own_format, tuple((config.own_columns or {}).items()))

    def checked(self, path: Path) -> Iterator[own.Checked]:
        """See `own.checked`."""
        return own.checked(path, format=self.format, columns=dict(self.columns))

    def records(self, path: Path) -> Iterator[Item]:
        """See `own.records`."""
        return own.records(path, format=self.format, columns=dict(self.columns))


RECOGNIZED = Form()
"""Nothing is said: the format is recognized by content, and columns by their names."""


def survey(path: Path, form: Form = RECOGNIZED) -> Survey:
    """Looks through a file; broken records are passed over.

    Raises:
      FileNotFoundError: it is not there.
      ValueError, RecordError: nothing of it can be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"own data: there is no file {path}")
    stat = path.stat()
    return _survey(path, form, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=64)
def _survey(path: Path, form: Form, *stamp: int) -> Survey:
    """Cached for one state of the file: every command asks for its tasks several times."""
    del stamp
    kinds: set[Kind] = set()
    several: set[Kind] = set()
    letters = chinese = texts = 0
    for record in form.records(path):
        if not isinstance(record, Record) or not (atom := own.atom_of(record.value)):
            continue
        kinds.add(kind := (own.family_of(record.value), atom))
        answers, text = record.value.get("answers"), record.value.get("text")
        if atom == "cls" and isinstance(answers, list) and len(answers) > 1:
            several.add(kind)
        if isinstance(text, str) and texts < _TEXTS:
            texts += 1
            letters += sum(map(str.isalpha, text))
            chinese += len(CHINESE.findall(text))
    if not kinds:
        raise ValueError(f"{path} holds no record that can be read: `python -m seqgpt_jax.validate {path}` says why")
    return Survey(tuple(kind for kind in own.KINDS if kind in kinds), letters, chinese, frozenset(several))


def own_tasks(name: str, files: str | Mapping[str, str], form: Form = RECOGNIZED) -> list[TaskSpec]:
    """The tasks of one file, split by hash, or of one file for each split."""
    shared = isinstance(files, str)
    paths = {split: Path(file).resolve() for split, file in (dict.fromkeys(SHARES, files) if shared else files).items()}
    surveys = {path: survey(path, form) for path in paths.values()}
    kinds = [kind for kind in own.KINDS if any(kind in found.kinds for found in surveys.values())]
    # What is too broken to say its kind counts once: in the first kind that its split has.
    first = {split: next(kind for kind in kinds if kind in surveys[path].kinds) for split, path in paths.items()}
    return [
        TaskSpec(
            name=name if len(kinds) == 1 else f"{name}.{own.KINDS[kind]}",
            family=kind[0],
            language=language(surveys.values()),
            atom=kind[1],
            splits={split: (str(path),) for split, path in paths.items() if kind in surveys[path].kinds},
            read=functools.partial(_read, kind=kind, first=first, shared=shared, form=form),
            # `spam` and `not spam`: without it neither would ever stand beside the other in training.
            exclusive=kind[1] == "cls" and not any(kind in found.several for found in surveys.values()),
        )
        for kind in kinds
    ]


def _read(
    split: str, paths: Sequence[Path], *, kind: Kind, first: Mapping[str, Kind], shared: bool, form: Form
) -> Iterator[Instance | Skipped | RecordError]:
    """The records of one kind; what is too broken to say its kind counts in `first` of the split, once."""
    for path in paths:
        for item in form.checked(path):
            if (item.atom and (own.family_of(item.value), item.atom) != kind) or not (
                item.atom or kind == first[split]
            ):
                continue
            if shared and split != (hash_split(item.key, SHARES) if item.key else next(iter(SHARES))):
                continue
            yield item.instance or item.skipped or RecordError(item.path, item.line, str(item.fault))


def module_tasks(name: str) -> tuple[list[TaskSpec], Mapping[str, Sequence[str]]]:
    """(TASKS, MIXTURES) of a user's module; it may lie in the current folder.

    Raises:
      ValueError: there is no such module, or it does not hold what it should.
    """
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever the module's code raises
        if isinstance(error, ModuleNotFoundError) and error.name in (name, name.split(".")[0]):
            raise ValueError(f"Prepare.modules: no module {name!r}, neither in {here} nor installed") from error
        frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            frames.append((error.filename or name, error.lineno))
        # The last line of the user's own code, for what it calls may be ours.
        file, line = next((frame for frame in reversed(frames) if Path(frame[0]).is_relative_to(here)), frames[-1])
        problem = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(
            f"Prepare.modules: {name} cannot be imported: {file}:{line}: {type(error).__name__}: {problem}"
        ) from error
    finally:
        sys.path.remove(here)
    tasks = getattr(module, "TASKS", None)
    if not isinstance(tasks, Sequence) or not tasks or not all(isinstance(t, TaskSpec | DatasetSpec) for t in tasks):
        raise ValueError(f"module {name} ({module.__file__}) has to hold TASKS, a tuple of TaskSpec or DatasetSpec")
    mixtures = getattr(module, "MIXTURES", {})
    if not isinstance(mixtures, Mapping) or any(isinstance(members, str) for members in mixtures.values()):
        raise ValueError(f"module {name} ({module.__file__}): MIXTURES is like {{'all': ('one', 'two')}}: {mixtures!r}")
    specs = [spec for task in tasks for spec in (task.task_specs() if isinstance(task, DatasetSpec) else (task,))]
    return specs, mixtures
