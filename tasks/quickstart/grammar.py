"""A tiny grammar that writes labelled sentences out of phrase banks, the same on every machine.

A template is a sentence with two kinds of slots:

    {city}              a phrase of the bank or rule `city`
    <place:city>        the same, and the phrase becomes a span with the label `place`

A slot `{city#1}` is remembered: the second `{city#1}` is the same phrase. After `=` stand the phrases
themselves, apart by `/`: `<date:=today/next {weekday}>`. No phrase is drawn twice in one text.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from seqgpt_jax.data.prepare.quota import stable_hash

_SLOT = re.compile(r"\{([^{}]+)\}|<([^:<>]+):([^<>]+)>")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|u(?!ni|se|su)|hour|honest)(?!eu|one\b)")
WITHHELD_SHARE = 8
WITHHELD_FROM = 24


def phrases(text: str, separator: str | None = ",") -> tuple[str, ...]:
    """The phrases of a bank: apart by commas, or by white space where `separator` is None."""
    return tuple(phrase.strip() for phrase in text.split(separator) if phrase.strip())


@dataclass(frozen=True)
class Grammar:
    """The words of one language.

    Attributes:
      banks: name -> phrases that stand for themselves.
      rules: name -> templates.
      articles: whether `a` becomes `an` before a vowel.
    """

    banks: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, tuple[str, ...]]
    articles: bool

    def __post_init__(self) -> None:
        twice = sorted(set(self.banks) & set(self.rules))
        if twice:
            raise ValueError(f"these names are a bank and a rule: {', '.join(twice)}")

    @cached_property
    def training_banks(self) -> dict[str, tuple[str, ...]]:
        """The banks as the training split sees them: of a large bank, one phrase in `WITHHELD_SHARE` is missing."""
        return {
            name: bank
            if len(bank) < WITHHELD_FROM
            else tuple(phrase for phrase in bank if stable_hash("withheld", phrase) % WITHHELD_SHARE)
            for name, bank in self.banks.items()
        }


@dataclass
class Writer:
    """Writes one text (and the questions about it) with its own source of chance.

    Attributes:
      grammar: the words.
      chance: drawn from for every slot.
      training: draws from `training_banks`, so that the test split holds names no training text has.
      memory: the phrases of the slots with a `#`.
      spans: (label, phrase) pairs of the slots with a label, in text order.
    """

    grammar: Grammar
    chance: random.Random
    training: bool
    memory: dict[str, str] = field(default_factory=dict)
    spans: list[tuple[str, str]] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)

    def choose(self, items: tuple):
        """One of `items`, all equally likely."""
        return items[self.chance.randrange(len(items))]

    def write(self, template: str) -> str:
        """The template with every slot filled."""
        return self._fill(template, self._used, outermost=True)

    def _fill(self, template: str, used: set[str], outermost: bool = False) -> str:
        def fill(match: re.Match) -> str:
            plain, label, symbol = match.groups()
            phrase = self._phrase(plain or symbol, used, remembers=outermost)
            if label:
                self.spans.append((label, phrase))
            return phrase

        text = _SLOT.sub(fill, template)
        return _ARTICLE.sub(r"\1n ", text) if outermost and self.grammar.articles else text

    def _phrase(self, symbol: str, used: set[str], remembers: bool) -> str:
        if symbol in self.memory:
            return self.memory[symbol]
        name = symbol.split("#")[0]
        for _ in range(20):
            phrase = self._draw(name)
            if phrase not in used:
                break
        used.add(phrase)
        if remembers and "#" in symbol:
            self.memory[symbol] = phrase
        return phrase

    def _draw(self, name: str) -> str:
        if name.startswith("="):
            return self._fill(self.choose(tuple(name[1:].split("/"))), set())
        if name in self.grammar.rules:
            return self._fill(self.choose(self.grammar.rules[name]), set())
        if name not in self.grammar.banks:
            raise KeyError(f"a template names {name!r}, which is neither a bank nor a rule")
        return self.choose((self.grammar.training_banks if self.training else self.grammar.banks)[name])
