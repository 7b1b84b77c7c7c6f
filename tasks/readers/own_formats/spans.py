"""Labeled spans as annotation tools write them, and the extraction and relation records that hold them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqgpt_jax.tasks.readers.own_formats.items import Fields

_NAMES = {
    "start": ("start", "start_offset", "startOffset", "begin"),
    "end": ("end", "end_offset", "endOffset"),
    "label": ("label", "labels", "type", "entity", "entity_type", "tag"),
    "text": ("text", "value"),
}


def parsed_span(item: Any) -> tuple[list[str], Fields]:
    """(labels, span with `start`, `end` and, where it is known, `text`) of `[start, end, label]` or an object.

    Raises:
      ValueError: it is neither.
    """
    if isinstance(item, list) and len(item) == 3:
        item = dict(zip(("start", "end", "label"), item, strict=True))
    found = {name: _first(item, keys) for name, keys in _NAMES.items()} if isinstance(item, dict) else {}
    if None in (found.get("start"), found.get("end"), found.get("label")):
        raise ValueError(f"a span is [start, end, label] or an object with start, end and label, not {item!r}")
    labels = found["label"] if isinstance(found["label"], list) else [found["label"]]
    span = {"start": found["start"], "end": found["end"]}
    return labels, span | ({"text": found["text"]} if isinstance(found["text"], str) else {})


def _first(item: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def extraction(text: Any, spans: Iterable[Any], **more: Any) -> Fields:
    """The extraction record of a text with spans in any form that `parsed_span` reads."""
    answers: dict[str, list[Fields]] = {}
    for item in spans:
        labels, span = parsed_span(item)
        for label in labels:
            if not isinstance(label, str):
                raise ValueError(f"label {label!r} of span {item!r} is not a string")
            answers.setdefault(label, []).append(in_characters(text, span))
    return {"text": text, "task": "ext", "answers": answers, **more}


def in_characters(text: Any, span: Fields) -> Fields:
    """The span with offsets that count characters, where its own text shows that they count UTF-16 units."""
    start, end, quoted = span["start"], span["end"], span.get("text")
    if not (isinstance(text, str) and isinstance(quoted, str) and type(start) is type(end) is int):
        return span
    if (end <= len(text) and text[start:end] == quoted) or text.isascii():
        return span
    units = text.encode("utf-16-le", errors="surrogatepass")
    if units[2 * start : 2 * end] != quoted.encode("utf-16-le", errors="surrogatepass"):
        return span
    first = len(units[: 2 * start].decode("utf-16-le", errors="replace"))
    return {"start": first, "end": first + len(quoted), "text": quoted}


def relation(text: str, head: Fields, tail: Fields, names: Any) -> Fields:
    """The relation record of two spans (as `parsed_span` gives them) of a text."""
    ends = [text[span["start"] : span["end"]] for span in (head, tail)]
    return {"text": text, "head": ends[0], "tail": ends[1], "relation": names}


def relations(text: str, pairs: Iterable[tuple[Fields, Fields, str]]) -> Iterator[Fields]:
    """One relation record for each pair of spans; a pair with several relations has a list of them."""
    found: dict[tuple[int, ...], tuple[Fields, Fields, list[str]]] = {}
    for head, tail, name in pairs:
        key = (head["start"], head["end"], tail["start"], tail["end"])
        found.setdefault(key, (head, tail, []))[2].append(name)
    for head, tail, names in found.values():
        yield relation(text, head, tail, names)
