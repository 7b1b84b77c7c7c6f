"""Questions with their fields, as a file has them, and files of answers, one JSON object a line.

    {"text": "Ada met Bob in Turin.", "task": "ext", "labels": ["person", "city"], "any": "further keys"}
    {"text": "Where is my parcel?", "task": "cls", "labels": ["delivery", "refund"], "choose": "one"}

A classification may say in "choose" how many labels fit: "any" number (the default), "one", or "one_or_none". Each
line becomes the same object with more keys:

    "answers": {"person": ["Ada", "Bob"], "city": ["Turin"]}, or ["delivery"]
    "found": {"person": [{"text": "Ada", "start": 0, "end": 3, "score": 0.98}, …], …}, or
             [{"label": "delivery", "score": 0.97}]
    "well_formed": true,
    "output": [{"text": "person: …", "mean_log_prob": -0.04}],
    "further_prompts": 0, "truncated_tokens": 0, "unfinished": false

`start` and `end` are code points of the text as the line has it, `score` is a probability (`decoding.value_scores`).
`output` has one entry for each prompt that the question took, `further_prompts` counts those beyond the first,
`truncated_tokens` is how much of the text did not fit and was not read, and `unfinished` is true where an answer
reached the token limit. Where one label is chosen, `label_scores` has the log-probability of each label, also of those
that were asked in several prompts (`decoding.compared_labels`), and `label_probabilities` its probability among all.
"""

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import ContractError, clean_text
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import Question, check_label_list, compose
from seqgpt_jax.decoding.spans import spans_to_dict
from seqgpt_jax.io.json_line import json_line

TASKS = ("cls", "ext")
_INPUT_KEYS = ("text", "task", "labels")
_OUTPUT_KEYS = ("answers", "found", "well_formed", "output", "further_prompts", "truncated_tokens", "unfinished")
_LABEL_KEYS = ("label_scores", "label_probabilities")
# Enough to fix a file in one go, few enough to read.
_MAX_SHOWN_ERRORS = 10


class QuestionError(ValueError):
    """Questions that cannot be asked: one line `file:line: error` for each."""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One record of a file.

    Attributes:
      fields: as they were read.
      question: in them; None where there is none to ask.
      error: why there is none; "" where there is one.
    """

    fields: dict[str, Any]
    question: Question | None
    error: str = ""


def read_questions(
    path: Path,
    lines: Iterable[tuple[int, dict[str, Any] | ValueError]],
    limits: PromptLimits,
    choose: str | None = None,
    rejected: MutableSequence[dict[str, Any]] | None = None,
) -> Iterator[QuestionRecord]:
    """The questions of a file, each checked against the model's limits; one with an empty text is not asked.

    They come as they are read. Where lines are invalid, nothing comes behind the first of them; the error of all of
    them is raised at the end.

    Args:
      path: of the file, for messages.
      lines: (line, fields, or why there are none) of each record, as `seqgpt_jax.tasks.own_questions` reads them.
      limits: what fits into the model's prompts and answers.
      choose: of classifications that do not say it themselves.
      rejected: gets the line and the error of each invalid line, which is left out; None raises them.

    Raises:
      QuestionError: the file is missing or empty, or a line is invalid; the first ten errors are named with file and
        line.
    """
    records, faults, errors = 0, 0, []
    try:
        for number, fields in lines:
            try:
                if isinstance(fields, ValueError):
                    raise fields
                record = _parse_fields(fields, limits, choose)
            except ValueError as error:
                message = str(error).removeprefix(f"{path}:{number}: ")
                if rejected is not None:
                    rejected.append({"line": number, "error": message})
                    continue
                faults += 1
                if faults <= _MAX_SHOWN_ERRORS:
                    errors.append(message if message.startswith(f"{path}:") else f"{path}:{number}: {message}")
            else:
                records += 1
                if not errors:
                    yield record
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}): give a file of questions") from error
    except ValueError as error:
        raise QuestionError(str(error)) from error
    if faults > len(errors):
        errors.append(f"… and {faults - len(errors)} more")
    if errors:
        raise QuestionError("\n".join(errors))
    if not records:
        several = f" that can be asked; the first error: {rejected[0]['error']}" if rejected else ""
        raise QuestionError(f"{path}: holds no question{several}")


def split_labels(labels: str) -> tuple[str, ...]:
    """The labels of a command line, which commas separate, ASCII or full-width."""
    names = (label.strip() for label in labels.replace("，", ",").split(","))
    return tuple(name for name in names if name)


def parse_question(text: str, task: str, labels: str, choose: str | None, limits: PromptLimits) -> Question:
    """The question of a command line; `labels` are separated by commas, ASCII or full-width.

    Raises:
      ContractError: see `questions.compose`.
    """
    question = Question(text, task, split_labels(labels), choose or "any")
    check_label_list(question, limits)
    compose(question, limits)
    return question


def answered_lines(records: Sequence[QuestionRecord], answers: Sequence[Answer]) -> list[str]:
    """The fields of each record with its answer, or with its error, as lines of JSON.

    Args:
      records: any number of them.
      answers: one for each record with a question, in their order.
    """
    given, lines = iter(answers), []
    for record in records:
        further = _answer_fields(next(given)) if record.question else {"error": record.error}
        lines.append(json_line(record.fields | further))
    if next(given, None) is not None:
        raise ValueError("there are more answers than questions")
    return lines


def _answer_fields(answer: Answer) -> dict[str, Any]:
    output = [{"text": completion.text, "mean_log_prob": completion.score} for completion in answer.completions]
    further = len(answer.prompts) - 1
    if isinstance(answer.found, dict):
        found: Any = spans_to_dict(answer.found)
    else:
        found = [label.to_dict() for label in answer.found]
    values = (answer.answers, found, answer.well_formed, output, further, answer.truncated, not answer.finished)
    compared = zip(_LABEL_KEYS, (answer.label_scores, answer.label_probabilities), strict=True)
    return dict(zip(_OUTPUT_KEYS, values, strict=True)) | {key: value for key, value in compared if value is not None}


def _parse_fields(fields: dict[str, Any], limits: PromptLimits, choose: str | None) -> QuestionRecord:
    if missing := [key for key in _INPUT_KEYS if key not in fields]:
        flags = " and ".join(f"--{key}=…" for key in missing if key != "text")
        raise QuestionError(f"lacks {', '.join(map(repr, missing))}" + (f" (or give {flags})" if flags else ""))
    if reserved := [key for key in (*_OUTPUT_KEYS, *_LABEL_KEYS, "error") if key in fields]:
        raise QuestionError(f"has {', '.join(map(repr, reserved))}, which the output uses: rename it")
    text, task, labels = (fields[key] for key in _INPUT_KEYS)
    if not isinstance(text, str):
        raise QuestionError(f"'text' must be a string, not {text!r}")
    if task not in TASKS:
        raise QuestionError(f'\'task\' must be "cls" (pick labels) or "ext" (find spans), not {task!r}')
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise QuestionError(f"'labels' must be a list of strings, not {labels!r}")
    if not clean_text(text).strip():
        return QuestionRecord(fields, None, "the text is empty")
    default = choose if choose and task == "cls" else "any"
    question = Question(text, task, tuple(labels), fields.get("choose", default))
    try:
        check_label_list(question, limits)
        compose(question, limits)
    except ContractError as error:
        raise QuestionError(f"{error}") from error
    return QuestionRecord(fields, question)
