"""Adverse effects of drugs in case reports (ADE): a classification, and the pairs of two relations."""

from collections.abc import Iterator
from operator import itemgetter

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import HuggingFace
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader

_PATH, _TRAIN = "ade-benchmark-corpus/ade_corpus_v2", {"train": "train"}
RELATED = {"Related": "adverse drug effect", "Not-Related": "no adverse drug effect"}


def pair_spans(*fields: tuple[str, str]) -> Build:
    """RE, first step: the spans of all pairs of one text, which are rows of their own; `fields` are (field, label)."""

    def build(record: Record) -> Iterator[Instance]:
        spans = [(label, row[field]) for row in record.value for field, label in fields]
        yield families.spans_by_label(record.id, record.value[0]["text"], spans, [label for _, label in fields])

    return build


def _pairs(name: str, config: str, *fields: tuple[str, str]) -> Task:
    return Task(
        "RE",
        "en",
        reader(grouped(jsonl(), key=itemgetter("text")), pair_spans(*fields), split_key=lambda rows: rows[0]["text"]),
        name=name,
        atom="ext",
        source=HuggingFace(_PATH, config, _TRAIN),
        splits=dict.fromkeys(SPLITS, (f"{config}/train.jsonl",)),
    )


ADE = DatasetSpec(
    "ade_corpus_v2",
    HuggingFace(_PATH, "Ade_corpus_v2_classification", _TRAIN),
    license="unknown",
    citation="Gurulingappa et al. 2012, Journal of Biomedical Informatics",
    tasks=(
        Task(
            "CLS",
            "en",
            reader(jsonl(), labelled("text", "label", named(RELATED)), split_key=itemgetter("text")),
            name="related",
            exclusive=True,
            splits=dict.fromkeys(SPLITS, ("Ade_corpus_v2_classification/train.jsonl",)),
        ),
        _pairs("effects", "Ade_corpus_v2_drug_ade_relation", ("drug", "drug"), ("effect", "adverse effect")),
        _pairs("dosages", "Ade_corpus_v2_drug_dosage_relation", ("drug", "drug"), ("dosage", "dosage")),
    ),
)
