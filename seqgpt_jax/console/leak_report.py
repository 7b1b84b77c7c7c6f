"""Leak reports on the terminal and as files."""

import json
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from seqgpt_jax.data.prepare.leak_report import NUMBERS, LeakReport


def print_leak_report(report: LeakReport) -> None:
    """Prints the tables and the totals."""
    console = Console(highlight=False, emoji=False)
    for header, rows in report.tables():
        table = Table(*header, box=box.SIMPLE_HEAD)
        for column in table.columns:
            column.no_wrap, column.justify = True, "right" if column.header in NUMBERS else "left"
        for row in rows:
            table.add_row(*row)
        if rows:
            console.print(table)
    console.print(report.summary(), soft_wrap=True)


def write_leak_report(report: LeakReport, path: Path, command: str) -> None:
    """Writes `path` as JSON, and beside it the tables as Markdown, with the first example of each pair of tasks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"command": command} | report.as_json(), indent=1) + "\n", encoding="utf-8")
    (pair_header, pairs), tasks = report.tables()
    for row, (_, pair) in zip(pairs, report.sorted_pairs(), strict=True):
        row.append(f"`{pair.examples[0].train_id}` `{pair.examples[0].evaluation_id}`")
    lines = ["# Training texts in evaluation splits", "", f"`{command}`", "", report.summary(), ""]
    lines += ["docs/leaks.md says what counts as the same text, and what reading samples of the leaks showed.", ""]
    for header, rows in (([*pair_header, "the first"], pairs), tasks):
        rules = ["---:" if name in NUMBERS else "---" for name in header]
        lines += [*(f"| {' | '.join(row)} |" for row in (header, rules, *rows)), ""]
    path.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
