"""NER in Chinese medicine: textbooks, health records, talks of doctors and patients."""

from collections.abc import Iterator
from functools import partial

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import OnRequest
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.conll import labelled_spans
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.record import Record, reader
from seqgpt_jax.tasks.repositories import cblue

CMEEE_TYPES = {
    "bod": "身体部位",
    "dep": "科室",
    "dis": "疾病",
    "dru": "药物",
    "equ": "医疗设备",
    "ite": "医学检验项目",
    "mic": "微生物",
    "pro": "医疗程序",
    "sym": "临床表现",
}
RECORD_TYPES = {name: name for name in ("实验室检验", "影像检查", "手术", "疾病和诊断", "药物", "解剖部位")}
DIALOGUE_TYPES = {
    "Drug": "药品名",
    "Drug_Category": "药物类别",
    "Medical_Examination": "检查",
    "Operation": "操作",
    "Symptom": "症状",
}


def textbook_spans(row: dict) -> Iterator[tuple[str, str]]:
    """CMeEE: nested entities; `start_idx` and `end_idx` are both inclusive."""
    places = []
    for entity in row["entities"]:
        start, end = entity["start_idx"], entity["end_idx"] + 1
        if row["text"][start:end] != entity["entity"]:
            raise ValueError(f"characters {start} to {end - 1} are not {entity['entity']!r}")
        places.append((named(CMEEE_TYPES)(entity["type"]), start, end))
    return iter(spans_at(row["text"], places))


def record_spans(row: dict) -> Iterator[tuple[str, str]]:
    """CCKS 2019: `end_pos` is one past the last character."""
    name = named(RECORD_TYPES)
    places = [(name(entity["label_type"]), entity["start_pos"], entity["end_pos"]) for entity in row["entities"]]
    return iter(spans_at(row["originalText"], places))


def utterances(document: dict) -> list[dict]:
    """IMCS21: what is said in all dialogues, in order."""
    return [said for dialogue in document.values() for said in dialogue["dialogue"]]


def utterance_entities(record: Record) -> Iterator[Instance]:
    """IMCS21: one BIO tag for each character of `sentence`; who speaks is not part of the text."""
    characters, tags = list(record.value["sentence"]), record.value["BIO_label"].split()
    if len(characters) != len(tags):
        raise ValueError(f"{len(characters)} characters but {len(tags)} tags")
    yield families.spans_by_label(record.id, *labelled_spans(characters, tags, "", named(DIALOGUE_TYPES)))


_entities = partial(Task, "NER", "zh")

TASKS = task_specs(
    DatasetSpec(
        "cmeee",
        cblue("CMeEE (version 1)", "CMeEE_train.json", "CMeEE_dev.json"),
        license="CBLUE: research",
        citation="Zhang et al. 2022, CBLUE, ACL",
        # The test file has no labels.
        splits={"train": ("CMeEE_train.json",), "validation": ("CMeEE_dev.json",)},
        sizes={"train": 15000, "validation": 5000},
        tasks=(_entities(reader(json_list(), pairs("text", textbook_spans))),),
    ),
    DatasetSpec(
        "ccks2019_ner",
        OnRequest(
            "CCKS 2019 task 1 (Yidu-S4K), openkg.cn",
            "Put subtask1_training_part1.txt, subtask1_training_part2.txt and subtask1_test_set_with_answer.json "
            "there, one record on each line, as UTF-8.",
        ),
        license="CCKS 2019: research",
        citation="Han et al. 2020, CCKS 2019 task 1",
        splits={
            "train": ("subtask1_training_part1.txt", "subtask1_training_part2.txt"),
            "test": ("subtask1_test_set_with_answer.json",),
        },
        sizes={"train": 1000, "test": 379},
        tasks=(_entities(reader(jsonl(), pairs("originalText", record_spans))),),
    ),
    DatasetSpec(
        "imcs21_ner",
        cblue("IMCS-NER", "IMCS_train.json", "IMCS_dev.json"),
        license="CBLUE: research",
        citation="Chen et al. 2023, IMCS-21, Bioinformatics",
        # The test file has no labels.
        splits={"train": ("IMCS_train.json",), "validation": ("IMCS_dev.json",)},
        tasks=(_entities(reader(json_list(utterances), utterance_entities)),),
    ),
)
