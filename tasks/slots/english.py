"""SF in English: films, restaurants, flights, reminders, rides."""

from collections.abc import Iterator, Mapping

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import Files, Remote, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders, utterance_slots
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.readers.tagged import word_tags

MOVIE_SLOTS = {"RATING": "audience rating", "RATINGS_AVERAGE": "average rating", "TRAILER": "trailer or clip"}
RESTAURANT_SLOTS = {
    "date": "date",
    "first_name": "first name",
    "last_name": "last name",
    "people": "number of people",
    "time": "time",
}
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
ASSISTANT_SLOTS = {
    "alarm__alarm_modifier": "alarm modifier",
    "datetime": "date and time",
    "demonstrative_reference": "demonstrative reference",
    "location": "location",
    "negation": "negation",
    "news__type": "type of news",
    "reminder__noun": "word for the reminder",
    "reminder__recurring_period": "recurring period",
    "reminder__reference": "whose reminder",
    "reminder__reminder_modifier": "reminder modifier",
    "reminder__todo": "thing to do",
    "timer__attributes": "timer attribute",
    "timer__noun": "word for the timer",
    "weather__attribute": "weather attribute",
    "weather__noun": "word for the weather",
    "weather__temperatureUnit": "temperature unit",
}
MTOP_COLUMNS = ("id", "intent", "slots", "utterance", "domain", "locale", "decoupled_form", "tokens")


def atis_slot(code: str) -> str:
    """`fromloc.city_name` -> "departure city name", `flight_mod` -> "flight mod"."""
    part, dot, slot = code.partition(".")
    return spelled_out(f"{named(ATIS_PARTS)(part)} {slot}" if dot else code)


def value_spans(name: Naming) -> Build:
    """RESTAURANTS-8K and its kin: character spans of an utterance; `startIndex` is left out where it is 0.

    What the system had asked for (`requestedSlots`) is not part of the text.
    """

    def build(record: Record) -> Iterator[Instance]:
        text, places = record.value["userInput"]["text"], []
        for label in record.value.get("labels", ()):
            place = label["valueSpan"]
            places.append((name(label["slot"]), place.get("startIndex", 0), place["endIndex"]))
        yield families.spans_by_label(record.id, text, spans_at(text, places))

    return build


def top_level_slots(row: dict) -> Iterator[tuple[str, str]]:
    """MTOP: `34:47:SL:DATE_TIME,18:30:SL:TODO`, the outer slots by characters."""
    places = []
    for item in filter(None, row["slots"].split(",")):
        start, end, kind, code = item.split(":")
        if kind != "SL":
            raise ValueError(f"{item!r} is not `first:end:SL:NAME`")
        places.append((spelled_out(code), int(start), int(end)))
    return iter(spans_at(row["utterance"], places))


def _tagged(
    name: str,
    folder: str,
    naming: Naming,
    citation: str,
    *,
    licence: str = "MIT SLS corpus: research",
    verified: str = "schema",
    sizes: Mapping[str, int] | None = None,
    sha256: Mapping[str, str] | None = None,
) -> TaskSpec:
    """Lines of `word:tag` out of github.com/sz128/slot_filling_and_intent_detection_of_SLU."""
    return TaskSpec(
        name=name,
        family="SF",
        language="en",
        atom="ext",
        splits={"train": ("train",), "validation": ("valid",), "test": ("test",)},
        read=reader(lines(), word_tags(naming)),
        licence=licence,
        source=github(
            "sz128/slot_filling_and_intent_detection_of_SLU",
            "40f334417a93bcfd4bb3da2cf043ab13973ae695",
            {file: f"data/{folder}/{file}" for file in ("train", "valid", "test")},
            sha256,
        ),
        citation=citation,
        verified=verified,
        sizes=sizes or {},
    )


def _parallel(
    name: str, naming: Naming, licence: str, citation: str, sizes: Mapping[str, int], sha256: Mapping[str, str]
) -> TaskSpec:
    """A data set of github.com/MiuLab/SlotGated-SLU; its name is that of the folder."""
    splits = split_folders("seq.in", "seq.out")
    return TaskSpec(
        name=f"{name}.slots",
        family="SF",
        language="en",
        atom="ext",
        splits=splits,
        read=reader(parallel("text", "tags"), utterance_slots(naming)),
        licence=licence,
        source=github(
            "MiuLab/SlotGated-SLU",
            "61f0307c729b1fad479ef1de94aa5ac5dee601b0",
            {file: f"data/{name}/{file}" for files in splits.values() for file in files},
            sha256,
        ),
        citation=citation,
        verified="files",
        sizes=sizes,
    )


