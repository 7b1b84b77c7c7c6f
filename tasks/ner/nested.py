"""NER in English where entities may lie inside others: ACE, GENIA, FindVehicle."""

from collections.abc import Iterator

from seqgpt_jax.data.raw.sources import OnRequest
from seqgpt_jax.data.raw.task_spec import TaskSpec
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


def _ace(name: str, catalogue: str, citation: str) -> TaskSpec:
    names = {"train": "train.json", "validation": "dev.json", "test": "test.json"}
    return TaskSpec(
        name=name,
        family="NER",
        language="en",
        atom="ext",
        splits={split: (file,) for split, file in names.items()},
        read=reader(json_list(), token_entities(named(ACE_TYPES))),
        licence="LDC user agreement",
        source=OnRequest(
            f"Linguistic Data Consortium, {catalogue}, catalog.ldc.upenn.edu",
            "Bring it into train.json, dev.json and test.json, the form of "
            "github.com/tricktreat/piqn: a list of sentences with `tokens` and `entities` "
            "(`type`, `start`, and `end`, one past the last token).",
        ),
        citation=citation,
        verified="schema",
    )


TASKS = (
    _ace("ace2004", "LDC2005T09", "Doddington et al. 2004, ACE, LREC"),
    _ace("ace2005", "LDC2006T06", "Walker et al. 2006, ACE 2005, LDC"),
    TaskSpec(
        name="genia",
        family="NER",
        language="en",
        atom="ext",
        **hub("Rosenberg/genia"),
        read=reader(jsonl(), token_entities(genia_type)),
        licence="GENIA project licence: research",
        citation="Kim et al. 2003, GENIA, Bioinformatics",
        verified="schema",
    ),
    TaskSpec(
        name="findvehicle",
        family="NER",
        language="en",
        atom="ext",
        splits={"train": ("FindVehicle_train.jsonl",), "test": ("FindVehicle_test.jsonl",)},
        read=reader(jsonl(), pairs("data", vehicle_spans)),
        licence="unknown",
        source=OnRequest(
            "Guan et al., github.com/GuanRunwei/FindVehicle (a shared drive)",
            "Put FindVehicle_train.jsonl and FindVehicle_test.jsonl there as they come.",
        ),
        citation="Guan et al. 2024, FindVehicle, Multimedia Tools and Applications",
        verified="schema",
        sizes={"train": 21565, "test": 20777},
    ),
)
