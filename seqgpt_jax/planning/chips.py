"""What one chip can do, from its maker's documents, and how chips are wired into a slice."""

import math
import re
from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True)
class Chip:
    """One kind of TPU chip.

    Attributes:
      name: as a topology begins, `v5e` of `v5e:4x4`.
      device_kind: as JAX names it; `peak_flops` knows its FLOP/s in bfloat16.
      hbm_bytes: memory that a program can have: what the compiler says there is, a little less than is sold.
      hbm_bandwidth: bytes/s.
      link_bandwidth: bytes/s of one link between neighbours, in one direction.
      pod: the largest slice. A chip has two links for each of its dimensions.
      accelerator_types: what the cloud calls a slice of n: name before the number -> numbers for each chip.
      options: what `get_topology_desc` must be told, so that one device is one chip.
    """

    name: str
    device_kind: str
    hbm_bytes: int
    hbm_bandwidth: float
    link_bandwidth: float
    pod: tuple[int, ...]
    accelerator_types: dict[str, int]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def flops(self) -> float:
        """Dense bfloat16 FLOP/s."""
        # Here, as that module imports JAX, and the compiler must be found before.
        from seqgpt_jax.training.metrics import peak_flops

        peak = peak_flops(self.device_kind)
        assert peak is not None, self.device_kind
        return peak

    @property
    def source(self) -> str:
        """Where the numbers stand: the data sheet, and for links the book of its maker's engineers.

        The book gives 45 and 90 GB/s, what collectives get, where data sheets say 50 and 100 or, for v4, nothing.
        """
        return f"docs.cloud.google.com/tpu/docs/{self.name}; links: jax-ml.github.io/scaling-book/tpus"


# A v4 chip has two cores, which the compiler lists as two devices unless it is told that they work as one ("megacore"),
# as they do on a real v4 machine.
CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "v4", "TPU v4", int(30.75 * GIB), 1200e9, 45e9, (16, 16, 16), {"v4": 2}, (("chip_config_name", "megacore"),)
        ),
        Chip("v5e", "TPU v5 lite", int(15.75 * GIB), 819e9, 45e9, (16, 16), {"v5litepod": 1, "v5e": 1}),
        Chip("v5p", "TPU v5", int(95.74 * GIB), 2765e9, 90e9, (16, 16, 24), {"v5p": 2}),
        Chip("v6e", "TPU v6 lite", int(31.25 * GIB), 1638e9, 90e9, (16, 16), {"v6e": 1}),
    )
}

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