def _dstc8(domain: str, folder: str, train: int, test: int) -> TaskSpec:
    files = {"train": f"{folder}/train_0.json", "test": f"{folder}/test.json"}
    return TaskSpec(
        name=f"dstc8.{domain}",
        family="SF",
        language="en",
        atom="ext",
        splits={split: (file,) for split, file in files.items()},
        read=reader(json_list(), value_spans(spelled_out)),
        licence="CC BY 4.0",
        source=github(
            "PolyAI-LDN/task-specific-datasets",
            "57ec275d8078af65b7731c2a98be812d844a6d6b",
            {file: f"span_extraction/dstc8/{file}" for file in files.values()},
        ),
        citation="Coope et al. 2020, Span-ConveRT, ACL",
        verified="schema",
        sizes={"train": train, "test": test},
    )


TASKS = (
    _tagged(
        "mit_movie",
        "MIT_corpus/movie_eng",
        lambda code: MOVIE_SLOTS.get(code) or spelled_out(code),
        "Liu et al. 2013, ASRU",
        verified="files",
        sizes={"train": 7918, "validation": 978, "test": 2443},
        sha256={
            "valid": "f7f43752e83b8e2ae78c5ac3709542892b6799a1de85d439c0776879cfb72b95",
            "test": "044460b9989af834d245a5204cddad9b499396752224e334cb166b7989dd6611",
        },
    ),
    _tagged("mit_movie_trivia", "MIT_corpus/movie_trivia10k13", spelled_out, "Liu et al. 2013, ASRU"),
    _tagged("mit_restaurant", "MIT_corpus/restaurant", spelled_out, "Liu et al. 2013, ICASSP"),
    _tagged(
        "facebook_assistant.slots",
        "multilingual_task_oriented_data/en",
        named(ASSISTANT_SLOTS),
        "Schuster et al. 2019, NAACL",
        licence="CC BY-SA 4.0",
        sizes={"train": 30521, "validation": 4181, "test": 8621},
    ),
    _parallel(
        "snips",
        spelled_out,
        "CC0-1.0",
        "Coucke et al. 2018, Snips, arXiv",
        {"train": 13084, "validation": 700, "test": 700},
        {
            "train/seq.in": "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855",
            "train/seq.out": "fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3",
            "valid/seq.in": "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e",
            "valid/seq.out": "712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319",
            "test/seq.in": "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c",
            "test/seq.out": "58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47",
        },
    ),
    _parallel(
        "atis",
        atis_slot,
        "ATIS (LDC): research",
        "Hemphill, Godfrey and Doddington 1990, ATIS, HLT",
        {"train": 4478, "validation": 500, "test": 893},
        {
            "train/seq.in": "3a670980841b21ab39088b2595efc17d487cdc45769c075a3e5f9458bba28c7f",
            "train/seq.out": "14c7131bd66562f797dbd7189bc7358f0cf354c6afb0785a9ab973c35b58f34c",
            "valid/seq.in": "c7435b96e7948393608c34819628e863c5338f11ca68e8f896d2cc041d8e17f8",
            "valid/seq.out": "83ccff3e36f83a993f8e5b5b82adf3256076f234abda4d784051381d7ac76922",
            "test/seq.in": "4b2119fc59c37f9398c6605db435d4f467505009e6ee3e5af04fed09f39dc397",
            "test/seq.out": "a4690d6bceadc06876d1ff99bc401744aa981cb321e598ae12a3859d7be53254",
        },
    ),
    TaskSpec(
        name="restaurant8k",
        family="SF",
        language="en",
        atom="ext",
        splits={"train": ("train_1.json",), "test": ("test.json",)},
        read=reader(json_list(), value_spans(named(RESTAURANT_SLOTS))),
        held_out=True,
        licence="CC BY 4.0",
        source=github(
            "PolyAI-LDN/task-specific-datasets",
            "57ec275d8078af65b7731c2a98be812d844a6d6b",
            {name: f"span_extraction/restaurant8k/{name}" for name in ("train_1.json", "test.json")},
        ),
        citation="Coope et al. 2020, Span-ConveRT, ACL",
        verified="files",
        sizes={"train": 2837, "test": 2822},
    ),
    _dstc8("buses", "Buses_1", 1133, 377),
    _dstc8("events", "Events_1", 1498, 521),
    _dstc8("homes", "Homes_1", 2064, 587),
    _dstc8("rental_cars", "RentalCars_1", 874, 328),
    TaskSpec(
        name="mtop.slots",
        family="SF",
        language="en",
        atom="ext",
        splits={"train": ("en/train.txt",), "validation": ("en/eval.txt",), "test": ("en/test.txt",)},
        read=reader(delimited("\t", columns=MTOP_COLUMNS), pairs("utterance", top_level_slots)),
        licence="CC BY-SA 4.0",
        source=Files(
            {
                f"en/{part}.txt": Remote("https://dl.fbaipublicfiles.com/mtop/mtop.zip", member=f"mtop/en/{part}.txt")
                for part in ("train", "eval", "test")
            }
        ),
        citation="Li et al. 2021, MTOP, EACL",
        verified="schema",
        sizes={"train": 15667, "validation": 2235, "test": 4386},
    ),
)
