import dataclasses

import pytest

from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.planning.hlo_costs import Collective, ProgramRegion
from seqgpt_jax.planning.roofline import executed_flops, phases
from seqgpt_jax.planning.slices import parse_slice
from seqgpt_jax.planning.train_step import block_flops_ratio

MODEL = BloomConfig(hidden_size=256, n_layer=3, n_head=4, vocab_size=512)
GROUPED = LlamaConfig(
    architecture="qwen3", vocab_size=512, hidden_size=256, mlp_size=768, n_layer=3, n_head=8, n_kv_head=2, head_dim=64,
    max_length=512, tied_head=False,
)  # fmt: skip
SIZES = {"batch_size": 8, "length": 128, "target_capacity": 16}


@pytest.mark.parametrize("remat", ["none", "dots", "full"])
@pytest.mark.parametrize(("model", "length"), [(MODEL, 128), (MODEL, 512), (GROUPED, 512)])
def test_the_formula_counts_what_xla_counts(remat, model, length):
    ratio = block_flops_ratio(dataclasses.replace(model, remat=remat), length)
    # Norms, rotations, activation functions and softmax are not in the formula.
    assert 1.0 < ratio < 1.06


def test_flops_of_a_chip_are_its_share():
    one, eight = (executed_flops(MODEL, **SIZES, shares=shares) for shares in (1, 8))
    assert {name: value / 8 for name, value in one.items()} == eight
    assert one["head"] == 6 * 512 * 256 * 8 * 16


def test_a_part_is_as_slow_as_its_slowest_resource_and_links_of_the_rest_come_on_top():
    slice_ = parse_slice("v5e:4x4")
    gather = Collective("all-gather", "bf16", 1e9, 16, 3, "forward")
    parts = {"forward": ProgramRegion("forward", 3, 819e6, [gather]), "rest": ProgramRegion("rest", 1, 819e9, [gather])}
    forward, rest = phases(parts, {"forward": 197e9, "head": 197e9, "backward": 0.0}, slice_)
    # 4 x 4 chips are no rings: two links of 45 GB/s reach the one at the corner.
    links = 3 * 1e9 / 90e9
    assert (forward.flops_seconds, forward.hbm_seconds, forward.ici_seconds) == pytest.approx((1e-3, 1e-3, links))
    assert (forward.seconds, forward.limit) == (pytest.approx(links), "links")
    # The head has no loop of its own here, so its arithmetic is the rest's.
    assert rest.flops == 197e9
    assert rest.seconds == pytest.approx(1 + links)
    assert rest.limit == "memory"
