"""Files of questions and answers, one JSON object a line.

    {"text": "Ada met Bob in Turin.", "task": "ext", "labels": ["person", "city"], "any": "further keys"}

becomes the same object with six more keys:

    "answers": {"person": ["Ada", "Bob"], "city": ["Turin"]}, "well_formed": true, "output": "person: …",
    "mean_log_probs": [-0.04], "truncated_tokens": 0, "finished": true

`mean_log_probs` has the mean log-probability of a token for each prompt that the question took.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etils import epath

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.questions import Question, compose
from seqgpt_jax.io import storage
from seqgpt_jax.io.contract import ModelContract

TASKS = ("cls", "ext")
_INPUT_KEYS = ("text", "task", "labels")
_OUTPUT_KEYS = ("answers", "well_formed", "output", "mean_log_probs", "truncated_tokens", "finished")
# Enough to fix a file in one go, few enough to read.
_MAX_SHOWN_ERRORS = 10


class QuestionError(ValueError):
    """Questions that cannot be asked: one line `file:line: error` for each."""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One line of a file: the object as it was read, and the question in it."""

    fields: dict[str, Any]
    question: Question


def read_questions(path: Path, contract: ModelContract) -> list[QuestionRecord]:
    """All questions of a file, each checked against the model's contract; blank lines are left out.

    Raises:
      QuestionError: the file is missing or empty, or any line is invalid; the first ten errors are
        named with file and line.
    """
    try:
        raw_lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}): give a file of JSON lines") from error
    records, errors = [], []
    for number, raw in enumerate(raw_lines, start=1):
        if not raw.strip():
            continue
        try:
            records.append(_parse_line(raw, contract))
        except ValueError as error:
            errors.append(f"{path}:{number}: {error}")
    if len(errors) > _MAX_SHOWN_ERRORS:
        errors[_MAX_SHOWN_ERRORS:] = [f"… and {len(errors) - _MAX_SHOWN_ERRORS} more"]
    if errors:
        raise QuestionError("\n".join(errors))
    if not records:
        raise QuestionError(f"{path}: holds no question")
    return records


def parse_question(text: str, task: str, labels: str, contract: ModelContract) -> Question:
    """The question of a command line; `labels` are separated by commas, ASCII or full-width.

    Raises:
      ContractError: see `questions.compose`.
    """
    names = tuple(label.strip() for label in labels.replace("，", ",").split(","))
    question = Question(text, task, tuple(name for name in names if name))
    compose(question, contract)
    return question


def write_answers(path: Path, records: Sequence[QuestionRecord], answers: Sequence[Answer]) -> None:
    """Writes each line's object with its answer; the file appears only when it is complete."""
    lines = (
        json.dumps({**record.fields, **_answer_fields(answer)}, ensure_ascii=False) + "\n"
        for record, answer in zip(records, answers, strict=True)
    )
    storage.write(epath.Path(path), "".join(lines).encode())


def _answer_fields(answer: Answer) -> dict[str, Any]:
    log_probs = [completion.score for completion in answer.completions]
    values = (answer.answers, answer.well_formed, answer.output, log_probs, answer.truncated, answer.finished)
    return dict(zip(_OUTPUT_KEYS, values, strict=True))


def _parse_line(raw: bytes, contract: ModelContract) -> QuestionRecord:
    try:
        fields = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise QuestionError(f"is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise QuestionError(f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(fields, dict):
        raise QuestionError('is no JSON object: expected {"text": …, "task": …, "labels": […]}')
    if missing := [key for key in _INPUT_KEYS if key not in fields]:
        raise QuestionError(f"lacks {', '.join(map(repr, missing))}")
    if reserved := [key for key in _OUTPUT_KEYS if key in fields]:
        raise QuestionError(f"has {', '.join(map(repr, reserved))}, which the output uses: rename it")
    text, task, labels = (fields[key] for key in _INPUT_KEYS)
    if not isinstance(text, str):
        raise QuestionError(f"'text' must be a string, not {text!r}")
    if task not in TASKS:
        raise QuestionError(f'\'task\' must be "cls" (pick labels) or "ext" (find spans), not {task!r}')
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise QuestionError(f"'labels' must be a list of strings, not {labels!r}")
    question = Question(text, task, tuple(labels))
    try:
        compose(question, contract)
    except ContractError as error:
        raise QuestionError(f"{error}") from error
    return QuestionRecord(fields, question)
