"""A training run, from top to bottom: mesh, data, optimizer, state, steps."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from etils import epath
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import Mesh
from rich.console import Console

from seqgpt_jax.io import model_folder, storage
from seqgpt_jax.models import bloom
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer
from seqgpt_jax.training.checkpointing.metadata import (
    CheckpointError,
    CheckpointMetadata,
    changed_settings,
    check_start,
)
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.loss_plot import plot_loss
from seqgpt_jax.training.metric_writers import MetricsWriter
from seqgpt_jax.training.metrics import Clock
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts, batch_checksum, environment, settings
from seqgpt_jax.training.nonfinite import NonFiniteSteps
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import (
    MeshConfig,
    Rules,
    batch_sharding,
    check_batch,
    host_rows,
    make_mesh,
    param_shardings,
)
from seqgpt_jax.training.preemption import stop_signals
from seqgpt_jax.training.profiling import Profiler
from seqgpt_jax.training.step import StepMetrics, TrainState, compile_once, make_train_step, train_state_shardings
from seqgpt_jax.training.validation import Validation


class BatchSource(Protocol):
    """What the loop needs of `seqgpt_jax.data.batches.Batches`."""

    total_steps: int

    def iterate(self, start_step: int) -> Iterator[dict[str, np.ndarray]]:
        """This host's part of the batches from `start_step` on."""

    def example_ids(self, step: int) -> list[str]:
        """Ids of the examples of the global batch at `step`."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      step: batches taken.
      steps: batches that the run is to take.
      stopped: it was told to stop before the end, and has saved: exit with `EXIT_STOPPED`.
    """

    step: int
    steps: int
    stopped: bool


