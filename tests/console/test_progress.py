"""The progress bar of the commands, without and with a terminal."""

import io

import pytest
from rich.console import Console

from seqgpt_jax.console import progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the test sets."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_every_half_a_minute(clock, capsys) -> None:
    with progress.progress_bar("preparing") as update:
        for second in range(0, 100, 5):
            clock[0] = 100.0 + second
            update("ner.json:train:7", second, 200)
        update("unknown", 5, 0)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "preparing: ner.json:train:7: 30 of 200, about 170 s left",
        "preparing: ner.json:train:7: 60 of 200, about 140 s left",
        "preparing: ner.json:train:7: 90 of 200, about 110 s left",
    ]


def test_nothing_done_or_no_total_has_no_eta(clock, capsys) -> None:
    with progress.progress_bar("reading") as update:
        clock[0] += 31
        update("texts", 0, 10)
        clock[0] += 31
        update("texts", 4, 0)
    assert capsys.readouterr().err.splitlines() == ["reading: texts: 0", "reading: texts: 4"]


def test_on_a_terminal_there_is_a_bar_with_rate_and_eta(monkeypatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **kwargs: Console(file=output, force_terminal=True, width=120, emoji=False)
    )
    with progress.progress_bar("answering") as update:
        update("[prompts]", 3, 12)
    text = output.getvalue()
    assert "answering: [prompts]" in text
    assert "3/12" in text
    assert "left" in text
