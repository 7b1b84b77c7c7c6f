"""ATIS, SNIPS and MTOP: what is asked of English assistants, with domain (CLS), intent (ID) and slots (SF)."""

from collections.abc import Iterator

from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled, pairs
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders, utterance_slots
from seqgpt_jax.tasks.readers.record import reader

ATIS_PARTS = {
    "arrive_date": "arrival",
    "arrive_time": "arrival",
    "depart_date": "departure",
    "depart_time": "departure",
    "fromloc": "departure",
    "return_date": "return",
    "return_time": "return",
    "stoploc": "stopover",
    "toloc": "destination",
}
MTOP_ROWS = delimited(
    "\t", columns=("id", "intent", "slots", "utterance", "domain", "locale", "decoupled_form", "tokens")
)


def atis_slot(code: str) -> str:
    """`fromloc.city_name` -> "departure city name", `flight_mod` -> "flight mod"."""
    part, dot, slot = code.partition(".")
    return spelled_out(f"{named(ATIS_PARTS)(part)} {slot}" if dot else code)


def top_level_slots(row: dict) -> Iterator[tuple[str, str]]:
    """MTOP: `34:47:SL:DATE_TIME,18:30:SL:TODO`, the outer slots by characters."""
    places = []
    for item in filter(None, row["slots"].split(",")):
        start, end, kind, code = item.split(":")
        if kind != "SL":
            raise ValueError(f"{item!r} is not `first:end:SL:NAME`")
        places.append((spelled_out(code), int(start), int(end)))
    return iter(spans_at(row["utterance"], places))


def _slot_gated(name: str) -> FilePattern:
    return github("MiuLab/SlotGated-SLU", "61f0307c729b1fad479ef1de94aa5ac5dee601b0", f"data/{name}/{{}}")


def _slots(name: Naming) -> Task:
    return Task(
        "SF",
        "en",
        reader(parallel("text", "tags"), utterance_slots(name)),
        name="slots",
        splits=split_folders("seq.in", "seq.out"),
    )


ATIS = DatasetSpec(
    "atis",
    _slot_gated("atis"),
    license="ATIS (LDC): research",
    citation="Hemphill, Godfrey and Doddington 1990, ATIS, HLT; Goo et al. 2018, NAACL",
    verified="files",
    sizes={"train": 4478, "validation": 500, "test": 893},
    tasks=(
        Task(
            "ID",
            "en",
            reader(
                parallel("text", "label"),
                labelled("text", "label", lambda code: spelled_out(code.removeprefix("atis_")), separator="#"),
            ),
            name="intent",
            splits=split_folders("seq.in", "label"),
        ),
        _slots(atis_slot),
    ),
)
SNIPS = DatasetSpec(
    "snips",
    _slot_gated("snips"),
    license="CC0-1.0",
    citation="Coucke et al. 2018, Snips, arXiv 1805.10190; Goo et al. 2018, NAACL",
    verified="files",
    sizes={"train": 13084, "validation": 700, "test": 700},
    tasks=(
        Task(
            "ID",
            "en",
            reader(parallel("text", "label"), labelled("text", "label", spelled_out)),
            name="intent",
            exclusive=True,
            splits=split_folders("seq.in", "label"),
        ),
        _slots(spelled_out),
    ),
)
MTOP = DatasetSpec(
    "mtop",
    FilePattern("https://dl.fbaipublicfiles.com/mtop/mtop.zip", "mtop/{}"),
    license="CC BY-SA 4.0",
    citation="Li et al. 2021, MTOP, EACL",
    splits={"train": ("en/train.txt",), "validation": ("en/eval.txt",), "test": ("en/test.txt",)},
    sizes={"train": 15667, "validation": 2235, "test": 4386},
    tasks=(
        Task(
            "ID",
            "en",
            reader(MTOP_ROWS, labelled("utterance", "intent", lambda code: spelled_out(code.removeprefix("IN:")))),
            name="intent",
            exclusive=True,
        ),
        Task(
            "CLS",
            "en",
            reader(MTOP_ROWS, labelled("utterance", "domain", spelled_out)),
            name="domain",
            exclusive=True,
        ),
        Task("SF", "en", reader(MTOP_ROWS, pairs("utterance", top_level_slots)), name="slots"),
    ),
)
