"""Characters that look alike: what a string differs in from the text that seems to hold it."""

import re
import unicodedata
from collections.abc import Callable

_QUOTES = dict.fromkeys(map(ord, "‘’‚‛′´`"), "'") | dict.fromkeys(map(ord, "“”„‟″«»"), '"')
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACES = re.compile(r"\s+")


def _without_quotes(text: str) -> str:
    return text.translate(_QUOTES | _DASHES)


# (what makes two strings equal, how they differ then); the first that does is named.
_DIFFERENCES: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda text: unicodedata.normalize("NFC", text), "in another Unicode normal form (NFC or NFD)"),
    (_without_quotes, "with another kind of quote or dash"),
    (lambda text: _INVISIBLE.sub("", text), "with or without invisible characters (such as U+200B)"),
    (lambda text: _SPACES.sub(" ", text), "with another kind or number of spaces (such as U+00A0)"),
    (lambda text: unicodedata.normalize("NFKC", text), "in another width or compatibility form (such as full width)"),
)


def difference(part: str, text: str) -> str:
    """How the text has a part that is not in it: a clause to end a sentence with, or "".

    >>> difference("ada", "Ada met Bob")
    "; the text has 'Ada'"
    >>> difference("don't", "I don’t")
    '; the text has it with another kind of quote or dash'
    """
    place = text.casefold().find(part.casefold())
    if place >= 0:
        return f"; the text has {text[place : place + len(part)]!r}"
    for fold, how in _DIFFERENCES:
        if fold(part) and fold(part) in fold(text):
            return f"; the text has it {how}"
    folded = [part, text]
    for fold, _ in _DIFFERENCES:
        folded = [fold(string) for string in folded]
    part, text = (string.casefold() for string in folded)
    return "; the text has it with several characters that only look alike" if part and part in text else ""
