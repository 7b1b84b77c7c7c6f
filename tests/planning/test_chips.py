import pytest

from seqgpt_jax.planning.chips import CHIPS, parse_slice


def test_a_slice_is_read_from_its_name():
    slice_ = parse_slice("v4:2x2x4")
    assert (slice_.chips, slice_.shape, slice_.chip.hbm_bytes) == (16, (2, 2, 4), 32 << 30)


@pytest.mark.parametrize("name", ["v5e", "v9:2x2", "v5e-16", "v5e:4x", "4x4"])
def test_another_form_is_refused_with_the_chips_that_are_known(name):
    with pytest.raises(ValueError, match=r"--topology=.*v5e:4x4.*v4, v5e, v5p, v6e"):
        parse_slice(name)


def test_every_chip_has_a_peak():
    assert {name: chip.flops for name, chip in CHIPS.items()} == {
        "v4": 275e12,
        "v5e": 197e12,
        "v5p": 459e12,
        "v6e": 918e12,
    }


def test_rings_give_a_chip_twice_the_links():
    # 4x4 v5e chips are an open grid, 16x16 are a torus; a v5p slice is one once it is made of 4x4x4 cubes.
    assert parse_slice("v5e:4x4").gather_bandwidth(16) == 2 * 50e9
    assert parse_slice("v5e:16x16").gather_bandwidth(256) == 4 * 50e9
    assert parse_slice("v5p:2x2x4").gather_bandwidth(16) == 3 * 100e9
    assert parse_slice("v5p:4x4x4").gather_bandwidth(64) == 6 * 100e9
    # Four chips of a row of 16 are no ring.
    assert parse_slice("v5e:16x16").gather_bandwidth(4) == 50e9
