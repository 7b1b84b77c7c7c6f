"""The loss curve of a run as a picture, from its metrics.jsonl, so that it covers resumed runs too."""

from pathlib import Path

from seqgpt_jax.training.logs import read_metrics

CURVE_FILE = "loss.png"


def draw_loss(run_dir: str | Path) -> Path | None:
    """Writes loss.png into the run folder: loss and learning rate over steps. None where nothing was logged."""
    windows = [window for window in read_metrics(run_dir) if "loss" in window]
    if not windows:
        return None
    # Imported here: it takes a while, and no other part of training needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [window["step"] for window in windows]
    marker = "." if len(windows) < 60 else ""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(steps, [window["loss"] for window in windows], marker=marker, color="tab:blue")
    axes.set(title=Path(run_dir).name, xlabel="step", ylabel="loss (nats per supervised token)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    rates = axes.twinx()
    rates.plot(steps, [window["learning_rate"] for window in windows], color="tab:gray", alpha=0.5)
    rates.set_ylabel("learning rate", color="tab:gray")
    rates.set_ylim(bottom=0)
    path = Path(run_dir) / CURVE_FILE
    figure.savefig(path, dpi=120)
    return path
