"""Costs of an optimized XLA program on each chip: bytes received from other chips, bytes moved to and from memory.

`cost_analysis()` counts the body of a loop once; here it counts as often as it runs. How XLA writes for a TPU:

* a loop counts up to a constant, often by 1. Where its trips depend on data, an inner loop is one of
  blockwise attention, which goes over half of the blocks on average, and an outer one is counted as one trip;
* a reduce-scatter is a fusion `all-reduce-scatter`, of an all-reduce and a slice;
* a collective that runs beside arithmetic is cut over several fusions which share a channel: it counts once;
* gathers and scatters around a matrix product are unrolled into permutations along a ring.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from seqgpt_jax.planning.hlo_text import ARRAY, Computation, Instruction, array_bytes, read_computations
from seqgpt_jax.planning.traffic import moved_bytes

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")


@dataclass(frozen=True)
class Collective:
    """One exchange between chips.

    Attributes:
      kind: one of `KINDS`.
      dtype: of its largest array.
      bytes: that each chip must receive for one of them.
      group: chips that take part.
      times: how often it runs.
      region: of the step (`ProgramRegion.name`) that it belongs to.
    """

    kind: str
    dtype: str
    bytes: float
    group: int
    times: float
    region: str


@dataclass
class ProgramRegion:
    """A region of a program: all loops of one kind, or what is in no such loop.

    Attributes:
      name: of a train step "forward", "backward", "head" (with the table's look-up, where it goes in chunks) or "rest";
        of decoding "step", one step of the search, and "rest".
      trips: how often the body of its loop runs; 1 outside of loops.
      hbm_bytes: moved in all trips together.
      collectives: of all trips.
    """

    name: str
    trips: float = 1
    hbm_bytes: float = 0.0
    collectives: list[Collective] = field(default_factory=list)


def read_program(text: str) -> dict[str, ProgramRegion]:
    """The regions of a program, by name, from its optimized text; "rest" is always there."""
    computations, entry = read_computations(text)
    regions = {"rest": ProgramRegion("rest")}
    _walk(computations, entry, regions, regions["rest"], times=1, trips=1)
    return regions


def _walk(
    computations: dict[str, Computation],
    name: str,
    regions: dict[str, ProgramRegion],
    region: ProgramRegion,
    times: float,
    trips: float,
) -> None:
    """Adds what the computation does in `times` runs to `region`, and what its loops do to the regions they belong to.

    `trips` are those of the loop around it.
    """
    counted: dict[str, bool] = {}  # channel -> whether its collective stands alone
    computation = computations[name]
    for instruction in computation.values():
        for kind, dtype, moved, group, channel in _collectives(computations, instruction):
            # One that runs beside others shows in several instructions of one channel. The layers of a search step are
            # one traced function, and theirs that stand alone have one channel, too.
            alone = not instruction.called("calls")
            if channel not in counted or (alone and counted[channel]):
                counted[channel] = alone
                region.collectives.append(Collective(kind, dtype, moved, group, times, region.name))
        region.hbm_bytes += times * moved_bytes(computations, computation, instruction)
        if body := instruction.called("body"):
            inner_trips = _trips(computations, instruction) or (trips + 1) / 2
            inner = _region_of(instruction, regions, region)
            if inner is not region:
                inner.trips = times * inner_trips
            _walk(computations, body, regions, inner, times * inner_trips, inner_trips)
        elif branches := instruction.branches:
            # Which of them runs depends on data: each as often as the others.
            for branch in branches:
                _walk(computations, branch, regions, region, times / len(branches), trips)
        elif instruction.opcode == "call":
            _walk(computations, instruction.called("to_apply") or "", regions, region, times, trips)


def _region_of(loop: Instruction, regions: dict[str, ProgramRegion], outer: ProgramRegion) -> ProgramRegion:
    """The region that a loop makes up, by the operation it comes from; any other loop belongs to the one around it."""
    if outer.name != "rest":
        return outer
    name = re.search(r'op_name="([^"]*)"', loop.attributes)
    path = name[1].removesuffix("/while") if name else ""
    if "shard_map" in path and "jvp(" in path:
        kind = "head"
    elif "transpose(" in path:
        kind = "backward"
    elif "jvp(" in path:
        kind = "forward"
    elif path == "jit(extend)":
        kind = "step"
    else:
        return outer
    return regions.setdefault(kind, ProgramRegion(kind))


def _trips(computations: dict[str, Computation], loop: Instruction) -> int | None:
    """How often a loop runs that counts up to a constant; None where that depends on data."""
    condition = computations[loop.called("condition") or ""]
    compared = _root(condition)
    operands = compared.operands
    if compared.opcode == "fusion":
        fused = computations[compared.called("calls") or ""]
        compared = _root(fused)
        operands = tuple(operands[int(fused[name].arguments)] for name in compared.operands if name in fused)
    if compared.opcode != "compare":
        return None
    numbers = [limit for name in operands if (limit := _number(condition[name])) is not None]
    counters = [re.search(r"index=(\d+)", condition[name].attributes) for name in operands]
    index = next((int(match[1]) for match in counters if match), None)
    if index is None or not numbers:
        return None
    return -(-numbers[0] // _step(computations, computations[loop.called("body") or ""], index))


def _step(computations: dict[str, Computation], body: Computation, index: int) -> int:
    """By how much a loop's counter goes up: by 2 where the compiler does two rounds of a ring in one trip."""
    after = _root(body)
    if after.opcode == "tuple":
        after = body[after.operands[index]]
        if after.opcode == "fusion":
            body = computations[after.called("calls") or ""]
            after = _root(body)
    steps = [step for name in after.operands if (step := _number(body[name])) is not None]
    return steps[0] if after.opcode == "add" and steps else 1


def _number(instruction: Instruction) -> int | None:
    """The value of a constant."""
    text = instruction.arguments
    return int(text) if instruction.opcode == "constant" and text.isdigit() else None


def _root(computation: Computation) -> Instruction:
    return next(instruction for instruction in computation.values() if instruction.root)


def _collectives(
    computations: dict[str, Computation], instruction: Instruction
) -> Iterator[tuple[str, str, float, int, str]]:
    """(kind, dtype, bytes received, group, channel) of the collectives in an instruction or in the fusion it calls."""
    callee = instruction.called("calls")
    if instruction.opcode in ("fusion", "async-start") and callee:
        for inner in computations[callee].values():
            for kind, dtype, moved, group, channel in _collectives(computations, inner):
                if callee.startswith("all-reduce-scatter") and kind == "all-reduce":
                    kind, moved = "reduce-scatter", moved / 2
                yield kind, dtype, moved, group, channel
        return
    kind = instruction.opcode.removesuffix("-start")
    if kind not in KINDS:
        return
    group = _group(instruction.attributes)
    if group == 1:
        return
    shape = instruction.shape
    if instruction.opcode.endswith("-start") and shape.startswith("("):
        # (operands, results, …): the larger half is the result of a gather and the operand of a reduction alike.
        arrays = [match[0] for match in ARRAY.finditer(shape)]
        shape = max(arrays, key=array_bytes)
    full = array_bytes(shape)
    share = (group - 1) / group
    received = {
        "all-gather": share * full,
        "all-reduce": 2 * share * full,
        "reduce-scatter": (group - 1) * full,
        "all-to-all": share * full,
        "collective-permute": full,
    }[kind]
    dtype = max(ARRAY.finditer(shape), key=lambda array: array_bytes(array[0]))[1]
    channel = re.search(r"channel_id=(\d+)", instruction.attributes)
    yield kind, dtype, received, group, channel[1] if channel else instruction.name


def _group(attributes: str) -> int:
    """Chips in one replica group; of a permutation, 2 or more where anything is sent."""
    if pairs := re.search(r"source_target_pairs=\{(.*?)\}\}", attributes):
        return 2 if any(source != target for source, target in re.findall(r"(\d+),(\d+)", pairs[1])) else 1
    if listed := re.search(r"replica_groups=\{\{([\d,]*)\}", attributes):
        return len(listed[1].split(","))
    if iota := re.search(r"replica_groups=\[(\d+),(\d+)\]", attributes):
        return int(iota[2])
    if meshed := re.search(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}", attributes):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", meshed[1]))
        return math.prod(int(sizes[axis]) for axis in re.findall(r"'(\w+)'", meshed[2]))
    raise ValueError(f"a collective without readable replica groups: {attributes[:300]}")
