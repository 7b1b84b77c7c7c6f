"""A training run, from top to bottom: mesh, data, optimizer, state, steps."""

import contextlib
import dataclasses
import signal
import threading
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

from seqgpt_jax.models import bloom, loading
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.checkpoints import (
    CheckpointError,
    Checkpoints,
    Meta,
    changed_settings,
    check_start,
    read_meta,
)
from seqgpt_jax.training.curve import draw_loss
from seqgpt_jax.training.metrics import Clock, MetricsWriter, StepMetrics, first_broken
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, Rules, batch_sharding, check_batch, host_rows, make_mesh
from seqgpt_jax.training.step import TrainState, make_train_step, train_state_shardings

EXIT_STOPPED = 75
"""Exit status for a run that was told to stop and has saved: EX_TEMPFAIL, run the same command again."""


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
      keep: how many checkpoints stay, the newest ones.
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
    keep: int = 2
    init_from: str | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "length", "epochs", "steps", "accumulate", "log_every", "save_every", "keep"):
            value = getattr(self, name)
            if value is None and name == "steps":
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Train.{name} must be a whole number of at least 1, not {value!r}")


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
      step: updates done.
      steps: updates that the run is to have.
      stopped: it was told to stop before the end, and has saved: exit with `EXIT_STOPPED`.
    """

    step: int
    steps: int
    stopped: bool


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is infinite or not a number; nothing was saved from that step on."""


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
    """
    run_dir, rules = Path(run_dir), rules or Rules()

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
        checkpoints = Checkpoints(run_dir, keep=config.keep)
        stack.callback(checkpoints.close)

        def meta(step: int) -> Meta:
            return Meta(
                step=step,
                data_fingerprint=data_fingerprint,
                seed=config.seed,
                batch_size=config.batch_size,
                length=config.length,
                steps=steps,
                model=dataclasses.asdict(model_config),
                optimizer=dataclasses.asdict(optimizer_config),
            )

        # ---- State. In this order:
        # 1. this run's own newest checkpoint: go on as if nothing had happened
        # 2. init_from, another run's weights or a Hugging Face folder: stage two, or a published model
        # 3. random weights
        start = checkpoints.latest_step() or 0
        if start:
            like = abstract_state(model_config, optimizer, mesh, rules)
            state = checkpoints.restore(like, meta(start))
            origin = f"goes on from its own checkpoint of step {start:,}"
            changed = changed_settings(read_meta(run_dir, start), meta(start))
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
        writer = MetricsWriter(run_dir, steps=steps, start_step=start, write=jax.process_index() == 0)
        stack.callback(writer.close)
        shape = ", ".join(f"{name} {size}" for name, size in mesh.shape.items())
        kind = mesh.devices.flat[0].device_kind
        writer.say(f"{run_dir} {origin}: {model_config.num_params():,} parameters on {mesh.size} x {kind} ({shape})")

        # ---- Steps
        train_step = make_train_step(model_config, optimizer, schedule, mesh, accumulate=config.accumulate, rules=rules)
        rows = batch_sharding(mesh, rules)
        clock = Clock(model_config, steps=steps, devices=mesh.size, device_kind=kind)
        window: list[StepMetrics] = []
        told_to_stop = stack.enter_context(stop_signals())
        stop = False
        for step, batch in zip(range(start + 1, steps + 1), batches.iterate(start), strict=False):
            batch = {name: jax.make_array_from_process_local_data(rows, array) for name, array in batch.items()}
            # An array that moves between host and device without being told to would stall every step.
            with jax.transfer_guard("disallow"):
                state, metrics = train_step(state, batch)
            window.append(metrics)
            if step == start + 1:
                jax.block_until_ready(metrics)
                writer.say(f"first step, with compilation: {clock.first_step_done():.1f} s")
            stop = told_to_stop(step)
            log = step % config.log_every == 0 or step == steps
            save = step % config.save_every == 0 or step == steps or stop
            if log or save:
                # Only here does the host wait for the device.
                window = jax.device_get(window)
                check_finite(window, step, batches, checkpoints)
            if log:
                writer.write(clock.window(step, window))
                window = []
            if save:
                checkpoints.save(state, meta(step))
            if stop:
                break

    if jax.process_index() == 0:
        draw_loss(run_dir)
    step = int(state.step)
    if stop and step < steps:
        writer.say(f"told to stop: saved at step {step:,}; the same command goes on from there")
    return Outcome(step, steps, stopped=step < steps)


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


def check_finite(window: list[StepMetrics], step: int, batches: BatchSource, checkpoints: Checkpoints) -> None:
    """Raises NotFiniteError for the first broken step of the window that ends with `step`."""
    broken = first_broken(window)
    if broken is None:
        return
    ids = batches.example_ids(step - len(window) + broken)
    saved = checkpoints.latest_step()
    raise NotFiniteError(
        f"step {step - len(window) + broken + 1:,}: loss {float(window[broken].loss)}, gradient norm "
        f"{float(window[broken].grad_norm)}. Its batch held {len(ids)} examples: {', '.join(ids[:8])}"
        + (" …" if len(ids) > 8 else "")
        + (f". The last good checkpoint is of step {saved:,}" if saved else ". There is no checkpoint yet")
        + ". A lower Optimizer.learning_rate or a smaller Optimizer.clip_norm may help."
    )


@contextlib.contextmanager
def stop_signals() -> Iterator[Callable[[int], bool]]:
    """Inside: a function of the step that says whether the run is to save and stop.

    On one host SIGTERM (a scheduler takes the machine away) and the first Ctrl-C do that; a second Ctrl-C ends the
    process at once. On many hosts JAX's coordination service sees to it that all stop after the same step.
    """
    if jax.process_count() > 1:
        yield multihost_utils.reached_preemption_sync_point
        return
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield lambda _: False
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def tell(number: int, _: Any) -> None:
        told.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, tell)
    try:
        yield lambda _: told.is_set()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
