"""Own data without code: texts with their answers, in the project's own form or in one that is recognized.

    {"text": "Ada met Bob in Turin.", "task": "ext", "answers": {"person": ["Ada", [8, 11]], "city": ["Turin"]}}
    {"text": "Where is my parcel?", "task": "cls", "answers": "delivery", "labels": ["delivery", "refund"]}

Every check of such a record is here: `prepare` reads through it, and `validate` reports what it says.
"""

import difflib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from seqgpt_jax.atomic import (
    NONE,
    TEMPLATES,
    Atom,
    Classification,
    ContractError,
    Extraction,
    Instance,
    clean_text,
    families,
)
from seqgpt_jax.data.prepare.decontamination import bare_text, normalized
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.jsonl import NotAnObject, NotJson
from seqgpt_jax.tasks.readers.lines import WrongEncoding
from seqgpt_jax.tasks.readers.look_alikes import difference
from seqgpt_jax.tasks.readers.own_formats.columns import Columns
from seqgpt_jax.tasks.readers.own_formats.forms import FAMILY, MENTIONS, SOURCE_TEXT
from seqgpt_jax.tasks.readers.own_formats.items import Item, LeftOut, Note
from seqgpt_jax.tasks.readers.own_formats.reading import records_of
from seqgpt_jax.tasks.readers.own_formats.tables import WrongHeader

ATOMS: tuple[Atom, ...] = get_args(Atom)
_FIELDS = ("text", "task", "answers", "labels", "group")
_FAMILIES: dict[Atom | None, str] = {"cls": "CLS", "ext": "NER"}
KINDS: dict[tuple[str, Atom], str] = {
    ("CLS", "cls"): "cls",
    ("NER", "ext"): "ext",
    ("NLI", "cls"): "pairs",
    ("ET", "cls"): "mentions",
    ("RE", "cls"): "relations",
    ("MRC", "ext"): "questions",
    ("MRC", "cls"): "choices",
    ("EE", "ext"): "events",
}
"""(family, atomic task) of a record -> the name of its task; a file has at most one of each."""
_REASONS = {
    WrongEncoding: "wrong_encoding",
    NotJson: "not_json",
    NotAnObject: "not_an_object",
    WrongHeader: "wrong_header",
}
# Prompts of own data are checked in the released form.
_TEMPLATE = TEMPLATES["chinese"]


