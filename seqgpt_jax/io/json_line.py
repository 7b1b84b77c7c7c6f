"""Lines of JSON that can be written as UTF-8, whatever a text holds."""

import json
from typing import Any


def json_line(value: Any) -> str:
    r"""The value as one line with its line end; characters as they are.

    Half of a surrogate pair, as an emoji cut in two leaves it, has no UTF-8: a line with one is escaped, all of it.

    >>> json_line({"text": "爱"}), json_line({"text": "爱\ud83d"})
    ('{"text": "爱"}\n', '{"text": "\\u7231\\ud83d"}\n')
    """
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    return f"{line}\n"
