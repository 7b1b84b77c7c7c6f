"""One update of the parameters, as one compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqgpt_jax.models import bloom
from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training.loss import target_loss
from seqgpt_jax.training.partitioning import Rules, batch_sharding, state_shardings

Batch = dict[str, jax.Array]


class TrainState(NamedTuple):
    """All that changes in training.

    Attributes:
      step: int32 scalar, updates done so far.
      params: pure dict of float32 master weights.
      opt_state: of the optimizer.
    """

    step: jax.Array
    params: Any
    opt_state: Any


class StepMetrics(NamedTuple):
    """Scalars of one step, left on the device until somebody asks.

    Attributes:
      loss: float32, cross-entropy per supervised token in nats, over the whole global batch.
      grad_norm: float32, before clipping.
      learning_rate: float32.
      supervised: int32, tokens that are predicted.
      tokens: int32, tokens that are not padding.
      keys: float32, sum over tokens of the tokens each one attends to.
      slots: int32, tokens and padding.
    """

    loss: jax.Array
    grad_norm: jax.Array
    learning_rate: jax.Array
    supervised: jax.Array
    tokens: jax.Array
    keys: jax.Array
    slots: jax.Array


def train_state_shardings(
    config: BloomConfig, optimizer: optax.GradientTransformation, mesh: Mesh, rules: Rules
) -> TrainState:
    """Where each array of the state lies."""
    params, opt_state = state_shardings(config, optimizer, mesh, rules)
    return TrainState(NamedSharding(mesh, PartitionSpec()), params, opt_state)


def make_train_step(
    config: BloomConfig,
    optimizer: optax.GradientTransformation,
    schedule: optax.Schedule,
    mesh: Mesh,
    *,
    accumulate: int = 1,
    rules: Rules | None = None,
) -> Callable[[TrainState, Batch], tuple[TrainState, StepMetrics]]:
    """The compiled `train_step(state, batch) -> (state, metrics)`. It takes the old state's memory.

    Call it inside `jax.set_mesh(mesh)` and `nnx.logical_axis_rules(rules.pairs())`.

    Gradients are of sum(loss) / sum(weight) over the whole batch, however it is cut: into
    `accumulate` micro-batches, one after the other, and over any number of devices and hosts.
    """
    rules = rules or Rules()

    def mean_loss(params: Any, batch: Batch, all_weights: jax.Array) -> jax.Array:
        model = bloom.from_params(config, params)
        hidden_BxLxD = model(batch["tokens"], batch["positions"], batch["segment_ids"])
        sums = target_loss(
            hidden_BxLxD,
            model.word_embeddings[...],
            batch["target_positions"],
            batch["target_ids"],
            batch["target_weights"],
            rules=rules,
        )
        return sums.loss / all_weights

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, StepMetrics]:
        all_weights = jnp.sum(batch["target_weights"], dtype=jnp.float32)
        loss_and_grads = jax.value_and_grad(mean_loss)
        if accumulate == 1:
            loss, grads = loss_and_grads(state.params, batch, all_weights)
        else:

            def add(sums, micro_batch):
                return jax.tree.map(jnp.add, sums, loss_and_grads(state.params, micro_batch, all_weights)), None

            zeros = (jnp.zeros((), jnp.float32), jax.tree.map(jnp.zeros_like, state.params))
            (loss, grads), _ = jax.lax.scan(add, zeros, jax.tree.map(micro_batches, batch))
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        real = batch["segment_ids"] > 0
        metrics = StepMetrics(
            loss=loss,
            grad_norm=optax.tree.norm(grads),
            learning_rate=jnp.asarray(schedule(state.step), jnp.float32),
            supervised=jnp.sum(batch["target_weights"] > 0),
            tokens=jnp.sum(real),
            keys=jnp.sum(jnp.where(real, batch["positions"] + 1, 0), dtype=jnp.float32),
            slots=jnp.asarray(real.size),
        )
        return TrainState(state.step + 1, optax.apply_updates(state.params, updates), opt_state), metrics

    def micro_batches(x_Bx: jax.Array) -> jax.Array:
        # Micro-batch a takes rows a, a + accumulate, …: each device cuts its own rows, and none move.
        micro = jnp.swapaxes(x_Bx.reshape(-1, accumulate, *x_Bx.shape[1:]), 0, 1)
        return jax.lax.with_sharding_constraint(micro, NamedSharding(mesh, rules.spec(None, "batch")))

    state = train_state_shardings(config, optimizer, mesh, rules)
    everywhere = NamedSharding(mesh, PartitionSpec())
    return jax.jit(
        train_step,
        in_shardings=(state, batch_sharding(mesh, rules)),
        out_shardings=(state, everywhere),
        donate_argnums=0,
    )
