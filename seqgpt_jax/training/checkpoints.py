"""What a run folder keeps, and the ways back into it.

    runs/<name>/
      model.json                    the shape of the model (BloomConfig)
      tokenizer/                    as Hugging Face loads it
      checkpoints/<step>/params     readable on its own: for evaluation, export and the next stage
      checkpoints/<step>/opt_state
      checkpoints/<step>/meta       JSON: what `Meta` holds
      damaged_checkpoints/<step>    what could not be read, moved aside

Arrays are written as global arrays and read into whatever sharding is asked for, so any mesh can read
what any other has written. Writing goes on in the background while training continues. The sums in
`meta` prove that what is read, on whatever mesh, is what was written.
"""

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from orbax.checkpoint import args

from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.models.loading import CHECKPOINTS_FOLDER
from seqgpt_jax.training.digest import by_name, digest
from seqgpt_jax.training.step import TrainState

FORMAT = 2
_READABLE = (1, FORMAT)  # 1 is without `skipped` and `sums`.
DAMAGED_FOLDER = "damaged_checkpoints"
_HALF_WRITTEN = ".orbax-checkpoint-tmp"

# Fields of the model's config that may change when a run goes on, and when another run starts from its weights.
_COMPUTE_FIELDS = ("attention", "dtype", "remat")
_START_FIELDS = (*_COMPUTE_FIELDS, "param_dtype", "initializer_range")


class CheckpointError(ValueError):
    """A checkpoint that is missing or belongs to another run: the message says what differs and the way out."""


class SaveError(OSError):
    """The state that a run has ended with could not be saved."""


@dataclass(frozen=True)
class Meta:
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
      sums: `digest` of params and opt_state.
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


