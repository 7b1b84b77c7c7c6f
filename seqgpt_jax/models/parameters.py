"""Parameters of any backbone: their shapes, their creation and their shardings.

Outside of the modules `params` is a pure dict of arrays: `nnx.to_pure_dict(nnx.state(model, nnx.Param))`.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh, NamedSharding

from seqgpt_jax.models.backbone import Backbone, ModelConfig
from seqgpt_jax.models.lora import LoraConfig, add_adapters, split_adapter
from seqgpt_jax.models.registry import family
from seqgpt_jax.models.sharding import ShardingRules


def abstract(config: ModelConfig, lora: LoraConfig | None = None) -> Backbone:
    """The model, with adapters where `lora` says so, with a `jax.ShapeDtypeStruct` for each parameter.

    Nothing is allocated. ValueError where the model lacks a target of `lora`.
    """
    # Not `nnx.eval_shape`, which under a mesh takes the logical axes of parameters for mesh axes.
    return nnx.merge(*jax.eval_shape(lambda: nnx.split(_initialized(config, jax.random.key(0), lora))))


def params_of(model: Backbone) -> dict[str, Any]:
    """The parameters of a model, abstract or not, as a pure dict."""
    return nnx.to_pure_dict(nnx.state(model, nnx.Param))


def from_params(config: ModelConfig, params: Mapping[str, Any], lora: LoraConfig | None = None) -> Backbone:
    """The model that holds `params`, those of its adapters among them."""
    graph, state = nnx.split(abstract(config, lora))
    nnx.replace_by_pure_dict(state, params)
    return nnx.merge(graph, state)


def create(
    config: ModelConfig, seed: int = 0, *, mesh: Mesh | None = None, rules: ShardingRules | None = None
) -> Backbone:
    """A newly initialized model; under a mesh each device computes only its own shard of each parameter.

    The values depend on `config` and `seed` alone, not on the mesh.

    Args:
      mesh, rules: how to shard the parameters; the default device without a mesh, the default rules without rules.
    """

    def init(key: jax.Array) -> dict[str, Any]:
        return params_of(_initialized(config, key))

    shardings = None if mesh is None else param_shardings(config, mesh, rules or ShardingRules())
    return from_params(config, jax.jit(init, out_shardings=shardings)(jax.random.key(seed)))


def axis_sizes(config: ModelConfig) -> dict[str, set[int]]:
    """Logical axis -> the sizes that it has in the parameters, each of which a mesh must divide."""
    state = nnx.state(abstract(config), nnx.Param)
    sizes: dict[str, set[int]] = {}

    def add(param: jax.ShapeDtypeStruct, logical: tuple[str | None, ...]) -> None:
        for name, size in zip(logical, param.shape, strict=True):
            if name is not None:
                sizes.setdefault(name, set()).add(size)

    jax.tree.map(add, nnx.to_pure_dict(state), nnx.to_pure_dict(nnx.get_partition_spec(state)))
    return sizes


def create_adapter(
    config: ModelConfig,
    lora: LoraConfig,
    seed: int = 0,
    *,
    mesh: Mesh | None = None,
    rules: ShardingRules | None = None,
) -> dict[str, Any]:
    """Newly initialized adapters, a pure dict of their parameters alone; arguments as for `create`."""

    def init(key: jax.Array) -> dict[str, Any]:
        return split_adapter(params_of(_initialized(config, key, lora)))[0]

    shardings = None
    if mesh is not None:
        shardings, _ = split_adapter(param_shardings(config, mesh, rules or ShardingRules(), lora))
    return jax.jit(init, out_shardings=shardings)(jax.random.key(seed))


def _initialized(config: ModelConfig, key: jax.Array, lora: LoraConfig | None = None) -> Backbone:
    rngs = nnx.Rngs(params=key)
    model = family(config.architecture).model(config, rngs=rngs)
    if lora:
        add_adapters(model, lora, rngs)
    return model


def param_shardings(
    config: ModelConfig, mesh: Mesh, rules: ShardingRules, lora: LoraConfig | None = None
) -> dict[str, Any]:
    """A `NamedSharding` for every parameter, from the logical axes that its module gave it, as a pure dict.

    Raises:
      ValueError: an unknown logical axis, a mesh axis used twice, or a size that the mesh does not divide.
    """
    state = nnx.state(abstract(config, lora), nnx.Param)

    def sharding_of(path: tuple[Any, ...], param: jax.ShapeDtypeStruct, logical: tuple[str | None, ...]):
        try:
            sharding = NamedSharding(mesh, rules.spec(*logical))
            sharding.shard_shape(param.shape)
        except ValueError as error:
            name = ".".join(str(key.key) for key in path)
            shards = math.prod(mesh.shape[axis] for axis in rules.mesh_axes("vocab")) if "vocab" in logical else 1
            hint = (
                f"; choose Mesh.tensor and Mesh.fsdp so that their product divides Model.vocab_size = {param.shape[0]}"
                if param.shape[0] % shards
                else ""
            )
            raise ValueError(f"parameter {name} {param.shape}, axes {tuple(logical)}: {error}{hint}") from None
        return sharding

    logical_axes = nnx.to_pure_dict(nnx.get_partition_spec(state))
    return jax.tree_util.tree_map_with_path(sharding_of, nnx.to_pure_dict(state), logical_axes)
