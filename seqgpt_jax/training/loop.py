"""Training loop: mesh, data, optimizer, train state, metrics, validation, steps."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np
from etils import epath
from jax.experimental import multihost_utils
from rich.console import Console

from seqgpt_jax.data.packing import PACKING_VERSION
from seqgpt_jax.io import model_folder, storage
from seqgpt_jax.io.contract import (
    RELEASED_CONTRACT,
    ModelContract,
    contract_of_resumed,
    contract_of_start,
    write_contract,
)
from seqgpt_jax.io.finite import check_finite
from seqgpt_jax.io.lora_folder import Adapters, save_adapters
from seqgpt_jax.io.tokenizer import rows_needed, save_tokenizer
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig
from seqgpt_jax.models.parameters import create, create_adapter, param_shardings, params_of
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer
from seqgpt_jax.training.checkpointing.metadata import CheckpointMetadata, changed_settings, start_of_resumed
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.initial_state import (
    abstract_state,
    count_params,
    initial_params,
    initial_state,
    owned_by_devices,
)
from seqgpt_jax.training.loss_plot import plot_loss
from seqgpt_jax.training.metric_sinks import MetricLogger, check_sinks
from seqgpt_jax.training.metrics import MetricsAggregator
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts, batch_checksum, config_fields, environment
from seqgpt_jax.training.nonfinite import NonFiniteSteps
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, batch_sharding, check_batch, global_batch, host_rows, make_mesh
from seqgpt_jax.training.preemption import preemption_signals
from seqgpt_jax.training.profiling import Profiler
from seqgpt_jax.training.run_lease import hold_lease
from seqgpt_jax.training.step import StepMetrics, compile_once, make_train_step
from seqgpt_jax.training.validation import Validation


class BatchSource(Protocol):
    """Source of batches: the part of `seqgpt_jax.data.batches.Batches` that the loop needs."""

    total_steps: int

    def iterate(self, start_step: int) -> Iterator[dict[str, np.ndarray]]:
        """Yields this host's rows [rows, …] of the batches from `start_step` on."""

    def example_ids(self, step: int) -> list[str]:
        """Ids of the examples of the global batch at `step`, counted from 0."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      step: steps done.
      steps: steps of the whole run.
      stopped: it was preempted before the end, and has saved: exit with `EXIT_STOPPED`.
    """

    step: int
    steps: int
    stopped: bool


