"""Train state before the first step: its shapes, its creation, and weights from another folder."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from seqgpt_jax.io import model_folder
from seqgpt_jax.io.run_checkpoints import LoadingError
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig, split_adapter
from seqgpt_jax.models.parameters import abstract, params_of
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.checkpointing.metadata import CheckpointError, check_start
from seqgpt_jax.training.step import TrainState, train_state_shardings


def count_params(params: Any) -> int:
    """Number of elements of all arrays."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def abstract_state(
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    rules: ShardingRules,
    lora: LoraConfig | None = None,
) -> TrainState:
    """The train state as `jax.ShapeDtypeStruct`s with shardings; nothing is allocated."""
    params, frozen = params_of(abstract(config, lora)), None
    if lora:
        params, frozen = split_adapter(params)
    state = TrainState(jax.ShapeDtypeStruct((), jnp.int32), params, jax.eval_shape(optimizer.init, params), frozen)
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        state,
        train_state_shardings(config, optimizer, mesh, rules, lora),
    )


def initial_state(
    params: Any,
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    rules: ShardingRules,
    lora: LoraConfig | None = None,
    frozen: Any = None,
) -> TrainState:
    """The train state at step 0, with adapters `params` of the model `frozen` where there is `lora`.

    The optimizer state is created sharded.
    """
    shardings = train_state_shardings(config, optimizer, mesh, rules, lora)
    opt_state = jax.jit(optimizer.init, out_shardings=shardings.opt_state)(params)
    return TrainState(jax.device_put(np.zeros((), np.int32), shardings.step), params, opt_state, frozen)


def owned_by_devices(arrays: Any) -> Any:
    """The same arrays in memory of their devices, which the first step may take over (donation); deletes the old ones.

    On a CPU, arrays that were loaded or restored lie in memory of NumPy: the first step would allocate all of them anew
    beside the old ones. One array at a time is copied.
    """
    leaves, form = jax.tree.flatten(arrays)
    for number, leaf in enumerate(leaves):
        if next(iter(leaf.sharding.device_set)).platform == "cpu":
            leaves[number] = jax.block_until_ready(jnp.copy(leaf))
            leaf.delete()
    return jax.tree.unflatten(form, leaves)


def initial_params(
    path: str, config: ModelConfig, tokenizer: Any, mesh: Mesh, rules: ShardingRules, log: Callable[[str], None]
) -> Any:
    """The weights in `path`, sharded, to be donated; CheckpointError where model or tokenizer do not match."""
    try:
        loaded = model_folder.load(path, dtype=config.param_dtype, mesh=mesh, rules=rules, log=log)
    except LoadingError as error:
        raise LoadingError(f"Train.init_from = {path!r}: {error}") from error
    check_start(path, loaded.config, config)
    ids = tokenizer.get_vocab()
    changed = sorted(token for token, id in loaded.tokenizer.get_vocab().items() if ids.get(token) != id)
    if changed:
        raise CheckpointError(
            f"Train.init_from = {path!r} was trained with another tokenizer: {len(changed):,} of its tokens have "
            f"another id here, or none, for example {changed[0]!r}. Prepare the data with the tokenizer of that folder."
        )
    return owned_by_devices(params_of(loaded.model))
