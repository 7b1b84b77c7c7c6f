"""Sharding rules: which mesh axes split which logical axis of an array.

Parameters and activations name their axes by meaning ("batch", "embed", "heads", …). `ShardingRules` maps each name to
mesh axes. One object serves creation, loading and the train step:

    model = backbone.create(config, seed=0, mesh=mesh, rules=rules)     # every device creates its own shards only
    with use_sharding(mesh, rules):                                     # around jit, so that it is seen while tracing
        hidden_BxLxD = jax.jit(lambda model, *batch: model(*batch))(model, tokens, positions, segment_ids)

Outside of `use_sharding` nothing is split and `constrain` does nothing. Axes of the mesh are of type `AxisType.Auto`.
"""

import contextlib
import contextvars
import dataclasses
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import jax
from jax.sharding import Mesh, PartitionSpec

MeshAxes = str | tuple[str, ...] | None


@dataclass(frozen=True)
class ShardingRules:
    """Logical axis -> mesh axis, or a tuple of them with the outermost first, or None where it is not split."""

    batch: MeshAxes = ("replica", "data", "fsdp")
    length: MeshAxes = None
    layers: MeshAxes = None
    # Split by fsdp although that splits the batch too: `models.vocab_embedding` says why, and why fsdp is last.
    vocab: MeshAxes = ("tensor", "fsdp")
    embed: MeshAxes = "fsdp"
    mlp: MeshAxes = "tensor"
    heads: MeshAxes = "tensor"
    kv_heads: MeshAxes = "tensor"
    qkv: MeshAxes = None
    head_dim: MeshAxes = None

    def mesh_axes(self, logical: str) -> tuple[str, ...]:
        """The mesh axes that split one logical axis, the outermost first; () where nothing does.

        Raises:
          ValueError: there is no such logical axis; the message has the closest names.
        """
        known = {field.name for field in dataclasses.fields(self)}
        if logical not in known:
            close = difflib.get_close_matches(logical, known, n=3, cutoff=0.4) or sorted(known)
            raise ValueError(f"no rule for the logical axis {logical!r}; closest: {', '.join(close)}")
        axes = getattr(self, logical)
        return () if axes is None else (axes,) if isinstance(axes, str) else tuple(axes)

    def spec(self, *logical: str | None) -> PartitionSpec:
        """The partition of an array with these logical axes (None: not split).

        >>> tuple(ShardingRules().spec("batch", None, "mlp"))
        (('replica', 'data', 'fsdp'), None, 'tensor')

        Raises:
          ValueError: an unknown logical axis, or a mesh axis that would be used twice.
        """
        axes = [() if name is None else self.mesh_axes(name) for name in logical]
        used = [axis for group in axes for axis in group]
        twice = sorted({axis for axis in used if used.count(axis) > 1})
        if twice:
            raise ValueError(f"an array with axes {logical} would use the mesh axis {twice[0]!r} twice: {axes}")
        return PartitionSpec(*(group if len(group) > 1 else group[0] if group else None for group in axes))


_RULES: contextvars.ContextVar[ShardingRules | None] = contextvars.ContextVar("sharding rules", default=None)


@contextlib.contextmanager
def use_sharding(mesh: Mesh, rules: ShardingRules) -> Iterator[None]:
    """Sets the mesh (`jax.set_mesh`) and the rules for everything that is traced inside."""
    token = _RULES.set(rules)
    try:
        with jax.set_mesh(mesh):
            yield
    finally:
        _RULES.reset(token)


def current_rules() -> ShardingRules | None:
    """The rules of the enclosing `use_sharding`; None outside of it."""
    return None if jax.sharding.get_abstract_mesh().empty else _RULES.get()


def mesh_axes(logical: str) -> tuple[str, ...]:
    """The mesh axes that split the logical axis, the outermost first; () outside of `use_sharding`.

    Raises:
      ValueError: there is no such logical axis.
    """
    rules = current_rules()
    return () if rules is None else rules.mesh_axes(logical)


def constrain(x: jax.Array, *logical: str | None) -> jax.Array:
    """`x`, of any shape, sharded by the logical names of its axes; `x` itself outside of `use_sharding`.

    Raises:
      ValueError: an unknown logical axis, or a mesh axis that would be used twice.
    """
    rules = current_rules()
    return x if rules is None else jax.lax.with_sharding_constraint(x, rules.spec(*logical))
