"""What a run folder keeps, and the ways back into it.

    runs/<name>/
      model.json                    the shape of the model (BloomConfig)
      tokenizer/                    as Hugging Face loads it
      checkpoints/<step>/params     readable on its own: for evaluation, export and the next stage
      checkpoints/<step>/opt_state
      checkpoints/<step>/meta       JSON: what `CheckpointMetadata` holds
      damaged_checkpoints/<step>    what could not be read, moved aside

Arrays are written as global arrays and read into whatever sharding is asked for, so any mesh can read
what any other has written. Writing goes on in the background while training continues. The sums in
`meta` prove that what is read, on whatever mesh, is what was written.

A checkpoint is there whole or not at all: on a disk its folder gets its name last; in a bucket it counts
from when Orbax has put commit_success.txt there.
"""

import contextlib
import dataclasses
from collections.abc import Callable

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from orbax.checkpoint import args
from orbax.checkpoint.path import atomicity_types
from orbax.checkpoint.path import step as orbax_steps

from seqgpt_jax.io import storage
from seqgpt_jax.io.model_folder import CHECKPOINTS_FOLDER, by_loss, validation_losses
from seqgpt_jax.training.checkpointing.checksums import array_checksums, by_name
from seqgpt_jax.training.checkpointing.corruption import brief, is_corruption
from seqgpt_jax.training.checkpointing.metadata import CheckpointError, CheckpointMetadata, check_metadata
from seqgpt_jax.training.checkpointing.retention import retention_policy
from seqgpt_jax.training.step import TrainState

FORMAT = 2
_READABLE = (1, FORMAT)  # 1 is without `skipped` and `sums`.
CORRUPT_FOLDER = "damaged_checkpoints"
_COMMITTED = atomicity_types.COMMIT_SUCCESS_FILE


class SaveError(OSError):
    """The state that a run has ended with could not be saved."""


