"""The tasks the stack knows, by name, and the mixtures made of them."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence

from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks import (
    classification,
    entity_typing,
    events,
    inference,
    intent,
    llm_labelled,
    ner,
    own,
    quickstart,
    reading,
    relations,
    sentiment,
    slots,
)
from seqgpt_jax.tasks import subsets as _subsets
from seqgpt_jax.tasks.expressions import terms
from seqgpt_jax.tasks.mixtures import from_held_out
from seqgpt_jax.tasks.mixtures import mixtures as _mixtures_of

_MODULES = (
    classification,
    sentiment,
    intent,
    inference,
    entity_typing,
    reading,
    ner,
    slots,
    relations,
    events,
    llm_labelled,
    quickstart,
)

_SPECS = [spec for module in _MODULES for spec in module.TASKS]
TASKS: dict[str, TaskSpec] = {spec.name: spec for spec in _SPECS}
if len(TASKS) < len(_SPECS):
    raise ValueError(f"two tasks have one name: {sorted({s.name for s in _SPECS if TASKS[s.name] is not s})}")
# Tasks of the same names that read less (`Prepare.subsets`).
SUBSETS: dict[str, TaskSpec] = {spec.name: spec for spec in _subsets.SUBSETS}
MIXTURES: dict[str, Sequence[str]] = _mixtures_of(TASKS)
SUBSET_MIXTURES = _mixtures_of(TASKS | SUBSETS)

__all__ = [
    "MIXTURES",
    "SUBSETS",
    "SUBSET_MIXTURES",
    "TASKS",
    "catalogue",
    "evaluation_tasks",
    "expand",
    "find",
    "general_tasks",
]


def catalogue(config: PrepareConfig) -> tuple[dict[str, TaskSpec], dict[str, Sequence[str]]]:
    """(tasks, mixtures) by name: what is shipped, and own data and modules that the settings name.

    Raises:
      ValueError: own data cannot be read, or bears a name that is taken.
    """
    tasks, mixtures = (TASKS | SUBSETS, dict(SUBSET_MIXTURES)) if config.subsets else (dict(TASKS), dict(MIXTURES))
    for module in config.modules:
        specs, of_module = own.module_tasks(module)
        _add(tasks, mixtures, specs, f"module {module}")
        if taken := set(of_module) & ({*mixtures} | _names(tasks)):
            raise ValueError(f"module {module}: mixtures need names that are not taken: {', '.join(sorted(taken))}")
        mixtures |= of_module
    for name, files in (config.own_data or {}).items():
        if name in mixtures or name in _names(tasks):
            raise ValueError(
                f"own data {name!r}: the name is taken; give the file another one, or bind "
                f"Prepare.own_data = {{'my_{name}': …}}"
            )
        _add(tasks, mixtures, own.own_tasks(name, files, own.Form.of(config)), f"own data {name!r}")
    return tasks, mixtures


def _names(tasks: Mapping[str, TaskSpec]) -> set[str]:
    """Of the tasks, and of the data sets they are parts of."""
    return {*tasks} | {spec.dataset.name for spec in tasks.values()}


def _add(
    tasks: dict[str, TaskSpec], mixtures: Mapping[str, Sequence[str]], specs: Sequence[TaskSpec], where: str
) -> None:
    """Joins tasks that must not share a name, or the folder of their data set, with those of before."""
    names = [spec.name for spec in specs]
    before = {*mixtures} | _names(tasks)
    if taken := [spec.name for spec in specs if {spec.name, spec.dataset.name} & before or names.count(spec.name) > 1]:
        raise ValueError(f"{where}: tasks need names that are not taken: {', '.join(dict.fromkeys(taken))}")
    tasks |= {spec.name: spec for spec in specs}


def find(config: PrepareConfig) -> list[TaskSpec]:
    """The tasks of `config.mixture` that have `config.split`.

    A name is that of a mixture, a task or a data set (all its parts); `a+b-c` is all of a and b without c.

    Raises:
      ValueError: nothing is called so, nothing in it has the split, or it may not be trained on.
    """
    tasks, mixtures = catalogue(config)
    found = expand(config.mixture, tasks, mixtures)
    having = [spec for spec in found.values() if config.split in spec.splits]
    if not having:
        splits = sorted({split for spec in found.values() for split in spec.splits})
        raise ValueError(f"no task of {config.mixture!r} has a split {config.split!r}; there are {', '.join(splits)}")
    if missing := [name for name, spec in found.items() if spec not in having]:
        print(f"{config.mixture}: no split {config.split!r}, left out: {', '.join(missing)}", file=sys.stderr)
    if config.training and (held_out := [spec.name for spec in having if spec.held_out]):
        raise ValueError(
            f"{config.mixture!r} cannot be trained on: held out for zero-shot scores: {', '.join(held_out)}"
        )
    if config.training and (derived := from_held_out(having, tasks.values())):
        names = "; ".join(f"{name} has texts of {' and '.join(origins)}" for name, origins in derived.items())
        raise ValueError(f"{config.mixture!r} cannot be trained on: {names}, held out for zero-shot scores")
    return having


def splits(config: PrepareConfig) -> set[str]:
    """The splits that tasks of `config.mixture` have; ValueError where nothing is called so."""
    return {split for spec in expand(config.mixture, *catalogue(config)).values() for split in spec.splits}


def general_tasks(config: PrepareConfig) -> list[TaskSpec]:
    """The tasks of `config.general_mixture` with a training split that are not in the mixture.

    Without held-out ones, and those that are translated or copied from them.
    """
    tasks, mixtures = catalogue(config)
    mine = expand(config.mixture, tasks, mixtures)
    found = expand(config.general_mixture, tasks, mixtures)
    derived = from_held_out(found.values(), tasks.values())
    return [
        spec
        for name, spec in found.items()
        if name not in mine and config.split in spec.splits and not spec.held_out and name not in derived
    ]


def evaluation_tasks(config: PrepareConfig) -> list[TaskSpec]:
    """The tasks of `config.evaluation_mixtures`, and the own data of `config.mixture`, with validation or test splits.

    () is nothing, not even own data.
    """
    if config.evaluation_mixtures is not None and not config.evaluation_mixtures:
        return []
    tasks, mixtures = catalogue(config)
    found: dict[str, TaskSpec] = {}
    for name in config.evaluation_mixtures or ():
        found |= expand(name, tasks, mixtures)
    own_tasks = expand(config.mixture, tasks, mixtures)
    found |= {name: spec for name, spec in own_tasks.items() if spec.dataset.name in (config.own_data or {})}
    return [spec for spec in found.values() if {"validation", "test"} & {*spec.splits}]


def expand(
    expression: str, tasks: Mapping[str, TaskSpec], mixtures: Mapping[str, Sequence[str]]
) -> dict[str, TaskSpec]:
    """The tasks of an expression by name, in its order; `a+b-c` is all of a and b without c.

    Raises:
      ValueError: nothing is called so, nothing is left, or what is taken away is not there.
    """
    found: dict[str, TaskSpec] = {}
    for sign, name in terms(expression, {*mixtures} | _names(tasks)):
        members = {spec.name: spec for spec in _resolve(name, tasks, mixtures)}
        if sign == "+":
            found |= {key: spec for key, spec in members.items() if key not in found}
        elif not found.keys() & members.keys():
            raise ValueError(
                f"{expression!r}: nothing of {name!r} is in what stands before it, so -{name} is of no use"
            )
        else:
            found = {key: spec for key, spec in found.items() if key not in members}
    if not found:
        raise ValueError(f"{expression!r} leaves no task")
    return found


def _resolve(name: str, tasks: Mapping[str, TaskSpec], mixtures: Mapping[str, Sequence[str]]) -> Iterator[TaskSpec]:
    for member in mixtures.get(name, (name,)):
        parts = [tasks[member]] if member in tasks else [spec for spec in tasks.values() if spec.dataset.name == member]
        if not parts:
            close = difflib.get_close_matches(member, [*mixtures, *_names(tasks)], n=3)
            hint = (
                f"did you mean {' or '.join(close)}?" if close else "`python -m seqgpt_jax.prepare --list` shows them"
            )
            raise ValueError(f"there is no mixture or task {member!r}: {hint}")
        yield from parts
