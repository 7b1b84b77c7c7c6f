"""Answers as one HTML page for people: spans coloured in their texts, labels with their scores."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

# Degrees between the colours of two labels that follow each other: far apart, and never twice the same.
_GOLDEN_ANGLE = 137.5
_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } small { opacity: .7; }
article { border-top: 1px solid var(--line); padding: .6rem 0; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2.1; }
mark { color: inherit; border-radius: .25rem; padding: .15rem .1rem; border-bottom: 3px solid; }
mark sub { font-size: .65rem; padding-left: .2rem; opacity: .8; }
.labels { display: flex; flex-wrap: wrap; gap: .6rem; }
.labels span { border-bottom: 3px solid; }
.bar { display: inline-block; width: 12rem; height: .8rem; background: var(--soft); margin-right: .5rem; }
.bar i { display: block; height: 100%; background: #2563eb; }
.error { color: #c0392b; }
"""


def answer_page(records: Iterable[Mapping[str, Any]], title: str) -> Iterable[str]:
    """The page, in pieces.

    Args:
      records: lines of an answers file.
      title: of the page.
    """
    yield f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title><style>{_STYLE}</style>"
    yield f"<h1>{escape(title)}</h1>"
    for number, record in enumerate(records, start=1):
        yield f"<article id='r{number}'><small>{number}</small>{_record(record)}</article>\n"
    yield "</html>\n"


def marked_text(text: str, spans: Sequence[tuple[int, int, str, str]]) -> str:
    """HTML of a text with a mark around each span; spans that overlap are marks in marks.

    Args:
      text: any text.
      spans: (start, end, name of the label, colour) of each, in code points.

    >>> marked_text("a<b", [(0, 1, "x", "red")])
    "<mark style='border-color:red' title='x'>a<sub>x</sub></mark>&lt;b"
    """
    bounds = sorted({0, len(text), *(place for start, end, *_ in spans for place in (start, end))})
    pieces = []
    for start, end in itertools.pairwise(bounds):
        piece = escape(text[start:end])
        for first, last, name, colour in spans:
            if first <= start and last >= end:
                shown = f"<sub>{escape(name)}</sub>" if last == end else ""
                piece = f"<mark style='border-color:{colour}' title='{escape(name)}'>{piece}{shown}</mark>"
        pieces.append(piece)
    return "".join(pieces)


def _record(record: Mapping[str, Any]) -> str:
    text = record["text"]
    if "error" in record:
        return f"<div class='text'>{escape(text)}</div><p class='error'>{escape(record['error'])}</p>"
    found = record["found"]
    if isinstance(found, dict):
        colours = {
            label: f"hsl({(number * _GOLDEN_ANGLE + 210) % 360:g} 70% 45%)" for number, label in enumerate(found)
        }
        spans = [
            (span["start"], span["end"], f"{label}{_percent(span['score'])}", colours[label])
            for label, of_label in found.items()
            for span in of_label
        ]
        legend = "".join(
            f"<span style='border-color:{colour}'>{escape(label)}: {len(found[label])}</span>"
            for label, colour in colours.items()
        )
        return f"<div class='text'>{marked_text(text, spans)}</div><div class='labels'>{legend}</div>"
    bars = "".join(
        f"<div><span class='bar'><i style='width:{100 * (one['score'] or 0):.1f}%'></i></span>"
        f"{escape(one['label'])}{_percent(one['score'])}</div>"
        for one in found
    )
    return f"<div class='text'>{escape(text)}</div>{bars or '<p>no label fits</p>'}"


def _percent(score: float | None) -> str:
    return "" if score is None else f" {100 * score:.0f} %"
