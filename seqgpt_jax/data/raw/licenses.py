"""Licenses of data sets: which of them allow commercial use, by what the catalogue says of each."""

import re

# Words of a license -> whether they allow commercial use; the first that is found decides.
_WORDS = (
    (r"non-?commercial|\bNC\b|-NC\b|research|academic|education|agreement|terms|on request|registration", False),
    (r"unknown|other", False),
    (r"\bCC0\b|CC BY( |-SA )|Apache|\bMIT\b|BSD|\bGPL\b|GPL-|ODbL|CDLA|free for any purpose", True),
)


def is_commercial(license: str) -> bool:
    """Whether the license allows commercial use as it is written; where that is unknown, it does not.

    This sorts what the catalogue says. It is no legal advice: the text of a license, and the rights in the texts that
    it was put on, are for you to read.

    >>> [is_commercial(text) for text in ("CC BY-SA 4.0", "CC BY-NC 4.0", "unknown", "CLUE: research")]
    [True, False, False, False]
    """
    for words, allowed in _WORDS:
        if re.search(words, license, re.IGNORECASE):
            return allowed
    return False
