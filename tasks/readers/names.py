"""Label codes -> words that a model can read. A `Naming` raises ValueError on a code it does not know."""

import re
from collections.abc import Callable, Mapping

Naming = Callable[[str], str]


def spelled_out(code: str) -> str:
    """The words of a code in snake or camel case, in lower case.

    >>> [spelled_out(code) for code in ("AddToPlaylist", "playlist_owner", "creative-work", "really?")]
    ['add to playlist', 'playlist owner', 'creative work', 'really']
    """
    return re.sub(r"[_\s-]+", " ", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", code)).strip(" ?").lower()


def named(names: Mapping[str, str]) -> Naming:
    """The naming of a table: every code must stand in it."""

    def name(code: str) -> str:
        if code not in names:
            raise ValueError(f"label {str(code)!r} has no name; known are {', '.join(map(str, names))}")
        return names[code]

    return name


def numbered(*names: str, first: int = 0) -> Naming:
    """The naming of codes that count from `first`, be they numbers or digits.

    >>> [numbered("negative", "positive")(code) for code in (0, "1")]
    ['negative', 'positive']
    """
    name = named({str(number): name for number, name in enumerate(names, first)})
    return lambda code: name(str(code))


def verbatim(code: str) -> str:
    """The data set's own word."""
    return code
