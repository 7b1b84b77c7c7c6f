"""Files of questions and answers, one JSON object a line.

    {"text": "Ada met Bob in Turin.", "task": "ext", "labels": ["person", "city"], "any": "further keys"}

becomes the same object with three more keys:

    "answers": {"person": ["Ada", "Bob"], "city": ["Turin"]}, "well_formed": true, "output": "person: …"
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import ContractError, Template
from seqgpt_jax.decoding.answers import Answer, Question, Request, compose

TASKS = ("cls", "ext")
_NEEDED = ("text", "task", "labels")
_WRITTEN = ("answers", "well_formed", "output")
# Enough to mend a file in one go, few enough to read.
_MOST_FAULTS = 10


class QuestionError(ValueError):
    """Questions that cannot be asked: one line `file:line: fault` for each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: the object as it was read, and the question in it."""

    record: dict[str, Any]
    question: Question


def read_questions(path: Path, template: Template) -> list[Line]:
    """All questions of a file; blank lines are left out.

    Raises:
      QuestionError: the file is missing or empty, or any line is broken; the first ten faults are
        named with file and line.
    """
    try:
        raw_lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}): give a file of JSON lines") from error
    lines, faults = [], []
    for number, raw in enumerate(raw_lines, start=1):
        if not raw.strip():
            continue
        try:
            lines.append(_read_line(raw, template))
        except ValueError as error:
            faults.append(f"{path}:{number}: {error}")
    if len(faults) > _MOST_FAULTS:
        faults[_MOST_FAULTS:] = [f"… and {len(faults) - _MOST_FAULTS} more"]
    if faults:
        raise QuestionError("\n".join(faults))
    if not lines:
        raise QuestionError(f"{path}: holds no question")
    return lines


def one_question(text: str, task: str, labels: str, template: Template) -> Question:
    """The question of a command line; `labels` are separated by commas, ASCII or full-width.

    Raises:
      ContractError: see `answers.compose`.
    """
    names = tuple(label.strip() for label in labels.replace("，", ",").split(","))
    return compose(Request(text, task, tuple(name for name in names if name)), template)


def write_answers(path: Path, lines: Sequence[Line], answers: Sequence[Answer]) -> None:
    """Writes each line's object with its answer; the file appears only when it is complete."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8") as file:
        for line, answer in zip(lines, answers, strict=True):
            found = {"answers": answer.answers, "well_formed": answer.well_formed, "output": "".join(answer.outputs)}
            file.write(json.dumps({**line.record, **found}, ensure_ascii=False) + "\n")
    os.replace(unfinished, path)


def _read_line(raw: bytes, template: Template) -> Line:
    try:
        record = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise QuestionError(f"is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise QuestionError(f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise QuestionError('is no JSON object: expected {"text": …, "task": …, "labels": […]}')
    if missing := [key for key in _NEEDED if key not in record]:
        raise QuestionError(f"lacks {', '.join(map(repr, missing))}")
    if taken := [key for key in _WRITTEN if key in record]:
        raise QuestionError(f"has {', '.join(map(repr, taken))}, which the output uses: rename it")
    text, task, labels = (record[key] for key in _NEEDED)
    if not isinstance(text, str):
        raise QuestionError(f"'text' must be a string, not {text!r}")
    if task not in TASKS:
        raise QuestionError(f'\'task\' must be "cls" (pick labels) or "ext" (find spans), not {task!r}')
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise QuestionError(f"'labels' must be a list of strings, not {labels!r}")
    try:
        return Line(record, compose(Request(text, task, tuple(labels)), template))
    except ContractError as error:
        raise QuestionError(f"{error}") from error
