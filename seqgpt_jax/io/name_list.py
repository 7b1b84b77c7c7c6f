"""Short lists of names for messages."""

from collections.abc import Iterable


def first_names(names: Iterable[str], shown: int = 5, separator: str = ", ") -> str:
    """The first names, and how many more there are: `a, b and 3 more`.

    Args:
      names: all of them, in order.
      shown: how many are written.
      separator: between two names; other than ", ", it stands before "and" too.
    """
    names = list(names)
    if len(names) <= shown:
        return separator.join(names)
    more = f"and {len(names) - shown:,} more"
    return separator.join(names[:shown]) + (f" {more}" if separator == ", " else f"{separator}{more}")
