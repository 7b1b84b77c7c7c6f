"""Accelerator facts: peak FLOP/s, memory and links of one chip, from the vendors' documents. Imports no JAX."""

from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True)
class Chip:
    """One kind of TPU chip.

    Attributes:
      name: as a topology begins, `v5e` of `v5e:4x4`.
      device_kind: `jax.Device.device_kind`.
      flops: dense bfloat16 FLOP/s.
      hbm_bytes: memory that a program can have: what the compiler reports, a little less than is sold.
      hbm_bandwidth: bytes/s.
      link_bandwidth: bytes/s of one link between neighbors, in one direction.
      pod: the largest slice. A chip has two links for each of its dimensions.
      accelerator_types: what the cloud calls a slice of n: name before the number -> numbers for each chip.
      options: for `get_topology_desc`, so that one device is one chip.
      aliases: what `device_kind` has been in other versions of JAX, or a part of it.
    """

    name: str
    device_kind: str
    flops: float
    hbm_bytes: int
    hbm_bandwidth: float
    link_bandwidth: float
    pod: tuple[int, ...]
    accelerator_types: dict[str, int]
    options: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where the numbers are from: the data sheet, and for links the book of the vendor's engineers.

        The book gives 45 and 90 GB/s, what collectives get, where data sheets say 50 and 100 or, for v4, nothing.
        """
        return f"docs.cloud.google.com/tpu/docs/{self.name}; links: jax-ml.github.io/scaling-book/tpus"


CHIPS = {
    chip.name: chip
    for chip in (
        # A v4 chip has two cores, which the compiler lists as two devices unless it is told that they work as one
        # ("megacore"), as they do on a real v4 machine.
        Chip(
            "v4",
            "TPU v4",
            275e12,
            int(30.75 * GIB),
            1200e9,
            45e9,
            (16, 16, 16),
            {"v4": 2},
            (("chip_config_name", "megacore"),),
        ),
        Chip(
            "v5e",
            "TPU v5 lite",
            197e12,
            int(15.75 * GIB),
            819e9,
            45e9,
            (16, 16),
            {"v5litepod": 1, "v5e": 1},
            aliases=("TPU v5e",),
        ),
        Chip("v5p", "TPU v5", 459e12, int(95.74 * GIB), 2765e9, 90e9, (16, 16, 24), {"v5p": 2}),
        Chip("v6e", "TPU v6 lite", 918e12, int(31.25 * GIB), 1638e9, 90e9, (16, 16), {"v6e": 1}, aliases=("TPU v6",)),
    )
}

# Dense bfloat16 FLOP/s of GPUs, by a part of `device_kind`; the first match counts.
_GPU_FLOPS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12}


def peak_flops(device_kind: str) -> float | None:
    """Dense bfloat16 FLOP/s of one chip; None for a chip that is not listed here."""
    # "TPU v5 lite" before "TPU v5", which is a part of it.
    flops = {kind: chip.flops for chip in CHIPS.values() for kind in (chip.device_kind, *chip.aliases)} | _GPU_FLOPS
    return next((peak for kind, peak in flops.items() if kind.lower() in device_kind.lower()), None)
