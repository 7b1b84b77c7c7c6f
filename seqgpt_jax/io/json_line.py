"""JSON and text that can be written as UTF-8, whatever a text holds."""

import json
import re
from typing import Any

_HALVES = re.compile("[\ud800-\udfff]")


def json_line(value: Any, indent: int | None = None) -> str:
    r"""The value as one line with its line end, or as several where `indent` is given; characters as they are.

    Half of a surrogate pair, as an emoji cut in two leaves it, has no UTF-8: a line with one is escaped, all of it.

    >>> json_line({"text": "爱"}), json_line({"text": "爱\ud83d"})
    ('{"text": "爱"}\n', '{"text": "\\u7231\\ud83d"}\n')
    """
    line = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value, indent=indent)
    return f"{line}\n"


def with_characters(text: str) -> str:
    r"""The text with the replacement character for each half of a surrogate pair, for pages, which have no escapes.

    >>> with_characters("爱\ud83d")
    '爱�'
    """
    return _HALVES.sub("\ufffd", text)
