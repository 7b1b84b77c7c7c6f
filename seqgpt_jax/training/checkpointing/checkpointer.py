"""Checkpoints of a run folder: asynchronous save, verified restore, fall-back from corrupt ones.

    runs/<name>/
      model.json                    the shape of the model (ModelConfig)
      tokenizer/                    as Hugging Face loads it
      checkpoints/<step>/params     readable on its own: for evaluation, export and the next stage
      checkpoints/<step>/opt_state
      checkpoints/<step>/meta       JSON: the fields of `CheckpointMetadata`
      corrupt_checkpoints/<step>    checkpoints that could not be read, moved aside

Arrays are saved as global arrays and restored into any requested sharding, so any mesh can read what any other
mesh has written. Saving runs in the background while training continues. The checksums in `meta` verify, on any mesh,
that the restored bits are the saved bits.

A checkpoint is complete or does not count: on a disk its folder is renamed into place last; in a bucket it counts once
Orbax has written commit_success.txt.
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
from orbax.checkpoint.path import step as orbax_steps

from seqgpt_jax.io import storage
from seqgpt_jax.io.checksums import array_checksums, by_name
from seqgpt_jax.io.corruption import is_corruption, on_all_hosts, one_line
from seqgpt_jax.io.run_checkpoints import CHECKPOINTS_FOLDER, by_loss, complete_steps, validation_losses
from seqgpt_jax.training.checkpointing.metadata import CheckpointError, CheckpointMetadata, check_metadata
from seqgpt_jax.training.checkpointing.retention import retention_policy
from seqgpt_jax.training.step import TrainState

FORMAT = 2
_READABLE_FORMATS = (1, FORMAT)  # 1 is without `skipped` and `sums`.
CORRUPT_FOLDER = "corrupt_checkpoints"


class SaveError(OSError):
    """The final state of a run could not be saved."""


class Checkpointer:
    """Saves and restores the checkpoints of one run; every method is called on all hosts.

    A failed save (full disk, lost permissions) costs only that checkpoint: older ones are kept, training continues and
    the next `save` tries again. A corrupt checkpoint is moved aside, not deleted.

    Args:
      run_dir: folder of the run, local or gs://….
      keep: how many of the newest checkpoints are kept.
      keep_best: how many of those with the lowest validation loss are kept.
      keep_every: checkpoints of steps that are a multiple of this are never deleted.
      log: called with each message for the user.
    """

    def __init__(
        self,
        run_dir: epath.PathLike,
        *,
        keep: int,
        keep_best: int = 0,
        keep_every: int | None = None,
        validation_fingerprint: str = "",
        log: Callable[[str], None] = print,
    ) -> None:
        self.folder = storage.absolute(storage.open_path(run_dir)) / CHECKPOINTS_FOLDER
        self._log = log
        self._losses: dict[int, float] = {}
        self._options = ocp.CheckpointManagerOptions(
            preservation_policy=retention_policy(keep, keep_best, keep_every, self._losses),
            create=True,
            # A process killed during a save leaves an incomplete folder behind.
            cleanup_tmp_directories=True,
            enable_async_checkpointing=True,
        )
        self._saving_step: int | None = None
        self._save_error: str | None = None
        for step in sorted(path.get_final().name for path in orbax_steps.all_temporary_paths(self.folder)):
            log(f"checkpoint {step} is incomplete (interrupted while saving): removing it")
        self._manager: ocp.CheckpointManager | None = self._open_manager()
        self._losses |= validation_losses(run_dir, self._manager.all_steps(), validation_fingerprint)

    def latest_step(self) -> int | None:
        """Step of the newest complete checkpoint, after waiting for a pending save; None in a new run."""
        self._wait_for_save()
        return next(iter(complete_steps(self.folder.parent)), None)

    def save(self, state: TrainState, metadata: CheckpointMetadata) -> None:
        """Starts an asynchronous save; returns once the arrays are copied. First waits for the previous save."""
        self._finish_previous_save()
        sums = array_checksums({"params": state.params, "opt_state": state.opt_state})
        fields = dataclasses.asdict(dataclasses.replace(metadata, sums=sums))
        self._saving_step = metadata.step
        if metadata.validation_loss is not None:
            self._losses[metadata.step] = metadata.validation_loss
        try:
            if self._manager is None:
                self._manager = self._open_manager()
            self._manager.save(
                metadata.step,
                args=args.Composite(
                    params=args.StandardSave(state.params),
                    opt_state=args.StandardSave(state.opt_state),
                    meta=args.JsonSave({"format": FORMAT, **fields}),
                ),
                force=True,  # the training loop decides when to save
            )
        except Exception as error:  # Orbax and TensorStore have no common class for errors of a disk.
            self._save_failed(error)

    def poll(self) -> None:
        """Reports a background save that has failed, without waiting.

        On several hosts the next `save` reports it instead: asking Orbax there can block on the other hosts.
        """
        if jax.process_count() > 1 or self._manager is None or self._save_error is not None:
            return
        if not self._manager.is_saving_in_progress():
            self._wait_for_save()

    def finish(self) -> None:
        """Waits for the pending save.

        Raises:
          SaveError: the newest state could not be saved.
        """
        if not self._finish_previous_save():
            raise SaveError(
                f"the final state of the run could not be saved in {self.folder} (see above); {self._newest_kept()}. "
                "Free disk space or fix the permissions, then run the same command: it resumes from there"
            )

    def best(self) -> tuple[int, float] | None:
        """(step, validation loss) of the checkpoint with the lowest loss; None where no checkpoint has one."""
        steps = self._manager.all_steps() if self._manager else ()
        ranked = by_loss({step: self._losses[step] for step in steps if step in self._losses})
        return (ranked[0], self._losses[ranked[0]]) if ranked else None

    def close(self) -> None:
        """Waits for the pending save and releases threads and files."""
        self._wait_for_save()
        self._close_manager()

    def restore(self, target: TrainState, expected: CheckpointMetadata) -> tuple[TrainState, CheckpointMetadata]:
        """Restores the newest readable checkpoint, bit for bit, with the shapes, dtypes and shardings of `target`.

        Newer checkpoints that are corrupt are reported and moved to corrupt_checkpoints/.

        Args:
          target: a tree of `jax.ShapeDtypeStruct`s with shardings.
          expected: the metadata that this run would write; its step is not compared.

        Raises:
          CheckpointError: there is no checkpoint, none can be read, or it belongs to another model or batch stream.
        """
        steps = complete_steps(self.folder.parent)
        if not steps:
            raise CheckpointError(f"{self.folder} holds no complete checkpoint")
        errors: dict[int, str] = {}
        for step in steps:
            restored, reason = None, "another host cannot read it"
            try:
                restored = self._restore_step(step, target, expected)
            except CheckpointError:
                raise
            except Exception as error:
                if not is_corruption(error, self.folder / str(step)):
                    raise
                reason = one_line(error)
            if on_all_hosts(restored is not None):
                self._move_aside(list(errors), step)
                return restored
            errors[step] = reason
            self._log(f"checkpoint {step} is corrupt: {reason}")
        raise CheckpointError(
            f"no checkpoint in {self.folder} can be read:\n"
            + "\n".join(f"  step {step:,}: {reason}" for step, reason in errors.items())
            + "\nNothing was changed. Restore a copy, or start a new run in another folder (--run_dir)."
        )

    def _restore_step(
        self, step: int, target: TrainState, expected: CheckpointMetadata
    ) -> tuple[TrainState, CheckpointMetadata]:
        folder = self.folder / str(step)
        metadata = read_metadata(self.folder.parent, step)
        check_metadata(metadata, expected, folder)
        items = {"params": target.params, "opt_state": target.opt_state}
        if metadata.sums and (unmatched := sorted(metadata.sums.keys() ^ by_name(items).keys())):
            raise CheckpointError(
                f"{folder} holds other arrays than this version of seqgpt_jax trains, for example {unmatched[0]!r}. To "
                "start from its weights, name its run folder as Train.init_from of a new run"
            )
        requests = args.Composite(**{name: args.StandardRestore(item) for name, item in items.items()})
        restored = self._manager.restore(step, args=requests)
        restored = {name: restored[name] for name in items}
        if metadata.sums and (changed := sorted(metadata.sums.items() - array_checksums(restored).items())):
            raise ValueError(f"checksum mismatch in {len(changed):,} arrays, for example {changed[0][0]!r}")
        count = jax.device_put(np.asarray(metadata.step, target.step.dtype), target.step.sharding)
        return TrainState(count, **restored), metadata

    def _move_aside(self, corrupt_steps: list[int], good_step: int) -> None:
        if not corrupt_steps:
            return
        aside = self.folder.parent / CORRUPT_FOLDER
        if jax.process_index() == 0:
            for step in corrupt_steps:
                names = [str(step), *(f"{step}-{number}" for number in range(2, 1000))]
                free = next(aside / name for name in names if not (aside / name).exists())
                storage.move(self.folder / str(step), free)
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("corrupt checkpoints moved aside")
        self._manager.reload()
        self._log(f"falling back to checkpoint {good_step}; corrupt checkpoints were moved to {aside}")

    def _finish_previous_save(self) -> bool:
        """Whether, on all hosts, the previous save succeeded; if not, everything is reset for another try."""
        self._wait_for_save()
        if on_all_hosts(self._save_error is None):
            return True
        if self._save_error is None:
            self._log("another host failed to save a checkpoint: see its output")
        # A new manager: Orbax has forgotten which old checkpoints it was about to delete, and an incomplete one takes
        # up disk space.
        self._close_manager()
        self._save_error = None
        return False

    def _wait_for_save(self) -> None:
        try:
            if self._manager is not None:
                self._manager.wait_until_finished()
        except Exception as error:
            self._save_failed(error)
        else:
            if self._save_error is None:
                self._saving_step = None

    def _save_failed(self, error: Exception) -> None:
        self._save_error = one_line(error)
        self._log(f"checkpoint {self._saving_step} could not be saved: {self._save_error}")
        self._log(f"{self._newest_kept()}; training continues, and the next checkpoint tries again")

    def _newest_kept(self) -> str:
        try:
            newest = next(iter(complete_steps(self.folder.parent)), None)
        except Exception as error:  # gcsfs has its own class for errors of buckets.
            return f"the list of checkpoints cannot be read either ({error})"
        return f"checkpoint {newest} is still the newest" if newest else "there is no checkpoint yet"

    def _open_manager(self) -> ocp.CheckpointManager:
        return ocp.CheckpointManager(self.folder, options=self._options)

    def _close_manager(self) -> None:
        if self._manager is not None:
            with contextlib.suppress(Exception):  # Raises the error of a failed save a second time.
                self._manager.close()
        self._manager = None


def read_metadata(run_dir: epath.PathLike, step: int) -> CheckpointMetadata:
    """The metadata of the checkpoint of `step`.

    Raises:
      CheckpointError: it was written by another program, or by another version of this one.
    """
    folder = storage.absolute(storage.open_path(run_dir)) / CHECKPOINTS_FOLDER / str(step)
    with ocp.Checkpointer(ocp.JsonCheckpointHandler()) as reader:
        values = reader.restore(folder / "meta")
    file_format = values.pop("format", None)
    if file_format not in _READABLE_FORMATS:
        raise CheckpointError(
            f"{folder} has format {file_format!r}; this version of seqgpt_jax reads "
            + " and ".join(map(str, _READABLE_FORMATS))
        )
    try:
        return CheckpointMetadata(**values)
    except TypeError as error:
        raise CheckpointError(f"{folder} was not written by this version of seqgpt_jax: {error}") from error
