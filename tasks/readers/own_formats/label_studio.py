"""Exports of Label Studio: JSON, JSON-MIN and CSV."""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seqgpt_jax.tasks.readers.own_formats.items import Fields, LeftOut, Remark
from seqgpt_jax.tasks.readers.own_formats.spans import extraction, in_characters, relations
from seqgpt_jax.tasks.readers.record import BROKEN

# The fields of JSON-MIN and CSV that are neither a text nor an answer.
_META = {
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "inner_id", "project",
    "total_annotations", "cancelled_annotations", "comment_count", "file_upload", "history",
}  # fmt: skip
# More are texts of the task rather than labels, and each record would have those of the whole file.
_MOST_CHOICES = 200
_SPANS = ("labels", "hypertextlabels")
_RESULTS = (*_SPANS, "choices", "relation")


def fits(record: Fields) -> bool:
    """Whether a record is a task of the JSON export."""
    return isinstance(record.get("data"), dict) and ("annotations" in record or "completions" in record)


def flat_fits(record: Mapping[str, Any]) -> bool:
    """Whether a record is one of JSON-MIN, or a row of the CSV."""
    return "annotation_id" in record and ("annotator" in record or "lead_time" in record)


def survey(records: Iterable[Any], columns: Mapping[str, str]) -> Fields:
    """The arguments of `convert` that a whole JSON export decides, as far as its tasks can be read.

    Labels of one group of choices say nothing about those of another.
    """
    spans, choices = False, {}
    for record in records:
        for item in _items(record):
            with contextlib.suppress(*BROKEN):
                spans = spans or item.get("type") in _SPANS
                if item.get("type") == "choices":
                    labels = dict.fromkeys(item["value"]["choices"])
                    choices.setdefault(item.get("from_name", ""), {}).update(labels)
    groups = {group: list(labels) for group, labels in choices.items()}
    return {"spans": spans, "choices": groups, "text_field": columns.get("text", "")}


def _items(record: Fields) -> list[Any]:
    """The results of all annotations of a task, as far as they can be read."""
    with contextlib.suppress(*BROKEN):
        return list(itertools.chain.from_iterable(one.get("result") or () for one in _annotations(record)))
    return []


def convert(
    record: Fields, *, spans: bool = True, choices: Mapping[str, list[str]] | None = None, text_field: str = ""
) -> Iterator[Fields | Remark | LeftOut]:
    """One annotation of a task: the ground truth where one is marked so, else the first that was not canceled.

    Args:
      record: a task of the JSON export.
      spans: whether annotations of its file have spans. There an empty one means no span; elsewhere nothing was said.
      choices: group of choices -> the labels that are chosen in it, of all tasks of its file.
      text_field: the field of `data` that was annotated; "" finds it.
    """
    annotations = _annotations(record)
    usable = [item for item in annotations if not item.get("was_cancelled")]
    if not usable:
        detail = "the task has no annotation, or all are canceled (skipped by the annotator)"
        yield LeftOut("not_annotated", detail, _question(record, text_field))
        return
    if len(usable) > 1:
        yield Remark("several_annotations", f"1 of {len(usable)} annotations is used: ground truth first")
    annotation = next((item for item in usable if item.get("ground_truth")), usable[0])
    if annotation["result"] or spans:
        yield from _results(record["data"], annotation["result"], choices or {}, text_field)
    else:
        yield LeftOut("not_annotated", "the annotation of the task is empty", _question(record, text_field))


def _question(record: Fields, text_field: str) -> Fields | None:
    """What a model can be asked about a task without an annotation; None where its text is not clear."""
    try:
        return {"text": _text(record["data"], [], text_field)}
    except ValueError:
        return None


def _annotations(record: Fields) -> list[Fields]:
    return record.get("annotations", record.get("completions")) or []


def _results(
    data: Fields, results: list[Fields], groups: Mapping[str, list[str]], text_field: str
) -> Iterator[Fields | LeftOut]:
    spans, regions = [], {}
    choices: dict[str, list[str]] = {}
    text = _text(data, [item["value"] for item in results if "value" in item], text_field)
    for item in results:
        kind, value = item.get("type"), item.get("value", {})
        if kind == "choices":
            choices.setdefault(item.get("from_name", ""), []).extend(value["choices"])
        elif kind in _SPANS:
            span = _region(value, value.get(kind, value.get("labels")))
            # Only a relation names it.
            if "id" in item:
                regions[item["id"]] = in_characters(text, span)
            # A region without a label only carries others.
            if span["label"]:
                spans.append(span)
    pairs = []
    for item in results:
        if item.get("type") == "relation":
            if missing := [item[end] for end in ("from_id", "to_id") if item[end] not in regions]:
                raise ValueError(f"a relation names region {missing[0]!r}, which the annotation does not have")
            pairs += [(regions[item["from_id"]], regions[item["to_id"]], name) for name in item.get("labels") or ()]
    if results and not (spans or choices or pairs):
        kinds = ", ".join(sorted({str(item.get("type")) for item in results}))
        raise ValueError(f"none of the results ({kinds}) is of a kind that is read: {', '.join(_RESULTS)}")
    if spans or not choices:
        yield extraction(text, spans)
    for group, answers in choices.items():
        candidates = {"labels": groups[group]} if len(groups) > 1 and group in groups else {}
        yield {"text": text, "task": "cls", "answers": list(dict.fromkeys(answers))} | candidates
    yield from relations(text, pairs)


