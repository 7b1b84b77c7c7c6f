"""Report of synthesis: the table of the data as the SeqGPT paper has it, rejections, cost, and a chart."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqgpt_jax.synthesis.answers import REASONS

_COLORS = {"en": "#1f4e79", "zh": "#e08a1e"}
_STYLES = {"CLS": "-", "ET": "--", "NER": ":"}
_LINE = "#e3e6e8"


def report_page(manifest: Mapping[str, Any]) -> str:
    """The report as Markdown, from a manifest."""
    table = [row for row in manifest["table"] if row["passages"]]
    asked, accepted = (sum(row[name] for row in table) for name in ("passages", "accepted"))
    spent = manifest["spent"]
    lines = [
        "# Synthesized data",
        "",
        f"Labels by `{manifest['model']}`, of {', '.join(manifest['inputs'])}. "
        f"{accepted:,} of {asked:,} answered passages were accepted"
        + (f"; {manifest['waiting']:,} passages have no answer yet." if manifest["waiting"] else "."),
        "",
        "| language | task | passages | accepted | instances | tokens | labels | labels per instance |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in table:
        lines.append(f"| {row['language']} | {row['task']} | {_numbers([row])} |")
    all_numbers = _numbers(table, manifest["distinct_labels"])
    lines += [f"| all | | {all_numbers} |", "", "![Labels and rejections](report.png)", ""]
    if manifest["rejected"]:
        lines += ["## Rejected answers", "", "| reason | passages | |", "|---|--:|---|"]
        lines += [f"| {reason} | {number:,} | {REASONS[reason]} |" for reason, number in manifest["rejected"].items()]
        lines += [""]
    if manifest["repairs"]:
        lines += ["## Repairs", "", "| repair | times |", "|---|--:|"]
        lines += [f"| {name} | {number:,} |" for name, number in manifest["repairs"].items()]
        lines += [""]
    passages = manifest["passages"]
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in passages["dropped"].items()) or "none"
    cost = "" if spent["cost"] is None else f", {spent['cost']:,.4f} {spent['currency']}"
    lines += [
        "## Input and cost",
        "",
        f"- {passages['texts']:,} texts gave {passages['passages']:,} passages; dropped: {dropped}.",
        f"- {spent['requests']:,} requests, {spent['input_tokens']:,} input and {spent['output_tokens']:,} output "
        f"tokens{cost}; of requests without an answer, the most that they can have cost.",
    ]
    if manifest["merged_labels"]:
        lines.append(f"- {manifest['merged_labels']:,} labels were merged into others: label_map.json.")
    return "\n".join([*lines, ""])


def _numbers(rows: list[Mapping[str, Any]], labels: int | None = None) -> str:
    sums = {name: sum(row[name] for row in rows) for name in ("passages", "accepted", "instances", "tokens", "labels")}
    if labels is not None:
        sums["labels"] = labels
    total = sum(int(number) * times for row in rows for number, times in row["labels_per_instance"].items())
    mean = f"{total / sums['instances']:.2f}" if sums["instances"] else ""
    return " | ".join([*(f"{value:,}" for value in sums.values()), mean])


def report_chart(manifest: Mapping[str, Any]) -> bytes:
    """A PNG: how often labels are answered, labels per instance, reasons of rejection."""
    figure = Figure(figsize=(12, 3.8), dpi=130, layout="constrained")
    curve, numbers, reasons = figure.subplots(1, 3)
    rows = [row for row in manifest["table"] if row["instances"]]
    _curves(curve, rows)
    _labels_per_instance(numbers, rows)
    rejected = dict(reversed(manifest["rejected"].items()))
    reasons.barh([*rejected], [*rejected.values()], color="#8a2d2d")
    reasons.set_title("rejected passages by reason" if rejected else "no passage was rejected", fontsize=10)
    _plain(reasons, "x")
    if not rejected:
        reasons.set_axis_off()
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _curves(axes: Axes, rows: list[Mapping[str, Any]]) -> None:
    for row in rows:
        pairs = [(int(times), number) for times, number in row["label_frequencies"].items()]
        heights = np.repeat([times for times, _ in pairs], [number for _, number in pairs])[::-1]
        places = np.arange(1, len(heights) + 1)
        name = f"{row['language']} {row['task']}"
        axes.plot(places, heights, _STYLES[row["task"]], color=_COLORS[row["language"]], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rank of the label")
    axes.set_ylabel("times answered")
    axes.set_title("frequency of labels", fontsize=10)
    if rows:
        axes.legend(frameon=False, fontsize=8)
    _plain(axes, "y")


def _labels_per_instance(axes: Axes, rows: list[Mapping[str, Any]]) -> None:
    most = max((int(number) for row in rows for number in row["labels_per_instance"]), default=1)
    bottom = np.zeros(most + 1)
    for row in rows:
        heights = np.array([row["labels_per_instance"].get(str(number), 0) for number in range(most + 1)], float)
        alpha = {"CLS": 1.0, "ET": 0.7, "NER": 0.4}[row["task"]]
        axes.bar(
            range(most + 1), heights, bottom=bottom, color=_COLORS[row["language"]], alpha=alpha,
            label=f"{row['language']} {row['task']}",
        )  # fmt: skip
        bottom += heights
    axes.set_xlim(0.4, most + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("labels")
    axes.set_ylabel("instances")
    axes.set_title("labels of an instance", fontsize=10)
    if rows:
        axes.legend(frameon=False, fontsize=8)
    _plain(axes, "y")


def _plain(axes: Axes, grid: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=_LINE)
    axes.spines[["top", "right"]].set_visible(False)
