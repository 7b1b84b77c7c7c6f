"""Checkpoint metadata, and the checks that a run may resume from a checkpoint or start from its weights."""

import dataclasses
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.registry import DEFAULT_ARCHITECTURE

COMPUTE_FIELDS = ("attention", "dtype", "remat")
"""Fields of the model's config that may change on resume."""
# And when another run starts from the weights.
_START_FIELDS = (*COMPUTE_FIELDS, "param_dtype", "initializer_range", "max_length")


class CheckpointError(ValueError):
    """A checkpoint that is missing or belongs to another run; the message lists the differences and the ways out."""


@dataclass(frozen=True)
class CheckpointMetadata:
    """Provenance of a checkpoint, stored as JSON beside its arrays.

    Attributes:
      step: batches consumed.
      data_fingerprint: of the prepared data.
      seed: of the order of batches.
      batch_size: rows of a global batch.
      length: tokens of a row.
      steps: updates of the whole run, over which the learning rate is scheduled.
      model: fields of the model's config.
      optimizer: fields of OptimizerConfig.
      skipped: how many of these steps were skipped, because loss or gradient were not finite.
      sums: `array_checksums` of params and opt_state; empty in format 1.
      packing_version: `data.packing.PACKING_VERSION` of the run; 1 in checkpoints of before there was one.
      validation_loss: nats per supervised token; None where there was no validation at this step.
      lora: of a run that trains adapters, the fields of LoraConfig and `base_fingerprint`: of the weights that they
        belong to, which the checkpoint does not hold. None in other runs.
      init_from: `Train.init_from` of the run's first start, as an absolute path; None for random weights, "" with
        adapters, and in checkpoints of before it was kept.
      validation_fingerprint: of the validation data; losses on other data cannot be compared.
    """

    step: int
    data_fingerprint: str
    seed: int
    batch_size: int
    length: int
    steps: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    skipped: int = 0
    sums: dict[str, int] = field(default_factory=dict)
    packing_version: int = 1
    validation_loss: float | None = None
    lora: dict[str, Any] | None = None
    init_from: str | None = ""
    validation_fingerprint: str = ""


def check_metadata(stored: CheckpointMetadata, expected: CheckpointMetadata, folder: epath.Path) -> None:
    """Raises CheckpointError where a run with the metadata `expected` cannot resume from a checkpoint with `stored`."""
    theirs, ours = dataclasses.asdict(stored), dataclasses.asdict(expected)
    differences = [
        f"  {title}: {theirs[name]!r} in the checkpoint, {ours[name]!r} in this run"
        for name, title in (
            ("data_fingerprint", "fingerprint of the prepared data"),
            ("seed", "Train.seed"),
            ("batch_size", "Train.batch_size"),
            ("length", "Train.length"),
            ("packing_version", "version of packing"),
        )
        if theirs[name] != ours[name]
    ]
    # The dtype of the optimizer state; the oldest checkpoints do not have this field.
    moments = [values["optimizer"].get("moment_dtype", "float32") for values in (theirs, ours)]
    if moments[0] != moments[1]:
        differences.append(f"  Optimizer.moment_dtype: {moments[0]!r} in the checkpoint, {moments[1]!r} in this run")
    # A checkpoint of before `Model.architecture` is of the default one.
    model = {"architecture": DEFAULT_ARCHITECTURE} | theirs["model"]
    differences += [
        f"  Model.{name}: {model.get(name)!r} in the checkpoint, {value!r} in this run"
        for name, value in ours["model"].items()
        if name not in COMPUTE_FIELDS and not _same(model.get(name), value)
    ]
    differences += _lora_differences(stored.lora or {}, expected.lora or {})
    if differences:
        raise CheckpointError(
            f"this run cannot resume from its checkpoint {folder}:\n"
            + "\n".join(differences)
            + "\nGive the run another folder (--run_dir), restore these settings, or delete the checkpoint. To start "
            "from its weights with other data, name its run folder as Train.init_from of a new run."
        )


def _lora_differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    titles = {"base_fingerprint": "fingerprint of the weights in Train.init_from"}
    return [
        f"  {titles.get(name, f'Lora.{name}')}: {theirs.get(name)!r} in the checkpoint, {ours.get(name)!r} in this run"
        for name in sorted(theirs.keys() | ours.keys())
        if theirs.get(name) != ours.get(name)
    ]


def changed_settings(stored: CheckpointMetadata, expected: CheckpointMetadata) -> list[str]:
    """The settings that changed and may change on resume, as text for the log."""
    pairs = [("Train.steps", stored.steps, expected.steps)]
    if stored.validation_fingerprint and expected.validation_fingerprint:
        old, new = stored.validation_fingerprint, expected.validation_fingerprint
        # Nor do checkpoints with a low loss on other data stay for it.
        pairs.append(("validation data, earlier losses do not count for keep_best and --step=best", old, new))
    pairs += [(f"Optimizer.{name}", stored.optimizer.get(name), value) for name, value in expected.optimizer.items()]
    return [f"{name}: {old!r} -> {new!r}" for name, old, new in pairs if old != new]


def start_of_resumed(stored: CheckpointMetadata, named: str | None, folder: epath.Path) -> str | None:
    """Where a run that resumes began: `CheckpointMetadata.init_from` of its further checkpoints.

    Args:
      stored: of the checkpoint that it resumes from.
      named: `Train.init_from` as an absolute path.
      folder: of that checkpoint.

    Raises:
      CheckpointError: it began from other weights than it is told to begin from. Of a folder that is not there any more
        nothing can be told: it may have been moved.
    """
    begun = stored.init_from
    if begun in ("", named) or named is None or not _is_there(named):
        return begun
    if begun is not None and os.path.realpath(begun) == os.path.realpath(named):
        return begun
    if begun is None or _is_there(begun):
        raise CheckpointError(
            f"this run began from {begun or 'random weights'}, not from Train.init_from = {named!r}, and would resume "
            f"from its checkpoint {folder}: give it another folder (--run_dir) to begin from these weights, or restore "
            "Train.init_from"
        )
    return named


def _is_there(folder: str) -> bool:
    try:
        return storage.open_path(folder).exists()
    except storage.StorageError:
        return False


def _same(one: Any, other: Any) -> bool:
    """Whether two hyperparameters are equal; some files round theirs to float32."""
    if isinstance(one, float) and isinstance(other, float):
        return np.float32(one) == np.float32(other)
    return one == other


def check_start(path: str, stored: ModelConfig, expected: ModelConfig) -> None:
    """Raises CheckpointError unless the weights in `path`, of a model like `stored`, fit a model like `expected`."""
    theirs, ours = dataclasses.asdict(stored), dataclasses.asdict(expected)
    differences = [
        f"  Model.{name}: {theirs.get(name)!r} there, {value!r} in this run"
        for name, value in ours.items()
        if name not in _START_FIELDS and not _same(theirs.get(name), value)
    ]
    if differences:
        raise CheckpointError(
            f"Train.init_from = {path!r} holds a model of another shape:\n"
            + "\n".join(differences)
            + "\nInclude the file of configs/models/ that describes it, or bind no Model.* but dtypes, remat and "
            "attention: the sizes are then those of the folder."
        )
