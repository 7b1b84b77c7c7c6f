"""Questions in files of own data: their records without the answers, which are kept as `gold`."""

from collections.abc import Iterator, MutableSequence, Sequence
from pathlib import Path
from typing import Any

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.own import RECOGNIZED, Form
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.own_formats.columns import Columns
from seqgpt_jax.tasks.readers.own_formats.forms import FAMILY, MENTIONS, SOURCE_TEXT
from seqgpt_jax.tasks.readers.own_formats.items import LeftOut
from seqgpt_jax.tasks.readers.own_formats.reading import recognized, records_of
from seqgpt_jax.tasks.readers.record import Record


def question_lines(
    path: Path,
    *,
    labels: Sequence[str] = (),
    task: str = "",
    form: Form = RECOGNIZED,
    left_out: MutableSequence[LeftOut] | None = None,
) -> Iterator[tuple[int, dict[str, Any] | RecordError]]:
    """(line, question) of each record: its text, task and labels, its answers as `gold`, and its further fields.

    Args:
      path: a file in any format of own data; `{"text", "task", "labels"}` on each line is one of them.
      labels: of records that bring none; () takes all labels that answers of the file's such records have.
      task: of records that do not say it.
      form: see `Form`.
      left_out: gets the records that the file itself excludes, such as rejected annotations.

    Raises:
      OSError, ValueError, RecordError: nothing of the file can be read.
    """
    if _is_blank(path):
        return
    columns = dict(form.columns)
    format = form.format or _format(path, columns)
    known: dict[str, dict[str, None]] = {}
    for item in records_of(path, columns=columns, format=format, answers=False):
        if isinstance(item, RecordError):
            yield item.line, item
        elif isinstance(item, Record):
            composed = (FAMILY, SOURCE_TEXT, MENTIONS) if FAMILY in item.value else ()
            question = {name: value for name, value in item.value.items() if name not in composed}
            if task:
                question.setdefault("task", task)
            if question.get("labels") is None:
                # A second reading, which files whose records bring their labels do without.
                known = known if labels or known else _answered_labels(path, columns, format)
                if default := list(labels or known.get(own.atom_of(question) or "", ())):
                    question["labels"] = default
            if "answers" in question:
                question["gold"] = question.pop("answers")
            yield item.line, question
        elif isinstance(item.content, LeftOut) and left_out is not None:
            left_out.append(item.content)


def _is_blank(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return not any(line.strip(b"\xef\xbb\xbf \t\r\n") for line in file)


def _answered_labels(path: Path, columns: Columns, format: str) -> dict[str, dict[str, None]]:
    """Atom -> the labels of all answers whose records name none to ask, in their order."""
    known: dict[str, dict[str, None]] = {"cls": {}, "ext": {}}
    for item in records_of(path, columns=columns, format=format, answers=False):
        if isinstance(item, Record) and not item.value.get("labels"):
            atom, answers = own.atom_of(item.value), item.value.get("answers")
            if atom and isinstance(answers, str | list | dict):
                given = [answers] if isinstance(answers, str) else answers
                known[atom].update(dict.fromkeys(label for label in given if isinstance(label, str)))
    return known


def _format(path: Path, columns: Columns) -> str:
    """The recognized format; a list `labels` of a question without a task is no answer, as it would be for doccano."""
    name = recognized(path, columns)
    if name != "doccano":
        return name
    for item in records_of(path, format="own", answers=False):
        if isinstance(item, Record):
            value = item.value
            if "label" in value or "entities" in value:
                return name
            labels = value.get("labels")
            # Spans; what is no list at all is an error of its line.
            if isinstance(labels, list) and not all(isinstance(label, str) for label in labels):
                return name
    return "own"
