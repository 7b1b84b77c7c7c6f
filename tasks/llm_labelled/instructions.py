"""IEPile: instructions with a schema of four or so labels; the rows of one text ask for all labels in turn."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Atom, Instance, families
from seqgpt_jax.data.raw.sources import github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, RecordError, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.llm_labelled.typed import hub_file, samples
from seqgpt_jax.tasks.readers.answers import answers_in_text
from seqgpt_jax.tasks.readers.jsonl import json_records, jsonl
from seqgpt_jax.tasks.readers.names import spelled_out, verbatim
from seqgpt_jax.tasks.readers.record import BROKEN, Build, Record, Records, grouped, in_its_place, reader
from seqgpt_jax.tasks.relations.pairs import Triple


def _instruction(row: dict) -> dict[str, Any]:
    return json.loads(row["instruction"])


def text_of(row: dict) -> str:
    """The text that a row asks about."""
    return _instruction(row)["input"]


def _answers(record: Record) -> dict[str, Any]:
    """Asked label -> its answers, for all rows of one text."""
    return {label: found for row in record.value for label, found in json.loads(row["output"]).items()}


def _short(code: str) -> str:
    """`组织关系-裁员` -> "裁员", as DuEE has it."""
    return code.rpartition("-")[2]


def asked_spans(label: Callable[[str], str]) -> Build:
    """IEPile's NER and EET: the spans of each asked label."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        found = {label(code): spans for code, spans in _answers(record).items()}
        yield from answers_in_text(record.id, text_of(record.value[0]), found)

    return build


def asked_arguments(kind_of: Callable[[str], str], name: Callable[[str], str], language: str) -> Build:
    """IEPile's EE and EEA: the arguments of each event that the text has; "NAN" stands for none.

    Args:
      kind_of: an event type in words.
      name: a role in words.
      language: of the queries.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        schemas = (schema for row in record.value for schema in _instruction(row)["schema"])
        roles = {schema["event_type"]: schema["arguments"] for schema in schemas}
        number = 0
        for code, events in _answers(record).items():
            by_trigger: dict[str, list[dict]] = {}
            for event in events:
                by_trigger.setdefault(event.get("trigger", ""), []).append(event["arguments"])
            for trigger, named in families.by_trigger(by_trigger).items():
                values: dict[str, list[str]] = {role: [] for role in roles[code]}
                for arguments in by_trigger[trigger]:
                    for role, found in arguments.items():
                        spans = [found] if isinstance(found, str) else found
                        values.setdefault(role, []).extend(span for span in spans if span != "NAN")
                queries = {
                    families.argument_query(name(role), kind_of(code), language, named): spans
                    for role, spans in values.items()
                }
                yield from answers_in_text(f"{record.id}/{number}", text_of(record.value[0]), queries)
                number += 1

    return build


def asked_relations(language: str) -> Build:
    """IEPile's RE, SPO and KG: the relations of each pair, among those that were asked of the text."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        text = text_of(record.value[0])
        asked: list[str] = []
        found: dict[tuple[str, str], list[str]] = {}
        for row in record.value:
            for item in _instruction(row)["schema"]:
                asked += [item] if isinstance(item, str) else item.get("attributes") or [item["predicate"]]
            for head, relation, tail in _triples(json.loads(row["output"])):
                found.setdefault((head, tail), []).append(relation)
        for k, ((head, tail), names) in enumerate(found.items()):
            id = f"{record.path.parent.name}/{record.id}/{k}"
            if all(side and side in text for side in (head, tail)):
                question = families.relation_typing(id, text, head, tail, names, language)
                yield replace(question, labels=families.unique(asked))
            else:
                yield Skipped(id, "not_in_text", f"{head!r} or {tail!r} is not in the text")

    return build


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


# Sources that this project holds out, by the beginning of IEPile's names for them.
_HELD_OUT = ("casie", "crossner", "fewfc", "fewrel", "harveyner", "weibo")


