"""EE in three steps: trigger detection, event typing, argument extraction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Reader, Skipped, Task
from seqgpt_jax.tasks.readers.record import Build, Record

Argument = tuple[str, str]  # role in words, span


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
      kind: its type in words.
      trigger: the words that tell of it.
      arguments: those in its own text.
      elsewhere: those in other sentences of its document; they are counted as skipped.
    """

    kind: str
    trigger: str
    arguments: Sequence[Argument] = ()
    elsewhere: Sequence[Argument] = ()


@dataclass(frozen=True, slots=True)
class EventText:
    """A sentence or document, and its events in text order."""

    text: str
    events: Sequence[Event]


Find = Callable[[Any], EventText]
Roles = Mapping[str, Sequence[str]]  # event type -> its roles, all in words


def triggers(find: Find, language: str) -> Build:
    """First step: the triggers of each event type."""

    def build(record: Record) -> Iterator[Instance]:
        found = find(record.value)
        pairs = ((event.kind, event.trigger) for event in found.events)
        yield families.event_triggers(record.id, found.text, pairs, language)

    return build


def typing(find: Find, language: str) -> Build:
    """Second step: the event types of each trigger, triggers of equal words together."""

    def build(record: Record) -> Iterator[Instance]:
        found = find(record.value)
        kinds: dict[str, list[str]] = {}
        for event in found.events:
            kinds.setdefault(event.trigger, []).append(event.kind)
        for k, (trigger, names) in enumerate(kinds.items()):
            yield families.event_typing(f"{record.id}/{k}", found.text, trigger, names, language)

    return build


def arguments(find: Find, roles: Roles) -> Build:
    """Third step, where the roles of each event type are known: they are asked together.

    Events of one type in one text are asked together: their prompts are the same.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        found = find(record.value)
        values: dict[str, list[Argument]] = {}
        for event in found.events:
            values.setdefault(event.kind, []).extend(event.arguments)
        for k, (kind, of_kind) in enumerate(values.items()):
            if kind not in roles:
                raise ValueError(f"the schema has no event type {kind}; it has {', '.join(roles)}")
            if unknown := {role for role, _ in of_kind} - set(roles[kind]):
                raise ValueError(f"roles {sorted(unknown)} are not in the schema of {kind}: {', '.join(roles[kind])}")
            yield families.event_arguments(f"{record.id}/{k}", found.text, of_kind, roles[kind])
        yield from _elsewhere(record.id, found.events)

    return build


def joint_arguments(find: Find) -> Build:
    """Third step, where roles belong to no one event type: those of all events of a text together.

    A negative label is another role of the data set; asked for one event alone, it could be a role
    that another event of the text fills.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        found = find(record.value)
        if found.events:
            values = [argument for event in found.events for argument in event.arguments]
            yield families.event_arguments(record.id, found.text, values, ())
        yield from _elsewhere(record.id, found.events)

    return build


def _elsewhere(id: str, events: Iterable[Event]) -> Iterator[Skipped]:
    lost = [(event, argument) for event in events for argument in event.elsewhere]
    for k, (event, (role, span)) in enumerate(lost):
        detail = f"{role} {span!r} of {event.trigger!r} stands in another sentence"
        yield Skipped(f"{id}/elsewhere{k}", "argument_elsewhere", detail)


def step_tasks(
    language: str,
    read: Callable[[Build], Reader],
    find: Find,
    third: Build | None = None,
    *,
    sizes: Sequence[Mapping[str, int]] = ({}, {}, {}),
    **differences: Any,
) -> tuple[Task, ...]:
    """The tasks `triggers`, `typing` and, where `third` builds them, `arguments` of one data set.

    Args:
      read: makes the reader of a step.
      find: takes the text and its events out of a record.
      sizes: of each step: texts, triggers, event types of a text.
      differences: what `Task` takes besides, for all steps.
    """
    steps = [("triggers", "ext", triggers(find, language)), ("typing", "cls", typing(find, language))]
    if third is not None:
        steps.append(("arguments", "ext", third))
    return tuple(
        Task("EE", language, read(build), name=name, atom=atom, sizes=size, **differences)
        for (name, atom, build), size in zip(steps, sizes, strict=False)
    )


def same(text: EventText) -> EventText:
    """The `find` of records that are event texts already."""
    return text
