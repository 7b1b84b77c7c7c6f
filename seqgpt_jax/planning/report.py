"""A plan as numbers (`Plan.to_json`) and as text."""

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from seqgpt_jax.planning.chips import GIB, Slice
from seqgpt_jax.planning.compiling import Compiled
from seqgpt_jax.planning.hlo import Part, read_program
from seqgpt_jax.planning.roofline import Phase, executed_flops, phases
from seqgpt_jax.planning.train_step import Recipe, block_flops_ratio
from seqgpt_jax.planning.workload import Workload
from seqgpt_jax.training.metrics import duration, model_flops


@dataclass(frozen=True)
class Plan:
    """What is known of one train step on one slice.

    Attributes:
      topology, chips, mesh: the slice and how it is used.
      batch_size, length, accumulate, target_capacity, remat, attention: of the step.
      parameters: of the model.
      fits: whether it compiled.
      bytes_per_chip: by kind; "total" too where it is known.
      hbm_bytes: of a chip.
      problem: the compiler's message where it does not fit.
      compile_seconds: on this machine.
      collectives: kind and dtype -> how often in a step, and bytes that a chip receives.
      phases: parts of the step and their times.
      roofline_step_seconds, roofline_mfu: None where it does not fit. MFU counts useful work alone (`model_flops`).
      executed_flops_per_chip: with padding and rematerialisation.
      block_flops_ratio: XLA's count for one block over the analytic one.
      limit: what makes the step as slow as it is.
      steps, hours, chip_hours: of the whole run, where the size of the data is known.
      data: where the assumptions on the data are from.
    """

    topology: str
    chips: int
    mesh: dict[str, int]
    batch_size: int
    length: int
    accumulate: int
    target_capacity: int
    remat: str
    attention: str
    parameters: int
    fits: bool
    bytes_per_chip: dict[str, float]
    hbm_bytes: int
    problem: str
    compile_seconds: float
    data: str
    steps: int | None
    collectives: dict[str, dict[str, float]] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    roofline_step_seconds: float | None = None
    roofline_mfu: float | None = None
    executed_flops_per_chip: float | None = None
    block_flops_ratio: float | None = None
    limit: str | None = None
    hours: float | None = None
    chip_hours: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON keeps it."""
        values = dataclasses.asdict(self)
        values["phases"] = [
            dataclasses.asdict(one) | {"seconds": one.seconds, "limit": one.limit} for one in self.phases
        ]
        return values


def make_plan(recipe: Recipe, slice_: Slice, workload: Workload, compiled: Compiled, mesh: dict[str, int]) -> Plan:
    """All that follows from a compiled step."""
    model, train = recipe.model, recipe.train
    sizes = dict(compiled.bytes)
    if compiled.fits:
        sizes["total"] = sum(sizes.values())
    plan = Plan(
        topology=slice_.name,
        chips=slice_.chips,
        mesh=mesh,
        batch_size=train.batch_size,
        length=train.length,
        accumulate=train.accumulate,
        target_capacity=workload.target_capacity,
        remat=model.remat,
        attention=model.attention,
        parameters=model.num_params(),
        fits=compiled.fits,
        bytes_per_chip=sizes,
        hbm_bytes=slice_.chip.hbm_bytes,
        problem=compiled.problem,
        compile_seconds=round(compiled.seconds, 1),
        data=workload.source,
        steps=workload.steps,
    )
    if not compiled.fits:
        return plan
    parts = read_program(compiled.text)
    flops = executed_flops(
        model,
        batch_size=train.batch_size,
        length=train.length,
        target_capacity=workload.target_capacity,
        shares=slice_.chips,
    )
    made = phases(parts, flops, slice_)
    seconds = sum(one.seconds for one in made)
    tokens, supervised, keys = (train.batch_size * value for value in workload.row(train.length))
    useful = model_flops(model, tokens=tokens, supervised=supervised, keys=keys)
    hours = None if workload.steps is None else workload.steps * seconds / 3600
    slowest = max(made, key=lambda one: one.seconds)
    return dataclasses.replace(
        plan,
        collectives=summed(parts),
        phases=made,
        roofline_step_seconds=seconds,
        roofline_mfu=useful / seconds / (slice_.chips * slice_.chip.flops),
        executed_flops_per_chip=sum(flops.values()),
        block_flops_ratio=block_flops_ratio(model, train.length),
        limit=f"{slowest.limit} in {slowest.name}",
        hours=hours,
        chip_hours=None if hours is None else hours * slice_.chips,
    )


def summed(parts: dict[str, Part]) -> dict[str, dict[str, float]]:
    """Collectives by part, kind and dtype: how often in a step, and the bytes that a chip receives in all of them."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: {"count": 0, "bytes": 0.0})
    for part in parts.values():
        for one in part.collectives:
            entry = found[f"{part.name}: {one.kind} {one.dtype}"]
            entry["count"] += one.times
            entry["bytes"] += one.times * one.bytes
    return dict(sorted(found.items(), key=lambda item: -item[1]["bytes"]))


