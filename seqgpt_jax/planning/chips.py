"""What one chip can do, from its maker's data sheet, and how chips are wired into a slice."""

import math
import re
from dataclasses import dataclass

from seqgpt_jax.training.metrics import peak_flops

GIB = 1 << 30


@dataclass(frozen=True)
class Chip:
    """One kind of TPU chip.

    Attributes:
      name: as a topology begins, `v5e` of `v5e:4x4`.
      device_kind: as JAX names it; `peak_flops` knows its FLOP/s in bfloat16.
      hbm_bytes: memory. The compiler keeps about a quarter of a GiB of it for itself.
      hbm_bandwidth: bytes/s.
      link_bandwidth: bytes/s of one link between neighbours, in one direction.
      torus: a dimension of a slice is closed to a ring if its size is a multiple of this …
      torus_needs_all: … and, where this is set, the sizes of all dimensions are.
      options: what `get_topology_desc` must be told, so that one device is one chip.
      source: where the numbers stand.
    """

    name: str
    device_kind: str
    hbm_bytes: int
    hbm_bandwidth: float
    link_bandwidth: float
    torus: int
    torus_needs_all: bool
    options: tuple[tuple[str, str], ...]
    source: str

    @property
    def flops(self) -> float:
        """Dense bfloat16 FLOP/s."""
        peak = peak_flops(self.device_kind)
        assert peak is not None, self.device_kind
        return peak


_DOCS = "https://cloud.google.com/tpu/docs/"
# A v4 chip has two cores, which the compiler lists as two devices unless it is told that they work as one ("megacore"),
# as they do on a real v4 machine.
CHIPS = {
    chip.name: chip
    for chip in (
        Chip("v4", "TPU v4", 32 * GIB, 1228e9, 50e9, 4, True, (("chip_config_name", "megacore"),), _DOCS + "v4"),
        Chip("v5e", "TPU v5 lite", 16 * GIB, 819e9, 50e9, 16, False, (), _DOCS + "v5e"),
        Chip("v5p", "TPU v5", 95 * GIB, 2765e9, 100e9, 4, True, (), _DOCS + "v5p"),
        Chip("v6e", "TPU v6 lite", 32 * GIB, 1640e9, 100e9, 16, False, (), _DOCS + "v6e"),
    )
}


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
        first, second, *_ = (*self.shape, 1)
        return min(first, 2), min(second, 2), 1

    def gather_bandwidth(self, group: int) -> float:
        """Bytes/s that arrive at the worst placed of `group` chips that all send to all, as in an all-gather.

        A group takes up the longest dimensions first, as many as it needs. Along an open dimension the chip at the
        end has one link; a dimension that is a ring, and that the group fills, gives it two.

        >>> parse_slice("v5e:4x4").gather_bandwidth(16) / 1e9, parse_slice("v5e:4x4").gather_bandwidth(4) / 1e9
        (100.0, 50.0)
        >>> parse_slice("v5p:8x8x8").gather_bandwidth(512) / 1e9
        600.0
        """
        links, reached = 0, 1
        closed = not self.chip.torus_needs_all or all(size % self.chip.torus == 0 for size in self.shape)
        for size in sorted((size for size in self.shape if size > 1), reverse=True):
            if reached >= group:
                break
            ring = closed and size % self.chip.torus == 0 and group >= reached * size
            links += 2 if ring else 1
            reached *= size
        return max(links, 1) * self.chip.link_bandwidth

    def permute_bandwidth(self) -> float:
        """Bytes/s between neighbours of a chain that sends both ways at once."""
        return 2 * self.chip.link_bandwidth


def parse_slice(name: str) -> Slice:
    """`v5e:4x4` as a slice; ValueError where the form or the chip is not known."""
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    if not match or match[1] not in CHIPS:
        raise ValueError(
            f"--topology={name}: must be CHIP:SIZES, chips along each dimension, such as v5e:4x4 (16 chips) or "
            f"v4:2x2x1 (4 chips, sold as v4-8); chips: {', '.join(CHIPS)}"
        )
    return Slice(name, CHIPS[match[1]], tuple(map(int, match[2].split("x"))))
