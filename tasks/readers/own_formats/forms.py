"""Short forms of the ten families: pairs, mentions, relations, questions and events, as classification or extraction.

{"text": ["It rains.", "It is dry."], "answers": "contradiction"}
{"text": "Ada met Bob.", "mention": "Bob", "answers": ["person"]}                                     ET
{"text": "Ada runs Acme.", "head": "Ada", "tail": "Acme", "relation": "works for"}
{"text": "Ada met Bob.", "question": "Whom did Ada meet?", "answers": ["Bob"]}
{"text": "Ada met Bob.", "question": "Who is Bob?", "options": ["a man", "a dog"], "answers": "a man"}
{"text": "Bob sued Acme.", "events": [{"type": "trial", "trigger": "sued", "arguments": {"plaintiff": ["Bob"]}}]}   EE
"""

from collections.abc import Iterable, Iterator
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.atomic.languages import language_of
from seqgpt_jax.tasks.readers.own_formats.items import Fields, Item
from seqgpt_jax.tasks.readers.record import BROKEN, Record, in_its_place

FAMILY = "family"
SOURCE_TEXT = "source_text"
MENTIONS = "mentions"
"""Further fields of what the forms become: the family, the bare text of a composed question, and the spans of that text
which the question is about."""


def in_base_form(items: Iterable[Item]) -> Iterator[Item]:
    """Records with `task`, `text` and `answers`; those that have them are left as they are.

    All records are looked at twice where they have events: the roles of an event type are all that it has anywhere.
    """
    items = iter(items)
    for item in items:
        if isinstance(item, Record) and "events" in item.value:
            yield from _with_events([item, *items])
            return
        yield _formed(item)


def _formed(item: Item) -> Item:
    if not isinstance(item, Record):
        return item
    try:
        return Record(item.path, item.line, base_form(item.value), item.id)
    except BROKEN as error:
        return in_its_place(error, item)


def base_form(value: Fields) -> Fields:
    """The record of a short form as a classification or extraction.

    Raises:
      ValueError: a field that the form needs is missing or wrong.
    """
    if isinstance(value.get("text"), list):
        return _pair(value)
    for name, build in (("mention", _mention), ("head", _relation), ("tail", _relation), ("question", _question)):
        if name in value:
            return build({"text": _string(value, "text")} | value)
    return value


def _pair(value: Fields) -> Fields:
    texts = value["text"]
    if len(texts) != 2 or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"text is a list of {len(texts)}: a pair is two strings that are not empty")
    if tab := [text for text in texts if "\t" in text]:
        raise ValueError(f"a TAB is between the two texts of a pair; none may be in one: {tab[0]!r}")
    return _form(value, "NLI", "cls", text="\t".join(texts))


def _mention(value: Fields) -> Fields:
    text, mention = value["text"], _part(value, "mention")
    return _composed(value, "ET", families.entity_typing("", text, mention, (), language_of(text)))


def _relation(value: Fields) -> Fields:
    text, head, tail = value["text"], _part(value, "head"), _part(value, "tail")
    answers = value.get("relation", value.get("answers"))
    question = families.relation_typing("", text, head, tail, (), language_of(text))
    return _composed(value | ({} if answers is None else {"answers": answers}), "RE", question)


def _question(value: Fields) -> Fields:
    text, question = value["text"], _string(value, "question")
    if "options" in value:
        if not isinstance(value["options"], list) or len(value["options"]) < 2:
            raise ValueError(f"options are a list of at least two strings, not {value['options']!r}")
        return _form(value, "MRC", "cls", text=f"{text}\t{question}", labels=value["options"], source_text=text)
    answers = {}
    if "answers" in value:
        spans = [value["answers"]] if isinstance(value["answers"], str) else value["answers"]
        answers = {"answers": {question: spans}}
    return _form(value, "MRC", "ext", labels=[question], **answers)


