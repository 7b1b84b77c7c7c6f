"""A training run, from top to bottom: mesh, data, optimizer, state, steps."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.experimental import multihost_utils
from jax.sharding import Mesh
from rich.console import Console

from seqgpt_jax.models import bloom, loading
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.checkpoints import CheckpointError, Checkpoints, Meta, changed_settings, check_start
from seqgpt_jax.training.curve import draw_loss
from seqgpt_jax.training.logs import MetricsWriter
from seqgpt_jax.training.metrics import Clock
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, Rules, batch_sharding, check_batch, host_rows, make_mesh
from seqgpt_jax.training.step import StepMetrics, TrainState, make_train_step, train_state_shardings
from seqgpt_jax.training.stopping import Skips, stop_signals
from seqgpt_jax.training.watching import Profiler, compile_once


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
      batch_size: rows of a batch, over all devices and micro-batches.
      length: tokens of a row; packed examples share it.
      epochs: passes over the data.
      steps: stop after so many updates, although the epochs are not over; None: do not.
      seed: of the order of the data, and of the weights of a model that starts from scratch.
      accumulate: micro-batches of which an update is made: less memory, the same result.
      log_every: steps between two lines of the log.
      save_every: steps between two checkpoints; the last step is always saved.
      save_minutes: a checkpoint is also written when the last one is so old, at the next line of the log.
      keep: how many checkpoints stay, the newest ones; with two or more, a damaged one has one before it.
      keep_every: those of steps that are a multiple of this stay for good; a multiple of `save_every`.
      max_skipped: how many steps of the run, in all, may have a loss or a gradient that is not finite. Each changes
        nothing and is told with the ids of its examples; one more ends the run.
      profile_from: the step, counted from 1, from which `profile_steps` steps are traced into profile/; None: none.
      profile_steps: see there.
      init_from: folder of another run, or of a Hugging Face model, whose weights the run starts from; None: from
        scratch. A run that has a checkpoint of its own goes on from that.
    """

    batch_size: int = 128
    length: int = 2048
    epochs: int = 1
    steps: int | None = None
    seed: int = 0
    accumulate: int = 1
    log_every: int = 10
    save_every: int = 500
    save_minutes: float | None = None
    keep: int = 2
    keep_every: int | None = None
    max_skipped: int = 10
    profile_from: int | None = None
    profile_steps: int = 5
    init_from: str | None = None

    def __post_init__(self) -> None:
        optional = ("steps", "keep_every", "profile_from")
        counts = ("batch_size", "length", "epochs", "accumulate", "log_every", "save_every", "keep", "profile_steps")
        for name in (*optional, *counts):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Train.{name} must be a whole number of at least 1, not {value!r}")
        if not isinstance(self.max_skipped, int) or self.max_skipped < 0:
            raise ValueError(f"Train.max_skipped must be a whole number of at least 0, not {self.max_skipped!r}")
        if self.save_minutes is not None and not self.save_minutes > 0:
            raise ValueError(f"Train.save_minutes must be above 0, not {self.save_minutes!r}")
        if self.keep_every is not None and self.keep_every % self.save_every:
            raise ValueError(
                f"Train.keep_every = {self.keep_every} must be a multiple of Train.save_every = {self.save_every}: "
                "no other checkpoint is there to keep"
            )


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
    run_dir: str | Path,
    config_text: str = "",
    rules: Rules | None = None,
) -> Outcome:
    """Trains, or goes on training, in `run_dir`. The same arguments give the same weights, interrupted or not.

    Args:
      open_batches: called as `open_batches(process_index=i, process_count=n)`; gives this host's rows of each batch.
      data_fingerprint: of the prepared data behind it.
      tokenizer: Hugging Face tokenizer of the data; saved beside the model.
      config_text: kept as config.gin once nothing refuses the run any more.
      rules: how arrays lie on the mesh.

    Raises:
      ValueError: settings that contradict each other, the devices or the data.
      CheckpointError: `run_dir` or `init_from` holds something else than this run can go on from.
      NotFiniteError: training has broken down.
      SaveError: all steps are done, or the run was told to stop, but the state could not be saved.
    """
    run_dir, rules = Path(run_dir), rules or Rules()
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

    # ---- Optimizer
    schedule = make_schedule(optimizer_config, steps)
    optimizer = make_optimizer(optimizer_config, schedule)

    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.set_mesh(mesh))
        stack.enter_context(nnx.logical_axis_rules(rules.pairs()))
        checkpoints = Checkpoints(run_dir, keep=config.keep, keep_every=config.keep_every, say=warn)
        stack.callback(checkpoints.close)

        def meta(step: int, skipped: int = 0) -> Meta:
            return Meta(
                step=step,
                data_fingerprint=data_fingerprint,
                seed=config.seed,
                batch_size=config.batch_size,
                length=config.length,
                steps=steps,
                model=dataclasses.asdict(model_config),
                optimizer=dataclasses.asdict(optimizer_config),
                skipped=skipped,
            )

        # ---- State. In this order:
        # 1. this run's own newest checkpoint: go on as if nothing had happened
        # 2. init_from, another run's weights or a Hugging Face folder: stage two, or a published model
        # 3. random weights
        start = skipped = 0
        if checkpoints.latest_step() is not None:
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
                run_dir.mkdir(parents=True, exist_ok=True)
                tokenizer.save_pretrained(str(run_dir / loading.TOKENIZER_FOLDER))
                loading.save_run_config(run_dir, model_config)
        if jax.process_index() == 0 and config_text:
            (run_dir / "config.gin").write_text(config_text, encoding="utf-8")

        # ---- Metrics
        writer = None
        if jax.process_index() == 0:
            writer = MetricsWriter(run_dir, start_step=start, say=say)
            stack.callback(writer.close)
        shape = ", ".join(f"{name} {size}" for name, size in mesh.shape.items())
        kind = mesh.devices.flat[0].device_kind
        say(f"{run_dir} {origin}: {model_config.num_params():,} parameters on {mesh.size} x {kind} ({shape})")
        skips = Skips(
            config.max_skipped,
            skipped,
            example_ids=batches.example_ids,
            record=writer.skipped if writer else lambda *_: None,
            say=say,
        )
        profiler = Profiler(run_dir, first=config.profile_from, steps=config.profile_steps, say=say)
        stack.callback(profiler.close)

        # ---- Steps
        train_step = make_train_step(model_config, optimizer, schedule, mesh, accumulate=config.accumulate, rules=rules)
        rows = batch_sharding(mesh, rules)
        clock = Clock(model_config, steps=steps, devices=mesh.size, device_kind=kind)
        on_device: list[StepMetrics] = []
        window: list[StepMetrics] = []
        saved_at = time.monotonic()
        told_to_stop = stack.enter_context(stop_signals())
        stop = False
        for step, batch in zip(range(start + 1, steps + 1), clock.waiting(batches.iterate(start)), strict=False):
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
            if log or save:
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
            if save:
                checkpoints.save(state, meta(step, skips.count))
                saved_at = time.monotonic()
            if stop:
                break
        checkpoints.finish()

    if jax.process_index() == 0:
        try:
            draw_loss(run_dir)
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
    loaded = loading.load(path, mesh=mesh, rules=rules.pairs())
    check_start(path, loaded.config, config)
    ids = tokenizer.get_vocab()
    moved = sorted(token for token, id in loaded.tokenizer.get_vocab().items() if ids.get(token) != id)
    if moved:
        raise CheckpointError(
            f"Train.init_from = {path!r} was trained with another tokenizer: {len(moved):,} of its tokens have another "
            f"id here, or none, for example {moved[0]!r}. Prepare the data with the tokenizer of that folder."
        )
    return nnx.to_pure_dict(nnx.state(loaded.model, nnx.Param))
