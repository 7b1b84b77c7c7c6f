"""Chart of a mixture: tokens by family and language, quotas, lengths."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.data.prepare.mixture_summary import mixture_lengths
from seqgpt_jax.data.store import read_manifest

# Distinct for color-blind readers and in print.
_LANGUAGES = {"en": "#1f4e79", "zh": "#e08a1e"}
_UNITS = (("million tokens", 1e6), ("thousand tokens", 1e3), ("tokens", 1))
_BEFORE, _LINE = "#d5d9dc", "#e3e6e8"


def mixture_chart(folder: Path) -> bytes:
    """A PNG: tokens of each family and language, instances of each task before and after the quotas, lengths."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    tasks = manifest["tasks"]
    figure = Figure(figsize=(11, max(5.0, 1.2 + 0.19 * len(tasks))), dpi=130, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.25))
    families, lengths = left.subplots(2, 1)
    _families(families, tasks)
    _lengths(lengths, mixture_lengths(folder), manifest["settings"]["max_prompt_tokens"])
    _tasks(right.subplots(), tasks)
    total = sum(task["tokens"] for task in tasks.values())
    figure.suptitle(
        f"{manifest['mixture']} ({manifest['split']}), quota {manifest['settings']['quota']}: {len(tasks)} tasks, "
        f"{manifest['examples']:,} examples, {total:,} tokens"
    )
    file = io.BytesIO()
    # Without the version of matplotlib: equal stores give equal bytes.
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _families(axes: Axes, tasks: dict) -> None:
    names = [family for family in FAMILIES if any(task["family"] == family for task in tasks.values())]
    bottom = np.zeros(len(names))
    total = sum(task["tokens"] for task in tasks.values())
    unit, size = next((name, size) for name, size in _UNITS if total >= size)
    for language, color in _LANGUAGES.items():
        tokens = Counter()
        for task in tasks.values():
            tokens[task["family"]] += task["tokens"] * (task["language"] == language) / size
        if tokens.total():
            height = np.array([tokens[name] for name in names])
            axes.bar(names, height, bottom=bottom, color=color, label=language)
            bottom += height
    axes.set_ylim(top=1.25 * bottom.max())  # room for the legend
    axes.set_ylabel(unit)
    axes.set_title("tokens by family", fontsize=10)
    axes.legend(frameon=False)
    _plain(axes, "y")


def _lengths(axes: Axes, lengths: np.ndarray, limit: int) -> None:
    bins = np.geomspace(max(lengths.min(), 1), max(lengths.max(), limit) + 1, 50)
    axes.hist(lengths, bins=bins, color=_LANGUAGES["en"])
    axes.axvline(limit, color="black", linewidth=0.8, linestyle=":")
    axes.annotate("prompt limit", (limit, axes.get_ylim()[1]), ha="right", va="top", fontsize=8, rotation=90)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("tokens of an example")
    axes.set_ylabel("examples")
    axes.set_title("lengths", fontsize=10)
    _plain(axes, "y")


def _tasks(axes: Axes, tasks: dict) -> None:
    names = list(tasks)[::-1]
    rows = np.arange(len(names))
    axes.barh(rows, [tasks[name]["instances"] for name in names], color=_BEFORE, label="before the quota")
    colors = [_LANGUAGES[tasks[name]["language"]] for name in names]
    axes.barh(rows, [tasks[name]["within_quota"] for name in names], height=0.5, color=colors)
    axes.set_yticks(rows, [f"{name} ({tasks[name]['family']})" for name in names], fontsize=7)
    axes.set_ylim(-0.7, len(names) - 0.3)
    if max(task["instances"] for task in tasks.values()) >= 1000:
        axes.set_xscale("symlog", linthresh=10)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlim(left=0)
    axes.set_xlabel("instances")
    axes.set_title("instances before (grey) and after the quota", fontsize=10)
    _plain(axes, "x")


def _plain(axes: Axes, grid: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=_LINE)
    axes.spines[["top", "right"]].set_visible(False)
