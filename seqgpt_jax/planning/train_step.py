"""The train step of a recipe, ready to be compiled for a slice."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqgpt_jax.planning.slices import Slice
from seqgpt_jax.planning.tpu_compiler import Compiled, compile_program, slice_devices
from seqgpt_jax.planning.workload import Workload

if TYPE_CHECKING:
    from seqgpt_jax.models.backbone import ModelConfig
    from seqgpt_jax.training.config import TrainConfig
    from seqgpt_jax.training.optimizer import OptimizerConfig
    from seqgpt_jax.training.partitioning import MeshConfig


@dataclass(frozen=True)
class Recipe:
    """What a gin file says of a training run."""

    model: "ModelConfig"
    optimizer: "OptimizerConfig"
    train: "TrainConfig"
    mesh: "MeshConfig"

    def replaced(self, part: str, **fields: Any) -> "Recipe":
        """The same run with other values of some fields of "model", "optimizer", "train" or "mesh"."""
        return dataclasses.replace(self, **{part: dataclasses.replace(getattr(self, part), **fields)})


def slice_mesh(recipe: Recipe, slice_: Slice) -> Any:
    """The recipe's mesh of the slice's chips.

    Raises:
      ValueError: no such slice, or the mesh does not fit it.
    """
    from seqgpt_jax.training.partitioning import make_mesh

    if recipe.mesh.replica != 1:
        raise ValueError(
            f"Mesh.replica = {recipe.mesh.replica}, but --topology is one slice: plan one of them, with "
            "--gin.Mesh.replica=1 and its share of Train.batch_size"
        )
    return make_mesh(recipe.mesh, slice_devices(slice_))


def compile_train_step(recipe: Recipe, slice_: Slice, workload: Workload) -> tuple[Compiled, dict[str, int]]:
    """(the compiled step of `training.step`, sizes of the mesh) for the slice.

    Raises:
      ValueError: recipe and slice contradict each other.
    """
    import jax

    from seqgpt_jax.data.batches import pack
    from seqgpt_jax.models.sharding import ShardingRules, use_sharding
    from seqgpt_jax.training.initial_state import abstract_state
    from seqgpt_jax.training.optimizer import make_optimizer, make_schedule
    from seqgpt_jax.training.partitioning import batch_sharding, check_batch
    from seqgpt_jax.training.step import make_train_step

    if recipe.model.param_dtype != "float32":
        raise ValueError("Model.param_dtype must be 'float32' in training; Model.dtype is that of computation")
    rules, train = ShardingRules(), recipe.train
    mesh = slice_mesh(recipe, slice_)
    check_batch(train.batch_size, train.accumulate, mesh, rules)
    schedule = make_schedule(recipe.optimizer, 1000)
    optimizer = make_optimizer(recipe.optimizer, schedule)
    state = abstract_state(recipe.model, optimizer, mesh, rules)
    rows = batch_sharding(mesh, rules)
    batch = {
        name: jax.ShapeDtypeStruct((train.batch_size, *row.shape), row.dtype, sharding=rows)
        for name, row in pack([], train.length, workload.target_capacity).items()
    }
    step = make_train_step(recipe.model, optimizer, schedule, mesh, accumulate=train.accumulate, rules=rules)
    with use_sharding(mesh, rules):
        compiled = compile_program(
            step, (state, batch), {"parameters": state.params, "optimizer": state.opt_state, "batch": batch}
        )
    return compiled, dict(mesh.shape)


def block_flops_ratio(model: "ModelConfig", length: int) -> float:
    """FLOPs of one block and its gradient as XLA counts them, over those of `roofline.executed_flops`.

    One row through one block, as JAX lowers it, before any compilation; elementwise work makes the ratio a little more
    than 1. Of plain attention, because a kernel does not show what it does.
    """
    import jax
    import jax.numpy as jnp

    from seqgpt_jax.models.parameters import abstract, from_params, params_of
    from seqgpt_jax.planning.roofline import executed_flops

    small = dataclasses.replace(model, n_layer=1, vocab_size=8, attention="plain")
    params = params_of(abstract(small))
    row = jax.ShapeDtypeStruct((1, length), jnp.int32)

    def total(params: Any, tokens: Any) -> Any:
        return jnp.sum(from_params(small, params)(tokens, tokens, tokens).astype(jnp.float32))

    counted = jax.jit(jax.grad(total)).lower(params, row).cost_analysis()["flops"]
    mine = executed_flops(small, batch_size=1, length=length, target_capacity=0, shares=1)
    return counted / sum(mine.values())