class Fault(ValueError):
    """What is wrong with a record: a short name to count it under, and a sentence that says how to mend it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Checked:
    """One record of own data.

    Attributes:
      path, line: where it stands.
      instance: what it says; None where it is broken.
      fault: why it is broken; None where it is not.
      remarks: what a person should look at, although the record can be used.
      atom, text: as far as they can be read; None and "" otherwise.
      value: the fields of the record, {} where there are none to be read.
      skipped: where the file itself excludes the record (a rejected annotation, say); then nothing else is known.
    """

    path: Path
    line: int
    instance: Instance | None = None
    fault: Fault | None = None
    remarks: tuple[Fault, ...] = ()
    atom: Atom | None = None
    text: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    skipped: Skipped | None = None

    @property
    def key(self) -> str:
        """The key of its split: its `group`, else its bare text without case, spaces and punctuation; "" without both.

        It is the normal form of the decontamination check, so that what that check calls equal falls into one split.
        """
        if (group := self.value.get("group")) is not None and group != "":
            return f"group {group}"
        text = bare_text(self.instance) if self.instance else self.text
        return normalized(text) or clean_text(text).strip()


def records(path: Path, *, format: str = "", columns: Columns | None = None) -> Iterator[Item]:
    """The raw records of a file, as objects with the fields of a JSON line; remarks and left-out records among them.

    Args, and what it raises: see `own_formats.reading.records_of`.
    """
    return records_of(path, format=format, columns=columns)


def checked(path: Path, *, format: str = "", columns: Columns | None = None) -> Iterator[Checked]:
    """Every record of a file, with all that is wrong or odd about it.

    Raises:
      ValueError, RecordError: as `records` does.
    """
    pending: list[Fault] = []
    for record in records(path, format=format, columns=columns):
        if isinstance(record, Note):
            if isinstance(record.content, LeftOut):
                id = f"{record.path.name}:{record.line}"
                skipped = Skipped(id, record.content.reason, record.content.detail)
                remark = Fault(skipped.reason, f"left out: {skipped.detail}")
                yield Checked(record.path, record.line, remarks=(remark,), skipped=skipped)
            else:  # of the file, or of the record that follows
                pending.append(Fault(record.content.reason, record.content.detail))
            continue
        remarks, pending = pending, []
        if isinstance(record, RecordError):
            fault = Fault(reason_of(record), record.problem)
            yield Checked(record.path, record.line, fault=fault, remarks=tuple(remarks))
            continue
        instance = fault = None
        try:
            instance = _instance(record.id, record.value, remarks)
        except Fault as error:
            fault = error
        text = record.value.get("text")
        yield Checked(
            record.path,
            record.line,
            instance,
            fault,
            tuple(remarks),
            atom_of(record.value),
            text if isinstance(text, str) else "",
            record.value,
        )


def reason_of(error: RecordError) -> str:
    """The short name of what a format has found."""
    return _REASONS.get(type(error), "wrong_row")


def atom_of(value: Mapping[str, Any]) -> Atom | None:
    """The atomic task of a raw record, or None where it names none."""
    task = value.get("task")
    return task if task in ATOMS else None


def family_of(value: Mapping[str, Any]) -> str:
    """The family of a raw record: what its form says, else that of its task.

    A field of the file that is called so, with another family, is as good as none.
    """
    family, atom = value.get(FAMILY), atom_of(value)
    return family if isinstance(family, str) and (family, atom) in KINDS else _FAMILIES.get(atom, "")


def _instance(id: str, value: Mapping[str, Any], remarks: list[Fault]) -> Instance:
    _check_fields(value, remarks)
    text, atom, answers = value["text"], value["task"], value["answers"]
    labels = () if value.get("labels") is None else _labels("labels", value["labels"], remarks)
    if atom == "cls":
        if not isinstance(answers, str | list):
            raise Fault("wrong_type", f"answers of a cls record are a label or a list of labels, not {_kind(answers)}")
        gold = _labels("answers", [answers] if isinstance(answers, str) else answers, remarks)
        instance = families.classification(id, text, gold, labels)
    else:
        if not isinstance(answers, dict):
            raise Fault("wrong_type", f"answers of an ext record are an object label -> spans, not {_kind(answers)}")
        asked, pairs = _pairs(text, answers, remarks)
        gold = asked
        instance = families.spans_by_label(id, text, pairs, labels)
    if labels and (unknown := [label for label in gold if label not in labels]):
        close = difflib.get_close_matches(unknown[0], labels, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise Fault("unknown_label", f"label {unknown[0]!r} is not among the labels {', '.join(labels)}{hint}")
    if FAMILY in value:
        mentions = value.get(MENTIONS)
        # A list is of `forms`; a field of the file that is called so may be anything.
        mentions = tuple(mentions) if isinstance(mentions, list) else ()
        instance = replace(instance, source_text=value.get(SOURCE_TEXT, ""), mentions=mentions)
    check_contract(instance)
    return instance


def _check_fields(value: Mapping[str, Any], remarks: list[Fault]) -> None:
    for name in value:
        if name not in _FIELDS and (close := _closest_field(name)) and close not in value:
            remarks.append(Fault("unread_field", f"field {name!r} is not read; did you mean {close!r}?"))
    for name in _FIELDS[:3]:
        if name not in value:
            raise Fault("missing_field", f"field {name!r} is missing; there are {', '.join(value) or 'none'}")
    if not isinstance(value["text"], str):
        raise Fault("wrong_type", f"text is {_kind(value['text'])}, not a string")
    if not clean_text(value["text"]).strip():
        raise Fault("empty_text", "text is empty")
    if not isinstance(value.get("group"), str | int | None):
        raise Fault("wrong_type", f"group is {_kind(value['group'])}: write a string or a whole number")
    if atom_of(value) is None:
        raise Fault("unknown_task", f'task is {value["task"]!r}; write "cls" (labels) or "ext" (spans)')


@functools.lru_cache(1024)  # the same few names come with every record of a file
def _closest_field(name: str) -> str:
    """The field that a name may be a misspelling of, or ""."""
    return next(iter(difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.8)), "")


def _labels(field: str, given: Any, remarks: list[Fault]) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise Fault("wrong_type", f"{field} is {_kind(given)}, not a list of labels")
    clean = [_label(label, remarks, field) for label in given]
    if len(set(clean)) < len(clean):
        twice = next(label for label in clean if clean.count(label) > 1)
        remarks.append(Fault("repeated_label", f"label {twice!r} stands twice in {field}"))
    return tuple(dict.fromkeys(clean))


def _label(label: Any, remarks: list[Fault], field: str = "answers") -> str:
    """The label as a prompt holds it, so that two spellings which only differ there are one label."""
    if not isinstance(label, str):
        raise Fault("wrong_type", f"label {label!r} is {_kind(label)}: write it as a string")
    clean = _TEMPLATE.clean_label(label)
    if not clean:
        raise Fault("empty_label", f"a label in {field} is empty")
    if clean == NONE:
        raise Fault("prompt_format", f"a label cannot be {NONE!r}, which answers that none fits: choose another word")
    if clean != label:
        remarks.append(Fault("changed_label", f"label {label!r} becomes {clean!r} in a prompt"))
    return clean


def _pairs(text: str, answers: Mapping[str, Any], remarks: list[Fault]) -> tuple[list[str], list[tuple[str, str]]]:
    """(all labels, (label, span) pairs in text order)."""
    asked, found = [], []
    clean = clean_text(text)  # once: long documents have thousands of spans
    for label, spans in answers.items():
        asked.append(_label(label, remarks))
        if not isinstance(spans, list):
            raise Fault("wrong_type", f"the spans of {label!r} are {_kind(spans)}, not a list")
        for span in spans:
            start, string = _span(text, clean, label, span)
            tidy = string.strip()
            if not tidy:
                raise Fault("empty_span", f"a span of {label!r} is empty")
            if "\t" in tidy:
                problem = f"span {tidy!r} of {label!r} holds a TAB, which separates spans in an answer"
                raise Fault("prompt_format", f"{problem}: write a space in the text, or mark its parts")
            if tidy == NONE:
                problem = f"a span of {label!r} is {NONE!r}, which answers that there is none"
                raise Fault("prompt_format", f"{problem}: leave it out, or widen it by a word")
            if tidy != string:
                remarks.append(Fault("outer_spaces", f"outer spaces of span {string!r} of {label!r} are cut off"))
            found.append((start, asked[-1], tidy))
    return asked, [(label, span) for _, label, span in sorted(found, key=lambda item: item[0])]


def _span(text: str, clean: str, label: str, span: Any) -> tuple[int, str]:
    """(start, string) of a span given as a string, as `[start, end)` or as an object of both; `clean` is the text's."""
    if isinstance(span, str):
        if clean_text(span) not in clean:
            raise Fault("span_not_in_text", f"span {span!r} of {label!r} is not in the text{difference(span, text)}")
        return text.find(span), span
    if isinstance(span, dict):
        if missing := [name for name in ("start", "end") if name not in span]:
            raise Fault("missing_field", f"a span of {label!r} has no {' and no '.join(missing)}: {span!r}")
        offsets, string = [span["start"], span["end"]], span.get("text")
    else:
        offsets, string = span, None
    # bool is an int to Python, but no place in a text.
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(offset) is int for offset in offsets):
        raise Fault("wrong_type", f"a span of {label!r} is neither a string nor [start, end]: {span!r}")
    start, end = offsets
    if not 0 <= start < end <= len(text):
        raise Fault(
            "offsets_out_of_range",
            f"span [{start}, {end}] of {label!r} is not within the text of {len(text)} characters",
        )
    if string is not None and text[start:end] != string:
        place = text.find(string) if isinstance(string, str) else -1
        hint = f"; it stands at [{place}, {place + len(string)}]" if place >= 0 else ""
        raise Fault(
            "offsets_do_not_match",
            f"characters {start} to {end} are {text[start:end]!r}, not {string!r} of {label!r}{hint} (offsets count "
            "characters from 0, the end is one past the last)",
        )
    return start, text[start:end]


def check_contract(instance: Instance) -> None:
    """Writes the prompt and the answer once, so that what is refused there is said here."""
    text, labels = clean_text(instance.text), instance.labels or tuple(instance.gold)
    if not labels:
        return
    if instance.atom == "cls":
        example: Classification | Extraction = Classification(text, labels, tuple(instance.gold))
    else:
        spans = tuple(tuple(map(clean_text, instance.gold.get(label, ()))) for label in labels)
        if lost := [span for found in spans for span in found if span not in text]:
            raise Fault("prompt_format", f"span {lost[0]!r} cuts through a control token of the text")
        example = Extraction(text, labels, spans)
    try:
        _TEMPLATE.render(example)
    except ContractError as error:
        raise Fault("prompt_format", str(error)) from error


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
