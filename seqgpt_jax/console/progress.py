"""Progress bar of the commands: a bar with a rate and an ETA on terminals, a line every half a minute elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from seqgpt_jax.io.progress import Progress

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A callback that shows progress on stderr, under this title."""
    # Without emoji: `data.json:train:7` is no tram.
    console = Console(stderr=True, highlight=False, emoji=False)
    if not console.is_terminal:
        yield _lines(title, console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(title, total=None, rate="")

        def update(what: str, done: int, total: int) -> None:
            elapsed = bars.tasks[0].elapsed or 0.0
            rate = f"{done / elapsed:.1f}/s" if elapsed else ""
            bars.update(bar, description=f"{title}: {what}", completed=done, total=total or None, rate=rate)

        yield update


def _lines(title: str, console: Console) -> Progress:
    start = last = time.monotonic()

    def update(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        left = f" of {total:,}, about {(now - start) * (total - done) / done:,.0f} s left" if done and total else ""
        console.print(f"{title}: {what}: {done:,}{left}", markup=False, soft_wrap=True)

    return update
