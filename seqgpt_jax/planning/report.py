"""Plan of a train step, as numbers (`TrainingPlan.to_json`) and as text."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from seqgpt_jax.planning.decode_step import DecodePlan
from seqgpt_jax.planning.hlo_costs import ProgramRegion, read_program
from seqgpt_jax.planning.roofline import Phase, executed_flops, phases
from seqgpt_jax.planning.slices import Slice
from seqgpt_jax.planning.tpu_compiler import Compiled
from seqgpt_jax.planning.train_step import Recipe, block_flops_ratio
from seqgpt_jax.planning.workload import Workload
from seqgpt_jax.training.hardware import GIB


@dataclass(frozen=True)
class TrainingPlan:
    """Memory, traffic and roofline of one train step on one slice.

    Attributes:
      topology, chips, mesh: the slice and how it is used.
      batch_size, length, accumulate, target_capacity, remat, attention: of the step.
      parameters: of the model.
      fits: whether it compiled.
      bytes_per_chip: by kind; "total" too where it is known.
      peak_bytes_per_chip: most of them at the same time; None where it does not fit.
      hbm_bytes: of a chip.
      problem: the compiler's message where it does not fit.
      compile_seconds: on this machine.
      collectives: kind and dtype -> how often in a step, and bytes that a chip receives.
      phases: regions of the step and their times.
      roofline_step_seconds, roofline_mfu: None where it does not fit. MFU counts useful work alone (`train_flops`).
      executed_flops_per_chip: with padding and rematerialisation.
      block_flops_ratio: XLA's count for one block over the analytic one.
      limit: what makes the step as slow as it is.
      steps, hours, chip_hours: of the whole run, where the size of the data is known.
      changes: what a search has changed in the recipe, by gin's names.
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
    peak_bytes_per_chip: float | None = None
    roofline_step_seconds: float | None = None
    roofline_mfu: float | None = None
    executed_flops_per_chip: float | None = None
    block_flops_ratio: float | None = None
    limit: str | None = None
    hours: float | None = None
    chip_hours: float | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return dataclasses.asdict(self) | {"phases": [one.to_json() for one in self.phases]}