class Checkpointer:
    """The checkpoints of one run folder, for the run that writes them; every method is called on all hosts.

    A checkpoint that cannot be written (a full disk, lost permissions) costs only itself: those before it stay,
    training goes on, the next `save` tries again. One that cannot be read is moved aside, not deleted.

    Args:
      run_dir: of the run.
      keep: how many of the newest ones stay.
      keep_best: how many of those with the lowest validation loss stay.
      keep_every: one of a step that is a multiple of this stays for good.
      say: tells the user what went wrong.
    """

    def __init__(
        self,
        run_dir: epath.PathLike,
        *,
        keep: int,
        keep_best: int = 0,
        keep_every: int | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder = storage.absolute(storage.open_path(run_dir)) / CHECKPOINTS_FOLDER
        self._say = say
        self._losses: dict[int, float] = {}
        self._options = ocp.CheckpointManagerOptions(
            preservation_policy=retention_policy(keep, keep_best, keep_every, self._losses),
            create=True,
            # A run that was killed while it saved leaves a half-written folder behind.
            cleanup_tmp_directories=True,
            enable_async_checkpointing=True,
        )
        self._writing: int | None = None
        self._failure: str | None = None
        for half in sorted(path.get_final().name for path in orbax_steps.all_temporary_paths(self.folder)):
            say(f"the checkpoint of step {half} was never finished: removes its half")
        self._manager: ocp.CheckpointManager | None = self._open()
        self._losses |= validation_losses(run_dir, self._manager.all_steps())

    def latest_step(self) -> int | None:
        """Step of the newest complete checkpoint, after waiting for one that is being written; None in a new run."""
        self._wait()
        return next(iter(self._complete_steps()), None)

    def save(self, state: TrainState, meta: CheckpointMetadata) -> None:
        """Starts to write a checkpoint; returns as soon as the arrays have been copied. Waits for the one before."""
        self._settle()
        sums = array_checksums({"params": state.params, "opt_state": state.opt_state})
        fields = dataclasses.asdict(dataclasses.replace(meta, sums=sums))
        self._writing = meta.step
        if meta.validation_loss is not None:
            self._losses[meta.step] = meta.validation_loss
        try:
            if self._manager is None:
                self._manager = self._open()
            self._manager.save(
                meta.step,
                args=args.Composite(
                    params=args.StandardSave(state.params),
                    opt_state=args.StandardSave(state.opt_state),
                    meta=args.JsonSave({"format": FORMAT, **fields}),
                ),
                force=True,  # when to save is the loop's to say
            )
        except Exception as error:  # Orbax and TensorStore have no class of their own for what a disk refuses.
            self._failed(error)

    def poll(self) -> None:
        """Tells of a checkpoint that could not be written in the background; waits for nothing.

        On many hosts the next `save` tells: to ask Orbax there may mean to wait for the others.
        """
        if jax.process_count() > 1 or self._manager is None or self._failure is not None:
            return
        if not self._manager.is_saving_in_progress():
            self._wait()

    def finish(self) -> None:
        """Waits until everything is written.

        Raises:
          SaveError: the newest state could not be saved.
        """
        if not self._settle():
            raise SaveError(
                f"the last state of the run could not be saved in {self.folder} (see above); {self._newest()}. "
                "Make room or mend the permissions; then the same command goes on from there"
            )

    def best(self) -> tuple[int, float] | None:
        """(step, validation loss) of the checkpoint where it is lowest; None where there is none with a loss."""
        steps = self._manager.all_steps() if self._manager else ()
        ranked = by_loss({step: self._losses[step] for step in steps if step in self._losses})
        return (ranked[0], self._losses[ranked[0]]) if ranked else None

    def close(self) -> None:
        """Waits, and gives back threads and files."""
        self._wait()
        self._drop()

    def restore(self, like: TrainState, expected: CheckpointMetadata) -> tuple[TrainState, CheckpointMetadata]:
        """The newest checkpoint that can be read, bit for bit, in the shapes, dtypes and shardings of `like`.

        Newer ones that cannot be read are told, and moved to damaged_checkpoints/.

        Args:
          like: `jax.ShapeDtypeStruct`s that carry shardings.
          expected: what this run would write; its step is not compared.

        Raises:
          CheckpointError: there is none, none can be read, or it is of another model or stream of batches.
        """
        steps = self._complete_steps()
        if not steps:
            raise CheckpointError(f"{self.folder} holds no complete checkpoint")
        faults: dict[int, str] = {}
        for step in steps:
            restored, fault = None, "another host cannot read it"
            try:
                restored = self._read(step, like, expected)
            except CheckpointError:
                raise
            except Exception as error:
                if not is_corruption(error, self.folder / str(step)):
                    raise
                fault = brief(error)
            if _everywhere(restored is not None):
                self._move_aside(list(faults), step)
                return restored
            faults[step] = fault
            self._say(f"the checkpoint of step {step:,} is damaged: {fault}")
        raise CheckpointError(
            f"no checkpoint in {self.folder} can be read:\n"
            + "\n".join(f"  step {step:,}: {fault}" for step, fault in faults.items())
            + "\nNothing was changed. Put back a copy, or give the run another folder (--run_dir) to start anew."
        )

    def _read(self, step: int, like: TrainState, expected: CheckpointMetadata) -> tuple[TrainState, CheckpointMetadata]:
        where = self.folder / str(step)
        meta = read_metadata(self.folder.parent, step)
        check_metadata(meta, expected, where)
        wanted = {"params": like.params, "opt_state": like.opt_state}
        if meta.sums and (other := sorted(meta.sums.keys() ^ by_name(wanted).keys())):
            raise CheckpointError(
                f"{where} holds other arrays than this version of seqgpt_jax trains, for example {other[0]!r}. To "
                "start from its weights, name its run folder as Train.init_from of a new run"
            )
        items = args.Composite(**{name: args.StandardRestore(item) for name, item in wanted.items()})
        restored = self._manager.restore(step, args=items)
        restored = {name: restored[name] for name in wanted}
        if meta.sums and (changed := sorted(meta.sums.items() - array_checksums(restored).items())):
            raise ValueError(f"{len(changed):,} arrays are not what was saved, for example {changed[0][0]!r}")
        count = jax.device_put(np.asarray(meta.step, like.step.dtype), like.step.sharding)
        return TrainState(count, **restored), meta

    def _move_aside(self, steps: list[int], good: int) -> None:
        if not steps:
            return
        aside = self.folder.parent / CORRUPT_FOLDER
        if jax.process_index() == 0:
            for step in steps:
                names = [str(step), *(f"{step}-{number}" for number in range(2, 1000))]
                free = next(aside / name for name in names if not (aside / name).exists())
                storage.move(self.folder / str(step), free)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("damaged checkpoints are aside")
        self._manager.reload()
        self._say(f"falls back to the checkpoint of step {good:,}; what is damaged is now in {aside}")

    def _settle(self) -> bool:
        """Whether, on all hosts, all is written; where not, everything is made ready for another try."""
        self._wait()
        if _everywhere(self._failure is None):
            return True
        if self._failure is None:
            self._say("a checkpoint could not be written by another host: its output says why")
        # Orbax has forgotten which old checkpoints it was about to remove, and a half-written one takes up room.
        self._drop()
        self._failure = None
        return False

    def _wait(self) -> None:
        try:
            if self._manager is not None:
                self._manager.wait_until_finished()
        except Exception as error:
            self._failed(error)
        else:
            if self._failure is None:
                self._writing = None

    def _failed(self, error: Exception) -> None:
        self._failure = brief(error)
        self._say(f"the checkpoint of step {self._writing:,} could not be written: {self._failure}")
        self._say(f"{self._newest()}; training goes on, and the next checkpoint tries again")

    def _complete_steps(self) -> list[int]:
        """Steps of the checkpoints that are there, the newest one first."""
        in_bucket = storage.is_bucket(self.folder)
        if in_bucket and not self.folder.exists():
            return []
        paths = (path for path in self.folder.iterdir() if path.name.isdigit())
        # Not Orbax's own question: where a bucket refuses to answer, that one takes it for a no.
        return sorted((int(path.name) for path in paths if not in_bucket or (path / _COMMITTED).exists()), reverse=True)

    def _newest(self) -> str:
        try:
            kept = next(iter(self._complete_steps()), None)
        except Exception as error:  # Of buckets, gcsfs has a class of its own.
            return f"which checkpoints there are cannot be read either ({error})"
        return f"the checkpoint of step {kept:,} stays the newest" if kept else "there is no checkpoint yet"

    def _open(self) -> ocp.CheckpointManager:
        return ocp.CheckpointManager(self.folder, options=self._options)

    def _drop(self) -> None:
        if self._manager is not None:
            with contextlib.suppress(Exception):  # A failed save is raised here once more.
                self._manager.close()
        self._manager = None


def read_metadata(run_dir: epath.PathLike, step: int) -> CheckpointMetadata:
    """What the checkpoint of `step` was made with.

    Raises:
      CheckpointError: another program wrote it, or another version of this one.
    """
    folder = storage.absolute(storage.open_path(run_dir)) / CHECKPOINTS_FOLDER / str(step)
    with ocp.Checkpointer(ocp.JsonCheckpointHandler()) as reader:
        values = reader.restore(folder / "meta")
    found = values.pop("format", None)
    if found not in _READABLE:
        raise CheckpointError(
            f"{folder} is of format {found!r}; this version of seqgpt_jax reads {' and '.join(map(str, _READABLE))}"
        )
    try:
        return CheckpointMetadata(**values)
    except TypeError as error:
        raise CheckpointError(f"{folder} was not written by this version of seqgpt_jax: {error}") from error


def _everywhere(fine: bool) -> bool:
    """Whether it is so on all hosts."""
    return fine if jax.process_count() == 1 else bool(multihost_utils.process_allgather(np.asarray(fine)).all())
