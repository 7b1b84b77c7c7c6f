"""Downloads on the terminal: lines of text, and progress bars while a file is being received."""

import contextlib
from collections.abc import Iterator
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqgpt_jax.data.raw.download import Update


class ConsoleReporter:
    """Reports to a console; bars are drawn only where it is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def log(self, text: str, style: Literal["", "bold", "red"] = "") -> None:
        """Prints one line, however long."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True, style=style or None)

    @contextlib.contextmanager
    def progress(self, title: str, unit: Literal["bytes", "rows"]) -> Iterator[Update]:
        """A bar that disappears when the context ends."""
        count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        columns = (TextColumn("  {task.description}"), BarColumn(), count, TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bars:
            bar = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(bar, completed=done, total=total)
