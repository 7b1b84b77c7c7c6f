"""A progress bar with a rate and the time that is left, for anything that reports (done, total)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A callback that draws a bar on stderr; it draws nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(title, total=None, rate="")

        def update(done: int, total: int) -> None:
            elapsed = bars.tasks[0].elapsed or 0.0
            bars.update(bar, completed=done, total=total, rate=f"{done / elapsed:.1f}/s" if elapsed else "")

        yield update
