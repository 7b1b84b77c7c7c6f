"""Progress of a sweep: which parts are finished, how long they took, and how long the others will take."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from etils import epath

from seqgpt_jax.ablation.sweep import Part, Sweep
from seqgpt_jax.io.storage import write

RECORD = "ablation_part.json"


class PartError(ValueError):
    """A folder holds another part than the sweep expects there."""


@dataclass(frozen=True)
class PartRecord:
    """What a part's folder says of it.

    Attributes:
      command: as it was run.
      done: whether it has finished.
      seconds: of the attempt that finished it; 0 before.
      attempts: how often it was started.
    """

    command: str
    done: bool = False
    seconds: float = 0.0
    attempts: int = 1


def read_record(sweep: Sweep, part: Part) -> PartRecord | None:
    """The record of a part; None where it was never started.

    Raises:
      PartError: the folder was made by another command, or the record cannot be read.
    """
    path = sweep.place(part) / RECORD
    try:
        record = PartRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise PartError(f"{path} cannot be read ({error}): remove the folder and run the same command again") from error
    if record.command != part.text:
        raise PartError(
            f"{path.parent} was made by another command than this sweep has for it, so it cannot be used again.\n"
            f"  there: {record.command}\n  here:  {part.text}\nGive another --work, or remove the folder"
        )
    return record


def start(sweep: Sweep, part: Part, before: PartRecord | None) -> PartRecord:
    """Records that a part is started."""
    record = PartRecord(part.text, attempts=1 if before is None else before.attempts + 1)
    return _write(sweep.place(part), record)


def finish(sweep: Sweep, part: Part, record: PartRecord, seconds: float) -> PartRecord:
    """Records that a part is finished."""
    return _write(sweep.place(part), PartRecord(part.text, True, seconds, record.attempts))


def _write(folder: Path, record: PartRecord) -> PartRecord:
    write(epath.Path(folder / RECORD), f"{json.dumps(vars(record), ensure_ascii=False)}\n".encode())
    return record


def time_left(
    remaining: Iterable[Part], finished: Mapping[str, PartRecord], sweep: Sweep, steps: Mapping[str, int | None]
) -> tuple[float, list[str]]:
    """(seconds that the remaining parts will take, kinds of parts of which none is timed yet).

    A training takes as long as its steps at the rate of those of its stage, or where steps are not known as long as
    another one; a stage that is not timed yet takes the rate of the others. Attempts that resumed something say less
    than a whole part, and count only where there are no others.

    Args:
      remaining: parts to come.
      finished: name -> record of finished parts.
      sweep: of both.
      steps: name of a training -> its steps, None where they follow from the data.
    """
    seconds, unknown = 0.0, dict[str, None]()
    for part in remaining:
        known = [
            (record, other) for name, record in finished.items() if (other := sweep.parts[name]).command == part.command
        ]
        known = [pair for pair in known if pair[0].attempts == 1] or known
        known = [pair for pair in known if pair[1].kind == part.kind] or known
        if not known:
            unknown[f"{part.command} {part.kind}"] = None
            continue
        size = steps.get(part.name)
        sizes = [steps.get(other.name) for _, other in known]
        total = sum(record.seconds for record, _ in known)
        whole = [number for number in sizes if number]
        counted = size and len(whole) == len(sizes)
        seconds += size * total / sum(whole) if size and counted else total / len(known)
    return seconds, [*unknown]


def duration(seconds: float) -> str:
    """Seconds in words, "40 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
