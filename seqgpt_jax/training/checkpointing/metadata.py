"""What a checkpoint was made with, and which run may go on from it or start with its weights."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from etils import epath

from seqgpt_jax.models.config import BloomConfig

# Fields of the model's config that may change when a run goes on, and when another run starts from its weights.
_COMPUTE_FIELDS = ("attention", "dtype", "remat")
_START_FIELDS = (*_COMPUTE_FIELDS, "param_dtype", "initializer_range")


class CheckpointError(ValueError):
    """A checkpoint that is missing or belongs to another run: the message says what differs and the way out."""


@dataclass(frozen=True)
class CheckpointMetadata:
    """What a checkpoint was made with.

    Attributes:
      step: batches taken.
      data_fingerprint: of the prepared data.
      seed: of the order of batches.
      batch_size: rows of a global batch.
      length: tokens of a row.
      steps: updates of the whole run, which the schedule of the learning rate spans.
      model: fields of BloomConfig.
      optimizer: fields of OptimizerConfig.
      skipped: batches of these that changed nothing, because loss or gradient were not finite.
      sums: `array_checksums` of params and opt_state.
      validation_loss: nats per supervised token; None where there was no validation at this step.
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
    validation_loss: float | None = None


def check_metadata(found: CheckpointMetadata, expected: CheckpointMetadata, where: epath.Path) -> None:
    """Raises CheckpointError where a run like `expected` cannot go on from a checkpoint like `found`."""
    here, wanted = dataclasses.asdict(found), dataclasses.asdict(expected)
    differences = [
        f"  {title}: {here[name]!r} in the checkpoint, {wanted[name]!r} in this run"
        for name, title in (
            ("data_fingerprint", "fingerprint of the prepared data"),
            ("seed", "Train.seed"),
            ("batch_size", "Train.batch_size"),
            ("length", "Train.length"),
        )
        if here[name] != wanted[name]
    ]
    # The state of the optimizer is kept in it; the field is newer than the first checkpoints.
    moments = [values["optimizer"].get("moment_dtype", "float32") for values in (here, wanted)]
    if moments[0] != moments[1]:
        differences.append(f"  Optimizer.moment_dtype: {moments[0]!r} in the checkpoint, {moments[1]!r} in this run")
    differences += [
        f"  Model.{name}: {here['model'].get(name)!r} in the checkpoint, {value!r} in this run"
        for name, value in wanted["model"].items()
        if name not in _COMPUTE_FIELDS and here["model"].get(name) != value
    ]
    if differences:
        raise CheckpointError(
            f"this run cannot go on from its own checkpoint {where}:\n"
            + "\n".join(differences)
            + "\nGive the run another folder (--run_dir), restore these settings, or delete the checkpoint. To start "
            "from its weights with other data, name its run folder as Train.init_from of a new run."
        )


def changed_settings(found: CheckpointMetadata, expected: CheckpointMetadata) -> list[str]:
    """Settings that may change on the way, in words: the user should know that they did."""
    pairs = [("Train.steps", found.steps, expected.steps)]
    pairs += [(f"Optimizer.{name}", found.optimizer.get(name), value) for name, value in expected.optimizer.items()]
    return [f"{name}: {old!r} -> {new!r}" for name, old, new in pairs if old != new]


def check_start(path: str, found: BloomConfig, expected: BloomConfig) -> None:
    """Raises CheckpointError unless weights of the shape `found`, from `path`, fit a model of the shape `expected`."""
    here, wanted = dataclasses.asdict(found), dataclasses.asdict(expected)
    differences = [
        f"  Model.{name}: {here[name]!r} there, {value!r} in this run"
        for name, value in wanted.items()
        if name not in _START_FIELDS and here[name] != value
    ]
    if differences:
        raise CheckpointError(
            f"Train.init_from = {path!r} holds a model of another shape:\n"
            + "\n".join(differences)
            + "\nInclude the file of configs/models/ that describes it."
        )
