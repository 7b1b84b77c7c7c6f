"""Detokenized text: a sentence of tokens as people write it, with the places of its tokens.

English corpora hold tokens of the Penn Treebank and its relatives (`do n't`, `the U.S. ( 1990 )`). A model that reads
them with a space between all is given a form of text that no user types, and answers with such spaces. The rule:

* **Symbols.** `-LRB-`, `-RRB-` and the like are the brackets that they stand for, ``` `` ``` and `''` double quotes.
* **To the left** go `. , ; : ? ! %`, closing brackets and quotes, and the clitics `n't 's 're 've 'll 'd 'm`; no `.`
  after another one.
* **Both sides** of a `:` between digits are joined: `6 : 15`, and of the apostrophe of a clitic that was cut off, as
  in CrossNER and WNUT: `Israel ' s`, `I ’ m`, `do n ' t`.
* **To the right** go opening brackets and quotes, `$ £ €`, and `# @`, which open tags of posts.
* **Quotes** `"` open and close in turn; where a sentence has an odd number of them they stay as they are, as `'` does.
* **Pieces.** Corpora that also cut words at hyphens, slashes and points (`IL - 3`, `mg / kg`, `0 . 5`) are joined at
  these between letters and digits, at points and commas between digits. In others a lone `-` is a dash.

Nothing but spaces between tokens is taken away, so a span of tokens is a part of the text. Tokens that are mere space
are left out. Texts that a data set has as strings are left as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_SYMBOLS = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_LEFT = frozenset((".", ",", ";", ":", "?", "!", "%", ")", "]", "}", "...", "…", "”", "’"))
_RIGHT = frozenset(("(", "[", "{", "$", "£", "€", "#", "@", "“", "‘"))
_CLITICS = frozenset(
    f"{start}{mark}{end}"
    for mark in "'’"
    for start, end in (("n", "t"), ("", "s"), ("", "re"), ("", "ve"), ("", "ll"), ("", "d"), ("", "m"))
)
_APOSTROPHES, _AFTER_APOSTROPHE = frozenset("'’"), frozenset(("s", "t", "re", "ve", "ll", "d", "m"))
_INSIDE_WORDS, _INSIDE_NUMBERS = frozenset("-–/"), frozenset(".,")


@dataclass(frozen=True, slots=True)
class Words:
    """A text and where its tokens are.

    Attributes:
      text: the sentence.
      places: [start, end) of each token in it.

    >>> words = Words.english("I do n't know -LRB- yet -RRB- .".split())
    >>> words.text, words.span(1, 4)
    ("I don't know (yet).", "don't know")
    """

    text: str
    places: Sequence[tuple[int, int]]

    @classmethod
    def joined(cls, tokens: Sequence[str], joiner: str) -> "Words":
        """The tokens with `joiner` between them, as they are."""
        return cls._of(tokens, [joiner] * max(len(tokens) - 1, 0))

    @classmethod
    def english(cls, tokens: Sequence[str], *, pieces: bool = False) -> "Words":
        """The tokens by the rule; `pieces` of words where punctuation inside of them was cut off too.

        >>> Words.english("IL - 3 ( 0 . 5 mg / kg )".split(), pieces=True).text
        'IL-3 (0.5 mg/kg)'
        """
        kept = [token for token in tokens if token.strip()]
        opening, closing = _quotes(kept)
        shown = [_SYMBOLS.get(token, token) for token in kept]
        gaps = []
        for i in range(1, len(shown)):
            before, after = shown[i - 1], shown[i]
            close = i in closing or (after in _LEFT and i not in opening) or after.lower() in _CLITICS
            if after[:1] == "." and before.endswith("."):  # an abbreviation at the end, or points with spaces between
                close = False
            open_ = i - 1 in opening or (before in _RIGHT and i - 1 not in closing)
            joined = _inside(shown, i, pieces) or _in_clitic(shown, i)
            gaps.append("" if close or open_ or joined else " ")
        words = cls._of(shown, gaps)
        places, end = iter(words.places), 0
        with_space = []
        for token in tokens:
            start, end = next(places) if token.strip() else (end, end)
            with_space.append((start, end))
        return cls(words.text, with_space)

    @classmethod
    def _of(cls, tokens: Sequence[str], gaps: Sequence[str]) -> "Words":
        places, text = [], ""
        for token, gap in zip(tokens, ("", *gaps)[: len(tokens)], strict=True):
            text += gap
            places.append((len(text), len(text) + len(token)))
            text += token
        return cls(text, places)

    def span(self, start: int, end: int) -> str:
        """The text of the tokens from `start` up to `end`.

        Raises:
          ValueError: there are no such tokens.
        """
        if not 0 <= start < end <= len(self.places):
            raise ValueError(f"tokens {start} to {end} were expected among {len(self.places)}")
        return self.text[self.places[start][0] : self.places[end - 1][1]].strip()


def _quotes(tokens: Sequence[str]) -> tuple[set[int], set[int]]:
    """The tokens that are opening quotes, and those that are closing ones."""
    opening = {i for i, token in enumerate(tokens) if token == "``"}
    closing = {i for i, token in enumerate(tokens) if token == "''"}
    straight = [i for i, token in enumerate(tokens) if token == '"']
    if len(straight) % 2 == 0:
        opening |= {*straight[::2]}
        closing |= {*straight[1::2]}
    return opening, closing


def _inside(tokens: Sequence[str], i: int, pieces: bool) -> bool:
    """Whether token `i` and the one before it are parts of one number, or of one word that was cut into pieces."""
    for mark in (i - 1, i):
        if not 0 < mark < len(tokens) - 1:
            continue
        before, after = tokens[mark - 1][-1:], tokens[mark + 1][:1]
        if pieces and tokens[mark] in _INSIDE_WORDS and before.isalnum() and after.isalnum():
            return True
        if (
            (tokens[mark] == ":" or (pieces and tokens[mark] in _INSIDE_NUMBERS))
            and before.isdigit()
            and after.isdigit()
        ):
            return True
    return False


def _in_clitic(tokens: Sequence[str], i: int) -> bool:
    """Whether the gap before token `i` is in a word whose clitic was cut at its apostrophe: `Ann ' s`, `do n ' t`."""
    if tokens[i] == "n" and tokens[i - 1][-1:].isalpha():
        return tokens[i + 2 : i + 3] == ["t"] and _is_apostrophe_of_clitic(tokens, i + 1)
    return any(_is_apostrophe_of_clitic(tokens, mark) for mark in (i - 1, i))


def _is_apostrophe_of_clitic(tokens: Sequence[str], i: int) -> bool:
    """Whether token `i` is an apostrophe between a word and the rest of a clitic, and no quote around a letter."""
    if not 0 < i < len(tokens) - 1 or tokens[i] not in _APOSTROPHES:
        return False
    before, rest = tokens[i - 1][-1:], tokens[i + 1].lower()
    quoted = i + 2 < len(tokens) and tokens[i + 2] in _APOSTROPHES
    return before.isalnum() and rest in _AFTER_APOSTROPHE and (rest != "t" or before in "nN") and not quoted
