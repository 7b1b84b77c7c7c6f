import pytest

from seqgpt_jax.training.hardware import CHIPS, peak_flops


@pytest.mark.parametrize(
    ("kind", "teraflops"),
    [
        ("TPU v4", 275),
        ("TPU v5 lite", 197),
        ("TPU v5p", 459),
        ("TPU v5", 459),
        ("TPU v6 lite", 918),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
    ],
)
def test_peaks(kind, teraflops):
    assert peak_flops(kind) == teraflops * 1e12


def test_an_unknown_chip_has_no_peak():
    assert peak_flops("cpu") is None


def test_every_chip_has_a_peak():
    assert {name: chip.flops for name, chip in CHIPS.items()} == {
        "v4": 275e12,
        "v5e": 197e12,
        "v5p": 459e12,
        "v6e": 918e12,
    }
