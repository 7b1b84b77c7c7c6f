"""EE in three steps: trigger detection, event typing, argument extraction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Atom, Instance, families
from seqgpt_jax.data.raw.task_spec import Reader, RecordError, Skipped, Task
from seqgpt_jax.tasks.readers.record import BROKEN, Build, Record, Records, reader

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


def arguments(find: Find, roles: Roles, language: str) -> Build:
    """Third step: the roles of an event's type are asked together, for each type that the text has an event of.

    Events of one type and trigger are asked together: nothing in a prompt would tell them apart.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        found = find(record.value)
        values: dict[str, dict[str, list[Argument]]] = {}
        for event in found.events:
            values.setdefault(event.kind, {}).setdefault(event.trigger, []).extend(event.arguments)
        number = 0
        for kind, of_kind in values.items():
            if kind not in roles:
                raise ValueError(f"the schema has no event type {kind}; it has {', '.join(roles)}")
            if unknown := {role for of_event in of_kind.values() for role, _ in of_event} - set(roles[kind]):
                raise ValueError(f"roles {sorted(unknown)} are not in the schema of {kind}: {', '.join(roles[kind])}")
            for trigger, named in families.by_trigger(of_kind).items():
                yield families.event_arguments(
                    f"{record.id}/{number}", found.text, kind, of_kind[trigger], roles[kind], language, named
                )
                number += 1
        yield from _elsewhere(record.id, found.events)

    return build


def arguments_of_files(records: Records, find: Find, language: str) -> Reader:
    """Third step, where no schema is published: an event type has the roles that its events have anywhere in the files.

    The first file of a split holds what is read, the others (the training file) only add roles. Types of which no
    event has an argument are asked nothing.
    """

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped | RecordError]:
        roles: dict[str, dict[str, None]] = {}
        for record in records(paths):
            if isinstance(record, RecordError):
                continue
            try:
                events = find(record.value).events
            except BROKEN:
                continue  # it is reported where it is read
            for event in events:
                of_kind = (role for role, _ in (*event.arguments, *event.elsewhere))
                roles.setdefault(event.kind, {}).update(dict.fromkeys(of_kind))

        def asked(value: Any) -> EventText:
            found = find(value)
            return EventText(found.text, [event for event in found.events if roles[event.kind]])

        ordered = {kind: sorted(of_kind) for kind, of_kind in roles.items()}
        yield from reader(records, arguments(asked, ordered, language))(split, paths[:1])

    return read


def with_training_files(splits: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The splits of a third step that takes roles from the training file as well."""
    return {split: tuple(dict.fromkeys((*files, *splits["train"]))) for split, files in splits.items()}


def _elsewhere(id: str, events: Iterable[Event]) -> Iterator[Skipped]:
    lost = [(event, argument) for event in events for argument in event.elsewhere]
    for k, (event, (role, span)) in enumerate(lost):
        detail = f"{role} {span!r} of {event.trigger!r} stands in another sentence"
        yield Skipped(f"{id}/elsewhere{k}", "argument_elsewhere", detail)


def step_tasks(
    language: str,
    read: Callable[[Build], Reader],
    find: Find,
    third: Reader | None = None,
    *,
    third_splits: Mapping[str, tuple[str, ...]] | None = None,
    sizes: Sequence[Mapping[str, int]] = ({}, {}, {}),
    **differences: Any,
) -> tuple[Task, ...]:
    """The tasks `triggers`, `typing` and, where `third` reads them, `arguments` of one data set.

    Args:
      read: makes the reader of a step.
      find: takes the text and its events out of a record.
      third: reads the third step.
      third_splits: of the third step, where they are not those of the data set.
      sizes: of each step: texts, triggers, event types of a text.
      differences: what `Task` takes besides, for all steps.
    """
    steps: list[tuple[str, Atom, Reader, Mapping | None]] = [
        ("triggers", "ext", read(triggers(find, language)), None),
        ("typing", "cls", read(typing(find, language)), None),
    ]
    if third is not None:
        steps.append(("arguments", "ext", third, third_splits))
    return tuple(
        Task("EE", language, read_step, name=name, atom=atom, sizes=size, splits=splits, **differences)
        for (name, atom, read_step, splits), size in zip(steps, sizes, strict=False)
    )


def same(text: EventText) -> EventText:
    """The `find` of records that are event texts already."""
    return text
