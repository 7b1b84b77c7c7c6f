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


def learning_curves(folder: Path, last_step: int | None = None) -> list[LearningCurve]:
    """The curves of a run; none where the folder is no run on this machine.

    Args:
      folder: of the run.
      last_step: what comes after it is left out: the run went on, or is another one in the same folder.

    Raises:
      ValueError: the file cannot be read, or a line is no metrics; names it. A last line that a crash has cut is left
        out.
    """
    path = folder / METRICS
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    points: dict[str, dict[int, float]] = {name: {} for name in CURVES}
    for number, line in enumerate(lines, start=1):
        try:
            window = json.loads(line)
            # After a resumption steps are there again; the last one counts.
            found = {name: (int(window["step"]), float(window[name])) for name in CURVES if name in window}
        except (KeyError, TypeError, ValueError) as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}:{number}: no metrics of a step ({error!r})") from error
        for name, (step, value) in found.items():
            if last_step is None or step <= last_step:
                points[name][step] = value
    return [LearningCurve(kind, sorted(points[name].items())) for name, kind in CURVES.items() if points[name]]
