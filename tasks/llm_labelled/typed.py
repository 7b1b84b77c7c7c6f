"""Texts whose entities a large language model has typed: Pile-NER, Sky-NER, and SLIMER's part of Pile-NER."""

import json
from collections.abc import Iterator
from operator import itemgetter

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import FilePattern, github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.conversations import conversation
from seqgpt_jax.tasks.readers.jsonl import json_records, jsonl
from seqgpt_jax.tasks.readers.names import spelled_out
from seqgpt_jax.tasks.readers.record import Record, grouped, reader


def asked_types(record: Record) -> Iterator[Instance]:
    """Pile-NER (SLIMER's form): the types that were asked of one passage, with the model's answers.

    Only those are labels of the instance: of the other types of the task nothing is known there.
    """
    found: dict[str, list[str]] = {}
    for row in record.value:
        found.setdefault(row["tagName"], []).extend(json.loads(row["output"]))
    spans = [(label, span) for label, answers in found.items() for span in answers]
    yield families.spans_by_label(record.id, record.value[0]["input"], spans, found)


def samples(name: str, *files: str) -> tuple[str, ...]:
    """Names of sample files, relative to the folder of a data set."""
    return tuple(f"../../datasets_pt/{name}/{file}" for file in files)


def hub_file(path: str, commit: str) -> FilePattern:
    """Files of a data set of the Hugging Face hub at one commit."""
    return FilePattern(f"https://huggingface.co/datasets/{path}/resolve/{commit}/{{}}")


def slimer_files(*names: str) -> dict[str, str]:
    """Files of SLIMER's Pile-NER, `FalseDef_train.jsonl` and its like, here -> their path in the repository."""
    return {
        path: f"data/pileNER/5pos_5neg_perNE_top391NEs_{name.replace('_', '/')}"
        for path, name in zip(samples("pile_ner_slimer", *names), names, strict=True)
    }


SLIMER = ("andrewzamai/SLIMER", "cd212dc445e1b5d0c0b4ea901393fa2d0e7b8b14")
SLIMER_VALIDATION = ("FalseDef_validation.jsonl", "TrueDef_validation.jsonl")
_SLIMER_TRAIN = ("FalseDef_train.jsonl", "TrueDef_train.jsonl")
SKY_NER = Task("NER", "zh", reader(json_records(), conversation()))

TASKS = task_specs(
    DatasetSpec(
        "pile_ner_type",
        hub_file("Universal-NER/Pile-NER-type", "18a67ca98e0300c0822a649dbf9729cdb9ea9438"),
        license="CC BY-NC 4.0 (OpenAI terms)",
        citation="Zhou et al. 2024, ICLR",
        splits={"train": ("train.json",)},
        sizes={"train": 45889},
        # `PERSON` and `Person` are one type, as in SLIMER.
        tasks=(Task("NER", "en", reader(json_records(), conversation(spelled_out))),),
    ),
    DatasetSpec(
        # The types are described in a few words, as a user may describe a label.
        "pile_ner_definition",
        hub_file("Universal-NER/Pile-NER-definition", "c2772f9143d6c6b3de9bf068522fb59dcd9b3b35"),
        license="CC BY-NC 4.0 (OpenAI terms)",
        citation="Zhou et al. 2024, ICLR",
        splits={"train": ("train.json",)},
        tasks=(Task("NER", "en", reader(json_records(), conversation())),),
    ),
    DatasetSpec(
        "pile_ner_slimer",
        github_files(*SLIMER, slimer_files(*_SLIMER_TRAIN, *SLIMER_VALIDATION)),
        license="CC BY-NC 4.0 (Pile-NER; OpenAI terms)",
        citation="Zhou et al. 2024, ICLR; Zamai et al. 2024, arXiv:2407.01272",
        verified="files",
        # Each passage is asked with and without definitions of the labels.
        splits={"train": tuple(slimer_files(*_SLIMER_TRAIN)), "validation": tuple(slimer_files(*SLIMER_VALIDATION))},
        tasks=(Task("NER", "en", reader(grouped(jsonl(), key=itemgetter("input")), asked_types)),),
        derived_from=("pile_ner_type",),
    ),
    DatasetSpec(
        # Tested on what its authors publish of it on GitHub: 17 passages.
        "sky_ner_zh",
        hub_file("EmmaStrong/Sky-NER", "318fc9332aba114f1dcff3dee59ffa06dd4746b1"),
        license="CC BY-NC 4.0 (OpenAI terms)",
        citation="Xie et al. 2024, arXiv:2406.17305",
        verified="files",
        splits={"train": ("train.json",)},
        tasks=(SKY_NER,),
    ),
)
