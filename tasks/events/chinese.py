"""EE in Chinese: news (DuEE) and judgements (LEVEN)."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.sources import OnRequest, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, RecordError, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.events.steps import Event, EventText, arguments, same, step_tasks
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import Build, reader

Schema = dict[str, list[dict]]  # event type -> its roles as the file has them
WithSchema = Callable[[str, tuple[Path, ...]], Iterator[Instance | Skipped | RecordError]]


def duee(row: dict) -> EventText:
    """DuEE: a sentence and its events."""
    return EventText(row["text"], duee_events(row["event_list"]))


def duee_events(events: list[dict]) -> list[Event]:
    """DuEE, DuEE-fin: events as their files list them."""
    return [
        Event(
            event_name(event["event_type"]),
            event["trigger"],
            [(argument["role"], argument["argument"]) for argument in event["arguments"]],
        )
        for event in events
    ]


def event_name(code: str) -> str:
    """DuEE: `组织关系-裁员` -> "裁员", which no other type shares; `裁员` stays."""
    return code.rpartition("-")[2]


def with_schema(build: Callable[[Schema], Build], split_key: Callable[[dict], str] | None = None) -> WithSchema:
    """Reads (events, schema): the schema has the roles of each event type; `split_key` is that of `reader`."""

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped | RecordError]:
        events, schema = paths
        roles: Schema = {}
        for record in jsonl()((schema,)):
            if isinstance(record, RecordError):
                raise record
            roles[event_name(record.value["event_type"])] = record.value["role_list"]
        yield from reader(jsonl(), build(roles), split_key=split_key)(split, (events,))

    return read


def text_of(row: dict) -> str:
    """DuEE, DuEE-fin: what a record's split hangs on."""
    return row["text"]


def leven_sentences(row: dict) -> Iterator[EventText]:
    """LEVEN: the sentences of a judgement; a mention names its sentence, and its tokens."""
    for number, sentence in enumerate(row["content"]):
        mentions = [
            (mention["offset"], Event(event["type"], mention["trigger_word"]))
            for event in row["events"]
            for mention in event["mention"]
            if mention["sent_id"] == number
        ]
        ordered = sorted(mentions, key=lambda placed: placed[0])
        yield EventText(sentence["sentence"], [event for _, event in ordered])


def duee_arguments(schema: Schema) -> Build:
    """DuEE, third step, with the roles of the schema."""
    return arguments(duee, {kind: [role["role"] for role in roles] for kind, roles in schema.items()}, "zh")


DUEE = github("enria/DuIE", "551908623c5844f4d47e2a33679809ac05cb4270", "EE/data/{}")
TASKS = task_specs(
    DatasetSpec(
        "duee",
        DUEE,
        license="DuEE1.0 (Baidu): non-commercial research",
        citation="Li et al. 2020, NLPCC",
        verified="files",
        # The labels of its test set are not published: the development set is the test here.
        splits={"train": ("duee_train.json",), "test": ("duee_dev.json",)},
        tasks=(
            *step_tasks("zh", partial(reader, jsonl()), duee),
            Task(
                "EE",
                "zh",
                with_schema(duee_arguments),
                name="arguments",
                atom="ext",
                splits={
                    "train": ("duee_train.json", "duee_event_schema.json"),
                    "test": ("duee_dev.json", "duee_event_schema.json"),
                },
            ),
        ),
    ),
    DatasetSpec(
        "leven",
        OnRequest(
            "LEVEN, github.com/thunlp/LEVEN (a shared drive)",
            "put train.jsonl and valid.jsonl into this folder; the labels of test.jsonl are not public",
        ),
        license="MIT",
        citation="Yao et al. 2022, Findings of ACL",
        splits={"train": ("train.jsonl",), "validation": ("valid.jsonl",)},
        tasks=step_tasks("zh", partial(reader, parts(jsonl(), leven_sentences)), same),
    ),
)
