"""Expressions of mixtures: names joined with `+`, and taken away with `-`."""

from collections.abc import Collection, Iterator
from typing import Literal


def terms(expression: str, known: Collection[str]) -> Iterator[tuple[Literal["+", "-"], str]]:
    """The names of an expression, each with what is done with its tasks.

    A name may hold `-` itself: the longest known one is taken. What is not known is given as it stands.

    >>> list(terms("ft+my-tickets-snli", {"ft", "snli", "my-tickets"}))
    [('+', 'ft'), ('+', 'my-tickets'), ('-', 'snli')]
    """
    for joined in expression.split("+"):
        sign: Literal["+", "-"] = "+"
        words = joined.split("-")
        while words:
            names = ["-".join(words[:number]).strip() for number in range(len(words), 0, -1)]
            name = next((name for name in names if name in known), names[0])
            yield sign, name
            words = words[len(words) - names.index(name) :]
            sign = "-"
