"""Device mesh, and sharding of batches, parameters and optimizer state.

Arrays have logical axes (`ShardingRules` has one field for each); a mesh has four axes:

    replica  slices, each with full copies of the model: only gradients cross the slow network between slices
    data     data parallelism: full copies of the model, each with its own rows of the batch
    fsdp     rows of the batch again, with parameters and optimizer state sharded as well (ZeRO-3)
    tensor   tensor parallelism: heads, hidden units of the MLP and vocabulary are sharded

A slice is a set of devices with a fast interconnect, such as a TPU slice; JAX reports the slice of each device
(`slice_index`). A single device is a 1 x 1 x 1 x 1 mesh; nothing else in the code depends on the number of devices.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.lora import LoraConfig, split_adapter
from seqgpt_jax.models.parameters import abstract, param_shardings, params_of
from seqgpt_jax.models.sharding import ShardingRules

MESH_AXES = ("replica", "data", "fsdp", "tensor")
_AUTO = (AxisType.Auto,) * len(MESH_AXES)


@dataclass(frozen=True)
class MeshConfig:
    """Size of each mesh axis; -1 on one of them means all remaining devices.

    Attributes:
      data: copies of the model on each slice.
      fsdp: shards of parameters, optimizer state and batch.
      tensor: shards of heads, MLP and vocabulary.
      replica: slices, each with its own copies; on a single slice the same as `data`.
    """

    data: int = 1
    fsdp: int = -1
    tensor: int = 1
    replica: int = 1

    def __post_init__(self):
        sizes = dataclasses.asdict(self)
        for name, size in sizes.items():
            if size < 1 and size != -1:
                raise ValueError(f"Mesh.{name} = {size}: must be a number of devices, or -1 for all remaining ones")
        if list(sizes.values()).count(-1) > 1:
            raise ValueError(f"Mesh: only one of {', '.join(MESH_AXES)} can be -1, not {sizes}")


def make_mesh(config: MeshConfig, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh of all devices with the axes `MESH_AXES`, of type Auto (the compiler propagates shardings).

    Raises:
      ValueError: the sizes do not fit the devices, or Mesh.replica is not their number of slices.
    """
    devices = list(devices) if devices is not None else jax.devices()
    sizes = [getattr(config, axis) for axis in MESH_AXES]
    given = math.prod(size for size in sizes if size != -1)
    if len(devices) % given or (-1 not in sizes and len(devices) != given):
        product = " x ".join(f"Mesh.{axis}" for axis in MESH_AXES)
        raise ValueError(
            f"{product} = {' x '.join(map(str, sizes))} does not fit {len(devices)} devices: set them so that the "
            + ("others divide that number" if -1 in sizes else "product is that number, or one of them to -1")
        )
    replica, *within = (len(devices) // given if size == -1 else size for size in sizes)
    slices: dict[int, list[jax.Device]] = {}
    for device in devices:
        slices.setdefault(getattr(device, "slice_index", 0), []).append(device)
    if len(slices) == 1:
        return jax.make_mesh((replica, *within), MESH_AXES, axis_types=_AUTO, devices=devices)
    if len(slices) != replica:
        raise ValueError(
            f"Mesh.replica = {replica}, but the {len(devices)} devices are of {len(slices)} slices: "
            f"set it to {len(slices)}, so that only gradients cross the network between slices"
        )
    counts = {index: len(members) for index, members in sorted(slices.items())}
    if len(set(counts.values())) > 1:
        raise ValueError(f"Mesh: slices of different sizes cannot form one mesh (devices by slice: {counts})")
    # JAX orders the devices of a slice by its interconnect topology; the slices are stacked along `replica`.
    meshes = [jax.make_mesh((1, *within), MESH_AXES, axis_types=_AUTO, devices=slices[index]) for index in counts]
    return Mesh(np.concatenate([mesh.devices for mesh in meshes]), MESH_AXES, axis_types=_AUTO)


def batch_sharding(mesh: Mesh, rules: ShardingRules) -> NamedSharding:
    """Sharding of every array [B, …] of a batch: by rows."""
    return NamedSharding(mesh, rules.spec("batch"))


def check_batch(batch_size: int, accumulate: int, mesh: Mesh, rules: ShardingRules) -> None:
    """ValueError unless every micro-batch splits evenly over the devices that share the batch."""
    axes = rules.mesh_axes("batch")
    shards = math.prod(mesh.shape[axis] for axis in axes)
    if batch_size % (shards * accumulate):
        unit = shards * accumulate
        raise ValueError(
            f"Train.batch_size = {batch_size} cannot be split into {accumulate} micro-batches (Train.accumulate) "
            f"over {shards} devices (mesh axes {', '.join(axes)}): make it a multiple of {unit}, "
            f"for example {max(1, round(batch_size / unit)) * unit}"
        )


def host_rows(mesh: Mesh, rules: ShardingRules, batch_size: int, process: int | None = None) -> tuple[int, int]:
    """(index, count): this process, or `process`, feeds part `index` of `count` equal parts of the global batch.

    Which rows of the global array a part becomes is up to `global_batch`; they need not be adjacent: JAX orders the
    chips of a slice along its rings, and those of a host are a square in it. Processes that share rows (the tensor axis
    crosses hosts) get the same index, so `count` is not always the number of processes. Where some share only part of
    their rows, all feed the whole batch: (0, 1).
    """
    process = jax.process_index() if process is None else process
    rows: dict[int, set[tuple[int, int]]] = {}
    for device, index in batch_sharding(mesh, rules).devices_indices_map((batch_size,)).items():
        rows.setdefault(device.process_index, set()).add(index[0].indices(batch_size)[:2])
    parts = sorted({tuple(sorted(spans)) for spans in rows.values()})
    disjoint = sum(map(len, parts)) == len(set().union(*rows.values()))
    if not disjoint or len({len(spans) for spans in parts}) > 1:
        return 0, 1
    return parts.index(tuple(sorted(rows[process]))), len(parts)


def global_batch(batch: Mapping[str, np.ndarray], batch_size: int, sharding: NamedSharding) -> dict[str, jax.Array]:
    """Arrays [batch_size, …] of the rows that the processes feed, each its part by `host_rows`."""
    return {
        name: jax.make_array_from_process_local_data(sharding, array, (batch_size, *array.shape[1:]))
        for name, array in batch.items()
    }


def state_shardings(
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    rules: ShardingRules,
    lora: LoraConfig | None = None,
) -> Any:
    """(shardings of the trained parameters, of the optimizer's state): what mirrors a parameter lies as it does."""
    params, shapes = param_shardings(config, mesh, rules, lora), params_of(abstract(config, lora))
    if lora:
        (params, _), (shapes, _) = split_adapter(params), split_adapter(shapes)
    everywhere = NamedSharding(mesh, PartitionSpec())
    opt_state = optax.tree_map_params(
        optimizer,
        lambda _, sharding: sharding,
        jax.eval_shape(optimizer.init, shapes),
        params,
        transform_non_params=lambda _: everywhere,
    )
    return params, opt_state
