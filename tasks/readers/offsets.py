"""Annotations that count characters."""

from collections.abc import Iterable


def spans_at(text: str, places: Iterable[tuple[str, int, int]]) -> list[tuple[str, str]]:
    """(label, span) pairs in text order, out of (label, first character, one past the last).

    >>> spans_at("from Oslo to Bergen", [("to", 13, 19), ("from", 5, 9)])
    [('from', 'Oslo'), ('to', 'Bergen')]

    Raises:
      ValueError: a place is outside the text.
    """
    found = []
    for label, start, end in places:
        if not 0 <= start < end <= len(text):
            raise ValueError(f"characters {start} to {end} of {label!r} are outside the text")
        found.append((start, end, label))
    return [(label, text[start:end]) for start, end, label in sorted(found)]
