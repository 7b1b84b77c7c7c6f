"""Roofline of a step: for each region, the slowest of arithmetic, memory and links.

An estimate to compare designs by, never a measurement: kernels reach less than the chip's peak, and a collective hides
behind arithmetic only as far as the compiler manages. The compiler's own `optimal_seconds` is of no use: it is negative
for whole training steps.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.planning.hlo_costs import Collective, ProgramRegion
from seqgpt_jax.planning.slices import Slice


@dataclass(frozen=True)
class Phase:
    """One region of a step on one chip.

    Attributes:
      name: "forward", "backward", "head" or "rest" (table, optimizer); of decoding "prefill" or "step".
      flops, hbm_bytes, ici_bytes: executed, moved to and from memory, received from other chips.
      flops_seconds, hbm_seconds, ici_seconds: what each of them takes alone.
      seconds: of the region.
    """

    name: str
    flops: float
    hbm_bytes: float
    ici_bytes: float
    flops_seconds: float
    hbm_seconds: float
    ici_seconds: float

    @property
    def seconds(self) -> float:
        """The slowest of the three. The rest has nothing to hide its collectives behind: there they come on top."""
        if self.name == "rest":
            return max(self.flops_seconds, self.hbm_seconds) + self.ici_seconds
        return max(self.flops_seconds, self.hbm_seconds, self.ici_seconds)

    @property
    def limit(self) -> str:
        """Which of the three is the slowest."""
        times = {"arithmetic": self.flops_seconds, "memory": self.hbm_seconds, "links": self.ici_seconds}
        return max(times, key=lambda name: times[name])

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON, with what follows from them."""
        return dataclasses.asdict(self) | {"seconds": self.seconds, "limit": self.limit}


def executed_flops(
    config: ModelConfig, *, batch_size: int, length: int, target_capacity: int, shares: int
) -> dict[str, float]:
    """FLOPs of a step on each chip, by region, with padding and with what rematerialization repeats.

    A block has the products with its kernels and, of plain attention, two products of length x length x D; the backward
    pass has twice as many. `remat="full"` repeats the block but for its last product, whose result the backward pass
    does not need; "dots" repeats attention alone. A fused kernel ("splash", "blockwise") skips keys after the query,
    and its backward pass computes scores once more. The head computes logits and two gradients of them.

    Args:
      config: of the model.
      batch_size, length, target_capacity: of a batch.
      shares: chips that share the work.
    """
    D, tokens = config.hidden_size, batch_size * length / shares
    fused = config.attention != "plain"
    keys = length / 2 if fused else length
    products, attention = 2 * config.block_kernel_params(), 4 * config.n_head * config.head_dim * keys
    last = 2 * config.last_kernel_params()
    repeated = {"none": 0.0, "dots": 0.0 if fused else attention, "full": products - last + attention}
    backward = 2 * products + (2.5 if fused else 2) * attention + repeated[config.remat]
    head = 6 * config.vocab_size * D * batch_size * target_capacity / shares
    blocks = config.n_layer * tokens
    return {"forward": blocks * (products + attention), "backward": blocks * backward, "head": head}


def decoding_flops(
    config: ModelConfig, *, batch_size: int, num_beams: int, prompt_length: int, answer_length: int
) -> dict[str, float]:
    """FLOPs of "prefill" and of one "step" of the search, on one chip, with all there is room for in the cache.

    Each prompt meets the head once, each beam at every step. A beam multiplies with the keys of all beams of its
    example and masks those of others.

    Args:
      config: of the model.
      batch_size, num_beams: examples, and hypotheses of each.
      prompt_length, answer_length: tokens that there is room for.
    """
    products, head = 2 * config.block_kernel_params(), 2 * config.vocab_size * config.hidden_size
    per_key = 4 * config.n_head * config.head_dim
    beams = batch_size * num_beams
    prefill = batch_size * prompt_length * (products + per_key * prompt_length)
    step = beams * (products + per_key * (prompt_length + answer_length * num_beams))
    return {"prefill": config.n_layer * prefill + head * batch_size, "step": config.n_layer * step + head * beams}


def phases(regions: Mapping[str, ProgramRegion], flops: Mapping[str, float], slice_: Slice) -> list[Phase]:
    """The regions of a step with their times; the FLOPs of a region without a loop of its own belong to the rest."""
    unassigned = sum(value for name, value in flops.items() if name not in regions)
    return [
        phase(regions[name], flops.get(name, 0.0) + (unassigned if name == "rest" else 0.0), slice_)
        for name in sorted(regions, key=("forward", "head", "backward", "rest").index)
    ]


def phase(region: ProgramRegion, flops: float, slice_: Slice) -> Phase:
    """One region with its times."""
    return Phase(
        region.name,
        flops,
        region.hbm_bytes,
        sum(collective.times * collective.bytes for collective in region.collectives),
        flops / slice_.chip.flops,
        region.hbm_bytes / slice_.chip.hbm_bandwidth,
        sum(collective.times * link_seconds(collective, slice_) for collective in region.collectives),
    )


def link_seconds(collective: Collective, slice_: Slice) -> float:
    """Seconds that one collective takes on the links, which it has for itself."""
    if collective.kind == "collective-permute":
        return collective.bytes / slice_.permute_bandwidth()
    return collective.bytes / slice_.gather_bandwidth(collective.group)
