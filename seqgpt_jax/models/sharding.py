"""Where arrays lie on the mesh of the context: logical names of axes, and the rules that give each its mesh axes.

    with jax.set_mesh(mesh), nnx.logical_axis_rules(rules):         # around jit, so that it is seen while tracing

Without a mesh or without rules nothing is split and `constrain` does nothing. `with mesh:` instead of
`jax.set_mesh(mesh)` would leave constraints out silently, and the mesh needs `axis_types=(AxisType.Auto,) * n`.
"""

from collections.abc import Sequence

import jax
from flax.core.spmd import get_logical_axis_rules
from jax.sharding import PartitionSpec

Rules = Sequence[tuple[str, str | tuple[str, ...] | None]]


def mesh_axes(name: str) -> tuple[str, ...]:
    """The mesh axes that split the logical axis `name`, the outermost first; () without a mesh or rules.

    Raises:
      ValueError: the rules in force lack the name.
    """
    axes = _in_force(name).get(name)
    return () if axes is None else (axes,) if isinstance(axes, str) else tuple(axes)


def constrain(x: jax.Array, *names: str | None) -> jax.Array:
    """`x` laid out over the mesh by the logical names of its axes; `x` itself without a mesh or rules.

    Raises:
      ValueError: the rules in force lack a name.
    """
    rules = _in_force(*names)
    if not rules:
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec(*(rules[name] if name else None for name in names)))


def _in_force(*names: str | None) -> dict[str, str | tuple[str, ...] | None]:
    """The rules, {} where nothing is to be split; they have these names."""
    rules = dict(get_logical_axis_rules())
    if not rules or jax.sharding.get_abstract_mesh().empty:
        return {}
    missing = sorted({name for name in names if name is not None and name not in rules})
    if missing:
        raise ValueError(f"the logical axis rules lack {', '.join(missing)}; they have {', '.join(sorted(rules))}")
    return rules
