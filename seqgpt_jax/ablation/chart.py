"""Figure of a sweep: bars, or a line with its logarithmic fit, or a heat map of arms and groups."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Blue, orange, green and red that stay apart for color-blind readers and in print.
_COLORS = ("#1f4e79", "#e08a1e", "#2a7d46", "#b03a48")


def figure(results: Mapping[str, Any], kind: str) -> bytes:
    """A PNG.

    Args:
      results: of `results.gather`.
      kind: one of `config.FIGURES`.
    """
    series = {
        (label, name): row
        for label, measured in results["mixtures"].items()
        for name, row in measured["overall" if kind == "mixtures" else kind].items()
    }
    if kind in ("families", "data_sets"):
        picture = _heat_maps(results, kind)
    else:
        panels = [None] if kind == "mixtures" else [*results["mixtures"]]
        picture = Figure(figsize=(1.0 + 5.6 * len(panels), 4.2), dpi=140, layout="constrained")
        every = picture.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for axes, label in zip(every, panels, strict=True):
            rows = {
                (name if label else mixture): row for (mixture, name), row in series.items() if label in (None, mixture)
            }
            if results["numbers"]:
                fits = {} if kind != "mixtures" else {name: results["mixtures"][name]["fit"] for name in rows}
                _curves(axes, results, rows, fits)
            else:
                _bars(axes, results, rows)
            axes.set_title(label or results["title"], fontsize=11)
            axes.set_ylabel("F1")
            axes.grid(axis="y", color="#e3e6e8")
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=8, loc="upper left")
        # Room for the legend above the scores.
        entries = len(every[0].get_legend_handles_labels()[0])
        every[0].set_ylim(0, every[0].get_ylim()[1] * (1.08 + 0.06 * entries))
    file = io.BytesIO()
    # Without the version of matplotlib: equal results give equal bytes.
    picture.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _bars(axes: Axes, results: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> None:
    arms = results["arms"]
    positions, width = np.arange(len(arms)), 0.8 / len(rows)
    for number, (name, row) in enumerate(rows.items()):
        color = _COLORS[number % len(_COLORS)]
        places = positions + (number - (len(rows) - 1) / 2) * width
        cells = [row["arms"][arm] for arm in arms]
        f1 = np.array([cell["f1"] for cell in cells])
        bars = axes.bar(places, f1, width * 0.92, yerr=_errors(cells), color=color, label=name, error_kw={"lw": 0.9})
        axes.bar_label(bars, fmt="%.1f", fontsize=7, padding=1)
        if len(results["seeds"]) > 1:
            for place, cell in zip(places, cells, strict=True):
                axes.plot([place] * len(cell["seeds"]), [*cell["seeds"].values()], "k.", ms=3)
        baselines = _baselines(cells)
        known = ~np.isnan(baselines)
        axes.hlines(
            baselines[known],
            places[known] - width / 2,
            places[known] + width / 2,
            colors="black",
            linestyles="dotted",
            label=None if number else "best baseline",
        )
    axes.set_xticks(positions, arms, rotation=30 if sum(map(len, arms)) > 50 else 0, fontsize=8)
    axes.set_xlabel(results["varied"])


def _curves(
    axes: Axes,
    results: Mapping[str, Any],
    rows: Mapping[str, Mapping[str, Any]],
    fits: Mapping[str, Mapping[str, Any] | None],
) -> None:
    numbers = np.array(results["numbers"])
    for number, (name, row) in enumerate(rows.items()):
        color = _COLORS[number % len(_COLORS)]
        cells = [row["arms"][arm] for arm in results["arms"]]
        f1 = [cell["f1"] for cell in cells]
        axes.errorbar(numbers, f1, yerr=_errors(cells), fmt="o", color=color, label=name, capsize=3, lw=1)
        for value, cell in zip(numbers, cells, strict=True):
            if len(cell["seeds"]) > 1:
                axes.plot([value] * len(cell["seeds"]), [*cell["seeds"].values()], ".", color=color, ms=3)
        if fit := fits.get(name):
            curve = fit["curve"]
            axes.plot(curve["number"], curve["f1"], color=color, lw=1)
            axes.fill_between(curve["number"], curve["low"], curve["high"], color=color, alpha=0.15, lw=0)
        axes.plot(numbers, _baselines(cells), color=color, ls="dotted", lw=1, label=f"{name}: best baseline")
    if (numbers > 0).all():
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(numbers, results["arms"])
    axes.set_xlabel(results["varied"])


def _baselines(cells: list[Mapping[str, Any]]) -> np.ndarray:
    """F1 of each arm's best baseline, [arms]; NaN where it has none."""
    return np.array([cell["baseline"]["f1"] if cell["baseline"] else np.nan for cell in cells])


def _errors(cells: list[Mapping[str, Any]]) -> np.ndarray:
    """Distances of the interval's ends from F1, [2, arms]; none is negative, though a mean may be outside of it."""
    low = [max(cell["f1"] - cell["interval"][0], 0) for cell in cells]
    high = [max(cell["interval"][1] - cell["f1"], 0) for cell in cells]
    return np.array([low, high])


def _heat_maps(results: Mapping[str, Any], kind: str) -> Figure:
    arms, mixtures = results["arms"], results["mixtures"]
    columns = [len(measured[kind]) for measured in mixtures.values()]
    size = (2.5 + 0.62 * sum(columns), 2.2 + 0.42 * (len(arms) + 1))
    picture = Figure(figsize=size, dpi=140, layout="constrained")
    every = picture.subplots(1, len(mixtures), squeeze=False, width_ratios=columns)[0]
    picture.suptitle(results["title"], fontsize=11)
    tables = []
    for measured in mixtures.values():
        table = [[row["arms"][arm]["f1"] for row in measured[kind].values()] for arm in arms]
        # The highest of all arms, and 0 where none has one.
        best = [np.nan_to_num(_baselines([*row["arms"].values()])).max() for row in measured[kind].values()]
        tables.append(np.array([*table, best]))
    # One scale of colors for all mixtures.
    highest = max(1.0, *(table.max() for table in tables))
    for axes, (label, measured), values in zip(every, mixtures.items(), tables, strict=True):
        rows = measured[kind]
        axes.imshow(values, cmap="Blues", vmin=0, vmax=highest, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            dark = value > 0.6 * highest
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=7, color="white" if dark else "black"
            )
        axes.set_xticks(range(len(rows)), list(rows), rotation=90 if kind == "data_sets" else 0, fontsize=8)
        axes.set_yticks(range(len(arms) + 1), [*arms, "best baseline"], fontsize=8)
        axes.axhline(len(arms) - 0.5, color="white", lw=3)
        axes.set(title=label, xlabel="scored on", ylabel=results["varied"])
    return picture
