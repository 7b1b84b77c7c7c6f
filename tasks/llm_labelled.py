"""Open-domain typing by a large language model: what pre-training is made of.

The packs lie in `datasets_pt/`, beside the data folder.
"""

import json
from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import Record, grouped, reader


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


TASKS = (
    TaskSpec(
        name="pile_ner_slimer",
        family="NER",
        language="en",
        atom="ext",
        splits=dict.fromkeys(
            ("train", "validation"),
            (
                "../../datasets_pt/pile_ner_slimer/FalseDef_validation.jsonl",
                "../../datasets_pt/pile_ner_slimer/TrueDef_validation.jsonl",
            ),
        ),
        read=reader(
            grouped(jsonl(), key=lambda row: row["input"]),
            asked_types,
            split_key=lambda rows: rows[0]["input"],
            shares={"train": 0.9, "validation": 0.1},
        ),
        licence="CC BY-NC 4.0 (Pile-NER; OpenAI terms)",
        source="github.com/andrewzamai/SLIMER data/pileNER",
    ),
    TaskSpec(
        name="sky_ner_zh",
        family="NER",
        language="zh",
        atom="ext",
        splits={"train": ("../../datasets_pt/sky_ner_zh/sky_10_samples/llm_response_parsed_filtered.jsonl",)},
        read=reader(jsonl(), pairs("text", predicted_entities)),
        licence="Sky-NER (RA-IT; OpenAI terms): research",
        source="github.com/Emma1066/Retrieval-Augmented-IT-OpenNER outputs/llm_api_calling/llm_annotation",
    ),
)
