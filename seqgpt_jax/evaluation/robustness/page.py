"""Page of a robustness test, as Markdown."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.evaluation.analysis.blocks import with_interval
from seqgpt_jax.evaluation.robustness.perturbations import NEGATIVES_ONLY, PERTURBATIONS


def robustness_page(result: Mapping[str, Any]) -> str:
    """What `python -m seqgpt_jax.robustness` has found, as Markdown.

    Args:
      result: content of robustness.json.
    """
    lines = [
        "# Robustness\n",
        f"{result['about']['model']}, {result['instances']:,} instances.",
        "F1, 0-100, of those that a perturbation changes, before and after it; in brackets the 95 % paired bootstrap",
        "interval of the difference. An asterisk marks a difference beyond chance.\n",
        "| perturbation | instances | F1 before | after | difference |",
        "|---|---:|---:|---:|---:|",
    ]
    found = {name: one for name, one in result["perturbations"].items() if name != NEGATIVES_ONLY}
    for name, one in found.items():
        title = f"{name}: {PERTURBATIONS[name].description}"
        lines.append(f"| {title} | {_cells(one)} |" if one else f"| {title} | 0 | | | |")
    for name, one in found.items():
        if one and (share := one.get("added_labels_answered")):
            lines += [
                "",
                f"{name}: of {share['number']:,} texts of extractions {_share(share)} have a span for an added",
            ]
            lines += ["label. These spans are not in F1."]
    if NEGATIVES_ONLY in result["perturbations"]:
        negatives = result["perturbations"][NEGATIVES_ONLY]
        answered = (
            f"of {negatives['number']:,} instances {_share(negatives)} are answered" if negatives else "0 instances"
        )
        lines += ["", f"{NEGATIVES_ONLY} ({PERTURBATIONS[NEGATIVES_ONLY].description}): {answered}."]
    families = sorted({family for one in found.values() if one for family in one["families"]})
    if len(families) > 1:
        shown = [name for name, one in found.items() if one]
        lines += ["", f"| difference in | {' | '.join(shown)} |", "|---|" + "---:|" * len(shown)]
        for family in families:
            cells = [_difference(found[name]["families"].get(family)) for name in shown]
            lines.append(f"| {family} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(one: Mapping[str, Any]) -> str:
    return f"{one['rate']:.1f} % ({one['low']:.1f} to {one['high']:.1f})"


def _cells(one: Mapping[str, Any]) -> str:
    return f"{one['instances']:,} | {one['plain']:.1f} | {one['perturbed']:.1f} | {_difference(one)}"


def _difference(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    star = "" if one["low"] <= 0 <= one["high"] else "*"
    return with_interval(one["difference"], one["low"], one["high"], "+") + star
