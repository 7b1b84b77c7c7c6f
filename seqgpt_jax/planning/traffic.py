"""Memory traffic of XLA instructions: bytes moved between a chip and its memory.

An array whose layout has a memory space, `S(1)`, lies on the chip's core: reading it costs nothing here. A fusion that
takes a slice out of an array, or puts one into it, moves the slice alone. A kernel (Pallas) moves its operands and its
results once each; what it reads again, such as keys for every block of queries, is not seen.
"""

from seqgpt_jax.planning.hlo_text import ARRAY, Computation, Instruction, memory_bytes, tiled_bytes

_MOVES_NOTHING = {
    "parameter", "constant", "get-tuple-element", "tuple", "bitcast", "after-all", "partition-id", "replica-id",
    "while", "conditional", "call", "opt-barrier", "iota",
}  # fmt: skip
# Custom calls that tell the compiler something, or hand buffers on.
_CALLS_THAT_MOVE_NOTHING = {
    "AllocateBuffer", "ConcatBitcast", "AssumeGatherIndicesInBound", "AsyncCollectiveStart", "AsyncCollectiveDone",
}  # fmt: skip
_SLICES = ("dynamic-slice", "slice", "gather")
# In a fusion that runs beside a collective these pass buffers on that others read or write.
_PASSES_ON = ("tuple", "custom-call", "all-gather", "all-reduce", "get-tuple-element")


def moved_bytes(computations: dict[str, Computation], computation: Computation, instruction: Instruction) -> float:
    """Bytes that an instruction of `computation` reads from and writes to the memory."""
    opcode, operands = instruction.opcode, instruction.operands
    if opcode in _MOVES_NOTHING or opcode.endswith("-done"):
        return 0.0
    if opcode == "custom-call" and instruction.target in _CALLS_THAT_MOVE_NOTHING:
        return 0.0

    def size(name: str) -> float:
        return memory_bytes(computation[name].shape)

    if opcode == "fusion":
        fused = computations[instruction.called("calls") or ""]
        names = {int(inner.arguments): inner.name for inner in fused.values() if inner.opcode == "parameter"}
        read = sum(min(size(operand), _read(computations, fused, names[i])) for i, operand in enumerate(operands))
        return read + _written(fused)
    if opcode == "copy-start":
        # (to, from, …): one of the two lies on the core.
        return memory_bytes(instruction.shape)
    if opcode == "slice-start":
        return tiled_bytes(list(ARRAY.finditer(instruction.shape))[1][0])
    if opcode in _SLICES:
        return 2 * memory_bytes(instruction.shape)
    if opcode == "dynamic-update-slice":
        return 2 * size(operands[1])
    if opcode.endswith("-start"):
        # (operands, results, …)
        return memory_bytes(instruction.shape)
    return sum(map(size, operands)) + memory_bytes(instruction.shape)


def _read(computations: dict[str, Computation], fused: Computation, name: str) -> float:
    """Bytes of the parameter `name` that a fusion reads: all of them, unless every use takes slices."""
    total = 0.0
    for user in fused.values():
        if name not in user.operands:
            continue
        if user.opcode in _SLICES and user.operands[0] == name:
            total += tiled_bytes(user.shape)
        elif user.opcode in _PASSES_ON or (user.opcode == "dynamic-update-slice" and user.operands[0] == name):
            continue  # passed on, or changed in place
        elif user.opcode == "bitcast":
            total += _read(computations, fused, user.name)
        elif user.opcode == "fusion":
            inner = computations[user.called("calls") or ""]
            names = {int(one.arguments): one.name for one in inner.values() if one.opcode == "parameter"}
            for number, operand in enumerate(user.operands):
                if operand == name:
                    total += _read(computations, inner, names[number])
                    # Its users are the readers where it comes out as it went in.
                    total += _read(computations, fused, user.name) if _comes_out(inner, names[number]) else 0.0
        else:
            return tiled_bytes(fused[name].shape)
    return total


def _comes_out(fused: Computation, name: str) -> bool:
    """Whether a fusion gives back the parameter `name`, unchanged but for its shape."""
    result = next(instruction for instruction in fused.values() if instruction.root)
    while result.opcode == "bitcast":
        result = fused[result.operands[0]]
    return result.name == name


def _written(fused: Computation) -> float:
    """Bytes that a fusion writes: its results, of an array changed in place the slice."""
    root = next(instruction for instruction in fused.values() if instruction.root)
    outputs = [fused[name] for name in root.operands] if root.opcode == "tuple" else [root]
    total = 0.0
    for output in outputs:
        if not memory_bytes(output.shape) or output.opcode in ("parameter", *_PASSES_ON):
            continue
        while output.opcode == "bitcast" and output.operands[0] in fused:
            output = fused[output.operands[0]]
        changed = fused[output.operands[1]] if output.opcode == "dynamic-update-slice" else output
        total += tiled_bytes(changed.shape)
    return total
