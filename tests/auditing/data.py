"""Own data to audit: three strata, with markup, overlapping spans and records without an answer."""

import json
from pathlib import Path

EVIL = "<img src=x onerror=alert(1)>"


def records(number: int = 40) -> list[dict]:
    """So many extractions in English, and fewer typings and Chinese classifications."""
    found: list[dict] = []
    for k in range(number):
        text = f"Ada {EVIL} left New York City in {1800 + k}."
        answers = {"person": ["Ada"], "place": ["New York City", "New York"], "year": [str(1800 + k)]}
        found.append({"text": text, "task": "ext", "answers": answers if k % 4 else {}})
        if k % 2:
            found.append({"text": f"第{k}届博览会在杭州开幕。", "task": "cls", "answers": ["经济", "展会"]})
        if k % 10 == 0:
            found.append({"text": f"Aspirin helped patient {k}.", "mention": "Aspirin", "answers": ["drug"]})
    return found


def write(path: Path, rows: list[dict] | None = None) -> Path:
    """Writes records as JSON Lines."""
    rows = records() if rows is None else rows
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
