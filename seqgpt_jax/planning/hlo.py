"""What an optimised XLA program does on each chip: bytes received from others, and bytes moved to and from memory.

`cost_analysis()` counts the body of a loop once; here it counts as often as it runs. How XLA writes for a TPU:

* the number of trips of a loop is the constant in its condition;
* a reduce-scatter is a fusion `all-reduce-scatter`, of an all-reduce and a slice;
* a collective that runs beside arithmetic is cut over several fusions which share a channel: it counts once;
* gathers and scatters around a matrix product are unrolled into permutations along a ring.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from seqgpt_jax.planning.program import ARRAY, Computation, Instruction, array_bytes, read_computations
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
      times: how often it runs in a step.
      part: of the step (`Part.name`) that it belongs to.
    """

    kind: str
    dtype: str
    bytes: float
    group: int
    times: int
    part: str


@dataclass
class Part:
    """A part of the step: what loops of one kind do, or what no such loop does.

    Attributes:
      name: "forward", "backward", "head" (with the table's look-up, where it goes in chunks) or "rest".
      trips: how often the body of its loop runs; 1 outside of loops.
      hbm_bytes: moved in all trips together.
      collectives: of all trips.
    """

    name: str
    trips: int = 1
    hbm_bytes: float = 0.0
    collectives: list[Collective] = field(default_factory=list)


def read_program(text: str) -> dict[str, Part]:
    """The parts of a step, by name, from the text of its optimised program; "rest" is always there."""
    computations, entry = read_computations(text)
    parts = {"rest": Part("rest")}
    _walk(computations, entry, parts, parts["rest"], times=1)
    return parts


def _walk(computations: dict[str, Computation], name: str, parts: dict[str, Part], part: Part, times: int) -> None:
    """Adds what the computation does in `times` runs to `part`, and what its loops do to the parts they belong to."""
    seen: set[str] = set()
    computation = computations[name]
    for instruction in computation.values():
        for kind, dtype, moved, group, channel in _collectives(computations, instruction):
            if channel not in seen:
                seen.add(channel)
                part.collectives.append(Collective(kind, dtype, moved, group, times, part.name))
        part.hbm_bytes += times * moved_bytes(computations, computation, instruction)
        if body := instruction.called("body"):
            trips = _trips(computations[instruction.called("condition") or ""])
            inner = _part_of(instruction, parts, part)
            if inner is not part:
                inner.trips = times * trips
            _walk(computations, body, parts, inner, times * trips)
        elif instruction.opcode == "call":
            _walk(computations, instruction.called("to_apply") or "", parts, part, times)


def _part_of(loop: Instruction, parts: dict[str, Part], outer: Part) -> Part:
    """The part that a loop makes up, by the operation it comes from; any other loop belongs to the one around it."""
    name = re.search(r'op_name="([^"]*)"', loop.attributes)
    path = name[1].removesuffix("/while") if name else ""
    if outer.name != "rest":
        return outer
    if "shard_map" in path:
        kind = "head"
    elif "transpose(" in path:
        kind = "backward"
    elif "jvp(" in path:
        kind = "forward"
    else:
        return outer
    return parts.setdefault(kind, Part(kind))


def _trips(condition: Computation) -> int:
    """How often a loop runs: the constant that its counter is compared with. 1 where that depends on data."""
    root = next(instruction for instruction in condition.values() if instruction.root)
    numbers = [int(one.arguments) for one in condition.values() if one.opcode == "constant" and one.arguments.isdigit()]
    return numbers[0] if root.opcode in ("compare", "fusion") and len(numbers) == 1 else 1


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
    whole = array_bytes(shape)
    share = (group - 1) / group
    received = {
        "all-gather": share * whole,
        "all-reduce": 2 * share * whole,
        "reduce-scatter": (group - 1) * whole,
        "all-to-all": share * whole,
        "collective-permute": whole,
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
