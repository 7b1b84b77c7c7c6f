"""Progress of a sweep: which parts are finished, how long they took, and how long the others will take."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from etils import epath

from seqgpt_jax.ablation.sweep import Part, Sweep
from seqgpt_jax.io.storage import write

RECORD = "ablation_part.json"


class PartError(ValueError):
    """Folders hold other parts than the sweep expects there."""


@dataclass(frozen=True)
class PartRecord:
    """What a part's folder says of it.

    Attributes:
      command: as it was run.
      done: whether it has finished.
      seconds: of the attempt that finished it; 0 before.
      attempts: how often it was started.
      settings: lines of all gin bindings that the command read, those of its gin file and what that includes too.
      id: unlike that of any other folder, also of a later one of the same part.
      needs: the id of the part whose model it starts from or scores; "" where that is not of the sweep.
    """

    command: str
    done: bool = False
    seconds: float = 0.0
    attempts: int = 1
    settings: tuple[str, ...] = ()
    id: str = ""
    needs: str = ""


def read_records(sweep: Sweep, settings: Mapping[str, tuple[str, ...]]) -> dict[str, PartRecord]:
    """Name -> record of the parts that were started.

    A part counts only with all that its model was made from: scores of a model that has been trained anew since, or
    that is to be, are those of another model.

    Args:
      sweep: whose parts they are.
      settings: name of each part -> lines of the gin bindings that its command reads now.

    Raises:
      PartError: it names every folder that was made by another command, with other settings or from another model, or
        whose record cannot be read.
    """
    records: dict[str, PartRecord] = {}
    problems = []
    for name, part in sweep.parts.items():
        record, problem = None, ""
        try:
            record = _read(sweep.place(part) / RECORD)
        except (ValueError, TypeError) as error:
            problem = f"{RECORD} cannot be read ({error})"
        if record:
            problem = _difference(record, part, settings[name]) or _other_origin(record, part, records)
        if problem:
            problems.append(f"{sweep.place(part)} {problem}")
        elif record:
            records[name] = record
    if problems:
        raise PartError("\n".join([*problems, "Give another --work, or remove all of these folders"]))
    return records


def _read(path: Path) -> PartRecord | None:
    try:
        record = PartRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return replace(record, settings=tuple(record.settings))


def _difference(record: PartRecord, part: Part, settings: tuple[str, ...]) -> str:
    """Why a part was made in another way than it would be now; "" where it was not."""
    if record.command != part.text:
        return (
            f"was made by another command than this sweep has for it\n  there: {record.command}\n  here:  {part.text}"
        )
    if record.settings != settings:
        there = [line for line in record.settings if line not in settings]
        here = [line for line in settings if line not in record.settings]
        return (
            f"was made with other settings of {part.gin_file}, or of what it includes, than are now\n"
            f"  there: {'; '.join(there) or 'not set'}\n  here:  {'; '.join(here) or 'not set'}"
        )
    return ""


def _other_origin(record: PartRecord, part: Part, usable: Mapping[str, PartRecord]) -> str:
    """Why the model that a part was made from is not the one of this sweep; "" where it is."""
    if part.needs is None:
        return ""
    origin = usable.get(part.needs.name)
    if origin is None or not origin.done:
        return f"was made from {part.needs.name}, which has to be trained anew"
    return "" if origin.id == record.needs else f"was made from an earlier {part.needs.name}, which was trained anew"


def start(
    sweep: Sweep, part: Part, records: Mapping[str, PartRecord], settings: Mapping[str, tuple[str, ...]]
) -> PartRecord:
    """Records that a part is started.

    Args:
      sweep: of the part.
      part: what is started; what it needs has finished.
      records: of what was started before, as `read_records` gives them.
      settings: as those of `read_records`.
    """
    before = records.get(part.name)
    record = (
        replace(before, attempts=before.attempts + 1)
        if before
        else PartRecord(
            part.text,
            settings=settings[part.name],
            id=uuid.uuid4().hex,
            needs=records[part.needs.name].id if part.needs else "",
        )
    )
    return _write(sweep.place(part), record)


def finish(sweep: Sweep, part: Part, record: PartRecord, seconds: float) -> PartRecord:
    """Records that a part is finished."""
    return _write(sweep.place(part), replace(record, done=True, seconds=seconds))


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
