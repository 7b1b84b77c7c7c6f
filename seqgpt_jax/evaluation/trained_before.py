"""Tasks whose scores a model's own training spoils: their evaluation texts, or a held-out task, were trained on."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.data.store import EvalStore

_NOT_ZERO_SHOT = "no zero-shot score, as the model was trained on it"

Tasks = Callable[[bool], Mapping[str, TaskSpec]]
"""The known tasks by name, with the declared subsets in place of the whole data sets (True) or without."""


class TrainedBefore(NamedTuple):
    """A task that is asked although the model was trained on it.

    Attributes:
      task: its name.
      store: the prepared data that it is asked in.
      reason: why its score is of no use, in words.
    """

    task: str
    store: str
    reason: str


def trained_before(
    data: Mapping[str, Any] | None, stores: Sequence[EvalStore], tasks: Tasks, zero_shot: bool = False
) -> list[TrainedBefore]:
    """The tasks of the stores that the model's training spoils, as far as its contract says.

    A subset may train on a file that is the test of the whole data set (`Prepare.subsets`): a held-out data set, even.

    Args:
      data: what the model was trained on last (`ModelContract.data`); None where it is not known.
      stores: what is evaluated on.
      tasks: looks tasks up.
      zero_shot: whether no task may have been trained on, not the held-out ones alone.
    """
    if not data or not data.get("tasks"):
        return []
    of_training = bool(data.get("settings", {}).get("subsets"))
    names = {*data["tasks"]}
    trained = [spec for name, spec in tasks(of_training).items() if name in names]
    files = {file for spec in trained for file in _files(spec, "train")}
    # A schema beside the texts is in every split of the whole data set.
    whole = tasks(False)
    files -= {
        file
        for spec in (whole[name] for name in names & whole.keys())
        for file in _files(spec, "train") & (_files(spec, "validation") | _files(spec, "test"))
    }
    found = []
    for store in stores:
        manifest = store.manifest
        subsets = bool(manifest["settings"].get("subsets"))
        for name, spec in tasks(subsets).items():
            if name not in manifest.get("tasks", {}):
                continue
            if spec.held_out and name in names:
                found.append(TrainedBefore(name, manifest["name"], "it is held out, and the model was trained on it"))
            # With one setting a file of several splits is divided by its reader.
            elif subsets != of_training and files & _files(spec, manifest.get("split", "test")):
                reason = f"the model was trained on this file with Prepare.subsets = {of_training}"
                found.append(TrainedBefore(name, manifest["name"], reason))
            elif zero_shot and name in names:
                found.append(TrainedBefore(name, manifest["name"], _NOT_ZERO_SHOT))
    return found


def _files(spec: TaskSpec, split: str) -> set[str]:
    return {os.path.normpath(f"{spec.dataset.name}/{name}") for name in spec.splits.get(split, ())}


def notes(found: Sequence[TrainedBefore], subsets: bool) -> list[str]:
    """The tasks in sentences, one for each reason; `subsets` is the setting of the model's training."""
    by_reason: dict[str, dict[str, None]] = {}
    for one in found:
        by_reason.setdefault(one.reason, {})[one.task] = None
    others = f"score it with --gin.Prepare.subsets={subsets}, or take the tasks out of the mixture"
    return [
        f"not to be trusted: {', '.join(names)}: {reason}; "
        f"{'train a model without them, NAME-' + '-'.join(names) if reason == _NOT_ZERO_SHOT else others}."
        for reason, names in by_reason.items()
    ]