def train(
    config: TrainConfig,
    model_config: BloomConfig,
    optimizer_config: OptimizerConfig,
    mesh_config: MeshConfig,
    *,
    open_batches: Callable[..., BatchSource],
    data_fingerprint: str,
    tokenizer: Any,
    run_dir: epath.PathLike,
    open_validation: Callable[..., BatchSource] | None = None,
    config_text: str = "",
    rules: Rules | None = None,
    hosts: Hosts = SINGLE_HOST,
) -> Outcome:
    """Trains, or goes on training, in `run_dir`. The same arguments give the same weights, interrupted or not.

    Args:
      open_batches: called as `open_batches(process_index=i, process_count=n)`; gives this host's rows of each batch.
      data_fingerprint: of the prepared data behind it.
      tokenizer: Hugging Face tokenizer of the data; saved beside the model.
      run_dir: on a disk that all hosts share, or in a bucket (gs://…).
      open_validation: the same for the data of `validate_every`, of `micro_batch_size` rows.
      config_text: kept as config.gin once nothing refuses the run any more.
      rules: how arrays lie on the mesh.
      hosts: those that this one has joined; on each of them this is called with the same arguments.

    Raises:
      ValueError: settings that contradict each other, the devices, the data or another host.
      StorageError: the bucket cannot be reached.
      CheckpointError: `run_dir` or `init_from` holds something else than this run can go on from.
      NotFiniteError: training has broken down.
      SaveError: all steps are done, or the run was told to stop, but the state could not be saved.
    """
    run_dir, rules = storage.open_path(run_dir), rules or Rules()
    console = Console(soft_wrap=True, emoji=False)

    def say(text: str) -> None:
        if jax.process_index() == 0:
            console.print(text, markup=False)

    def warn(text: str) -> None:
        """What concerns one host is told by that host."""
        console.print(text if jax.process_count() == 1 else f"host {jax.process_index()}: {text}", markup=False)

    # ---- Mesh
    mesh = make_mesh(mesh_config)
    check_batch(config.batch_size, config.accumulate, mesh, rules)
    param_shardings(model_config, mesh, rules)  # refuses sizes that the mesh does not divide
    if model_config.param_dtype != "float32":
        raise ValueError("Model.param_dtype must be 'float32' in training; Model.dtype is that of computation")
    if len(tokenizer) > model_config.vocab_size:
        raise ValueError(f"Model.vocab_size = {model_config.vocab_size}, but the tokenizer has {len(tokenizer)} tokens")

    # ---- Data
    index, count = host_rows(mesh, rules, config.batch_size)
    batches = open_batches(process_index=index, process_count=count)
    steps = batches.total_steps if config.steps is None else config.steps
    if steps > batches.total_steps:
        raise ValueError(
            f"Train.steps = {steps}, but Train.epochs = {config.epochs} of this data has {batches.total_steps} steps: "
            "raise Train.epochs"
        )

    if hosts.many:
        given = settings(Train=config, Model=model_config, Optimizer=optimizer_config, Mesh=mesh_config)
        data = {"prepared data": data_fingerprint, "last batch": batch_checksum(batches.example_ids(steps - 1))}
        hosts.assert_equal({**given, **data, **environment()})
        hosts.assert_shared_folder(run_dir)

    # ---- Optimizer
    schedule = make_schedule(optimizer_config, steps)
    optimizer = make_optimizer(optimizer_config, schedule)

    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.set_mesh(mesh))
        stack.enter_context(nnx.logical_axis_rules(rules.pairs()))
        stays = {"keep": config.keep, "keep_best": config.keep_best, "keep_every": config.keep_every}
        checkpoints = Checkpointer(run_dir, **stays, say=warn)
        stack.callback(checkpoints.close)

        def meta(step: int, skipped: int = 0, validation_loss: float | None = None) -> CheckpointMetadata:
            return CheckpointMetadata(
                step=step,
                data_fingerprint=data_fingerprint,
                seed=config.seed,
                batch_size=config.batch_size,
                length=config.length,
                steps=steps,
                model=dataclasses.asdict(model_config),
                optimizer=dataclasses.asdict(optimizer_config),
                skipped=skipped,
                validation_loss=validation_loss,
            )

        # ---- State. In this order:
        # 1. this run's own newest checkpoint: go on as if nothing had happened
        # 2. init_from, another run's weights or a Hugging Face folder: stage two, or a published model
        # 3. random weights
        start = skipped = 0
        newest = checkpoints.latest_step()
        hosts.assert_equal({"newest checkpoint": newest})
        if newest is not None:
            like = abstract_state(model_config, optimizer, mesh, rules)
            state, found = checkpoints.restore(like, meta(0))
            start, skipped = found.step, found.skipped
            origin = f"goes on from its own checkpoint of step {start:,}"
            changed = changed_settings(found, meta(0))
            origin += f"; changed since: {', '.join(changed)}" if changed else ""
        else:
            if config.init_from is not None:
                params = started_params(config.init_from, model_config, tokenizer, mesh, rules)
                origin = f"starts from the weights of {config.init_from}"
            else:
                model = bloom.create(model_config, config.seed, mesh=mesh, rules=rules.pairs())
                params = nnx.to_pure_dict(nnx.state(model, nnx.Param))
                origin = "starts from random weights"
            state = fresh_state(params, model_config, optimizer, mesh, rules)
            if jax.process_index() == 0:
                with storage.writing(run_dir / model_folder.TOKENIZER_FOLDER) as local:
                    tokenizer.save_pretrained(str(local))
                model_folder.save_run_config(run_dir, model_config)
        if jax.process_index() == 0 and config_text:
            storage.write(run_dir / "config.gin", config_text.encode())

        # ---- Metrics
        writer = None
        if jax.process_index() == 0:
            writer = MetricsWriter(run_dir, start_step=start, say=say)
            stack.callback(writer.close)
        shape = ", ".join(f"{name} {size}" for name, size in mesh.shape.items())
        kind = mesh.devices.flat[0].device_kind
        say(f"{run_dir} {origin}: {model_config.num_params():,} parameters on {mesh.size} x {kind} ({shape})")
        skips = NonFiniteSteps(
            config.max_skipped,
            skipped,
            example_ids=batches.example_ids,
            record=writer.skipped if writer else lambda *_: None,
            say=say,
        )
        profiler = Profiler(run_dir, first=config.profile_from, steps=config.profile_steps, say=say)
        stack.callback(profiler.close)

        # ---- Validation
        validation = None
        if config.validate_every is not None:
            if open_validation is None:
                raise ValueError(f"Train.validate_every = {config.validate_every}, but there are no validation data")
            validation = Validation(
                model_config, open_validation, rows=config.micro_batch_size, mesh=mesh, rules=rules, hosts=hosts
            )

        # ---- Steps
        train_step = make_train_step(model_config, optimizer, schedule, mesh, accumulate=config.accumulate, rules=rules)
        rows = batch_sharding(mesh, rules)
        clock = Clock(model_config, steps=steps, devices=mesh.size, device_kind=kind)
        on_device: list[StepMetrics] = []
        window: list[StepMetrics] = []
        saved_at = time.monotonic()
        told_to_stop = stack.enter_context(stop_signals())
        stop = False
        for step, batch in hosts.lockstep(clock.waiting(batches.iterate(start)), start, steps):
            batch = {name: jax.make_array_from_process_local_data(rows, array) for name, array in batch.items()}
            if step == start + 1:
                train_step = compile_once(train_step, state, batch)
            # An array that moves between host and device without being told to would stall every step.
            with profiler.step(step), jax.transfer_guard("disallow"):
                state, metrics = train_step(state, batch)
            profiler.done(step, metrics)
            on_device.append(metrics)
            if step == start + 1:
                jax.block_until_ready(metrics)
                say(f"first step, with compilation: {clock.first_step_done():.1f} s")
            stop = told_to_stop(step)
            log = step % config.log_every == 0 or step == steps
            save = step % config.save_every == 0 or step == steps or stop
            save = save or (log and is_old(saved_at, config.save_minutes))
            validate = validation and (step == steps or (step % config.validate_every == 0 and not stop))
            if log or save or validate:
                # Only here does the host wait for the device.
                fetched, on_device = jax.device_get(on_device), []
                skips.check(fetched, step, checkpoints.latest_step)
                window += fetched
            if log:
                seen, window = clock.window(step, window, skipped=skips.count), []
                say(seen.line(steps))
                if writer:
                    writer.write(seen)
                checkpoints.poll()
            score = None
            if validate:
                with clock.paused():
                    score = validation(step, state.params)
                say(score.line())
                if writer:
                    writer.validated(score)
            if save:
                if writer:
                    writer.flush()
                checkpoints.save(state, meta(step, skips.count, score.loss if score else None))
                saved_at = time.monotonic()
            if stop:
                break
        checkpoints.finish()
        if best := checkpoints.best():
            say(f"the lowest validation loss of the checkpoints is {best[1]:.4f}, at step {best[0]:,} (--step=best)")

    if jax.process_index() == 0:
        try:
            plot_loss(run_dir)
        except OSError as error:
            say(f"the loss curve could not be drawn: {error}")
    step = int(state.step)
    if stop and step < steps:
        say(f"told to stop: saved at step {step:,}; the same command goes on from there")
    return Outcome(step, steps, stopped=step < steps)