def train(
    config: TrainConfig,
    model_config: ModelConfig,
    optimizer_config: OptimizerConfig,
    mesh_config: MeshConfig,
    *,
    open_batches: Callable[..., BatchSource],
    data_fingerprint: str,
    tokenizer: Any,
    run_dir: epath.PathLike,
    contract: ModelContract = RELEASED_CONTRACT,
    open_validation: Callable[..., BatchSource] | None = None,
    validation_fingerprint: str = "",
    config_text: str = "",
    lora: LoraConfig | None = None,
    rules: ShardingRules | None = None,
    hosts: Hosts = SINGLE_HOST,
) -> Outcome:
    """Trains in `run_dir`, or resumes there. The same arguments give the same weights, interrupted or not.

    Args:
      open_batches: called as `open_batches(process_index=i, process_count=n)`; returns this host's rows of each batch.
      data_fingerprint: of the prepared data.
      tokenizer: Hugging Face tokenizer of the data; saved beside the model.
      run_dir: on a disk that all hosts share, or in a bucket (gs://…).
      contract: how the model will be asked, and its data; saved as seqgpt.json once all checks have passed.
      open_validation: the same for the validation data, in batches of `micro_batch_size` rows.
      validation_fingerprint: of the validation data.
      config_text: saved as config.gin once all checks have passed.
      lora: adapters, which alone are trained and saved; those of rank 0, like None, are none. Needs `init_from`.
      rules: sharding of logical axes over the mesh.
      hosts: of the run; each of them calls this with the same arguments.

    Raises:
      ValueError: settings that contradict each other, the devices, the data or another host.
      StorageError: the bucket cannot be reached.
      RunLeaseError: another process trains in `run_dir`.
      CheckpointError: this run cannot resume from `run_dir`, or start from `init_from`.
      NotFiniteError: too many steps had a loss or gradient that is not finite.
      SaveError: all steps are done, or the run was preempted, but the state could not be saved.
    """
    run_dir, rules = storage.open_path(run_dir), rules or ShardingRules()
    lora = lora if lora and lora.rank else None
    console = Console(soft_wrap=True, emoji=False)

    def log(text: str) -> None:
        if jax.process_index() == 0:
            console.print(text, markup=False)

    def log_on_every_host(text: str) -> None:
        """For messages that concern one host: that host logs them."""
        console.print(text if jax.process_count() == 1 else f"host {jax.process_index()}: {text}", markup=False)

    # ---- Mesh
    mesh = make_mesh(mesh_config)
    check_batch(config.batch_size, config.accumulate, mesh, rules)
    param_shardings(model_config, mesh, rules, lora)  # raises for sizes that the mesh does not divide
    if lora and config.init_from is None:
        raise ValueError(f"Lora.rank = {lora.rank} adds adapters to a trained model: name its folder, Train.init_from")
    if model_config.param_dtype != "float32" and not lora:
        raise ValueError("Model.param_dtype must be 'float32' in training; Model.dtype is the compute dtype")
    check_sinks(config.metric_sinks)
    if (tokens := rows_needed(tokenizer)) > model_config.vocab_size:
        raise ValueError(f"Model.vocab_size = {model_config.vocab_size}, but the tokenizer has {tokens} tokens")

    # ---- Data
    index, count = host_rows(mesh, rules, config.batch_size)
    batches = open_batches(process_index=index, process_count=count)
    steps = batches.total_steps if config.steps is None else config.steps
    if steps > batches.total_steps:
        raise ValueError(
            f"Train.steps = {steps}, but Train.epochs = {config.epochs} of this data has {batches.total_steps} steps: "
            "raise Train.epochs"
        )

    configs = config_fields(Train=config, Model=model_config, Optimizer=optimizer_config, Mesh=mesh_config)
    configs |= config_fields(Lora=lora) if lora else {}
    if hosts.is_multihost:
        data = {
            "prepared data": data_fingerprint,
            "validation data": validation_fingerprint,
            "last batch": batch_checksum(batches.example_ids(steps - 1)),
        }
        hosts.assert_equal({**configs, **data, **environment()})
        hosts.assert_shared_folder(run_dir)

    # ---- Optimizer
    schedule = make_schedule(optimizer_config, steps)
    optimizer = make_optimizer(optimizer_config, schedule)

    with contextlib.ExitStack() as stack:
        stack.enter_context(use_sharding(mesh, rules))
        # Before anything is written or removed in the folder.
        lease = stack.enter_context(hold_lease(run_dir, log=log)) if jax.process_index() == 0 else None
        checkpoints = Checkpointer(
            run_dir,
            keep=config.keep,
            keep_best=config.keep_best,
            keep_every=config.keep_every,
            validation_fingerprint=validation_fingerprint,
            log=log_on_every_host,
        )
        stack.callback(checkpoints.close)
        # Without asking the bucket, which a run that resumes does not need any more.
        begun = config.init_from and str(storage.absolute(epath.Path(config.init_from)))
        base = adapters = None
        if lora:
            base = initial_params(config.init_from, model_config, tokenizer, mesh, rules, log)
            adapters = Adapters(
                lora, begun, model_folder.base_fingerprint(begun, base, mesh=mesh, rules=rules, log=log)
            )

        def metadata(step: int, skipped: int = 0, validation_loss: float | None = None) -> CheckpointMetadata:
            return CheckpointMetadata(
                step=step,
                data_fingerprint=data_fingerprint,
                seed=config.seed,
                batch_size=config.batch_size,
                length=config.length,
                packing_version=PACKING_VERSION,
                steps=steps,
                model=dataclasses.asdict(model_config),
                optimizer=dataclasses.asdict(optimizer_config),
                skipped=skipped,
                validation_loss=validation_loss,
                lora=adapters.fields() if adapters else None,
                init_from="" if adapters else begun,
                validation_fingerprint=validation_fingerprint,
            )

        # ---- State. In this order:
        # 1. resume from this run's own newest checkpoint, as if nothing had happened
        # 2. init_from: weights of another run (stage two) or of a Hugging Face folder (a published model)
        # 3. random weights
        start = skipped = 0
        newest = checkpoints.latest_step()
        hosts.assert_equal({"newest checkpoint": newest})
        if newest is not None:
            target = abstract_state(model_config, optimizer, mesh, rules, lora)
            state, stored = checkpoints.restore(target, metadata(0))
            state = owned_by_devices(state)._replace(frozen=base)
            start, skipped = stored.step, stored.skipped
            begun = start_of_resumed(stored, begun, checkpoints.folder / str(start))
            where = checkpoints.folder / str(start)
            check_finite(state.params, f"the checkpoint {where}", f"Move {where} away to resume from an earlier one")
            origin = f"resumed from step {start:,}"
            changed = changed_settings(stored, metadata(0))
            origin += f" with changed settings ({', '.join(changed)})" if changed else ""
        else:
            if lora:
                params = create_adapter(model_config, lora, config.seed, mesh=mesh, rules=rules)
                origin = f"adapters of {config.init_from}"
            elif config.init_from is not None:
                params = initial_params(config.init_from, model_config, tokenizer, mesh, rules, log)
                origin = f"initialized from {config.init_from}"
            else:
                model = create(model_config, config.seed, mesh=mesh, rules=rules)
                params = params_of(model)
                origin = "initialized with random weights"
            state = initial_state(params, model_config, optimizer, mesh, rules, lora, base)
            if jax.process_index() == 0:
                with storage.writing(run_dir / model_folder.TOKENIZER_FOLDER) as local:
                    save_tokenizer(tokenizer, local)
                model_folder.save_run_config(run_dir, model_config)
                save_adapters(run_dir, adapters)
        if jax.process_index() == 0:
            if newest is None:
                contract = contract_of_start(contract, config.init_from)
            else:
                contract = contract_of_resumed(contract, run_dir, finished=start >= steps, log=log)
            write_contract(run_dir, contract)
            if config_text:
                storage.write(run_dir / "config.gin", config_text.encode())

        # ---- Metrics
        metric_logger = None
        if jax.process_index() == 0:
            metric_logger = MetricLogger(
                run_dir,
                config.metric_sinks,
                start_step=start,
                log=log,
                project=config.tracking_project,
                config=configs,
            )
            stack.callback(metric_logger.close)
        shape = ", ".join(f"{name} {size}" for name, size in mesh.shape.items())
        kind = mesh.devices.flat[0].device_kind
        log(f"{run_dir}: {origin}; {model_config.num_params():,} parameters on {mesh.size} x {kind} ({shape})")
        adapter_params = count_params(state.params) if lora else None
        if lora:
            log(f"LoRA: {adapter_params:,} of {count_params(state.all_params):,} parameters are trained")
        nonfinite = NonFiniteSteps(
            config.max_skipped,
            skipped,
            example_ids=batches.example_ids,
            record=metric_logger.write_skipped if metric_logger else lambda *_: None,
            log=log,
        )
        profiler = Profiler(run_dir, first=config.profile_from, steps=config.profile_steps, log=log)
        stack.callback(profiler.close)

        # ---- Validation
        validation = None
        if config.validate_every is not None:
            if open_validation is None:
                raise ValueError(f"Train.validate_every = {config.validate_every}, but there are no validation data")
            rows = config.micro_batch_size
            validation = Validation(
                model_config, open_validation, rows=rows, mesh=mesh, rules=rules, hosts=hosts, lora=lora
            )

        # ---- Steps
        train_step = make_train_step(
            model_config, optimizer, schedule, mesh, accumulate=config.accumulate, rules=rules, lora=lora
        )
        rows = batch_sharding(mesh, rules)
        aggregator = MetricsAggregator(
            model_config, steps=steps, devices=mesh.size, device_kind=kind, adapter_params=adapter_params
        )
        on_device: list[StepMetrics] = []
        window: list[StepMetrics] = []
        saved_at = time.monotonic()
        stop_requested = stack.enter_context(preemption_signals())
        stop = False
        for step, batch in hosts.lockstep(aggregator.measure_data_wait(batches.iterate(start)), start, steps):
            batch = global_batch(batch, config.batch_size, rows)
            if step == start + 1:
                train_step = compile_once(train_step, state, batch)
            # An implicit transfer between host and device would stall every step.
            with profiler.step(step), jax.transfer_guard("disallow"):
                state, metrics = train_step(state, batch)
            profiler.done(step, metrics)
            on_device.append(metrics)
            if step == start + 1:
                jax.block_until_ready(metrics)
                log(f"first step, with compilation: {aggregator.first_step_done():.1f} s")
            stop = stop_requested(step)
            log_due = step % config.log_every == 0 or step == steps or stop
            save_due = step % config.save_every == 0 or step == steps or stop
            save_due = save_due or (log_due and is_older(saved_at, config.save_minutes))
            validation_due = validation and (step == steps or (step % config.validate_every == 0 and not stop))
            if log_due or save_due or validation_due:
                # Only here does the host wait for the device.
                fetched, on_device = jax.device_get(on_device), []
                nonfinite.check(fetched, step, checkpoints.latest_step)
                window += fetched
            if log_due:
                window_metrics, window = aggregator.window(step, window, skipped=nonfinite.count), []
                log(window_metrics.summary(steps))
                if metric_logger:
                    metric_logger.write_window(window_metrics)
                checkpoints.poll()
            result = None
            if validation_due:
                with aggregator.paused():
                    result = validation(step, state.all_params)
                log(result.summary())
                if metric_logger:
                    metric_logger.write_validation(result)
            if save_due:
                if lease:
                    lease.check()
                if metric_logger:
                    metric_logger.flush()
                checkpoints.save(state, metadata(step, nonfinite.count, result.loss if result else None))
                saved_at = time.monotonic()
            if stop:
                break
        checkpoints.finish()
        if best := checkpoints.best():
            log(f"lowest validation loss of the checkpoints: {best[1]:.4f} at step {best[0]:,} (--step=best)")

    if jax.process_index() == 0:
        try:
            plot_loss(run_dir)
        except OSError as error:
            log(f"loss.png could not be written: {error}")
    step = int(state.step)
    if stop and step < steps:
        log(f"preempted: saved at step {step:,}; the same command resumes from there")
    return Outcome(step, steps, stopped=step < steps)


def is_older(saved_at: float, minutes: float | None) -> bool:
    """Whether `saved_at` (of `time.monotonic()`) is more than `minutes` ago, by the clock of host 0; None: never."""
    if minutes is None:
        return False
    older = time.monotonic() - saved_at >= 60 * minutes
    return older if jax.process_count() == 1 else bool(multihost_utils.broadcast_one_to_all(np.asarray(older)))
