"""JSON form of the cells of tables, whose types JSON does not have."""

import math
from datetime import date, time
from typing import Any


def json_scalar(value: Any) -> Any:
    """A cell of a table as JSON can hold it.

    NaN and infinities are null, days and times ISO 8601, bytes and all else text.

    >>> json_scalar(float("nan")), json_scalar(date(2026, 1, 31)), json_scalar(b"a"), json_scalar(7)
    (None, '2026-01-31', 'a', 7)
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if value is None or isinstance(value, str | int) else str(value)
