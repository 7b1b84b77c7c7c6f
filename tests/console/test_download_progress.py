"""Downloads on the terminal: bars there, lines elsewhere."""

import io
import threading

from rich.console import Console

from seqgpt_jax.console import download
from seqgpt_jax.console.download import ConsoleReporter


def receive(reporter: ConsoleReporter) -> None:
    with reporter.overall(3, 3_000_000) as job_done:

        def one() -> None:
            with reporter.progress("https://example.org/" + "a" * 80, "bytes") as update:
                for done in range(0, 1_000_001, 100_000):
                    update(done, 1_000_000)
            job_done()

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        with reporter.progress("hub", "rows") as update:
            update(10, 20)
        for thread in threads:
            thread.join()
        job_done()
        reporter.log("a line among bars")


def test_a_terminal_shows_bars_of_all_and_of_each():
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    receive(ConsoleReporter(console))
    shown = console.file.getvalue()
    assert "3 of 3 files" in shown
    assert "/3.0 MB" in shown
    assert "a line among bars" in shown


def test_what_was_there_is_not_received_and_what_begins_anew_comes_again(monkeypatch):
    monkeypatch.setattr(download, "_EVERY", 0)
    console = Console(file=io.StringIO(), width=120)
    reporter = ConsoleReporter(console)
    with reporter.overall(1, 1_000_000), reporter.progress("a", "bytes") as update:
        for done in (600_000, 700_000, 0, 300_000):
            update(done, 1_000_000)
    found = [line.split(", ")[1] for line in console.file.getvalue().splitlines()]
    assert found == ["0 bytes of 400.0 kB", "100.0 kB of 400.0 kB", "100.0 kB of 1.1 MB", "400.0 kB of 1.1 MB"]


def test_elsewhere_a_line_comes_now_and_then(monkeypatch):
    console = Console(file=io.StringIO(), width=120)
    receive(ConsoleReporter(console))
    assert console.file.getvalue() == "a line among bars\n"
    monkeypatch.setattr(download, "_EVERY", 0)
    console = Console(file=io.StringIO(), width=120)
    receive(ConsoleReporter(console))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 23
    assert "0 of 3 files, 0 bytes of 3.0 MB, " in lines[0]
    assert "min left" in "".join(lines)
    assert "2.0 MB of 3.0 MB" in "".join(lines)
