"""Exports of Prodigy, and the training data of spaCy: spans, categories and choices."""

from collections.abc import Iterator

from seqgpt_jax.tasks.readers.own_formats.items import Fields, LeftOut
from seqgpt_jax.tasks.readers.own_formats.spans import extraction, parsed_span, relations

_ANSWERS = ("accept", "reject", "ignore")
# spaCy's threshold of a category.
_THRESHOLD = 0.5


def fits(record: Fields | list) -> bool:
    """Whether a record is Prodigy's or spaCy's."""
    if isinstance(record, list):
        return len(record) == 2 and isinstance(record[0], str) and isinstance(record[1], dict)
    if not isinstance(record.get("text"), str):
        return False
    if record.get("answer") in _ANSWERS or "_task_hash" in record:
        return True
    return isinstance(record.get("spans"), list) or isinstance(record.get("cats"), dict)


def has_spans(record: Fields | list) -> bool:
    """Whether a record has a span."""
    return bool(_with_names(record).get("spans"))


def convert(record: Fields | list, *, spans: bool = False) -> Iterator[Fields | LeftOut]:
    """An `accept` list of options, `cats`, one `label`, and spans (with relations); only what was accepted counts.

    Args:
      record: of the export.
      spans: whether records of its file have spans. There an empty list of a record with categories means no span;
        elsewhere it says nothing, for every record has it.
    """
    record = _with_names(record)
    if (answer := record.get("answer", "accept")) != "accept":
        yield LeftOut(f"answer_{answer}", f"the annotator's answer is {answer!r}")
        return
    text = record["text"]
    if "accept" in record:
        options = {option["id"]: str(option.get("text", option["id"])) for option in record.get("options", ())}
        answers = [options.get(accepted, accepted) for accepted in record["accept"]]
        yield {"text": text, "task": "cls", "answers": answers} | (
            {"labels": list(options.values())} if options else {}
        )
    if record.get("cats"):
        answers = [label for label, value in record["cats"].items() if value >= _THRESHOLD]
        yield {"text": text, "task": "cls", "answers": answers, "labels": list(record["cats"])}
    if "label" in record:
        yield {"text": text, "task": "cls", "answers": record["label"]}
    classified = "accept" in record or record.get("cats") or "label" in record
    if not classified or record.get("spans") or record.get("relations") or (spans and "spans" in record):
        yield extraction(text, record.get("spans", ()))
        pairs = [(*_ends(item), item["label"]) for item in record.get("relations", ())]
        yield from relations(text, pairs)


def _with_names(record: Fields | list) -> Fields:
    """spaCy's `[text, {"entities": …}]` with the names of Prodigy."""
    if isinstance(record, dict):
        return record
    text, notes = record
    return {"text": text, **({"spans": notes["entities"]} if "entities" in notes else {}), **notes}


def _ends(item: Fields) -> tuple[Fields, Fields]:
    """The two spans of a relation: its head and its child."""
    head, child = ({"label": "", **item[name]} for name in ("head_span", "child_span"))
    return parsed_span(head)[1], parsed_span(child)[1]
