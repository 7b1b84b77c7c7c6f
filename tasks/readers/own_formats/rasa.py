"""Training data of Rasa NLU: YAML of intents with examples, and its older JSON."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.jsonl import NotAnObject
from seqgpt_jax.tasks.readers.own_formats.encodings import whole_text
from seqgpt_jax.tasks.readers.own_formats.items import Fields, Item
from seqgpt_jax.tasks.readers.own_formats.spans import extraction
from seqgpt_jax.tasks.readers.record import Record

_HEAD = re.compile(r"^nlu:\s*(#.*)?$", re.MULTILINE)
# [Turin](city) and [Turin]{"entity": "city", "role": "goal"}
_ENTITY = re.compile(r"\[(?P<text>[^\]]+)\](?:\((?P<label>[^):]+)(?::[^)]*)?\)|(?P<object>\{[^}]*\})(?:\[[^\]]*\])?)")


def fits(path: Path) -> bool:
    """Whether a file is YAML with a list `nlu`."""
    try:
        return bool(_HEAD.search(whole_text(path)))
    except RecordError:
        return False


def records(path: Path) -> Iterator[Item]:
    """The intent of each example, and its entities where any example of the file has some.

    Synonyms, lookup tables and regular expressions are no examples.

    Raises:
      RecordError: the file is not YAML.
    """
    try:
        root = yaml.compose(whole_text(path), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = f"not YAML: {getattr(error, 'problem', error)}"
        raise RecordError(path, mark.line + 1 if mark else 1, problem) from error
    sections = _fields(root).get("nlu")
    examples = []
    for section in sections.value if isinstance(sections, yaml.SequenceNode) else ():
        fields = _fields(section)
        if "intent" not in fields or "examples" not in fields:
            continue
        intent, node = fields["intent"].value, fields["examples"]
        if isinstance(node, yaml.SequenceNode):
            found = [(item.start_mark.line + 1, _text_of(item)) for item in node.value]
        else:
            # The text of a block starts in the line below its mark.
            lines = enumerate(node.value.split("\n"), start=node.start_mark.line + 2)
            found = [(line, text.strip()[1:].strip()) for line, text in lines if text.strip().startswith("-")]
        examples += [(line, intent, text) for line, text in found if text]
    if not examples:
        yield NotAnObject(path, 1, "no example: `nlu` has to be a list with `intent` and `examples`")
    marked = any(_ENTITY.search(text) for _, _, text in examples)
    for line, intent, example in examples:
        try:
            text, spans = _plain(example)
        except ValueError as error:
            yield RecordError(path, line, str(error))
            continue
        yield Record(path, line, {"text": text, "task": "cls", "answers": intent})
        if marked:
            yield Record(path, line, extraction(text, spans), f"{path.name}:{line}/entities")


def _fields(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _text_of(node: Any) -> str:
    return str(_fields(node)["text"].value if isinstance(node, yaml.MappingNode) else node.value).strip()


def _plain(example: str) -> tuple[str, list[list]]:
    """(text without marks, its spans)."""
    text, spans, place = "", [], 0
    for match in _ENTITY.finditer(example):
        text += example[place : match.start()]
        label = match["label"] or _label(match["object"])
        spans.append([len(text), len(text) + len(match["text"]), label])
        text, place = text + match["text"], match.end()
    return text + example[place:], spans


def _label(marks: str) -> str:
    try:
        return yaml.safe_load(marks)["entity"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ValueError(f'an entity is [text](label) or [text]{{"entity": "label"}}, not {marks}') from error


def json_fits(record: Fields) -> bool:
    """Whether a record is a whole document of the older JSON."""
    return isinstance(record.get("rasa_nlu_data"), dict)


def convert(record: Fields) -> Iterator[Fields]:
    """The same of the older JSON."""
    examples = record["rasa_nlu_data"]["common_examples"]
    marked = any(example.get("entities") for example in examples)
    for example in examples:
        if example.get("intent"):
            yield {"text": example["text"], "task": "cls", "answers": example["intent"]}
        if marked:
            # `value` may be a synonym of what the text has.
            spans = [[span["start"], span["end"], span["entity"]] for span in example.get("entities") or ()]
            yield extraction(example["text"], spans)