def _region(value: Fields, labels: list[str] | None) -> Fields:
    """The span of a region; offsets of HTML count in its plain text."""
    offsets = value.get("globalOffsets") or value
    return {"start": offsets["start"], "end": offsets["end"], "text": value.get("text"), "label": labels or []}


def _text(data: Fields, values: list[Fields], field: str) -> str:
    """The text that was annotated: that of `field`, else `text`, else the only string, else what the regions quote."""
    if field:
        return _named(data, field)
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    if isinstance(data.get("text"), str):
        return data["text"]
    if len(texts) == 1:
        return next(iter(texts.values()))
    quoted = [value["text"] for value in values if isinstance(value.get("text"), str)]
    holding = [text for text in texts.values() if quoted and all(quote in text for quote in quoted)]
    if len(holding) != 1:
        raise ValueError(
            f"which field of `data` is the text? There are {', '.join(data) or 'none'}; say --columns=text=NAME"
        )
    return holding[0]


def _named(fields: Mapping[str, Any], name: str) -> str:
    if not isinstance(fields.get(name), str):
        raise ValueError(
            f"--columns: {name!r} is no text of the task; there are {', '.join(map(repr, fields)) or 'none'}"
        )
    return fields[name]


def convert_flat(
    record: Mapping[str, Any],
    *,
    choices: Mapping[str, list[str]] | None = None,
    text_field: str = "",
    answer_field: str = "",
) -> Iterator[Fields | Remark | LeftOut]:
    """A record of JSON-MIN or a row of CSV: its text, and each of its other fields as an answer.

    The export does not say which fields are annotations and which were there before.

    Args:
      record: of the export.
      choices: of its file, the labels of each field, where it has several fields of labels.
      text_field: the field that is the text; "" takes `text`, else the only string.
      answer_field: the only field that is an answer; "" takes all.

    Raises:
      ValueError: it is not clear which field is the text.
    """
    text, fields = _flat_fields(record, text_field, answer_field)
    if not fields:
        yield LeftOut("not_annotated", f"the row has no {answer_field or 'label'}", {"text": text})
    if len(fields) > 1:
        detail = f"fields {', '.join(fields)} are all read as answers: --columns=label=NAME takes one of them alone"
        yield Remark("several_answers", detail)
    for name, value in fields.items():
        if _are_regions(value):
            yield extraction(text, [_region(item, item.get("labels", item.get("hypertextlabels"))) for item in value])
        else:
            candidates = {"labels": choices[name]} if choices and choices.get(name) else {}
            yield {"text": text, "task": "cls", "answers": value} | candidates


def flat_survey(records: Iterable[Any], columns: Mapping[str, str]) -> Fields:
    """The arguments of `convert_flat` that a whole export decides, as far as its records can be read.

    A field with too many labels has none in `choices`.
    """
    text_field, answer_field = columns.get("text", ""), columns.get("label", "")
    found: dict[str, dict[str, None]] = {}
    for record in records:
        with contextlib.suppress(*BROKEN):
            for name, value in _flat_fields(record, text_field, answer_field)[1].items():
                if not _are_regions(value):
                    labels = [value] if isinstance(value, str) else value
                    found.setdefault(name, {}).update((label, None) for label in labels if isinstance(label, str))
    choices = {name: list(labels) if len(labels) <= _MOST_CHOICES else [] for name, labels in found.items()}
    several = choices if len(choices) > 1 else None
    return {"choices": several, "text_field": text_field, "answer_field": answer_field}


def _flat_fields(record: Mapping[str, Any], text_field: str, answer_field: str) -> tuple[str, Fields]:
    """The text of a flat record, and its fields that are answers."""
    values = {name: _value(value) for name, value in record.items() if name not in _META}
    # An annotation without a result leaves its cell empty.
    fields = {name: value for name, value in values.items() if value not in (None, "", [])}
    names = [name for name, value in fields.items() if isinstance(value, str) and name != answer_field]
    name = "text" if "text" in names else next(iter(names), None)
    if text_field:
        name, fields[text_field] = text_field, _named(record, text_field)
    elif name is None:
        raise ValueError(f"no text among the fields {', '.join(record)}; say --columns=text=NAME")
    elif name != "text" and len(names) > 1:
        # A label that was chosen is a string as well, and a CSV has its columns in alphabetical order.
        raise ValueError(f"which field is the text? There are {', '.join(names)}; say --columns=text=NAME")
    text = fields.pop(name)
    if answer_field:
        fields = {name: value for name, value in fields.items() if name == answer_field}
    return text, fields


def _are_regions(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _value(value: Any) -> Any:
    """A cell's JSON where it is one, `{"choices": […]}` without its wrapping."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return value["choices"] if isinstance(value, dict) and "choices" in value else value
