"""Train step: loss, gradient accumulation and optimizer update in one compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig, joined, split_adapter
from seqgpt_jax.models.parameters import from_params, param_shardings
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.loss import LossSums, target_loss
from seqgpt_jax.training.partitioning import batch_sharding, state_shardings

Batch = dict[str, jax.Array]

# Without it, XLA for CPUs copies all parameters and moments before they are updated in place, as it does not see that
# nothing reads the old ones any more. On other platforms this analysis is always done.
_COMPILER_OPTIONS = {"cpu": {"xla_cpu_copy_insertion_use_region_analysis": True}}


class TrainState(NamedTuple):
    """Train state.

    Attributes:
      step: int32 scalar, batches consumed so far.
      params: pure dict of the float32 master weights that are trained: all of them, or those of the adapters.
      opt_state: state of the optimizer.
      frozen: pure dict of the weights of a model whose adapters are trained; None where all are trained.
    """

    step: jax.Array
    params: Any
    opt_state: Any
    frozen: Any = None

    @property
    def all_params(self) -> Any:
        """Pure dict of all weights of the model."""
        return joined(self.params, self.frozen)


class StepMetrics(NamedTuple):
    """Metrics of one step: device scalars, except those by family; fetched only when they are logged.

    Attributes:
      loss: float32, cross-entropy per supervised token in nats, over the whole global batch.
      grad_norm: float32, before clipping.
      param_norm: float32, of all trained parameters before the update.
      learning_rate: float32.
      skipped: bool, loss or gradient is not finite, so that the step has changed nothing but the step count.
      supervised: int32, tokens that are predicted.
      tokens: int32, tokens that are not padding.
      keys: float32, sum over tokens of the tokens each one attends to.
      slots: int32, tokens and padding: rows * length.
      family_loss: float32 [families], sum of weight * cross-entropy over the targets of each of `FAMILIES`, in nats.
      family_weight: float32 [families], sum of their weights.
    """

    loss: jax.Array
    grad_norm: jax.Array
    param_norm: jax.Array
    learning_rate: jax.Array
    skipped: jax.Array
    supervised: jax.Array
    tokens: jax.Array
    keys: jax.Array
    slots: jax.Array
    family_loss: jax.Array
    family_weight: jax.Array


def batch_loss(config: ModelConfig, params: Any, batch: Batch, lora: LoraConfig | None = None) -> LossSums:
    """The loss of all targets of a batch, whose arrays are [B, L] and, of targets, [B, T] (see `data.batches`)."""
    model = from_params(config, params, lora)
    hidden_BxLxD = model(batch["tokens"], batch["positions"], batch["segment_ids"])
    return target_loss(
        hidden_BxLxD,
        model.head(),
        batch["target_positions"],
        batch["target_ids"],
        batch["target_weights"],
    )


def sum_by_family(values: jax.Array, families: jax.Array) -> jax.Array:
    """float32 [families]: the sum of `values` over the targets of each of `FAMILIES`.

    Args:
      values: float32 [B, T], one for each target.
      families: int32 of the same shape, an index into `FAMILIES`; -1 (no family) counts nowhere.
    """
    is_family = families[..., None] == jnp.arange(len(FAMILIES))
    return jnp.sum(jnp.where(is_family, values[..., None], 0.0), axis=tuple(range(values.ndim)))


def train_state_shardings(
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    rules: ShardingRules,
    lora: LoraConfig | None = None,
) -> TrainState:
    """Sharding of each array of the train state."""
    params, opt_state = state_shardings(config, optimizer, mesh, rules, lora)
    frozen = split_adapter(param_shardings(config, mesh, rules, lora))[1] if lora else None
    return TrainState(NamedSharding(mesh, PartitionSpec()), params, opt_state, frozen)


def updates_done(opt_state: Any) -> jax.Array:
    """int32 scalar: updates applied (steps minus skipped ones), by which the optimizer reads its schedule."""

    def is_schedule(path: tuple[Any, ...], _: Any) -> bool:
        return getattr(path[-1], "tuple_name", None) == "ScaleByScheduleState"

    return optax.tree.get(opt_state, "count", filtering=is_schedule)


def make_train_step(
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    schedule: optax.Schedule,
    mesh: Mesh,
    *,
    accumulate: int = 1,
    rules: ShardingRules | None = None,
    lora: LoraConfig | None = None,
) -> Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]]:
    """The jitted `train_step(state, batch) -> (state, metrics)`; it donates the old state.

    Call it inside `use_sharding(mesh, rules)`. The arrays of a batch are global: [B, L] and, of targets, [B, T].

    Gradients are those of sum(loss) / sum(weight) over the global batch, independent of how it is split: into
    `accumulate` micro-batches (gradient accumulation) and over devices and hosts.

    Where the loss or a gradient is not finite, parameters and optimizer state (with its count of updates, which the
    learning rate schedule reads) are unchanged; this is decided on the device, in the same program.

    With `lora` only the adapters have gradients and an optimizer state; the base is `state.frozen`, in any float dtype.
    """
    rules = rules or ShardingRules()

    def mean_loss(params: Any, frozen: Any, batch: Batch, all_weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        sums = batch_loss(config, joined(params, frozen), batch, lora)
        return sums.loss / all_weights, sums.by_target

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, StepMetrics]:
        all_weights = jnp.sum(batch["target_weights"], dtype=jnp.float32)
        loss_and_grads = jax.value_and_grad(mean_loss, has_aux=True)
        families = batch["target_families"]
        if accumulate == 1:
            (loss, by_target), grads = loss_and_grads(state.params, state.frozen, batch, all_weights)
        else:

            def add(sums, micro_batch):
                (loss, by_target), grads = loss_and_grads(state.params, state.frozen, micro_batch, all_weights)
                return jax.tree.map(jnp.add, sums, (loss, grads)), by_target

            zeros = (jnp.zeros((), jnp.float32), jax.tree.map(jnp.zeros_like, state.params))
            (loss, grads), by_target = jax.lax.scan(add, zeros, jax.tree.map(micro_batches, batch))
            families = micro_batches(families)
        grad_norm = optax.tree.norm(grads)
        finite = jnp.isfinite(loss) & jnp.isfinite(grad_norm)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        after = TrainState(state.step, optax.apply_updates(state.params, updates), opt_state, state.frozen)
        after = jax.tree.map(lambda new, old: new if new is old else jnp.where(finite, new, old), after, state)
        real = batch["segment_ids"] > 0
        metrics = StepMetrics(
            loss=loss,
            grad_norm=grad_norm,
            param_norm=optax.tree.norm(state.params),
            learning_rate=jnp.asarray(schedule(updates_done(state.opt_state)), jnp.float32),
            skipped=~finite,
            supervised=jnp.sum(batch["target_weights"] > 0),
            tokens=jnp.sum(real),
            keys=jnp.sum(jnp.where(real, batch["positions"] + 1, 0), dtype=jnp.float32),
            slots=jnp.asarray(real.size),
            family_loss=sum_by_family(by_target, families),
            family_weight=sum_by_family(batch["target_weights"], batch["target_families"]),
        )
        return after._replace(step=state.step + 1), metrics

    def micro_batches(x_Bx: jax.Array) -> jax.Array:
        # Micro-batch i takes rows i, i + accumulate, …: each device splits its own rows, and none are exchanged.
        micro = jnp.swapaxes(x_Bx.reshape(-1, accumulate, *x_Bx.shape[1:]), 0, 1)
        return jax.lax.with_sharding_constraint(micro, NamedSharding(mesh, rules.spec(None, "batch")))

    state = train_state_shardings(config, optimizer, mesh, rules, lora)
    replicated = NamedSharding(mesh, PartitionSpec())
    return jax.jit(
        train_step,
        in_shardings=(state, batch_sharding(mesh, rules)),
        out_shardings=(state, replicated),
        donate_argnums=0,
        compiler_options=_COMPILER_OPTIONS.get(mesh.devices.flat[0].platform),
    )


class RecompilationError(ValueError):
    """A batch has other shapes or dtypes than the first one, so that the step would have to be recompiled."""


def compile_once(
    train_step: Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]], state: TrainState, batch: Batch
) -> Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]]:
    """Compiles the jitted step for the shapes of these arguments; the returned function never recompiles.

    A silent second compilation costs minutes on a pod, and one for every batch makes a run slow for no visible reason.
    So other shapes or dtypes raise RecompilationError, which names them.
    """
    compiled = train_step.lower(state, batch).compile()
    first = _shapes(batch)

    def run(state: TrainState, batch: Batch) -> tuple[TrainState, StepMetrics]:
        if (now := _shapes(batch)) != first:
            changed = [
                f"{name} is {now.get(name, 'missing')}, was {first.get(name, 'missing')}"
                for name in sorted(now.keys() | first.keys())
                if now.get(name) != first.get(name)
            ]
            raise RecompilationError(
                f"a batch differs from the first one, for which train_step was compiled: {'; '.join(changed)}. Every "
                "batch of a run must have the same shapes and dtypes"
            )
        return compiled(state, batch)

    return run


def _shapes(batch: Batch) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in batch.items()}
