"""Places in a text as it was given, of parts of it as the prompt has it (`clean_text`)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic.template import CONTROL_PATTERN, LINE_BREAKS, clean_text

# Letters that are written without spaces between words; a span may begin or end between any two of them.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u31a0-\u9fff\uf900-\ufaff]")
# Skin tones of emoji; they belong to the character before them, as marks and joiners do.
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class OriginalText:
    r"""A text as it was given, and as the prompt has it.

    Attributes:
      text: as it was given.
      clean: as the prompt has it.
      starts, ends: code point c of `clean` stands for `text[starts[c]:ends[c]]`.

    >>> original = OriginalText.of("Ada\r\nBob <s>")
    >>> original.clean, original.place(4, 7), original.original(4, 7)
    ('Ada Bob < s>', (5, 8), 'Bob')
    """

    text: str
    clean: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str) -> "OriginalText":
        """Of a text in any form."""
        clean = clean_text(text)
        if clean == text:
            return cls(text, text, range(len(text)), range(1, len(text) + 1))
        # In the order of `clean_text`: first line breaks, of which one may be two characters, then control tokens.
        one_line, starts, ends = [], [], []
        position = 0
        for match in LINE_BREAKS.finditer(text):
            plain = range(position, match.start())
            one_line += [text[position : match.start()], " "]
            starts += [*plain, match.start()]
            ends += [*(place + 1 for place in plain), match.end()]
            position = match.end()
        one_line.append(text[position:])
        starts += range(position, len(text))
        ends += range(position + 1, len(text) + 1)
        # The space after the first character of a control token stands for nothing.
        places = [match.start() + 1 for match in CONTROL_PATTERN.finditer("".join(one_line))]
        return cls(text, clean, _with_gaps(starts, places, ends), _with_gaps(ends, places, ends))

    def place(self, start: int, end: int) -> tuple[int, int]:
        """(start, end) in `text` of `clean[start:end]`, which is not empty."""
        return self.starts[start], self.ends[end - 1]

    def original(self, start: int, end: int) -> str:
        """The part of `text` that `clean[start:end]` stands for."""
        first, last = self.place(start, end)
        return self.text[first:last]


def _with_gaps(values: list[int], places: Sequence[int], ends: Sequence[int]) -> list[int]:
    """`values` with a further one before each of `places`: where the character before it ends."""
    pieces, last = [], 0
    for place in places:
        pieces += [*values[last:place], ends[place - 1]]
        last = place
    return pieces + values[last:]


def occurrences(text: str, span: str) -> list[int]:
    """Where a span begins in a text: all places that do not overlap, from the left.

    Places within a word or within a character of several code points count only where there is no other.

    >>> occurrences("Ann met Annual Ann", "Ann"), occurrences("Annual", "Ann"), occurrences("北京北京", "北京")
    ([0, 15], [0], [0, 2])
    """
    found = [match.start() for match in re.finditer(re.escape(span), text)] if span else []
    whole = [start for start in found if not _within(text, start) and not _within(text, start + len(span))]
    return whole or found


def _within(text: str, place: int) -> bool:
    """Whether a place is within a word, or within a character of several code points."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if unicodedata.category(after)[0] == "M" or ord(after) in _SKIN_TONES or _JOINER in (before, after):
        return True
    return before.isalnum() and after.isalnum() and not (_UNSPACED.match(before) or _UNSPACED.match(after))
