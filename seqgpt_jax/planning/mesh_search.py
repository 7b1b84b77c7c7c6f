"""Search for the mesh and the micro-batches of a recipe on a slice: ranked by estimates, then compiled."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from seqgpt_jax.models.parameters import axis_sizes
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.models.vocab_embedding import gathering_table_is_cheaper
from seqgpt_jax.planning.activations import kept_activations
from seqgpt_jax.planning.report import TrainingPlan, plan_training
from seqgpt_jax.planning.roofline import executed_flops
from seqgpt_jax.planning.slices import Slice
from seqgpt_jax.planning.train_step import Recipe, compile_train_step
from seqgpt_jax.planning.workload import Workload
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.hardware import GIB

_COMPILED_AT_MOST = 4
_NO_CANDIDATE_FITS = "nothing that was tried fits: take a larger slice, or chips with more memory"
# What `models.flash_attention.splash` takes.
_SPLASH_UNIT = 128


@dataclass(frozen=True)
class Candidate:
    """One way to use a slice, and a rough idea of it.

    Attributes:
      recipe: with mesh and number of micro-batches in place.
      bytes: on each chip.
      row_seconds: of a step, for each row of its batch.
    """

    recipe: Recipe
    bytes: float
    row_seconds: float


def best_plan(
    recipe: Recipe,
    slice_: Slice,
    workload_of: Callable[[TrainConfig], Workload],
    log: Callable[[str], None] = lambda _: None,
) -> TrainingPlan:
    """The plan of the fastest candidate that fits, with what it changes in the recipe (`TrainingPlan.changes`).

    Mesh and number of micro-batches are chosen first, as they do not change the result of training. Where nothing
    fits so, `variants` says what else is tried, one after the other. Where nothing fits at all, it is the plan of what
    was tried last, or of what seems to need least.

    Args:
      recipe: what to start from.
      slice_: the chips.
      workload_of: the data, as a step of these settings sees it.
      log: called with a line for each candidate before it is compiled.
    """
    plan, smallest, correction = None, None, 1.0
    for variant in variants(recipe, slice_.chips):
        compiled = 0
        workload = workload_of(variant.train)
        for one in sorted(candidates(variant, slice_, workload), key=lambda one: one.row_seconds):
            if smallest is None or one.bytes < smallest[0].bytes:
                smallest = one, workload
            if correction * one.bytes > slice_.chip.hbm_bytes or compiled == _COMPILED_AT_MOST:
                continue
            plan, compiled = _plan(recipe, one, slice_, workload, log), compiled + 1
            if plan.fits:
                return plan
            # Guesses are off in the same way for all of them.
            correction = max(correction, plan.bytes_per_chip.get("needed", 0.0) / one.bytes)
    assert smallest is not None, "one row on each of the chips always splits"
    plan = plan or _plan(recipe, smallest[0], slice_, smallest[1], log)
    return plan if plan.fits else dataclasses.replace(plan, problem=f"{plan.problem}\n{_NO_CANDIDATE_FITS}")


def _plan(asked: Recipe, one: Candidate, slice_: Slice, workload: Workload, log: Callable[[str], None]) -> TrainingPlan:
    changed = changes(asked, one.recipe)
    words = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the recipe as it is"
    log(f"trying {words}: about {one.bytes / GIB:.1f} GiB a chip")
    plan = plan_training(one.recipe, slice_, workload, *compile_train_step(one.recipe, slice_, workload))
    return dataclasses.replace(plan, changes=changed)


def changes(asked: Recipe, recipe: Recipe) -> dict[str, Any]:
    """Settings of `recipe` that are not those of `asked`, by the names that gin has for them."""
    return {
        f"{config.capitalize()}.{field.name}": value
        for config in ("mesh", "train", "model", "optimizer")
        for field in dataclasses.fields(getattr(recipe, config))
        if (value := getattr(getattr(recipe, config), field.name)) != getattr(getattr(asked, config), field.name)
    }


def variants(recipe: Recipe, chips: int) -> Iterator[Recipe]:
    """The recipe, then what needs less memory, each on top of the one before.

    First what gives the same numbers (attention without scores, rematerialisation), then a mean of gradients in
    bfloat16, then a smaller batch, which is another recipe: one that needs no sum of gradients over micro-batches.
    """
    yield recipe
    if recipe.model.attention == "plain" and recipe.train.length % _SPLASH_UNIT == 0:
        recipe = recipe.replaced("model", attention="splash")
        yield recipe
    if recipe.model.remat != "full":
        recipe = recipe.replaced("model", remat="full")
        yield recipe
    if recipe.optimizer.moment_dtype != "bfloat16":
        recipe = recipe.replaced("optimizer", moment_dtype="bfloat16")
        yield recipe
    rows = max(chips, (recipe.train.batch_size - 1) // chips * chips)
    while rows != recipe.train.batch_size:
        recipe = recipe.replaced("train", batch_size=rows)
        yield recipe
        rows = max(chips, rows // chips // 2 * chips)


def candidates(recipe: Recipe, slice_: Slice, workload: Workload) -> Iterator[Candidate]:
    """Every mesh of the slice's chips and every number of micro-batches that batch and model allow."""
    rows, chips = recipe.train.batch_size, slice_.chips
    axes = axis_sizes(recipe.model)
    for tensor in _divisors(chips):
        for fsdp in _divisors(chips // tensor):
            sizes = {"data": chips // tensor // fsdp, "fsdp": fsdp, "tensor": tensor}
            if any(size % _parts(axis, sizes) for axis, of_axis in axes.items() for size in of_axis):
                continue
            on_chip, left_over = divmod(rows, _parts("batch", sizes))
            for accumulate in _divisors(on_chip) if not left_over else ():
                changed = recipe.replaced("mesh", **sizes).replaced("train", accumulate=accumulate)
                seconds = _seconds(changed, slice_, workload, fsdp, tensor)
                yield Candidate(changed, guess_bytes(changed, sizes), seconds / rows)


def guess_bytes(recipe: Recipe, sizes: Mapping[str, int]) -> float:
    """Roughly what a chip must hold: state, gradients, what the backward pass keeps, the table and the logits.

    Args:
      recipe: settings of the step, without its mesh.
      sizes: mesh axis -> devices along it.
    """
    model, train, tensor = recipe.model, recipe.train, sizes["tensor"]
    D, V = model.hidden_size, model.vocab_size
    rows = train.batch_size / (_parts("batch", sizes) * train.accumulate)
    tokens = rows * train.length
    # Weights, squares and gradients in float32, and with micro-batches a sum of gradients.
    each = 12 + jnp.dtype(recipe.optimizer.moment_dtype).itemsize + (4 if train.accumulate > 1 else 0)
    state = each * model.num_params() / (sizes["fsdp"] * tensor)
    of_token = kept_activations(model)
    kept = (of_token.whole + of_token.split / tensor) * model.n_layer * tokens
    scores = 9 * rows * model.n_head * train.length**2 / tensor if model.attention == "plain" else 0
    # The block that is on: its products and their gradients.
    products = kept_activations(dataclasses.replace(model, remat="dots")).split
    block = tokens * (8 * D + 2 * products / tensor)
    # Where it is less to send, a chip gathers the table of its group, and adds up a gradient of that size.
    own = V // _parts("vocab", sizes)
    travels = gathering_table_is_cheaper(own, tokens, model.dtype, model.dtype)
    table = 6 * D * own * _parts("vocab", sizes, within="batch") if travels else 0
    return state + kept + scores + block + table + 0.75 * GIB


def _parts(logical: str, sizes: Mapping[str, int], *, within: str | None = None) -> int:
    """Into how many parts the rules split a logical axis; with `within`, along mesh axes that split that one too."""
    axes = ShardingRules().mesh_axes(logical)
    also = axes if within is None else ShardingRules().mesh_axes(within)
    return math.prod(sizes.get(axis, 1) for axis in axes if axis in also)


def _divisors(number: int) -> list[int]:
    return [size for size in range(1, number + 1) if number % size == 0]


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
