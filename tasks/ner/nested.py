"""NER in English with nested entities: ACE, GENIA, FindVehicle."""

from collections.abc import Iterator

from seqgpt_jax.data.raw.sources import OnRequest
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tokens import token_entities

ACE_TYPES = {
    "FAC": "facility",
    "GPE": "geopolitical entity",
    "LOC": "location",
    "ORG": "organization",
    "PER": "person",
    "VEH": "vehicle",
    "WEA": "weapon",
}
GENIA_TYPES = {
    "DNA": "DNA",
    "RNA": "RNA",
    "cell_line": "cell line",
    "cell_type": "cell type",
    "protein": "protein",
}


def genia_type(code: str) -> str:
    """`G#cell_type` or `cell_type` -> "cell type": copies of the corpus keep or leave the namespace."""
    return named(GENIA_TYPES)(code.removeprefix("G#"))


def vehicle_spans(row: dict) -> Iterator[tuple[str, str]]:
    """FindVehicle: [type, first character, one past the last, words, and the same by tokens]; `vehicle_` is cut off."""
    places = []
    for label, start, end, words, *_ in row["ner_label"]:
        if row["data"][start:end] != words:
            raise ValueError(f"characters {start} to {end} are not {words!r}")
        places.append((spelled_out(label.removeprefix("vehicle_")), start, end))
    return iter(spans_at(row["data"], places))


def _ace(name: str, number: str, citation: str) -> DatasetSpec:
    return DatasetSpec(
        name,
        OnRequest(
            f"Linguistic Data Consortium, {number}, catalog.ldc.upenn.edu",
            "Bring it into train.json, dev.json and test.json, the form of "
            "github.com/tricktreat/piqn: a list of sentences with `tokens` and `entities` "
            "(`type`, `start`, and `end`, one past the last token).",
        ),
        license="LDC user agreement",
        citation=citation,
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=(Task("NER", "en", reader(json_list(), token_entities(named(ACE_TYPES)))),),
    )


TASKS = task_specs(
    _ace("ace2004", "LDC2005T09", "Doddington et al. 2004, ACE, LREC"),
    _ace("ace2005", "LDC2006T06", "Walker et al. 2006, ACE 2005, LDC"),
    DatasetSpec(
        "genia",
        hub("Rosenberg/genia"),
        license="GENIA project license: research",
        citation="Kim et al. 2003, GENIA, Bioinformatics",
        tasks=(Task("NER", "en", reader(jsonl(), token_entities(genia_type))),),
    ),
    DatasetSpec(
        "findvehicle",
        OnRequest(
            "Guan et al., github.com/GuanRunwei/FindVehicle (a shared drive)",
            "Put FindVehicle_train.jsonl and FindVehicle_test.jsonl there as they come.",
        ),
        license="unknown",
        citation="Guan et al. 2024, FindVehicle, Multimedia Tools and Applications",
        splits={"train": ("FindVehicle_train.jsonl",), "test": ("FindVehicle_test.jsonl",)},
        sizes={"train": 21565, "test": 20777},
        tasks=(Task("NER", "en", reader(jsonl(), pairs("data", vehicle_spans))),),
    ),
)
