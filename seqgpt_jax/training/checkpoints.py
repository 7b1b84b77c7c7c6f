"""What a run folder keeps, and the ways back into it.

    runs/<name>/
      model.json                    the shape of the model (BloomConfig)
      tokenizer/                    as Hugging Face loads it
      checkpoints/<step>/params     readable on its own: for evaluation, export and the next stage
      checkpoints/<step>/opt_state
      checkpoints/<step>/meta       JSON: what `Meta` holds

Arrays are written as global arrays and read into whatever sharding is asked for, so any mesh can read
what any other has written. Writing goes on in the background while training continues.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import args

from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.models.loading import CHECKPOINTS_FOLDER
from seqgpt_jax.training.step import TrainState

FORMAT = 1

# Fields of the model's config that may change when a run goes on, and when another run starts from its weights.
_COMPUTE_FIELDS = ("dtype", "remat")
_START_FIELDS = (*_COMPUTE_FIELDS, "param_dtype", "initializer_range")


class CheckpointError(ValueError):
    """A checkpoint that is missing or belongs to another run: the message says what differs and the way out."""


@dataclass(frozen=True)
class Meta:
    """What a checkpoint was made with.

    Attributes:
      step: updates done.
      data_fingerprint: of the prepared data.
      seed: of the order of batches.
      batch_size: rows of a global batch.
      length: tokens of a row.
      steps: updates of the whole run, which the schedule of the learning rate spans.
      model: fields of BloomConfig.
      optimizer: fields of OptimizerConfig.
    """

    step: int
    data_fingerprint: str
    seed: int
    batch_size: int
    length: int
    steps: int
    model: dict[str, Any]
    optimizer: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run folder, for the run that writes them."""

    def __init__(self, run_dir: str | Path, *, keep: int) -> None:
        self.folder = Path(run_dir).absolute() / CHECKPOINTS_FOLDER
        self._manager = ocp.CheckpointManager(
            self.folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep,
                create=True,
                # A run that was killed while it saved leaves a half-written folder behind.
                cleanup_tmp_directories=True,
                enable_async_checkpointing=True,
            ),
        )

    def latest_step(self) -> int | None:
        """Step of the newest complete checkpoint; None in a new run."""
        return self._manager.latest_step()

    def save(self, state: TrainState, meta: Meta) -> None:
        """Starts to write a checkpoint; returns as soon as the arrays have been copied."""
        self._manager.save(
            meta.step,
            args=args.Composite(
                params=args.StandardSave(state.params),
                opt_state=args.StandardSave(state.opt_state),
                meta=args.JsonSave({"format": FORMAT, **dataclasses.asdict(meta)}),
            ),
            force=True,  # when to save is the loop's to say
        )

    def restore(self, like: TrainState, expected: Meta) -> TrainState:
        """The newest checkpoint, bit for bit, in the shapes, dtypes and shardings of `like`.

        Args:
          like: `jax.ShapeDtypeStruct`s that carry shardings.
          expected: what this run would write; its step is not compared.

        Raises:
          CheckpointError: there is none, or it is of a model of another shape, or of another stream of batches.
        """
        step = self.latest_step()
        if step is None:
            raise CheckpointError(f"{self.folder} holds no complete checkpoint")
        meta = read_meta(self.folder.parent, step)
        check_meta(meta, expected, self.folder / str(step))
        restored = self._manager.restore(
            step,
            args=args.Composite(
                params=args.StandardRestore(like.params), opt_state=args.StandardRestore(like.opt_state)
            ),
        )
        count = jax.device_put(np.asarray(meta.step, like.step.dtype), like.step.sharding)
        return TrainState(count, restored["params"], restored["opt_state"])

    def close(self) -> None:
        """Waits until everything is written."""
        self._manager.wait_until_finished()
        self._manager.close()


def read_meta(run_dir: str | Path, step: int) -> Meta:
    """What the checkpoint of `step` was made with."""
    folder = Path(run_dir).absolute() / CHECKPOINTS_FOLDER / str(step)
    with ocp.Checkpointer(ocp.JsonCheckpointHandler()) as reader:
        values = reader.restore(folder / "meta")
    if values.pop("format") != FORMAT:
        raise CheckpointError(f"{folder} was written by a version of seqgpt_jax that this one cannot read")
    return Meta(**values)


def check_meta(found: Meta, expected: Meta, where: Path) -> None:
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


def changed_settings(found: Meta, expected: Meta) -> list[str]:
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
