"""Bar chart of the F1 of each family beside its best baseline."""

import io

import numpy as np
from matplotlib.figure import Figure

from seqgpt_jax.evaluation.scores import Metrics, Scores

# Blue, orange and grey that stay apart for color-blind readers and in print.
_COLORS = {"F1": "#1f4e79", "best baseline": "#e08a1e", "ROUGE": "#a6adb4"}
_WIDTH = 0.27


def family_chart(scores: Scores) -> bytes:
    """A PNG: for each family, and overall, F1, the F1 of the best baseline, and ROUGE."""
    groups: dict[str, Metrics] = {"overall": scores.overall, **scores.families}
    figure = Figure(figsize=(max(5.0, 1.0 + 0.95 * len(groups)), 3.6), dpi=140, layout="constrained")
    axes = figure.add_subplot()
    positions = np.arange(len(groups))
    heights = {
        "F1": [metrics.f1 for metrics in groups.values()],
        "best baseline": [metrics.baselines[metrics.best_baseline].f1 for metrics in groups.values()],
        "ROUGE": [metrics.rouge[scores.mode] for metrics in groups.values()],
    }
    for number, (name, values) in enumerate(heights.items()):
        percent = 100 * np.array(values)
        bars = axes.bar(positions + (number - 1) * _WIDTH, percent, _WIDTH, label=name, color=_COLORS[name])
        if name == "F1":
            axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
    axes.set_xticks(positions, list(groups))
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylim(0, 107)
    axes.set_yticks(range(0, 101, 20))
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e3e6e8")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(ncols=3, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12), fontsize=9)
    file = io.BytesIO()
    # Without the version of matplotlib: equal scores give equal bytes.
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
