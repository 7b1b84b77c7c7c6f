"""A mesh for a recipe and a slice: guessed by arithmetic, then compiled until one fits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seqgpt_jax.planning.chips import Slice
from seqgpt_jax.planning.report import Plan, make_plan
from seqgpt_jax.planning.roofline import executed_flops
from seqgpt_jax.planning.train_step import Recipe, compile_train_step
from seqgpt_jax.planning.workload import Workload
from seqgpt_jax.training.partitioning import Rules

# What the compiler keeps for itself, as a share of the memory.
_RESERVED = 0.03
_COMPILED_AT_MOST = 4


@dataclass(frozen=True)
class Candidate:
    """One way to use a slice, and a rough idea of it.

    Attributes:
      recipe: with the mesh and the number of micro-batches in place.
      bytes: on each chip.
      seconds: of a step.
    """

    recipe: Recipe
    bytes: float
    seconds: float


def best_plan(recipe: Recipe, slice_: Slice, workload: Workload, say: Callable[[str], None] = lambda _: None) -> Plan:
    """The plan of the fastest candidate that fits; of the one that seemed to need least memory where none does.

    Args:
      recipe: its batch, length and model stay; its mesh and number of micro-batches are chosen.
      slice_: the chips.
      workload: the data.
      say: told of each candidate before it is compiled.

    Raises:
      ValueError: the batch splits over no mesh of these chips.
    """
    found = sorted(candidates(recipe, slice_, workload), key=lambda one: one.seconds)
    if not found:
        raise ValueError(
            f"Train.batch_size = {recipe.train.batch_size} splits over no mesh of {slice_.chips} chips on which the "
            f"model's {recipe.model.n_head} heads split too: make it a multiple of {slice_.chips}"
        )
    room = (1 - _RESERVED) * slice_.chip.hbm_bytes
    promising = [one for one in found if one.bytes <= room] or [min(found, key=lambda one: one.bytes)]
    plan = None
    for one in promising[:_COMPILED_AT_MOST]:
        mesh, train = one.recipe.mesh, one.recipe.train
        say(
            f"trying data {mesh.data} x fsdp {mesh.fsdp} x tensor {mesh.tensor}, accumulate {train.accumulate}: "
            f"about {one.bytes / 2**30:.1f} GiB a chip, {one.seconds:.2f} s a step"
        )
        plan = make_plan(one.recipe, slice_, workload, *compile_train_step(one.recipe, slice_, workload))
        if plan.fits:
            break
    assert plan is not None
    return plan


def candidates(recipe: Recipe, slice_: Slice, workload: Workload) -> Iterator[Candidate]:
    """Every mesh of the slice's chips and every number of micro-batches that batch and heads allow."""
    batch, chips = recipe.train.batch_size, slice_.chips
    for tensor in _divisors(math.gcd(chips, recipe.model.n_head)):
        for fsdp in _divisors(chips // tensor):
            data = chips // tensor // fsdp
            if batch % (data * fsdp):
                continue
            # Where eight micro-batches are not enough, a larger slice is.
            for accumulate in (1, 2, 4, 8):
                if batch % (data * fsdp * accumulate) == 0:
                    changed = recipe.with_mesh(data, fsdp, tensor, accumulate=accumulate)
                    yield Candidate(
                        changed, _bytes(changed, data, fsdp, tensor), _seconds(changed, slice_, workload, fsdp, tensor)
                    )


def _divisors(number: int) -> list[int]:
    return [size for size in range(1, number + 1) if number % size == 0]


def _bytes(recipe: Recipe, data: int, fsdp: int, tensor: int) -> float:
    """Roughly what a chip must hold: state, gradients, what the backward pass keeps, the table and the logits."""
    model, train = recipe.model, recipe.train
    D, V, parameters = model.hidden_size, model.vocab_size, model.num_params()
    rows = train.batch_size / (data * fsdp * train.accumulate)
    state = 16 * parameters / (fsdp * tensor) * (1.25 if train.accumulate > 1 else 1)
    kept = {"full": 2 * D, "dots": 18 * D, "none": 60 * D}[model.remat] * model.n_layer * rows * train.length
    scores = 12 * rows * model.n_head * train.length**2 / tensor if model.attention == "plain" else 0
    block = rows * train.length * D * (8 + 32 / tensor)
    sizes = {"data": data, "fsdp": fsdp, "tensor": tensor}
    pieces = math.prod(sizes.get(axis, 1) for axis in Rules().mesh_axes("vocab"))
    table = 14 * V * D / pieces if pieces < fsdp * tensor else 0
    return state + kept + scores + block + table + 0.75 * 2**30


def _seconds(recipe: Recipe, slice_: Slice, workload: Workload, fsdp: int, tensor: int) -> float:
    """Roughly how long a step takes: arithmetic, or links where they are slower."""
    model, train = recipe.model, recipe.train
    sizes = {"batch_size": train.batch_size, "length": train.length, "target_capacity": workload.target_capacity}
    arithmetic = sum(executed_flops(model, **sizes, shares=slice_.chips).values()) / slice_.chip.flops
    parameters = model.num_params() / tensor
    # Weights in bfloat16 are gathered twice and gradients in float32 scattered once for each micro-batch.
    gathered = 8 * parameters * train.accumulate * (fsdp - 1) / fsdp / slice_.gather_bandwidth(fsdp)
    copies = slice_.chips // (fsdp * tensor)
    copied = 8 * parameters / fsdp * (copies - 1) / copies / slice_.gather_bandwidth(copies)
    tokens = train.batch_size * train.length * tensor / slice_.chips
    # Two sums over the tensor axis in each block forward, two backward, and those that are done again.
    sums = {"none": 4, "dots": 4, "full": 6}[model.remat]
    summed = 4 * sums * model.n_layer * tokens * model.hidden_size * (tensor - 1) / tensor
    return max(arithmetic, gathered) + copied + summed / slice_.gather_bandwidth(tensor)
