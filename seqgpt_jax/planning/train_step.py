"""The train step of a recipe, ready to be compiled for a slice."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqgpt_jax.planning.chips import Slice
from seqgpt_jax.planning.compiling import Compiled, compile_program, quiet_compiler
from seqgpt_jax.planning.workload import Workload

if TYPE_CHECKING:
    from seqgpt_jax.models.config import BloomConfig
    from seqgpt_jax.training.loop import TrainConfig
    from seqgpt_jax.training.optimizer import OptimizerConfig
    from seqgpt_jax.training.partitioning import MeshConfig


@dataclass(frozen=True)
class Recipe:
    """What a gin file says of a training run."""

    model: "BloomConfig"
    optimizer: "OptimizerConfig"
    train: "TrainConfig"
    mesh: "MeshConfig"

    def with_mesh(self, data: int, fsdp: int, tensor: int, **train: int) -> "Recipe":
        """The same run on another mesh, with other fields of Train."""
        mesh = dataclasses.replace(self.mesh, data=data, fsdp=fsdp, tensor=tensor)
        return dataclasses.replace(self, mesh=mesh, train=dataclasses.replace(self.train, **train))


def slice_mesh(recipe: Recipe, slice_: Slice) -> Any:
    """The recipe's mesh of the slice's chips.

    Raises:
      ValueError: no such slice, or the mesh does not fit it.
    """
    import jax
    from jax.experimental import topologies

    from seqgpt_jax.training.partitioning import make_mesh

    if recipe.mesh.replica != 1:
        raise ValueError(
            f"Mesh.replica = {recipe.mesh.replica}, but --topology is one slice: plan one of them, with "
            "--gin.Mesh.replica=1 and its share of Train.batch_size"
        )
    try:
        with quiet_compiler():
            described = topologies.get_topology_desc(
                platform="tpu",
                topology_name=slice_.name,
                chips_per_host_bounds=slice_.host,
                **dict(slice_.chip.options),
            )
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(f"--topology={slice_.name}: {error}") from None
    if len(described.devices) != slice_.chips:
        raise ValueError(
            f"--topology={slice_.name} should have {slice_.chips} chips; the compiler lists {len(described.devices)}"
        )
    return make_mesh(recipe.mesh, described.devices)


def compile_train_step(recipe: Recipe, slice_: Slice, workload: Workload) -> tuple[Compiled, dict[str, int]]:
    """(the compiled step of `training.step`, sizes of the mesh) for the slice.

    Raises:
      ValueError: recipe and slice contradict each other.
    """
    import jax
    from flax import nnx

    from seqgpt_jax.training.loop import abstract_state
    from seqgpt_jax.training.optimizer import make_optimizer, make_schedule
    from seqgpt_jax.training.partitioning import Rules, batch_sharding, check_batch
    from seqgpt_jax.training.step import make_train_step

    rules, train = Rules(), recipe.train
    mesh = slice_mesh(recipe, slice_)
    check_batch(train.batch_size, train.accumulate, mesh, rules)
    schedule = make_schedule(recipe.optimizer, 1000)
    optimizer = make_optimizer(recipe.optimizer, schedule)
    state = abstract_state(recipe.model, optimizer, mesh, rules)
    rows = batch_sharding(mesh, rules)
    batch = {
        name: jax.ShapeDtypeStruct((train.batch_size, width), dtype, sharding=rows)
        for name, width, dtype in batch_arrays(train.length, workload.target_capacity)
    }
    step = make_train_step(recipe.model, optimizer, schedule, mesh, accumulate=train.accumulate, rules=rules)
    with jax.set_mesh(mesh), nnx.logical_axis_rules(rules.pairs()):
        compiled = compile_program(
            step, (state, batch), {"parameters": state.params, "optimizer": state.opt_state, "batch": batch}
        )
    return compiled, dict(mesh.shape)


def block_flops_ratio(model: "BloomConfig", length: int) -> float:
    """FLOPs of one block and its gradient as XLA counts them, over those of `roofline.executed_flops`.

    One row through one block, as JAX lowers it, before any compilation; elementwise work makes the ratio a little more
    than 1. Of plain attention, because a kernel does not show what it does.
    """
    import jax
    import jax.numpy as jnp
    from flax import nnx

    from seqgpt_jax.models import bloom
    from seqgpt_jax.planning.roofline import executed_flops

    small = dataclasses.replace(model, n_layer=1, vocab_size=8, attention="plain")
    params = nnx.to_pure_dict(nnx.state(bloom.abstract(small), nnx.Param))
    row = jax.ShapeDtypeStruct((1, length), jnp.int32)

    def total(params: Any, tokens: Any) -> Any:
        return jnp.sum(bloom.from_params(small, params)(tokens, tokens, tokens).astype(jnp.float32))

    counted = jax.jit(jax.grad(total)).lower(params, row).cost_analysis()["flops"]
    mine = executed_flops(small, batch_size=1, length=length, target_capacity=0, shares=1)
    return counted / sum(mine.values())


def batch_arrays(length: int, target_capacity: int) -> list[tuple[str, int, Any]]:
    """(name, width, dtype) of the arrays that `seqgpt_jax.data.batches` feeds."""
    import jax.numpy as jnp

    inputs = [(name, length, jnp.dtype("int32")) for name in ("tokens", "positions", "segment_ids")]
    targets = [(name, target_capacity, jnp.dtype("int32")) for name in ("target_positions", "target_ids")]
    return [*inputs, *targets, ("target_weights", target_capacity, jnp.dtype("float32"))]