def _composed(value: Fields, family: str, instance: Instance) -> Fields:
    composed = {"text": instance.text, SOURCE_TEXT: instance.source_text, MENTIONS: list(instance.mentions)}
    return _form(value, family, "cls", **composed)


def _form(value: Fields, family: str, task: str, **changes: Any) -> Fields:
    if value.get("task", task) != task:
        raise ValueError(f"task is {value['task']!r}, but a record with these fields is {task!r}: leave task out")
    dropped = ("mention", "head", "tail", "relation", "question", "options", "events", SOURCE_TEXT, MENTIONS)
    rest = {name: field for name, field in value.items() if name not in dropped}
    return rest | {"task": task, FAMILY: family} | changes


def _string(value: Fields, name: str) -> str:
    if not isinstance(value.get(name), str) or not value[name].strip():
        raise ValueError(f"{name} is missing or not a string: {value.get(name)!r}")
    return value[name]


def _part(value: Fields, name: str) -> str:
    if (part := _string(value, name)) not in value["text"]:
        raise ValueError(f"{name} {part!r} is not in the text")
    return part


def _with_events(items: list[Item]) -> Iterator[Item]:
    roles: dict[str, dict[str, None]] = {}
    for item in items:
        for event in _events(item):
            if isinstance(event, dict) and isinstance(event.get("arguments"), dict):
                roles.setdefault(str(event.get("type")), {}).update(dict.fromkeys(event["arguments"]))
    for item in items:
        if not (isinstance(item, Record) and "events" in item.value):
            yield _formed(item)
            continue
        try:
            formed = list(_event_records(item.value, roles))
        except BROKEN as error:
            yield in_its_place(error, item)
            continue
        for n, value in enumerate(formed):
            yield Record(item.path, item.line, value, f"{item.id}/event{n}" if n else item.id)


def _events(item: Item) -> list[Any]:
    events = item.value.get("events") if isinstance(item, Record) else None
    return events if isinstance(events, list) else []


def _event_records(value: Fields, roles: dict[str, dict[str, None]]) -> Iterator[Fields]:
    """The triggers of all events, and the arguments of each type and different trigger."""
    text = _string(value, "text")
    if not isinstance(value["events"], list):
        raise ValueError(f"events is a list of objects with type, trigger and arguments, not {value['events']!r}")
    triggers: dict[str, list[Any]] = {}
    arguments: dict[str, dict[str, dict[str, list[Any]]]] = {}
    language = language_of(text)
    for event in value["events"]:
        if missing := [name for name in ("type", "trigger") if name not in event]:
            raise ValueError(f"an event has no {missing[0]}: {event!r}")
        triggers.setdefault(families.event_query(event["type"], language), []).append(event["trigger"])
        of_event = arguments.setdefault(event["type"], {}).setdefault(_words(text, event["trigger"]), {})
        if not isinstance(event.get("arguments", {}), dict):
            raise ValueError(f'arguments of an event are {{"role": ["span"]}}, not {event["arguments"]!r}')
        for role, spans in event.get("arguments", {}).items():
            of_event.setdefault(role, []).extend([spans] if isinstance(spans, str) else spans)
    yield _form(value, "EE", "ext", answers=triggers)
    for kind, of_type in arguments.items():
        if not (kind_roles := roles.get(kind)):
            continue
        for trigger, named in families.by_trigger(of_type).items():
            queries = {role: families.argument_query(role, kind, language, named) for role in kind_roles}
            found = {queries[role]: spans for role, spans in of_type[trigger].items()}
            yield _form(value, "EE", "ext", answers=found, labels=[*queries.values()])


def _words(text: str, span: Any) -> str:
    """A span in any of its forms as a string; what is wrong with it is said where the triggers are read."""
    if isinstance(span, dict):
        span = [span.get("start"), span.get("end")]
    if isinstance(span, list) and len(span) == 2 and all(type(place) is int for place in span):
        return text[slice(*span)]
    return str(span)