def plan_training(
    recipe: Recipe, slice_: Slice, workload: Workload, compiled: Compiled, mesh: dict[str, int]
) -> TrainingPlan:
    """The plan that follows from a compiled step."""
    model, train = recipe.model, recipe.train
    sizes = dict(compiled.bytes)
    if compiled.fits:
        sizes["total"] = sum(sizes.values())
    plan = TrainingPlan(
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
    regions = read_program(compiled.text)
    flops = executed_flops(
        model,
        batch_size=train.batch_size,
        length=train.length,
        target_capacity=workload.target_capacity,
        shares=slice_.chips,
    )
    roofline = phases(regions, flops, slice_)
    seconds = sum(one.seconds for one in roofline)
    tokens, supervised, keys = (train.batch_size * value for value in workload.row(train.length))
    useful = model.train_flops(tokens=tokens, supervised=supervised, keys=keys)
    hours = None if workload.steps is None else workload.steps * seconds / 3600
    slowest = max(roofline, key=lambda one: one.seconds)
    return dataclasses.replace(
        plan,
        collectives=sum_collectives(regions),
        phases=roofline,
        peak_bytes_per_chip=compiled.peak,
        roofline_step_seconds=seconds,
        roofline_mfu=useful / seconds / (slice_.chips * slice_.chip.flops),
        executed_flops_per_chip=sum(flops.values()),
        block_flops_ratio=block_flops_ratio(model, train.length),
        limit=f"{slowest.limit} in {slowest.name}",
        hours=hours,
        chip_hours=None if hours is None else hours * slice_.chips,
    )


def sum_collectives(regions: dict[str, ProgramRegion]) -> dict[str, dict[str, float]]:
    """Collectives by region, kind and dtype: how often in a step, and the bytes that a chip receives in all of them."""
    totals: dict[str, dict[str, float]] = defaultdict(lambda: {"count": 0, "bytes": 0.0})
    for region in regions.values():
        for one in region.collectives:
            entry = totals[f"{region.name}: {one.kind} {one.dtype}"]
            entry["count"] += one.times
            entry["bytes"] += one.times * one.bytes
    return dict(sorted(totals.items(), key=lambda item: -item[1]["bytes"]))


def print_plan(plan: TrainingPlan, slice_: Slice, console: Console) -> None:
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
    if plan.changes:
        flags = " ".join(f"--gin.{name}={value}" for name, value in plan.changes.items())
        console.print(f"settings: {flags}", markup=False, highlight=False)
    _print_sizes({"GiB": plan.bytes_per_chip}, console)
    if plan.fits:
        console.print(f"peak: {_gib(plan.peak_bytes_per_chip)} GiB", highlight=False)
    _print_verdict(plan, console)
    if not plan.fits:
        return
    table = Table("collectives (received by each chip in a step)", "times", "MB", box=None)
    for name, entry in plan.collectives.items():
        if entry["bytes"] >= 1e6:
            table.add_row(name, f"{entry['count']:g}", f"{entry['bytes'] / 1e6:,.0f}")
    console.print(table)
    _print_phases(plan.phases, slice_, console)
    console.print(
        f"executed FLOPs per chip: {plan.executed_flops_per_chip:.3g} by formula; XLA counts "
        f"{plan.block_flops_ratio:.3f} times as many for one block",
        highlight=False,
    )
    console.print(
        f"[bold]step {plan.roofline_step_seconds:.3f} s, MFU {plan.roofline_mfu:.1%}[/] (model FLOPs "
        f"only, without padding and rematerialization), limited by {plan.limit}",
        highlight=False,
    )
    if plan.attention == "plain" and plan.limit in ("memory in forward", "memory in backward"):
        console.print("attention scores go through memory: Model.attention = 'splash' may be faster", highlight=False)
    if plan.hours is not None:
        console.print(
            f"{plan.steps:,} steps: {plan.hours:,.2f} hours, {plan.chip_hours:,.1f} chip-hours", highlight=False
        )
    else:
        console.print("for the time of the whole run give --store, --examples or --tokens", highlight=False)


def print_decode_plan(plan: DecodePlan, slice_: Slice, console: Console) -> None:
    """The plan as tables."""
    chips = "one" if plan.devices == 1 else f"{plan.devices}"
    console.print(
        f"{plan.parameters:,} parameters on {chips} TPU {slice_.chip.name} of {plan.topology} (Decode.devices)\n"
        f"batch {plan.batch_size}, {plan.num_beams} beams, prompts of {plan.max_prompt_tokens} and answers of "
        f"{plan.max_new_tokens} tokens{'' if plan.constrained else ', unconstrained'}"
        f"{f', kernels in {plan.weight_dtype}' if plan.weight_dtype else ''}",
        markup=False,
        highlight=False,
    )
    _print_sizes(plan.bytes_per_chip, console)
    _print_verdict(plan, console)
    if not plan.fits:
        return
    _print_phases(plan.phases, slice_, console)
    console.print(
        f"[bold]prefill {plan.roofline_prefill_seconds:.3f} s, step {1000 * plan.roofline_step_seconds:.2f} ms[/]: "
        f"{plan.tokens_per_second:,.0f} tokens/s while decoding, {plan.examples_per_second:,.1f} examples/s with "
        "prompts and answers of maximal length, more with shorter ones",
        highlight=False,
    )


def _print_sizes(columns: dict[str, dict[str, float]], console: Console) -> None:
    table = Table("bytes on a chip, in GiB" if len(columns) > 1 else "bytes on each chip", *columns, box=None)
    kinds = dict.fromkeys(kind for sizes in reversed(columns.values()) for kind in sizes)
    for kind in sorted(kinds, key=lambda kind: kind == "total"):
        table.add_row(kind, *(_gib(sizes[kind]) if kind in sizes else "" for sizes in columns.values()))
    console.print(table)


def _gib(size: float) -> str:
    return "<0.01" if 0 < size < 0.005 * GIB else f"{size / GIB:.2f}"


def _print_verdict(plan: TrainingPlan | DecodePlan, console: Console) -> None:
    verdict = "[bold green]fits[/]" if plan.fits else "[bold red]does not fit[/]"
    console.print(f"{verdict} into {plan.hbm_bytes / GIB:g} GiB")
    if not plan.fits:
        console.print(plan.problem, markup=False, highlight=False)


def _print_phases(phases: Sequence[Phase], slice_: Slice, console: Console) -> None:
    table = Table("roofline, ms", "arithmetic", "memory", "links", "region", "limited by", box=None)
    for one in phases:
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
