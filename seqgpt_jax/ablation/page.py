"""Results of a sweep as a Markdown page."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqgpt_jax.evaluation.analysis.blocks import number, with_interval
from seqgpt_jax.evaluation.tables import BASELINE_NAMES

TITLES = {"languages": "Language", "families": "Family", "data_sets": "Data set"}


def markdown(results: Mapping[str, Any]) -> str:
    """The content of results.md.

    Args:
      results: of `results.gather`, with "commands".
    """
    arms, seeds = results["arms"], results["seeds"]
    lines = [
        f"# {results['title']}",
        "",
        f"F1, 0 to 100, of {len(arms)} arms that differ in: {results['varied']}. In brackets the 95 % bootstrap",
        "interval over instances; the best program without a model on the same instances stands beside.",
        f"An asterisk marks a difference to the first arm, {arms[0]}, whose paired 95 % interval does not hold 0.",
        f"Trained with {'one seed' if len(seeds) == 1 else f'{len(seeds)} seeds, whose scores are averaged'}; "
        "an interval says nothing of the variation over seeds.",
        "",
    ]
    for label, measured in results["mixtures"].items():
        lines += [f"## {label}", ""]
        numbers = dict.fromkeys("all" if most is None else f"at most {most}" for most in measured["records"].values())
        asked = " or ".join(numbers)
        lines.append(f"Mixture `{measured['mixture']}`, {measured['instances']:,} instances ({asked} of each task).")
        lines += ["", *_overall(measured["overall"]["all"], arms, seeds), ""]
        if sentence := fit_sentence(measured["fit"], results["varied"]):
            lines += [sentence, ""]
        for group in ("languages", "families", "data_sets"):
            lines += [*_table(TITLES[group], measured[group], arms), ""]
        lines += [f"- {note}" for note in measured["notes"]]
        lines += [""] * bool(measured["notes"])
    lines += ["![F1 of the arms](results.png)", "", "## Commands", "", "```bash", *results["commands"], "```"]
    return "\n".join(lines) + "\n"


def fit_sentence(fit: Mapping[str, Any] | None, varied: str) -> str:
    """The fit in words; "" without one."""
    if fit is None:
        return ""
    # Without the sign of a zero.
    slope, low, high = (round(value, 2) + 0.0 for value in (fit["per_doubling"], *fit["interval"]))
    shown = "may be chance, the interval holds 0" if low <= 0 <= high else "beyond chance"
    quality = "" if fit["r_squared"] is None else f"; R² of the arms {fit['r_squared']:.2f}"
    return (
        f"Logarithmic fit: {slope:+.2f} F1 for each doubling of {varied} ({low:+.2f} to {high:+.2f}, {shown}{quality})."
    )


def _overall(row: Mapping[str, Any], arms: Sequence[str], seeds: Sequence[int]) -> list[str]:
    several = len(seeds) > 1
    head = ["arm", "F1", *(["seeds"] if several else []), f"difference to {arms[0]}", "best baseline"]
    lines = [f"| {' | '.join(head)} |", f"|---{'|---:' * (len(head) - 1)}|"]
    for arm in arms:
        cell = row["arms"][arm]
        words = [_escaped(arm), with_interval(cell["f1"], *cell["interval"])]
        words += [", ".join(map(number, cell["seeds"].values()))] * several
        words.append(
            with_interval(cell["difference"], *cell["difference_interval"], sign="+") + _star(cell)
            if "difference" in cell
            else ""
        )
        words.append(baseline_text(cell))
        lines.append(f"| {' | '.join(words)} |")
    return lines


def _table(title: str, rows: Mapping[str, Mapping[str, Any]], arms: Sequence[str]) -> list[str]:
    lines = [f"| {title} | {' | '.join(map(_escaped, arms))} | best baseline |", f"|---{'|---:' * (len(arms) + 1)}|"]
    for name, row in rows.items():
        cells = [number(row["arms"][arm]["f1"]) + _star(row["arms"][arm]) for arm in arms]
        # Arms that were asked other instances have baselines of their own.
        cells.append(" / ".join(dict.fromkeys(baseline_text(row["arms"][arm]) for arm in arms)))
        lines.append(f"| {_escaped(name)} | {' | '.join(cells)} |")
    return lines


def _star(cell: Mapping[str, Any]) -> str:
    low, high = cell.get("difference_interval", (0, 0))
    return "*" if low > 0 or high < 0 else ""


def baseline_text(cell: Mapping[str, Any]) -> str:
    """The best baseline of an arm and its F1; a dash where it has none."""
    baseline = cell["baseline"]
    return f"{BASELINE_NAMES[baseline['name']]} {number(baseline['f1'])}" if baseline else "–"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
