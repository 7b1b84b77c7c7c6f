"""JSON form of values of tables, whose types JSON does not have."""

import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any


def json_value(value: Any, *, null_fields: bool = True) -> Any:
    """A cell of a table, or a struct or list of cells, as JSON can hold it.

    NaN and infinities are null, days and times ISO 8601, bytes and all else text.

    Args:
      value: of a table.
      null_fields: whether structs keep their fields that are null.

    >>> json_value([float("nan"), date(2026, 1, 31), b"a", 7])
    [None, '2026-01-31', 'a', 7]
    >>> json_value({"a": {"b": None}}, null_fields=False)
    {'a': {}}
    """
    if isinstance(value, Mapping):
        kept = ((name, part) for name, part in value.items() if null_fields or part is not None)
        return {name: json_value(part, null_fields=null_fields) for name, part in kept}
    if isinstance(value, list):
        return [json_value(part, null_fields=null_fields) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if value is None or isinstance(value, str | int) else str(value)
