"""Loss curve of a run as loss.png, plotted from metrics.jsonl so that it covers resumed runs too."""

import io

from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.training.metric_sinks import read_metrics

PLOT_FILE = "loss.png"


def plot_loss(run_dir: epath.PathLike) -> epath.Path | None:
    """Writes loss.png (losses and learning rate over steps) into the run folder; None where nothing was logged."""
    folder = storage.open_path(run_dir)
    lines = read_metrics(folder)
    windows = [line for line in lines if "loss" in line]
    if not windows:
        return None
    # Imported lazily: it is slow, and nothing else in training needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [window["step"] for window in windows]
    marker = "." if len(windows) < 60 else ""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(steps, [window["loss"] for window in windows], marker=marker, color="tab:blue", label="training")
    if validation := [(line["step"], line["validation/loss"]) for line in lines if "validation/loss" in line]:
        axes.plot(*zip(*validation, strict=True), marker="o", color="tab:orange", label="validation")
        axes.legend()
    axes.set(title=folder.name, xlabel="step", ylabel="loss (nats per supervised token)")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    rate_axes = axes.twinx()
    rate_axes.plot(steps, [window["learning_rate"] for window in windows], color="tab:gray", alpha=0.5)
    rate_axes.set_ylabel("learning rate", color="tab:gray")
    rate_axes.set_ylim(bottom=0)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    storage.write(folder / PLOT_FILE, picture.getvalue())
    return folder / PLOT_FILE
