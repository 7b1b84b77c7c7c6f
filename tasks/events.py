"""EE: the triggers of each event type, the event type of a trigger, the arguments of each role."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import Skipped, TaskSpec
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import spelled_out
from seqgpt_jax.tasks.readers.record import Build, Record, reader

Event = tuple[str, str]  # event type in words, trigger

# The query of a type is "{type} event".
MAVEN_NAMES = {"Social_event": "social gathering"}


def token_events(row: dict) -> tuple[str, list[Event]]:
    """MAVEN: (sentence, events) of tokens and events that name them by place.

    Raises:
      ValueError: the tokens there are not the trigger.
    """
    events = []
    for event in sorted(row["events"], key=lambda event: event["start"]):
        trigger = " ".join(row["tokens"][event["start"] : event["end"]])
        if trigger != event["text"]:
            raise ValueError(f"tokens {event['start']} to {event['end']} are {trigger!r}, not {event['text']!r}")
        events.append((MAVEN_NAMES.get(event["event_type"]) or spelled_out(event["event_type"]), trigger))
    return " ".join(row["tokens"]), events


def text_events(row: dict) -> tuple[str, list[Event]]:
    """DuEE: (sentence, events); of the type `class-type` the second part, which no other type shares."""
    events = [(event_name(event["event_type"]), event["trigger"]) for event in row["event_list"]]
    return row["text"], events


def event_name(code: str) -> str:
    """DuEE: `组织关系-裁员` -> "裁员"."""
    return code.rpartition("-")[2]


def triggers(find: Callable[[dict], tuple[str, list[Event]]], language: str) -> Build:
    """First step: the triggers of each event type."""

    def build(record: Record) -> Iterator[Instance]:
        sentence, events = find(record.value)
        yield families.event_triggers(record.id, sentence, events, language)

    return build


def typing(find: Callable[[dict], tuple[str, list[Event]]], language: str) -> Build:
    """Second step: the event types of each trigger, triggers of equal words together."""

    def build(record: Record) -> Iterator[Instance]:
        sentence, events = find(record.value)
        types: dict[str, list[str]] = {}
        for kind, trigger in events:
            types.setdefault(trigger, []).append(kind)
        for k, (trigger, kinds) in enumerate(types.items()):
            yield families.event_typing(f"{record.id}/{k}", sentence, trigger, kinds, language)

    return build


def arguments(record: Record, roles: Mapping[str, Iterable[str]]) -> Iterator[Instance]:
    """DuEE, third step: for each event type of a sentence, the arguments of its roles.

    Events of one type are asked together: their prompts are the same.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for event in record.value["event_list"]:
        of_type = found.setdefault(event["event_type"], [])
        of_type += [(argument["role"], argument["argument"]) for argument in event["arguments"]]
    for k, (kind, values) in enumerate(found.items()):
        if unknown := {role for role, _ in values} - set(roles[kind]):
            raise ValueError(f"roles {sorted(unknown)} are not in the schema of {kind}: {', '.join(roles[kind])}")
        yield families.event_arguments(f"{record.id}/{k}", record.value["text"], values, roles[kind])


def _duee_text(row: dict) -> str:
    return row["text"]


def duee_arguments(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped]:
    """Reads (events, schema): the schema has the roles of each event type."""
    events, schema = paths
    rows = (record.value for record in jsonl()((schema,)))
    roles = {row["event_type"]: [role["role"] for role in row["role_list"]] for row in rows}
    return reader(jsonl(), partial(arguments, roles=roles), split_key=_duee_text)(split, (events,))


def _tokens(row: dict) -> str:
    return " ".join(row["tokens"])


_MAVEN = {
    "family": "EE",
    "language": "en",
    # The pack has no training file of it.
    "splits": {"train": ("dev.json",), "validation": ("dev.json",), "test": ("test.json",)},
    "licence": "CC BY-SA 4.0",
    "source": "github.com/rickltt/event_detection data/maven/{dev,test}.json",
}
_maven = partial(reader, json_list(), split_key=_tokens, shares={"train": 0.9, "validation": 0.1})
_DUEE = {
    "family": "EE",
    "language": "zh",
    "licence": "DuEE1.0 (Baidu): non-commercial research",
    "source": "github.com/enria/DuIE EE/data/duee_{dev,event_schema}.json",
}
_DUEE_SPLITS = dict.fromkeys(("train", "validation", "test"), ("duee_dev.json",))
_duee = partial(reader, jsonl(), split_key=_duee_text)

TASKS = (
    TaskSpec(name="maven_ed.triggers", atom="ext", read=_maven(triggers(token_events, "en")), **_MAVEN),
    TaskSpec(name="maven_ed.typing", atom="cls", read=_maven(typing(token_events, "en")), **_MAVEN),
    TaskSpec(name="duee.triggers", atom="ext", splits=_DUEE_SPLITS, read=_duee(triggers(text_events, "zh")), **_DUEE),
    TaskSpec(name="duee.typing", atom="cls", splits=_DUEE_SPLITS, read=_duee(typing(text_events, "zh")), **_DUEE),
    TaskSpec(
        name="duee.arguments",
        atom="ext",
        splits=dict.fromkeys(_DUEE_SPLITS, ("duee_dev.json", "duee_event_schema.json")),
        read=duee_arguments,
        **_DUEE,
    ),
)
