"""Label Studio for audits by teams: the sample as predictions to correct, and judgements from what was corrected."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import clean_text
from seqgpt_jax.auditing.judgements import Judgements
from seqgpt_jax.auditing.sample import Answer, Item
from seqgpt_jax.decoding.annotations import label_studio_task, write_label_studio
from seqgpt_jax.evaluation.analysis.span_places import places
from seqgpt_jax.tasks.readers.own_formats.items import LeftOut
from seqgpt_jax.tasks.readers.own_formats.label_studio import convert

KEY = "audit_record"
"""The field of a task that names its record."""


class ExportError(ValueError):
    """A file is no JSON export of Label Studio with tasks of this audit."""


def write_tasks(items: Sequence[Item], path: Path) -> Path:
    """Writes one task for each record; returns the file of the labeling configuration, beside it.

    Labels to choose from are those of the answers and of the records themselves.
    """
    records = [_record(item) for item in items]
    tasks = []
    for item, record in zip(items, records, strict=True):
        task = label_studio_task(record, "audited data")
        tasks.append(task | {"data": task["data"] | {KEY: item.key}})
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_label_studio(tasks, records, path)


def read_corrections(path: Path, items: Sequence[Item], judgements: Judgements) -> Counter[str]:
    """Judges answers by what correctors left of them; returns how many are "right" and so on.

    An answer that the correction has is right, one that it lacks is wrong, one that it adds is missing. Of several
    annotations of a task the ground truth counts, else the first that was not canceled. A task without one
    ("not_annotated"), or of a record that is not in the sample ("not_in_sample"), judges nothing.

    Raises:
      ExportError: the file is no such export, or a text was changed; then nothing is saved.
    """
    by_key = {item.key: item for item in items}
    counts: Counter[str] = Counter()
    corrected: dict[str, set[Answer]] = {}
    for number, task in enumerate(_tasks(path), start=1):
        where = f"{path}: task {number}"
        key = task["data"].get(KEY)
        if key is None:
            raise ExportError(f"{where} has no {KEY!r} in its data: export what --label_studio wrote, as JSON")
        if key not in by_key:
            counts["not_in_sample"] += 1
            continue
        if task["data"].get("text") != by_key[key].text:
            raise ExportError(f"{where}: its text is not that of {by_key[key].place}, which it names")
        try:
            found = _answers(task, by_key[key])
        except (ValueError, KeyError, TypeError) as error:
            raise ExportError(f"{where}: {error}") from error
        if found is None:
            counts["not_annotated"] += 1
        else:
            corrected[key] = found
    for key, found in corrected.items():
        item = by_key[key]
        for answer in item.answers:
            verdict = "right" if answer in found or (not answer.label and not found) else "wrong"
            counts[verdict] += 1
            judgements.judge(key, answer, verdict, by=path.name)
        missing = len(found - {*item.answers})
        counts["missing"] += missing
        judgements.add_missing(key, missing, by=path.name)
    return counts


def _record(item: Item) -> dict[str, Any]:
    """The record as a line of an answers file, which has places of spans."""
    labels = {*item.labels, *(answer.label for answer in item.answers if answer.label)}
    record = {"text": item.text, "task": item.stratum.atom, "labels": sorted(labels)}
    if item.stratum.atom == "cls":
        return record | {"found": [{"label": answer.label, "score": None} for answer in item.answers if answer.label]}
    found: dict[str, list[dict[str, Any]]] = {}
    for answer in item.answers:
        for start, end in places(item.text, answer.span)[:1]:
            span = {"text": answer.span, "start": start, "end": end, "score": None}
            found.setdefault(answer.label, []).append(span)
    return record | {"found": found}


def _tasks(path: Path) -> list[Mapping[str, Any]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} is no JSON ({error}): export as JSON from Label Studio") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "data" in task for task in tasks):
        raise ExportError(f"{path} is no list of tasks with `data`: export as JSON, not JSON-MIN, from Label Studio")
    return tasks


def _answers(task: Mapping[str, Any], item: Item) -> set[Answer] | None:
    """What the correction says; None where nobody has annotated the task."""
    annotations = [one for one in task.get("annotations") or () if not one.get("was_cancelled")]
    if not annotations:
        return None
    if not next((one for one in annotations if one.get("ground_truth")), annotations[0])["result"]:
        return set()
    found: set[Answer] = set()
    for record in convert(task, text_field="text"):
        # Of several annotations it remarks that one is used, as `read_corrections` says.
        if not isinstance(record, dict):
            if isinstance(record, LeftOut):
                raise ValueError(record.detail)
            continue
        if record.get("task") != item.stratum.atom:
            raise ValueError(f"{item.place} is {item.stratum.atom}, and the annotation is {record.get('task')}")
        if item.stratum.atom == "cls":
            found |= {Answer(label) for label in record["answers"]}
        else:
            for label, spans in record["answers"].items():
                found |= {Answer(label, clean_text(item.text[one["start"] : one["end"]]).strip()) for one in spans}
    return found
