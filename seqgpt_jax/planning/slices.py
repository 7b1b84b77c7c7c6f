"""TPU slices: their names, shapes and links."""

import math
import re
from dataclasses import dataclass

from seqgpt_jax.training.hardware import CHIPS, Chip

# A slice of three dimensions is made of cubes of 4 x 4 x 4, whose optical switches close its rings; a smaller one is
# open. A pod of two dimensions is wired as rings, of which a slice has those along which it is as long as the pod.
_CUBE = 4


@dataclass(frozen=True)
class Slice:
    """Chips in a grid.

    Attributes:
      name: `v5e:4x4`.
      chip: the kind.
      shape: chips along each dimension.
    """

    name: str
    chip: Chip
    shape: tuple[int, ...]

    @property
    def chips(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def host(self) -> tuple[int, int, int]:
        """Chips of one host along each dimension: 2 x 2, less in a slice that is smaller."""
        first, second, *_ = self.shape
        return min(first, 2), min(second, 2), 1

    def closed(self, size: int) -> bool:
        """Whether a dimension of this size is a ring."""
        if len(self.chip.pod) == 3:
            return all(one % _CUBE == 0 for one in self.shape)
        return size == max(self.chip.pod)

    def gather_bandwidth(self, group: int) -> float:
        """Bytes/s that arrive at the worst placed of `group` chips that all send to all, as in an all-gather.

        A group takes up the longest dimensions first, as many as it needs. Along an open dimension the chip at the
        end has one link; a dimension that is a ring, and that the group fills, gives it two.

        >>> parse_slice("v5e:4x4").gather_bandwidth(16) / 1e9, parse_slice("v5e:4x4").gather_bandwidth(4) / 1e9
        (90.0, 45.0)
        >>> parse_slice("v5p:8x8x8").gather_bandwidth(512) / 1e9
        540.0
        """
        links, reached = 0, 1
        for size in sorted((size for size in self.shape if size > 1), reverse=True):
            if reached >= group:
                break
            links += 2 if self.closed(size) and group >= reached * size else 1
            reached *= size
        return max(links, 1) * self.chip.link_bandwidth

    def permute_bandwidth(self) -> float:
        """Bytes/s between neighbours of a chain that sends both ways at once."""
        return 2 * self.chip.link_bandwidth


def parse_slice(name: str) -> Slice:
    """`v5e:4x4` as a slice.

    Raises:
      ValueError: another form, an unknown chip, or a shape that the chip is not sold in.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    if not match or match[1] not in CHIPS:
        raise ValueError(
            f"--topology={name}: must be CHIP:SIZES, chips along each dimension, such as v5e:4x4 (16 chips) or "
            f"v4:2x2x1 (4 chips, sold as v4-8); chips: {', '.join(CHIPS)}{_meant(name)}"
        )
    chip, shape = CHIPS[match[1]], tuple(map(int, match[2].split("x")))
    # A pod can be cut along any of its dimensions, so only the sizes count, not their order.
    fits = len(shape) == len(chip.pod) and all(
        1 <= size <= most for size, most in zip(sorted(shape), sorted(chip.pod), strict=True)
    )
    if not fits:
        raise ValueError(
            f"--topology={name}: {chip.name} has slices of {len(chip.pod)} sizes, at most {_shape(chip.pod)}, "
            f"such as {chip.name}:{_shape(usual_shape(4, len(chip.pod)))}"
        )
    return Slice(name, chip, shape)


def usual_shape(chips: int, dimensions: int) -> tuple[int, ...]:
    """The shape in which so many chips, a power of two, are sold.

    >>> usual_shape(8, 2), usual_shape(64, 2), usual_shape(4, 3), usual_shape(16, 3), usual_shape(128, 3)
    ((2, 4), (8, 8), (2, 2, 1), (2, 2, 4), (4, 4, 8))
    """
    shape = [1] * dimensions
    for doubled in range(chips.bit_length() - 1):
        # One host first, which is flat; then whichever is smallest, the last of them.
        smallest = min(shape)
        shape[doubled if doubled < 2 else max(i for i, size in enumerate(shape) if size == smallest)] *= 2
    return tuple(shape)


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _meant(name: str) -> str:
    """What to write instead, where `name` is what the cloud calls a slice: its accelerator type."""
    match = re.fullmatch(r"(\w+)-(\d+)", name)
    for chip in CHIPS.values():
        if match and match[1] in chip.accelerator_types:
            chips = int(match[2]) // chip.accelerator_types[match[1]]
            if chips.bit_count() == 1 and chips <= math.prod(chip.pod):
                return f". {name} is {chip.name}:{_shape(usual_shape(chips, len(chip.pod)))}"
    return ""
