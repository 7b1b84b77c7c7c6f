"""The tasks the stack knows, by name, and the mixtures made of them."""

import difflib
import sys

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks import (
    classification,
    entity_typing,
    events,
    inference,
    intent,
    llm_labelled,
    ner,
    quickstart,
    reading,
    relations,
    sentiment,
    slots,
)
from seqgpt_jax.tasks.mixtures import MIXTURES

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

__all__ = ["MIXTURES", "TASKS", "find"]


def find(name: str, split: str) -> list[TaskSpec]:
    """The tasks of a mixture that have the split, or the one task of that name.

    Raises:
      ValueError: nothing is called so, or nothing in it has the split.
    """
    if name not in MIXTURES and name not in TASKS:
        close = difflib.get_close_matches(name, [*MIXTURES, *TASKS], n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`python -m seqgpt_jax.prepare --list` shows them"
        raise ValueError(f"there is no mixture or task {name!r}: {hint}")
    specs = [TASKS[member] for member in MIXTURES.get(name, (name,))]
    having = [spec for spec in specs if split in spec.splits]
    if not having:
        splits = sorted({split for spec in specs for split in spec.splits})
        raise ValueError(f"no task of {name!r} has a split {split!r}; there are {', '.join(splits)}")
    missing = [spec.name for spec in specs if spec not in having]
    if missing:
        print(f"{name}: no split {split!r}, left out: {', '.join(missing)}", file=sys.stderr)
    if split == "train" and (held_out := [spec.name for spec in having if spec.held_out]):
        raise ValueError(f"{name!r} cannot be trained on: {', '.join(held_out)} are held out for zero-shot scores")
    return having
