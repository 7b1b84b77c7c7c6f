"""Learning curves: losses over steps, read from the metrics.jsonl of a run folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

METRICS = "metrics.jsonl"
CURVES = {"loss": "training", "validation/loss": "validation"}
"""Name in metrics.jsonl -> what the curve is called."""

Points = Sequence[tuple[int, float]]


class LearningCurve(NamedTuple):
    """A curve of one run: (step, loss) points in the order of steps."""

    kind: str
    points: Points


def learning_curves(folder: Path) -> list[LearningCurve]:
    """The curves of a run; none where the folder is no run on this machine.

    Raises:
      ValueError: a line is not JSON; names it. A last line that a crash has cut is left out.
    """
    path = folder / METRICS
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    points: dict[str, dict[int, float]] = {name: {} for name in CURVES}
    for number, line in enumerate(lines, start=1):
        try:
            window = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}:{number}: not JSON ({error})") from error
        for name, of_name in points.items():
            if name in window:
                # After a resumption steps are there again; the last one counts.
                of_name[window["step"]] = window[name]
    return [LearningCurve(kind, sorted(points[name].items())) for name, kind in CURVES.items() if points[name]]
