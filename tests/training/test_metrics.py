import dataclasses
import json

import numpy as np
import pytest

from seqgpt_jax.models.config import BloomConfig
from seqgpt_jax.training import metrics
from seqgpt_jax.training.metrics import Clock, MetricsWriter, StepMetrics, model_flops, peak_flops, read_metrics

CONFIG = BloomConfig(vocab_size=100, hidden_size=8, n_layer=3, n_head=2)


def step_metrics(loss: float = 2.0, supervised: int = 10, tokens: int = 60, grad_norm: float = 1.0) -> StepMetrics:
    return StepMetrics(*(np.asarray(value) for value in (loss, grad_norm, 1e-3, supervised, tokens, float(tokens), 80)))


def clock(monkeypatch, *times: float) -> Clock:
    """A clock that is asked for the time at `times`, after it was made at 0."""
    ticks = iter((0.0, *times))
    monkeypatch.setattr(metrics.time, "perf_counter", lambda: next(ticks))
    return Clock(CONFIG, steps=10, devices=2, device_kind="TPU v4")


def test_flops_by_counting_every_product_of_one_packed_row():
    """Forward: 2 m n k for each product; backward twice that. Two texts of 5 and 3 tokens, of which 4 are predicted."""
    D, V, layers = CONFIG.hidden_size, CONFIG.vocab_size, CONFIG.n_layer
    products = sum(2 * 8 * inputs * outputs for inputs, outputs in ((D, 3 * D), (D, D), (D, 4 * D), (4 * D, D)))
    keys = sum(range(1, 6)) + sum(range(1, 4))
    attention = 2 * keys * D + 2 * keys * D  # scores, then values, of all heads together
    forward = layers * (products + attention) + 2 * 4 * D * V
    counted = model_flops(CONFIG, tokens=8, supervised=4, keys=keys)
    # The formula counts biases and layer norms as if they were products.
    vectors = CONFIG.num_params() - V * D - layers * 12 * D * D
    assert counted == 3 * forward + 6 * vectors * 8


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


def test_a_window_weighs_losses_by_targets_and_leaves_compilation_out(monkeypatch):
    made = clock(monkeypatch, 50.0, 54.0, 60.0)
    assert made.first_step_done() == 50.0
    window = made.window(3, [step_metrics(1.0, 30), step_metrics(4.0, 10), step_metrics(4.0, 10)])
    assert window.loss == pytest.approx((30 + 40 + 40) / 50)
    assert window.tokens_per_second == 120 / 4  # the last two steps, in 4 s
    assert window.supervised_per_second == 20 / 4
    assert window.packing == 0.75
    assert window.eta_seconds == 2.0 * 7
    flops = model_flops(CONFIG, tokens=120, supervised=20, keys=120)
    assert window.mfu == pytest.approx(flops / 4 / (2 * 275e12))
    following = made.window(5, [step_metrics(), step_metrics()])
    assert following.seconds_per_step == 3.0
    assert following.eta_seconds == pytest.approx(10 / 4 * 5)


def test_a_window_of_the_first_step_alone_tells_its_whole_time(monkeypatch):
    made = clock(monkeypatch, 50.0, 50.0)
    made.first_step_done()
    window = made.window(1, [step_metrics()])
    assert window.seconds_per_step == 50.0
    assert window.tokens_per_second == 60 / 50


def test_a_resumed_run_forgets_what_it_does_again(tmp_path, capsys, monkeypatch):
    made = clock(monkeypatch, *range(1, 20))
    made.first_step_done()
    windows = [dataclasses.replace(made.window(step, [step_metrics()]), step=step) for step in (2, 4, 6)]
    writer = MetricsWriter(tmp_path, steps=6, start_step=0, write=True)
    for window in windows:
        writer.write(window)
    writer.close()
    assert len(read_metrics(tmp_path)) == 3
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')  # killed in the middle of a line
    writer = MetricsWriter(tmp_path, steps=6, start_step=4, write=True)
    writer.write(windows[2])
    writer.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    assert all(json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert list((tmp_path / "tensorboard").iterdir())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("step 2/6  loss 2.0000  lr 1.00e-03  grad 1.00")


def test_other_hosts_write_nothing(tmp_path, capsys, monkeypatch):
    writer = MetricsWriter(tmp_path, steps=6, start_step=0, write=False)
    made = clock(monkeypatch, 1.0, 2.0)
    made.first_step_done()
    writer.write(made.window(1, [step_metrics()]))
    writer.close()
    assert not list(tmp_path.iterdir())
    assert not capsys.readouterr().out


def test_the_first_broken_step_is_found():
    fine = step_metrics()
    assert metrics.first_broken([fine, fine]) is None
    assert metrics.first_broken([fine, step_metrics(loss=np.inf), step_metrics(loss=np.nan)]) == 1
    assert metrics.first_broken([fine, fine, step_metrics(grad_norm=np.nan)]) == 2
