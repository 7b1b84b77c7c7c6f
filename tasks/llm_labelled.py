"""Open-domain typing by large language models, and samples of instruction data: what pre-training is made of.

The packs lie in `datasets_pt/`, beside the data folder.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

from seqgpt_jax.atomic import Atom, Instance, families
from seqgpt_jax.data.raw.sources import github, github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader
from seqgpt_jax.tasks.relations.pairs import Triple

_PACKS = "../../datasets_pt"
# Cells that say that a text does not tell.
ODIE_EMPTY = ("", "-", "N/A", "None")


def asked_types(record: Record) -> Iterator[Instance]:
    """Pile-NER (SLIMER's form): the types that were asked of one passage, with the model's answers.

    Only those are labels of the instance: of the other types of the task nothing is known there.
    """
    found = {row["tagName"]: json.loads(row["output"]) for row in record.value}
    spans = [(label, span) for label, answers in found.items() for span in answers]
    yield families.spans_by_label(record.id, record.value[0]["input"], spans, found)


def predicted_entities(row: dict) -> Iterator[tuple[str, str]]:
    """Sky-NER: a list of {entity: type}, all that the model found in the text, by type."""
    return ((kind, entity) for prediction in row["prediction"] for entity, kind in prediction.items())


def table_columns(record: Record) -> Iterator[Instance | Skipped]:
    """On-Demand IE: a Markdown table; the header of a column asks for its cells.

    Many cells put the text in other words, which extraction cannot give: a column with such a cell
    is left out, and counted.
    """
    text = record.value["text"]
    lines = [line.strip().strip("|").split("|") for line in record.value["table"].split("\n") if line.strip()]
    header, _, *rows = ([cell.strip() for cell in line] for line in lines)
    if any(len(row) != len(header) for row in rows):
        raise ValueError(f"a row of the table has not {len(header)} cells: {record.value['table']!r}")
    found: dict[str, list[str]] = {}
    for number, label in enumerate(header):
        cells = [row[number] for row in rows if row[number] not in ODIE_EMPTY]
        if all(cell in text for cell in cells):
            found[label] = cells
        else:
            yield Skipped(f"{record.id}/column{number}", "not_in_text", f"cells of {label!r} are not words of the text")
    if found:
        spans = [(label, span) for label, cells in found.items() for span in cells]
        yield families.spans_by_label(record.id, text, spans, found)


# ---- IEPile: instructions with a schema of four or so labels; the rows of one text ask for all labels in turn.


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


def _pack(name: str, *files: str) -> tuple[str, ...]:
    return tuple(f"{_PACKS}/{name}/{file}" for file in files)


def slimer_files(*names: str) -> dict[str, str]:
    """Files of SLIMER's Pile-NER, `FalseDef_train.jsonl` and its like, here -> their path in the repository."""
    return {
        path: f"data/pileNER/5pos_5neg_perNE_top391NEs_{name.replace('_', '/')}"
        for path, name in zip(_pack("pile_ner_slimer", *names), names, strict=True)
    }


_SKY_FILE = "sky_10_samples/llm_response_parsed_filtered.jsonl"


def _iepile(name: str, family: str, atom: Atom, build: Build, size: int, *folders: str) -> Task:
    return Task(
        family,
        "zh",
        reader(grouped(jsonl(), key=_text), build),
        name=name,
        atom=atom,
        splits={"train": _pack("iepile_samples", *(f"{folder}/train.json" for folder in folders))},
        sizes={"train": size},
    )


SLIMER = ("andrewzamai/SLIMER", "cd212dc445e1b5d0c0b4ea901393fa2d0e7b8b14")
SLIMER_VALIDATION = ("FalseDef_validation.jsonl", "TrueDef_validation.jsonl")
_SLIMER_TRAIN = ("FalseDef_train.jsonl", "TrueDef_train.jsonl")

TASKS = task_specs(
    DatasetSpec(
        "pile_ner_slimer",
        github_files(*SLIMER, slimer_files(*_SLIMER_TRAIN, *SLIMER_VALIDATION)),
        license="CC BY-NC 4.0 (Pile-NER; OpenAI terms)",
        citation="Zhou et al. 2024, ICLR; Zamai et al. 2024, arXiv:2407.01272",
        verified="files",
        # Each passage is asked with and without definitions of the labels.
        splits={"train": tuple(slimer_files(*_SLIMER_TRAIN)), "validation": tuple(slimer_files(*SLIMER_VALIDATION))},
        tasks=(Task("NER", "en", reader(grouped(jsonl(), key=itemgetter("input")), asked_types)),),
    ),
    DatasetSpec(
        "sky_ner_zh",
        github(
            "Emma1066/Retrieval-Augmented-IT-OpenNER",
            "c9cb37efb5667fe33134d4e3aa0cc008443e900d",
            f"outputs/llm_api_calling/llm_annotation/gpt-3.5-turbo-0125/prompt_v0_json/{_SKY_FILE}",
        ),
        license="Sky-NER (RA-IT; OpenAI terms): research",
        citation="Xie et al. 2024, arXiv:2406.17305",
        verified="files",
        splits={"train": _pack("sky_ner_zh", _SKY_FILE)},
        sizes={"train": 17},
        tasks=(Task("NER", "zh", reader(jsonl(), pairs("text", predicted_entities))),),
    ),
    DatasetSpec(
        # What a language model wrote and people checked: the test set of On-Demand IE.
        "odie",
        github("yzjiao/On-Demand-IE", "549e55d0d866057d75e3aa4cddb132b56d9a0ca0", "dataset/test_data.json"),
        license="unknown: research (OpenAI terms)",
        citation="Jiao et al. 2023, EMNLP",
        verified="files",
        splits={"test": _pack("odie", "test_data.json")},
        sizes={"test": 74},
        tasks=(Task("NER", "en", reader(json_list(), table_columns)),),
    ),
    DatasetSpec(
        "iepile_samples",
        github_files(
            "zjunlp/IEPile",
            "933918d020b46d078ef110f618838a4e8c618160",
            {
                f"{_PACKS}/iepile_samples/{folder}/train.json": f"data/{folder}/train.json"
                for folder in ("NER", "EET", "EE", "RE", "SPO", "KG")
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
