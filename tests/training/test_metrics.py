import numpy as np
import pytest

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.training import metrics
from seqgpt_jax.training.metrics import MetricsAggregator
from seqgpt_jax.training.step import StepMetrics

CONFIG = BloomConfig(vocab_size=100, hidden_size=8, n_layer=3, n_head=2)


def step_metrics(
    loss: float = 2.0,
    supervised: int = 10,
    tokens: int = 60,
    grad_norm: float = 1.0,
    families: dict[str, tuple[float, int]] | None = None,
) -> StepMetrics:
    """Metrics of one step; `families` gives (sum of losses, targets) of some."""
    sums = np.array([(families or {}).get(family, (0.0, 0)) for family in FAMILIES], np.float32)
    values = {"loss": loss, "grad_norm": grad_norm, "param_norm": 5.0, "learning_rate": 1e-3, "supervised": supervised}
    values |= {"family_loss": sums[:, 0], "family_weight": sums[:, 1]}
    values |= {"tokens": tokens, "keys": float(tokens), "slots": 80, "skipped": not np.isfinite(loss + grad_norm)}
    return StepMetrics(**{name: np.asarray(value) for name, value in values.items()})


def aggregator(monkeypatch, *times: float) -> MetricsAggregator:
    """An aggregator created at time 0 that reads the clock at `times`."""
    ticks = iter((0.0, *times))
    monkeypatch.setattr(metrics.time, "perf_counter", lambda: next(ticks))
    return MetricsAggregator(CONFIG, steps=10, devices=2, device_kind="TPU v4")


def test_flops_by_counting_every_product_of_one_packed_row():
    """Forward: 2 m n k for each product; backward twice that. Two texts of 5 and 3 tokens, of which 4 are predicted."""
    D, V, layers = CONFIG.hidden_size, CONFIG.vocab_size, CONFIG.n_layer
    products = sum(2 * 8 * inputs * outputs for inputs, outputs in ((D, 3 * D), (D, D), (D, 4 * D), (4 * D, D)))
    keys = sum(range(1, 6)) + sum(range(1, 4))
    attention = 2 * keys * D + 2 * keys * D  # scores, then values, of all heads together
    forward = layers * (products + attention) + 2 * 4 * D * V
    counted = CONFIG.train_flops(tokens=8, supervised=4, keys=keys)
    # The formula counts biases and layer norms as if they were products.
    vectors = CONFIG.num_params() - V * D - layers * 12 * D * D
    assert counted == 3 * forward + 6 * vectors * 8


def test_frozen_kernels_have_no_gradient(monkeypatch):
    full, adapted = (
        MetricsAggregator(CONFIG, steps=10, devices=1, device_kind="TPU v4", adapter_params=number)
        for number in (None, 7)
    )
    body, head = CONFIG.num_params() - 800, 800
    attention = 12 * 3 * 8 * 40
    assert full._flops(100, 10, 40) == 6 * (body * 100 + head * 10) + attention
    assert adapted._flops(100, 10, 40) == pytest.approx(4 * (body * 100 + head * 10) + attention + 6 * 7 * 100)


def test_a_window_weighs_losses_by_targets_and_leaves_compilation_out(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 54.0, 60.0)
    assert windows.first_step_done() == 50.0
    window = windows.window(3, [step_metrics(1.0, 30), step_metrics(4.0, 10), step_metrics(4.0, 10)], skipped=0)
    assert window.loss == pytest.approx((30 + 40 + 40) / 50)
    assert window.tokens_per_second == 120 / 4  # the last two steps, in 4 s
    assert window.supervised_per_second == 20 / 4
    assert window.packing == 0.75
    assert window.eta_seconds == 2.0 * 7
    flops = CONFIG.train_flops(tokens=120, supervised=20, keys=120)
    assert window.mfu == pytest.approx(flops / 4 / (2 * 275e12))
    following = windows.window(5, [step_metrics(), step_metrics()], skipped=0)
    assert following.seconds_per_step == 3.0
    assert following.eta_seconds == pytest.approx(10 / 4 * 5)


def test_a_window_tells_the_loss_of_every_family_that_it_has_seen(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 54.0)
    windows.first_step_done()
    steps = [
        step_metrics(families={"NER": (6.0, 4), "RE": (8.0, 1)}),
        step_metrics(families={"NER": (9.0, 1), "EE": (0.0, 3)}),
        step_metrics(np.nan, families={"NER": (np.nan, 5), "SA": (1.0, 1)}),
    ]
    assert windows.window(3, steps, skipped=1).family_loss == {"NER": 3.0, "RE": 8.0, "EE": 0.0}


def test_a_window_of_nothing_but_skipped_steps_tells_no_family(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 54.0)
    windows.first_step_done()
    assert windows.window(1, [step_metrics(np.nan, families={"NER": (np.nan, 5)})], skipped=1).family_loss == {}


def test_a_window_of_the_first_step_alone_tells_its_whole_time(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 50.0)
    windows.first_step_done()
    window = windows.window(1, [step_metrics()], skipped=0)
    assert window.seconds_per_step == 50.0
    assert window.tokens_per_second == 60 / 50


def test_a_window_leaves_skipped_steps_out_of_its_means(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 54.0, 60.0)
    windows.first_step_done()
    steps = [step_metrics(3.0, grad_norm=2.0), step_metrics(np.nan), step_metrics(1.0, grad_norm=np.inf)]
    window = windows.window(3, steps, skipped=7)
    assert (window.loss, window.grad_norm, window.skipped) == (3.0, 2.0, 7)
    assert "skipped 7" in window.summary(10)
    window = windows.window(4, [step_metrics(np.nan)], skipped=8)
    assert window.loss is None
    assert window.grad_norm is None
    assert "loss –" in window.summary(10)


def test_a_pause_takes_time_from_the_run_but_not_from_the_speed_of_training(monkeypatch):
    windows = aggregator(monkeypatch, 50.0, 54.0, 60.0, 90.0, 92.0)
    windows.first_step_done()
    windows.window(3, [step_metrics()] * 3, skipped=0)
    with windows.paused():
        pass
    window = windows.window(5, [step_metrics()] * 2, skipped=0)
    assert window.seconds_per_step == (92 - 54 - 30) / 2
    assert window.eta_seconds == pytest.approx((92 - 50) / 4 * 5)


def test_the_time_in_which_data_were_waited_for_is_measured(monkeypatch):
    windows = aggregator(monkeypatch, 1.0, 1.5, 50.0, 60.0, 62.0, 70.0, 71.0, 80.0)
    batches = windows.measure_data_wait(iter(["a", "b", "c"]))
    assert next(batches) == "a"
    windows.first_step_done()  # what the first batch took is not the window's
    assert [next(batches), next(batches)] == ["b", "c"]
    window = windows.window(3, [step_metrics()] * 3, skipped=0)
    assert window.data_wait == pytest.approx(3 / 30)
    assert "data wait 10%" in window.summary(10)
