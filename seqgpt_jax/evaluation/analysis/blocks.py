"""Blocks of a report: what its sections consist of, before they become HTML or Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from seqgpt_jax.evaluation.analysis.span_places import Part


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
      text: what it says.
      style: "good", "bad" or "" (and "name" of texts that are aligned left).
      shade: how dark its background is, 0 to 1.
      show: (task, label); a click on the cell shows the examples of the task with the label alone.
    """

    text: str
    style: str = ""
    shade: float = 0.0
    show: tuple[str, str] | None = None


@dataclass(frozen=True)
class Text:
    """A paragraph; of several lines the first is in bold where `strong`."""

    text: str
    strong: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of (lead, text) items, the lead in bold."""

    items: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
      head: names of the columns.
      rows: its cells, as many as `head` each.
      note: below it.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Chart:
    """A chart: an SVG element, and what it shows in words."""

    svg: str
    caption: str
    kind: ClassVar[str] = "chart"


class Example(NamedTuple):
    """A wrong answer.

    Attributes:
      id: of the instance.
      task: its name.
      text: cut into parts, the spans of the answer and of the gold answer marked.
      asked: the labels.
      labels: the gold and the answered ones.
      lines: (style, title, text) below the text.
    """

    id: str
    task: str
    text: Sequence[Part]
    asked: str
    labels: Sequence[str]
    lines: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Examples:
    """A list of wrong answers, and how many more there are."""

    examples: Sequence[Example]
    more: int = 0
    kind: ClassVar[str] = "examples"


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that unfolds them.

    Attributes:
      summary: the line.
      blocks: behind it.
      open: whether they are shown without a click.
      page_only: whether Markdown leaves them out.
    """

    summary: str
    blocks: Sequence["Block"]
    open: bool = False
    page_only: bool = False
    kind: ClassVar[str] = "fold"


Block = Text | Bullets | Table | Chart | Examples | Fold


@dataclass(frozen=True)
class Section:
    """A section: its anchor, title and blocks."""

    anchor: str
    title: str
    blocks: Sequence[Block]


def common_cell(values: Iterable[str]) -> Cell:
    """What is the same of all models; it differs where they were not asked the same."""
    found = {*values}
    return Cell(found.pop() if len(found) == 1 else "differs")


def name_cell(text: str) -> Cell:
    """A cell of text, aligned left."""
    return Cell(text, "name")


def number(value: float | None) -> str:
    """A rate, 0 to 100, as reports show it."""
    return "–" if value is None else f"{value:.1f}"


def with_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A rate and its interval.

    >>> with_interval(8.44, -0.01, 10.95)
    '8.4 (0.0 to 10.9)'
    """
    # Without the sign of a zero.
    value, low, high = (round(rate, 1) + 0.0 for rate in (value, low, high))
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def judged(text: str, low: float, high: float) -> Cell:
    """A cell with a difference, good where its whole interval is above 0, bad where it is below."""
    return Cell(text, "good" if low > 0 else "bad" if high < 0 else "")
