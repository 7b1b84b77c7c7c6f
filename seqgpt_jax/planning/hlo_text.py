"""Parser of the text of an optimized XLA program (`compiled.as_text()`)."""

import math
import re
from dataclasses import dataclass

BITS = {
    "pred": 8, "s4": 4, "u4": 4, "s8": 8, "u8": 8, "s16": 16, "u16": 16, "bf16": 16, "f16": 16,
    "s32": 32, "u32": 32, "f32": 32, "s64": 64, "u64": 64, "f64": 64, "c64": 64, "token": 0,
    "f8e4m3fn": 8, "f8e5m2": 8,
}  # fmt: skip
ARRAY = re.compile(r"(\w+)\[([\d,]*)\](\{[^}]*\})?")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")


@dataclass(frozen=True)
class Instruction:
    """One line of a program.

    Attributes:
      name: as others refer to it.
      shape: of its result, as text.
      opcode: what it does.
      operands: names of what it takes.
      arguments: the text between its parentheses: of a constant its value, of a parameter its number.
      attributes: what follows.
      root: whether it is the result of its computation.
    """

    name: str
    shape: str
    opcode: str
    operands: tuple[str, ...]
    arguments: str
    attributes: str
    root: bool

    def called(self, attribute: str) -> str | None:
        """The computation that `attribute` (calls, body, condition, to_apply) names."""
        match = re.search(rf"\b{attribute}=%?([\w.\-]+)", self.attributes)
        return match[1] if match else None

    @property
    def branches(self) -> list[str]:
        """The computations of a conditional, of which one runs."""
        if listed := re.search(r"branch_computations=\{([^}]*)\}", self.attributes):
            return [name.strip().lstrip("%") for name in listed[1].split(",")]
        return [name for kind in ("true", "false") if (name := self.called(f"{kind}_computation"))]

    @property
    def target(self) -> str | None:
        """What a custom call calls: "tpu_custom_call" is a kernel written in Pallas."""
        match = re.search(r'custom_call_target="([^"]*)"', self.attributes)
        return match[1] if match else None


Computation = dict[str, Instruction]


def read_computations(text: str) -> tuple[dict[str, Computation], str]:
    """(computations by name, name of the one that the program begins with)."""
    computations: dict[str, Computation] = {}
    entry, current = "", {}
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = computations[header[2]] = {}
            entry = header[2] if header[1] else entry
        elif " = " in line and line.startswith("  "):
            instruction = _instruction(line.strip())
            current[instruction.name] = instruction
    if not entry:
        raise ValueError("this is not the text of an XLA program: it has no ENTRY")
    return computations, entry


def array_bytes(shape: str) -> float:
    """Bytes of what an array or a tuple of arrays says.

    >>> array_bytes("(bf16[2,8]{1,0:T(8,128)(2,1)S(1)}, f32[4]{0})")
    48.0
    """
    return sum(_bits(dtype) / 8 * math.prod(_numbers(sizes)) for dtype, sizes, _ in ARRAY.findall(shape))


def tiled_bytes(shape: str) -> float:
    """Bytes that an array or a tuple of arrays takes up, in whole tiles: 64 numbers in a row fill a tile of 128.

    >>> tiled_bytes("bf16[4,64]{1,0:T(8,128)(2,1)}"), tiled_bytes("bf16[64,4]{0,1:T(4,128)}")
    (2048.0, 1024.0)
    """
    total = 0.0
    for dtype, sizes, layout in ARRAY.findall(shape):
        padded = _numbers(sizes)
        if tiled := re.match(r"\{([\d,]+):T\(([\d,]+)\)", layout):
            order, tile = _numbers(tiled[1]), _numbers(tiled[2])
            # Dimensions from the fastest changing on; the last number of the tile is that one's.
            for dimension, unit in zip(order, reversed(tile), strict=False):
                padded[dimension] = -(-padded[dimension] // unit) * unit
        total += _bits(dtype) / 8 * math.prod(padded)
    return total


def memory_bytes(shape: str) -> float:
    """As `tiled_bytes`, of those arrays that do not lie on the core.

    >>> memory_bytes("(bf16[8,128]{1,0:T(8,128)(2,1)S(1)}, f32[128]{0:T(128)})")
    512.0
    """
    return sum(tiled_bytes(array[0]) for array in ARRAY.finditer(shape) if "S(" not in (array[3] or ""))


def _bits(dtype: str) -> int:
    if dtype not in BITS:
        raise ValueError(f"the program holds an array of the unknown type {dtype!r}: add it to planning/hlo_text.py")
    return BITS[dtype]


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _instruction(line: str) -> Instruction:
    root = line.startswith("ROOT ")
    name, _, rest = line.removeprefix("ROOT ").partition(" = ")
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    shape, rest = rest[:end], rest[end:].strip()
    start = rest.index("(")
    close = _closing(rest, start)
    arguments = rest[start + 1 : close]
    operands = tuple(re.findall(r"%([\w.\-]+)", arguments))
    return Instruction(name.lstrip("%"), shape, rest[:start], operands, arguments, rest[close + 1 :], root)


def _closing(text: str, start: int) -> int:
    """Index of the parenthesis that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if not depth:
            return index
    raise ValueError(f"unbalanced parentheses in the program: {text[:200]}")