def is_old(saved_at: float, minutes: float | None) -> bool:
    """Whether the last checkpoint, of `time.monotonic()` = `saved_at`, is older than that; the first host decides."""
    if minutes is None:
        return False
    old = time.monotonic() - saved_at >= 60 * minutes
    return old if jax.process_count() == 1 else bool(multihost_utils.broadcast_one_to_all(np.asarray(old)))


def abstract_state(
    config: BloomConfig, optimizer: optax.GradientTransformation, mesh: Mesh, rules: Rules
) -> TrainState:
    """Shapes, dtypes and shardings of the state; nothing is allocated."""
    params = nnx.to_pure_dict(nnx.state(bloom.abstract(config), nnx.Param))
    state = TrainState(jax.ShapeDtypeStruct((), jnp.int32), params, jax.eval_shape(optimizer.init, params))
    return jax.tree.map(
        lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
        state,
        train_state_shardings(config, optimizer, mesh, rules),
    )


def fresh_state(
    params: Any, config: BloomConfig, optimizer: optax.GradientTransformation, mesh: Mesh, rules: Rules
) -> TrainState:
    """The state at step 0; what the optimizer keeps is born where it lies."""
    places = train_state_shardings(config, optimizer, mesh, rules)
    opt_state = jax.jit(optimizer.init, out_shardings=places.opt_state)(params)
    return TrainState(jax.device_put(np.zeros((), np.int32), places.step), params, opt_state)


def started_params(path: str, config: BloomConfig, tokenizer: Any, mesh: Mesh, rules: Rules) -> Any:
    """The weights in `path`, laid out over the mesh; CheckpointError where model or tokenizer do not fit."""
    loaded = model_folder.load(path, mesh=mesh, rules=rules.pairs())
    check_start(path, loaded.config, config)
    ids = tokenizer.get_vocab()
    moved = sorted(token for token, id in loaded.tokenizer.get_vocab().items() if ids.get(token) != id)
    if moved:
        raise CheckpointError(
            f"Train.init_from = {path!r} was trained with another tokenizer: {len(moved):,} of its tokens have another "
            f"id here, or none, for example {moved[0]!r}. Prepare the data with the tokenizer of that folder."
        )
    return nnx.to_pure_dict(nnx.state(loaded.model, nnx.Param))
