"""Downloads on the terminal: lines of text, and progress bars while files are being received."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from seqgpt_jax.data.raw.download import readable_size
from seqgpt_jax.data.raw.http_file import Update

# Seconds between two lines of progress where no bars can be shown.
_EVERY = 30
_TITLE = 60


class ConsoleReporter:
    """Reports to a console. Bars are shown only where it is a terminal, elsewhere a line every half minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._guard = threading.Lock()
        self._bars: Progress | None = None
        self._total: _Total | None = None

    def log(self, text: str, style: Literal["", "bold", "red"] = "") -> None:
        """Prints one line, however long."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True, style=style or None)

    @contextlib.contextmanager
    def overall(self, jobs: int, size: int) -> Iterator[Callable[[], None]]:
        """A bar of all bytes with the time that remains, and one for each file that is being received."""
        columns = (TextColumn("  {task.description}"), BarColumn(), _Count(), TimeRemainingColumn())
        terminal = self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=not terminal) as bars:
            self._bars = bars
            self._total = _Total(jobs, size, bars.add_task("", total=None, unit="bytes"))
            self._show()
            try:
                yield self._job_done
            finally:
                self._bars = self._total = None

    @contextlib.contextmanager
    def progress(self, title: str, unit: Literal["bytes", "rows"]) -> Iterator[Update]:
        """A bar that disappears when the context ends."""
        assert self._bars is not None, "a download is part of all"
        bars = self._bars
        before: int | None = None
        bar = bars.add_task(title if len(title) <= _TITLE else f"…{title[1 - _TITLE :]}", total=None, unit=unit)

        def update(done: int, total: int | None) -> None:
            nonlocal before
            if before is None:
                received, there = 0, done
                bars.reset(bar, completed=done, total=total)  # what was there says nothing of the speed
            else:
                received, there = max(done - before, 0), min(done - before, 0)  # less than before: begun anew
                bars.update(bar, completed=done, total=total)
            if unit == "bytes":
                self._received(received, there)
            before = done

        try:
            yield update
        finally:
            bars.remove_task(bar)

    def _job_done(self) -> None:
        with self._guard:
            if self._total is not None:
                self._total.jobs_done += 1
                self._show()

    def _received(self, size: int, there: int) -> None:
        with self._guard:
            if self._total is None:
                return
            self._total.received += size
            self._total.size = max(self._total.size - there, 0)
            self._show()
            if not self._console.is_terminal and time.monotonic() - self._total.shown >= _EVERY:
                self._total.shown = time.monotonic()
                self.log(f"  {self._total.line()}")

    def _show(self) -> None:
        total = self._total
        assert self._bars is not None
        assert total is not None
        title = f"{total.jobs_done} of {total.jobs} files"
        self._bars.update(total.bar, description=title, completed=total.received, total=max(total.size, total.received))


class _Count(ProgressColumn):
    """Bytes, or rows."""

    def render(self, task: Task) -> Text:
        if task.fields["unit"] == "bytes":
            return self._bytes.render(task)
        return Text("" if task.total is None else f"{task.completed:,.0f} of {task.total:,.0f} rows")

    _bytes = DownloadColumn()


class _Total:
    """How far all downloads together are."""

    def __init__(self, jobs: int, size: int, bar: TaskID) -> None:
        self.jobs, self.size, self.bar = jobs, size, bar
        self.jobs_done = self.received = 0
        self.started = self.shown = time.monotonic()

    def line(self) -> str:
        """The same as the bar, in words."""
        speed = self.received / max(time.monotonic() - self.started, 1e-9)
        left = max(self.size - self.received, 0)
        text = f"{self.jobs_done} of {self.jobs} files, {readable_size(self.received)} of {readable_size(self.size)}"
        minutes = f", {left / speed / 60:.0f} min left" if speed and left else ""
        return f"{text}, {readable_size(round(speed))}/s{minutes}"
