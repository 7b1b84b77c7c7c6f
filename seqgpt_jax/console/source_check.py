"""Check of sources on the terminal: a table, and how many places have which problem."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqgpt_jax.data.raw.download import counted, readable_size
from seqgpt_jax.data.raw.source_check import SourceCheck


def print_checks(checks: Iterable[SourceCheck], console: Console) -> int:
    """Prints one row for each place, then the problems in full; returns the exit code, 1 for any problem."""
    checks = list(checks)
    table = Table("data set", "", "size", "place", "", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.columns[2].justify = "right"
    table.columns[3].overflow = table.columns[4].overflow = "fold"
    for column in (0, 1, 2):
        table.columns[column].no_wrap = True
    for check in checks:
        size = "" if check.size is None else readable_size(check.size)
        state = Text("problem", style="red") if check.problem else Text("ok")
        table.add_row(Text(check.dataset), state, size, Text(check.place), Text(check.note))
    console.print(table)
    bad = [check for check in checks if check.problem]
    size = sum(check.size or 0 for check in checks)
    unknown = sum(check.size is None for check in checks)
    datasets = len({check.dataset for check in checks})
    console.print(
        f"{counted(len(checks), 'place')} of {counted(datasets, 'data set')}, {readable_size(size)} and {unknown} of "
        f"unknown size; {len(bad)} with a problem",
        soft_wrap=True,
    )
    for check in bad:
        console.print(f"  {check.dataset}: {check.place}: {check.problem}", markup=False, soft_wrap=True)
    return int(bool(bad))