def print_plan(plan: Plan, slice_: Slice, console: Console) -> None:
    """The plan as tables."""
    shape = " x ".join(f"{name} {size}" for name, size in plan.mesh.items())
    micro = f" in {plan.accumulate} micro-batches" if plan.accumulate > 1 else ""
    console.print(
        f"{plan.parameters:,} parameters on {plan.topology}: {plan.chips} x TPU {slice_.chip.name}, mesh {shape}\n"
        f"batch {plan.batch_size} x {plan.length}{micro}, {plan.target_capacity} targets a row, "
        f"remat {plan.remat}, {plan.attention} attention; {plan.data}",
        markup=False,
        highlight=False,
    )
    table = Table("bytes on each chip", "GiB", box=None)
    for name, size in plan.bytes_per_chip.items():
        table.add_row(name, f"{size / GIB:.2f}")
    console.print(table)
    if not plan.fits:
        console.print(f"[bold red]does not fit[/] into {plan.hbm_bytes / GIB:g} GiB")
        console.print(plan.problem, markup=False, highlight=False)
        return
    console.print(f"[bold green]fits[/] into {plan.hbm_bytes / GIB:g} GiB")
    table = Table("collectives (received by each chip in a step)", "times", "MB", box=None)
    for name, entry in plan.collectives.items():
        if entry["bytes"] >= 1e6:
            table.add_row(name, f"{entry['count']:g}", f"{entry['bytes'] / 1e6:,.0f}")
    console.print(table)
    table = Table("roofline, ms", "arithmetic", "memory", "links", "part", "limited by", box=None)
    for one in plan.phases:
        times = (one.flops_seconds, one.hbm_seconds, one.ici_seconds, one.seconds)
        table.add_row(one.name, *(f"{1000 * value:.1f}" for value in times), one.limit)
    console.print(table)
    chip = slice_.chip
    console.print(
        f"of {chip.flops / 1e12:g} TFLOP/s, {chip.hbm_bandwidth / 1e9:g} GB/s memory, {chip.link_bandwidth / 1e9:g} "
        f"GB/s a link and direction ({chip.source}); an estimate to compare designs by, not a measurement",
        markup=False,
        highlight=False,
    )
    console.print(
        f"FLOPs executed on a chip: {plan.executed_flops_per_chip:.3g}, counted by formula; of one block XLA counts "
        f"{plan.block_flops_ratio:.3f} times as many",
        highlight=False,
    )
    console.print(
        f"[bold]step {plan.roofline_step_seconds:.3f} s, MFU {plan.roofline_mfu:.1%}[/], limited by {plan.limit}",
        highlight=False,
    )
    if plan.hours is not None:
        console.print(
            f"{plan.steps:,} steps: {duration(3600 * plan.hours)}, {plan.chip_hours:,.1f} chip-hours", highlight=False
        )
    else:
        console.print("how long the run takes: say --store, --examples or --tokens", highlight=False)