def rows_of(tasks: Collection[str], language: str) -> Records:
    """The rows of some of IEPile's tasks in one language, those of one source and text together."""

    def read(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for record in json_records()(paths):
            try:
                if isinstance(record, RecordError) or (
                    record.value["task"] in tasks and _language(record.value) == language
                ):
                    yield record
            except BROKEN as error:
                yield in_its_place(error, record)

    return grouped(read, key=lambda row: (row["source"], text_of(row)))


def _language(row: dict) -> str:
    """That in which the row is instructed."""
    return "zh" if re.search("[\u4e00-\u9fff]", _instruction(row)["instruction"]) else "en"


def without_held_out(build: Build) -> Build:
    """What a build gives of sources that are not held out; of the others, every text is counted as skipped."""

    def allowed(record: Record) -> Iterator[Instance | Skipped]:
        source = record.value[0]["source"]
        if source.lower().startswith(_HELD_OUT):
            yield Skipped(record.id, "held_out", f"{source} is held out for zero-shot scores")
        else:
            yield from build(record)

    return allowed


def _event(language: str) -> Callable[[str], str]:
    return lambda code: families.event_query(_kind(language)(code), language)


def _kind(language: str) -> Callable[[str], str]:
    return _short if language == "zh" else _words


def _words(code: str) -> str:
    """`Subject.Age` -> "subject age", `adverse event` -> "adverse"."""
    return spelled_out(code.replace(".", " ").removesuffix(" event"))


_NAMES: dict[str, Callable[[str], str]] = {"en": _words, "zh": verbatim}


def _tasks(language: str) -> tuple[Task, ...]:
    def task(name: str, family: str, atom: Atom, build: Build, *tasks: str) -> Task:
        read = reader(rows_of(tasks, language), without_held_out(build))
        return Task(family, language, read, name=f"{name}_{language}", atom=atom)

    name = _NAMES[language]
    return (
        task("entities", "NER", "ext", asked_spans(spelled_out if language == "en" else verbatim), "NER"),
        task("triggers", "EE", "ext", asked_spans(_event(language)), "EET"),
        task("arguments", "EE", "ext", asked_arguments(_kind(language), name, language), "EE", "EEA"),
        task("relations", "RE", "cls", asked_relations(language), "RE"),
    )


def _sample(name: str, family: str, atom: Atom, build: Build, size: int, *folders: str) -> Task:
    return Task(
        family,
        "zh",
        reader(grouped(jsonl(), key=text_of), build),
        name=name,
        atom=atom,
        splits={"train": samples("iepile_samples", *(f"{folder}/train.json" for folder in folders))},
        sizes={"train": size},
    )


TASKS = task_specs(
    DatasetSpec(
        # Data sets that people have labeled, with labels that are hard to tell apart asked together: no part of `pt`.
        "iepile",
        hub_file("zjunlp/iepile", "cb6aab203bba60f3ec5217fb86b0e5e13904bec8"),
        license="CC BY-NC-SA 4.0",
        citation="Gui et al. 2024, ACL",
        splits={"train": ("train.json",), "validation": ("dev.json",)},
        tasks=(*_tasks("en"), *_tasks("zh")),
        derived_from=(
            *("ade_corpus_v2", "anatem", "bc2gm", "bc4chemd", "bc5cdr", "cluener", "cmeie", "conll04", "conll2003"),
            *("duee", "duee_fin", "duie", "fabner", "findvehicle", "genia", "gids", "ipre", "kbp37", "mit_movie"),
            *("mit_restaurant", "msra_ner", "multinerd", "ncbi_disease", "nyt", "ontonotes5", "phee", "resume_ner"),
            *("scierc", "semeval2010_8"),
        ),
    ),
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
            _sample("entities", "NER", "ext", asked_spans(str), 6, "NER"),
            _sample(
                "triggers", "EE", "ext", asked_spans(lambda code: families.event_query(_short(code), "zh")), 6, "EET"
            ),
            _sample("arguments", "EE", "ext", asked_arguments(_short, verbatim, "zh"), 7, "EE"),
            _sample("relations", "RE", "cls", asked_relations("zh"), 47, "RE", "SPO", "KG"),
        ),
    ),
)
