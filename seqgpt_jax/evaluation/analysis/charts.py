"""Charts of a report as SVG, their text as text, so that a browser shows it in every script."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqgpt_jax.evaluation.analysis.learning_curves import LearningCurve
from seqgpt_jax.evaluation.analysis.reliability import Reliability
from seqgpt_jax.evaluation.analysis.span_errors import CLASSES, NAMES, shares

# Colors of Okabe and Ito, which stay apart for color-blind readers.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#000000")
_GOOD, _BAD, _CHANCE = "#009e73", "#d55e00", "#999999"


def _svg(name: str, width: float, height: float, plot: Callable[[Axes], None]) -> str:
    """The SVG element of a chart; `name` makes its inner ids its own."""
    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9, "font.family": "sans-serif"}
    file = io.StringIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Letters that matplotlib's own font has not got: the browser has them.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        plot(axes)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"(?s)^.*?(?=<svg)", "", file.getvalue(), count=1)


def family_chart(scores: Mapping[str, Mapping[str, Mapping]]) -> str:
    """Bars of F1 with intervals, and a line where the best baseline is.

    Args:
      scores: evaluation -> group -> its object in scores.json.
    """
    groups = list(dict.fromkeys(group for of_one in scores.values() for group in of_one))
    width = 0.8 / len(scores)

    def plot(axes: Axes) -> None:
        for place, (name, of_one) in enumerate(scores.items()):
            at = np.array([number for number, group in enumerate(groups) if group in of_one])
            values = [of_one[groups[number]] for number in at]
            f1 = np.array([value["f1"] for value in values])
            ends = np.array([value["f1_interval"] for value in values])
            errors = np.abs(ends.T - f1).reshape(2, -1)
            baseline = [value["f1"] - value["gap"] for value in values]
            x = at + (place - (len(scores) - 1) / 2) * width
            color = COLORS[place % len(COLORS)]
            axes.bar(x, f1, width * 0.92, yerr=errors, color=color, label=_plain(name), error_kw={"elinewidth": 0.8})
            # Not clipped: a baseline of 0 lies on the axis.
            axes.hlines(baseline, x - width / 2, x + width / 2, color="black", linewidth=1.6, zorder=3, clip_on=False)
        axes.plot([], [], color="black", linewidth=1.6, label="best baseline")
        axes.set_xticks(range(len(groups)), groups, parse_math=False)
        axes.set_ylim(0, 100)
        axes.set_ylabel("F1")
        axes.grid(axis="y", color="#dddddd")
        _legend(axes)

    return _svg("families", max(5.0, 1.5 + 0.8 * len(groups)), 3.4, plot)


def gap_chart(gaps: Sequence[tuple[str, float, float, float]], axis: str = "F1 minus that of the best baseline") -> str:
    """(name, gap, low, high) of data sets as points with intervals around 0; `axis` says what a gap is."""

    def plot(axes: Axes) -> None:
        for row, (_, value, low, high) in enumerate(gaps):
            color = _GOOD if low > 0 else _BAD if high < 0 else _CHANCE
            axes.plot([low, high], [row, row], color=color, linewidth=1.4)
            axes.plot([value], [row], "o", color=color, markersize=4)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(gaps)), [name for name, *_ in gaps], parse_math=False, fontsize=8)
        axes.set_ylim(len(gaps) - 0.4, -0.6)
        axes.set_xlabel(axis, parse_math=False)
        axes.grid(axis="x", color="#dddddd")

    return _svg(f"gaps {axis}", 7.0, 0.9 + 0.19 * len(gaps), plot)


def error_chart(counts: Mapping[str, Mapping]) -> str:
    """Shares of the classes of span errors, one bar for each name."""

    def plot(axes: Axes) -> None:
        left = np.zeros(len(counts))
        for number, kind in enumerate(CLASSES):
            if not any(of_one.get(kind) for of_one in counts.values()):
                continue
            values = np.array([100 * shares(of_one)[kind] for of_one in counts.values()])
            axes.barh(range(len(counts)), values, 0.7, left=left, color=COLORS[number], label=NAMES[kind])
            left += values
        axes.set_yticks(range(len(counts)), list(counts), parse_math=False)
        axes.set_ylim(len(counts) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the errors, %")
        _legend(axes, columns=4)

    return _svg("errors", 7.0, 1.3 + 0.26 * len(counts), plot)


def reliability_chart(name: str, kinds: Sequence[Reliability]) -> str:
    """The share of right answers over their mean score; points are larger where there are more answers."""

    def plot(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, label="perfect")
        for one, color, line in zip(kinds, COLORS, ("-", "--"), strict=False):
            x, y = [b.score for b in one.bins], [b.right for b in one.bins]
            sizes = [12 + 120 * b.answers / one.answers for b in one.bins]
            axes.plot(x, y, line, color=color, linewidth=1)
            axes.scatter(x, y, sizes, color=color, label=one.kind)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("score")
        axes.set_ylabel("share of right answers")
        axes.grid(color="#dddddd")
        _legend(axes)

    return _svg(f"reliability {name}", 4.2, 3.6, plot)


def learning_chart(runs: Mapping[str, Sequence[LearningCurve]]) -> str:
    """Losses over steps, a color for each run."""

    def plot(axes: Axes) -> None:
        for color, (name, curves) in zip(COLORS * len(runs), runs.items(), strict=False):
            for curve in curves:
                steps, losses = zip(*curve.points, strict=True)
                line = "-" if curve.kind == "training" else "--"
                axes.plot(steps, losses, line, color=color, linewidth=1.3, label=_plain(f"{name}, {curve.kind}"))
        axes.set_xlabel("step")
        axes.set_ylabel("loss, nats per token")
        axes.grid(color="#dddddd")
        _legend(axes, columns=2)

    return _svg("learning", 7.0, 3.4, plot)


def _legend(axes: Axes, columns: int = 4) -> None:
    # Above the axes, where no bar or line is.
    axes.legend(ncols=columns, frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))


def _plain(text: str) -> str:
    """A text for a legend: a dollar would begin a formula, an underscore at the start would hide it."""
    return text.replace("$", r"\$").lstrip("_") or "–"
