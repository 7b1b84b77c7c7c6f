import pytest

from seqgpt_jax.planning.slices import parse_slice


def test_a_slice_is_read_from_its_name():
    slice_ = parse_slice("v4:2x2x4")
    assert (slice_.chips, slice_.shape, slice_.chip.name) == (16, (2, 2, 4), "v4")


@pytest.mark.parametrize("name", ["v5e", "v9:2x2", "h100:8", "v5e-17", "v5e:4x", "4x4", "v5e:"])
def test_another_form_is_refused_with_the_chips_that_are_known(name):
    with pytest.raises(ValueError, match=r"--topology=.*v5e:4x4.*v4, v5e, v5p, v6e$"):
        parse_slice(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("v5litepod-16", "v5e:4x4"),
        ("v5e-256", "v5e:16x16"),
        ("v6e-8", "v6e:2x4"),
        ("v4-8", "v4:2x2x1"),
        ("v4-32", "v4:2x2x4"),
        ("v5p-1024", "v5p:8x8x8"),
    ],
)
def test_who_gives_the_clouds_name_of_a_slice_is_told_its_topology(name, meant):
    with pytest.raises(ValueError, match=f"{name} is {meant}$"):
        parse_slice(name)
    parse_slice(meant)


@pytest.mark.parametrize("name", ["v5e:4x4x2", "v5e:16", "v5e:32x8", "v5e:0x4", "v6e:4x32", "v4:4x4", "v4:2x2x32"])
def test_a_shape_that_no_slice_has_is_refused_with_one_that_it_has(name):
    with pytest.raises(ValueError, match=r"--topology=.* has slices of [23] sizes, at most 16x16.*, such as v\we?:2x2"):
        parse_slice(name)


def test_rings_give_a_chip_twice_the_links():
    # 4x4 v5e chips are an open grid, 16x16 are a torus, and 8x16 have a ring along the longer side; a v5p slice is a
    # torus once it is made of cubes of 4x4x4.
    assert parse_slice("v5e:4x4").gather_bandwidth(16) == 2 * 45e9
    assert parse_slice("v5e:16x16").gather_bandwidth(256) == 4 * 45e9
    assert parse_slice("v6e:8x16").gather_bandwidth(128) == 3 * 90e9
    assert parse_slice("v5p:2x2x4").gather_bandwidth(16) == 3 * 90e9
    assert parse_slice("v5p:4x4x4").gather_bandwidth(64) == 6 * 90e9
    assert parse_slice("v4:4x4x8").gather_bandwidth(8) == 2 * 45e9
    # Four chips of a row of 16 are no ring.
    assert parse_slice("v5e:16x16").gather_bandwidth(4) == 45e9
