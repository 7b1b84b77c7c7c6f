"""InstructIE: paragraphs of Wikipedia with a topic, and relations whose arguments have types.

Relations of Wikidata were matched with the text, a language model added what was missing, and a model of inference
removed what the text does not say; topics are those of a classifier. Validation and test sets are made by people.
"""

from collections.abc import Iterator
from functools import partial

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.llm_labelled.typed import hub_file
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.jsonl import json_records
from seqgpt_jax.tasks.readers.names import spelled_out, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.relations.pairs import typed_pairs


def entity_type(code: str, language: str) -> str:
    """The words of an entity type; of several, the text may mean any.

    >>> entity_type("organization/human", "en"), entity_type("astronomical object type", "en")
    ('organization or human', 'astronomical object')
    """
    if language == "zh":
        return code.replace("/", "或")
    return code.replace("/", " or ").removesuffix(" type")


def typed_mentions(language: str) -> Build:
    """ET: the types that an argument of relations has, in all its relations together."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        text = record.value["text"]
        found: dict[str, list[str]] = {}
        for triple in record.value["relation"]:
            for side in ("head", "tail"):
                found.setdefault(triple[side], []).append(entity_type(triple[f"{side}_type"], language))
        for number, (mention, types) in enumerate(found.items()):
            id = f"{record.id}/{number}"
            if mention and mention in text:
                yield families.entity_typing(id, text, mention, types, language)
            else:
                yield Skipped(id, "not_in_text", f"{mention!r} is not in the text")

    return build


def relations_of_pairs(language: str) -> Build:
    """RE: the relations of each pair that has one."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        text = record.value["text"]
        triples = []
        for number, triple in enumerate(record.value["relation"]):
            sides = triple["head"], triple["tail"]
            if all(side and side in text for side in sides):
                triples.append((triple["head"], triple["relation"], triple["tail"]))
            else:
                yield Skipped(f"{record.id}/triple{number}", "not_in_text", f"one of {sides} is not in the text")
        yield from typed_pairs(record.id, text, triples, language)

    return build


def _tasks(language: str) -> tuple[Task, ...]:
    topic = spelled_out if language == "en" else verbatim
    task = partial(
        Task,
        language=language,
        splits={split: (f"{part}_{language}.json",) for split, part in _PARTS.items()},
    )
    return (
        task("CLS", read=reader(json_records(), labelled("text", "cate", topic)), name=f"topic_{language}"),
        task("ET", read=reader(json_records(), typed_mentions(language)), name=f"typing_{language}"),
        task("RE", read=reader(json_records(), relations_of_pairs(language)), name=f"relations_{language}", atom="cls"),
    )


_PARTS = {"train": "train", "validation": "valid", "test": "test"}

TASKS = task_specs(
    DatasetSpec(
        "instructie",
        hub_file("zjunlp/InstructIE", "a37aac5fd2d84f6d5efd08780f88b55e3f835eb8"),
        # The page of the data set has the one, the paper the other.
        license="MIT; CC BY-NC-SA 4.0",
        citation="Gui et al. 2023, arXiv:2305.11527",
        tasks=(*_tasks("en"), *_tasks("zh")),
    ),
)