class Checkpoints:
    """The checkpoints of one run folder, for the run that writes them; every method is called on all hosts.

    A checkpoint that cannot be written (a full disk, lost permissions) costs only itself: those before it stay,
    training goes on, the next `save` tries again. One that cannot be read is moved aside, not deleted.

    Args:
      run_dir: of the run.
      keep: how many of the newest ones stay.
      keep_every: one of a step that is a multiple of this stays for good.
      say: tells the user what went wrong.
    """

    def __init__(
        self, run_dir: str | Path, *, keep: int, keep_every: int | None = None, say: Callable[[str], None] = print
    ) -> None:
        self.folder = Path(run_dir).absolute() / CHECKPOINTS_FOLDER
        self._say = say
        self._options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            keep_period=keep_every,
            create=True,
            # A run that was killed while it saved leaves a half-written folder behind.
            cleanup_tmp_directories=True,
            enable_async_checkpointing=True,
        )
        self._writing: int | None = None
        self._failure: str | None = None
        for half in sorted(self.folder.glob(f"*{_HALF_WRITTEN}*")):
            say(f"the checkpoint of step {half.name.partition('.')[0]} was never finished: removes its half")
        self._manager: ocp.CheckpointManager | None = self._open()

    def latest_step(self) -> int | None:
        """Step of the newest complete checkpoint, after waiting for one that is being written; None in a new run."""
        self._wait()
        return self._newest_on_disk()

    def save(self, state: TrainState, meta: Meta) -> None:
        """Starts to write a checkpoint; returns as soon as the arrays have been copied. Waits for the one before."""
        self._settle()
        sums = digest({"params": state.params, "opt_state": state.opt_state})
        fields = dataclasses.asdict(dataclasses.replace(meta, sums=sums))
        self._writing = meta.step
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

    def close(self) -> None:
        """Waits, and gives back threads and files."""
        self._wait()
        self._drop()

    def restore(self, like: TrainState, expected: Meta) -> tuple[TrainState, Meta]:
        """The newest checkpoint that can be read, bit for bit, in the shapes, dtypes and shardings of `like`.

        Newer ones that cannot be read are told, and moved to damaged_checkpoints/.

        Args:
          like: `jax.ShapeDtypeStruct`s that carry shardings.
          expected: what this run would write; its step is not compared.

        Raises:
          CheckpointError: there is none, none can be read, or it is of another model or stream of batches.
        """
        steps = sorted(self._manager.all_steps() if self._manager else (), reverse=True)
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
                if not _is_damage(error):
                    raise
                fault = _brief(error)
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

    def _read(self, step: int, like: TrainState, expected: Meta) -> tuple[TrainState, Meta]:
        where = self.folder / str(step)
        meta = read_meta(self.folder.parent, step)
        check_meta(meta, expected, where)
        wanted = {"params": like.params, "opt_state": like.opt_state}
        if meta.sums and (other := sorted(meta.sums.keys() ^ by_name(wanted).keys())):
            raise CheckpointError(
                f"{where} holds other arrays than this version of seqgpt_jax trains, for example {other[0]!r}. To "
                "start from its weights, name its run folder as Train.init_from of a new run"
            )
        items = args.Composite(**{name: args.StandardRestore(item) for name, item in wanted.items()})
        restored = self._manager.restore(step, args=items)
        restored = {name: restored[name] for name in wanted}
        if meta.sums and (changed := sorted(meta.sums.items() - digest(restored).items())):
            raise ValueError(f"{len(changed):,} arrays are not what was saved, for example {changed[0][0]!r}")
        count = jax.device_put(np.asarray(meta.step, like.step.dtype), like.step.sharding)
        return TrainState(count, **restored), meta

    def _move_aside(self, steps: list[int], good: int) -> None:
        if not steps:
            return
        aside = self.folder.parent / DAMAGED_FOLDER
        if jax.process_index() == 0:
            aside.mkdir(exist_ok=True)
            for step in steps:
                names = [str(step), *(f"{step}-{number}" for number in range(2, 1000))]
                (self.folder / str(step)).rename(next(aside / name for name in names if not (aside / name).exists()))
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
        self._failure = _brief(error)
        self._say(f"the checkpoint of step {self._writing:,} could not be written: {self._failure}")
        self._say(f"{self._newest()}; training goes on, and the next checkpoint tries again")

    def _newest_on_disk(self) -> int | None:
        return max((int(path.name) for path in self.folder.iterdir() if path.name.isdigit()), default=None)

    def _newest(self) -> str:
        try:
            kept = self._newest_on_disk()
        except OSError as error:
            return f"which checkpoints there are cannot be read either ({error})"
        return f"the checkpoint of step {kept:,} stays the newest" if kept else "there is no checkpoint yet"

    def _open(self) -> ocp.CheckpointManager:
        return ocp.CheckpointManager(self.folder, options=self._options)

    def _drop(self) -> None:
        if self._manager is not None:
            with contextlib.suppress(Exception):  # A failed save is raised here once more.
                self._manager.close()
        self._manager = None


def read_meta(run_dir: str | Path, step: int) -> Meta:
    """What the checkpoint of `step` was made with.

    Raises:
      CheckpointError: another program wrote it, or another version of this one.
    """
    folder = Path(run_dir).absolute() / CHECKPOINTS_FOLDER / str(step)
    with ocp.Checkpointer(ocp.JsonCheckpointHandler()) as reader:
        values = reader.restore(folder / "meta")
    found = values.pop("format", None)
    if found not in _READABLE:
        raise CheckpointError(
            f"{folder} is of format {found!r}; this version of seqgpt_jax reads {' and '.join(map(str, _READABLE))}"
        )
    try:
        return Meta(**values)
    except TypeError as error:
        raise CheckpointError(f"{folder} was not written by this version of seqgpt_jax: {error}") from error


def _everywhere(fine: bool) -> bool:
    """Whether it is so on all hosts."""
    return fine if jax.process_count() == 1 else bool(multihost_utils.process_allgather(np.asarray(fine)).all())


def _is_damage(error: Exception) -> bool:
    """Whether the fault lies in the files, so that an older checkpoint may help."""
    if isinstance(error, (PermissionError, TimeoutError, MemoryError, jax.errors.JaxRuntimeError)):
        return False
    return "PERMISSION_DENIED" not in str(error)


def _brief(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else f"{text[:300]} …"


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
