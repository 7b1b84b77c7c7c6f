"""IEPile: instructions with a schema of four or so labels; the rows of one text ask for all labels in turn."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from seqgpt_jax.atomic import Atom, Instance, families
from seqgpt_jax.data.raw.sources import github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.llm_labelled.typed import samples
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader
from seqgpt_jax.tasks.relations.pairs import Triple


def _text(row: dict) -> str:
    return json.loads(row["instruction"])["input"]


def _answers(record: Record) -> dict[str, Any]:
    """Asked label -> its answers, for all rows of one text."""
    return {label: found for row in record.value for label, found in json.loads(row["output"]).items()}


def _short(code: str) -> str:
    """`组织关系-裁员` -> "裁员", as DuEE has it."""
    return code.rpartition("-")[2]


def asked_spans(label: Callable[[str], str]) -> Build:
    """IEPile's NER and EET: the spans of each asked label."""

    def build(record: Record) -> Iterator[Instance]:
        found = {label(code): spans for code, spans in _answers(record).items()}
        spans = [(name, span) for name, of_name in found.items() for span in of_name]
        yield families.spans_by_label(record.id, _text(record.value[0]), spans, found)

    return build


def asked_arguments(record: Record) -> Iterator[Instance]:
    """IEPile's EE: the arguments of each event type that the text tells of; "NAN" stands for none."""
    schemas = (schema for row in record.value for schema in json.loads(row["instruction"])["schema"])
    roles = {schema["event_type"]: schema["arguments"] for schema in schemas}
    told = {kind: events for kind, events in _answers(record).items() if events}
    for k, (kind, events) in enumerate(told.items()):
        values = [
            (role, span)
            for event in events
            for role, found in event["arguments"].items()
            for span in ([found] if isinstance(found, str) else found)
            if span != "NAN"
        ]
        yield families.event_arguments(f"{record.id}/{k}", _text(record.value[0]), values, roles[kind])


def asked_relations(record: Record) -> Iterator[Instance]:
    """IEPile's RE, SPO and KG: the relations of each pair, among those that were asked of the text."""
    asked: list[str] = []
    found: dict[tuple[str, str], list[str]] = {}
    for row in record.value:
        for item in json.loads(row["instruction"])["schema"]:
            asked += [item] if isinstance(item, str) else item.get("attributes") or [item["predicate"]]
        for head, relation, tail in _triples(json.loads(row["output"])):
            found.setdefault((head, tail), []).append(relation)
    for k, ((head, tail), names) in enumerate(found.items()):
        labels = families.unique(asked)
        id = f"{record.path.parent.name}/{record.id}/{k}"
        question = families.relation_typing(id, _text(record.value[0]), head, tail, names, "zh")
        yield replace(question, labels=families.unique(labels))


def _triples(output: dict) -> Iterator[Triple]:
    for relation, answers in output.items():
        if isinstance(answers, dict):  # KG: entity type -> entity -> attribute -> values
            for head, attributes in answers.items():
                for attribute, tails in attributes.items():
                    yield from ((head, attribute, tail) for tail in ([tails] if isinstance(tails, str) else tails))
        else:
            for answer in answers:
                head = answer["head"] if "head" in answer else answer["subject"]
                yield head, relation, answer["tail"] if "tail" in answer else answer["object"]


def _iepile(name: str, family: str, atom: Atom, build: Build, size: int, *folders: str) -> Task:
    return Task(
        family,
        "zh",
        reader(grouped(jsonl(), key=_text), build),
        name=name,
        atom=atom,
        splits={"train": samples("iepile_samples", *(f"{folder}/train.json" for folder in folders))},
        sizes={"train": size},
    )


TASKS = task_specs(
    DatasetSpec(
        "iepile_samples",
        github_files(
            "zjunlp/IEPile",
            "933918d020b46d078ef110f618838a4e8c618160",
            {
                file: f"data/{folder}/train.json"
                for folder in ("NER", "EET", "EE", "RE", "SPO", "KG")
                for file in samples("iepile_samples", f"{folder}/train.json")
            },
        ),
        license="CC BY-NC-SA 4.0",
        citation="Gui et al. 2024, ACL",
        verified="files",
        tasks=(
            _iepile("entities", "NER", "ext", asked_spans(str), 6, "NER"),
            _iepile(
                "triggers", "EE", "ext", asked_spans(lambda code: families.event_query(_short(code), "zh")), 6, "EET"
            ),
            _iepile("arguments", "EE", "ext", asked_arguments, 7, "EE"),
            _iepile("relations", "RE", "cls", asked_relations, 47, "RE", "SPO", "KG"),
        ),
    ),
)
