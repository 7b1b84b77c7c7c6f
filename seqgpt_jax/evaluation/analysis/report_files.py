"""Files of a report: its page, and .md and .json beside it."""

import json
from pathlib import Path

TITLE = "Evaluation report: "
"""What the title of each report begins with."""
KEYS = ("evaluations", "differences")
"""What its .json holds."""


def unrelated_files(page: Path) -> list[Path]:
    """The .json and .md that a page would replace and that are of no earlier report."""
    return [path for path in (page.with_suffix(".json"), page.with_suffix(".md")) if path.exists() and not _ours(path)]


def _ours(path: Path) -> bool:
    try:
        content = path.read_text(encoding="utf-8")
        return content.startswith(f"# {TITLE}") if path.suffix == ".md" else json.loads(content).keys() == {*KEYS}
    except (OSError, ValueError, AttributeError):
        return False
