"""SF in English: films, restaurants, flights, reminders, rides."""

from collections.abc import Iterator
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.assistants import ATIS, MASSIVE, MTOP, SNIPS
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.intent.english import FACEBOOK_ASSISTANT, NLUPP
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.readers.tagged import word_tags
from seqgpt_jax.tasks.repositories import SLU_SPLITS, polyai, slu

MOVIE_SLOTS = {"RATING": "audience rating", "RATINGS_AVERAGE": "average rating", "TRAILER": "trailer or clip"}
RESTAURANT_SLOTS = {
    "date": "date",
    "first_name": "first name",
    "last_name": "last name",
    "people": "number of people",
    "time": "time",
}


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


def _tagged(
    name: str,
    folder: str,
    slot: Naming,
    citation: str,
    license: str = "MIT SLS corpus: research",
    **facts: Any,
) -> DatasetSpec:
    """Lines of `word:tag`."""
    tasks = (Task("SF", "en", reader(lines(), word_tags(slot))),)
    return DatasetSpec(name, slu(folder), license, citation, splits=SLU_SPLITS, tasks=tasks, **facts)


def _dstc8(domain: str, folder: str, train: int, test: int) -> Task:
    return Task(
        "SF",
        "en",
        reader(json_list(), value_spans(spelled_out)),
        name=domain,
        splits={"train": (f"{folder}/train_0.json",), "test": (f"{folder}/test.json",)},
        sizes={"train": train, "test": test},
    )


TASKS = task_specs(
    _tagged(
        "mit_movie",
        "MIT_corpus/movie_eng",
        lambda code: MOVIE_SLOTS.get(code) or spelled_out(code),
        "Liu et al. 2013, ASRU",
        verified="files",
        sizes={"train": 7918, "validation": 978, "test": 2443},
    ),
    _tagged("mit_movie_trivia", "MIT_corpus/movie_trivia10k13", spelled_out, "Liu et al. 2013, ASRU"),
    _tagged("mit_restaurant", "MIT_corpus/restaurant", spelled_out, "Liu et al. 2013, ICASSP"),
    FACEBOOK_ASSISTANT.only("SF"),
    SNIPS.only("SF"),
    ATIS.only("SF"),
    DatasetSpec(
        "restaurant8k",
        polyai("span_extraction/restaurant8k"),
        license="CC BY 4.0",
        citation="Coope et al. 2020, Span-ConveRT, ACL",
        contradictions="answers of one word to a question that is no part of the text",
        verified="files",
        splits={"train": ("train_1.json",), "test": ("test.json",)},
        sizes={"train": 2837, "test": 2822},
        tasks=(Task("SF", "en", reader(json_list(), value_spans(named(RESTAURANT_SLOTS))), held_out=True),),
    ),
    DatasetSpec(
        "dstc8",
        polyai("span_extraction/dstc8"),
        license="CC BY 4.0",
        citation="Coope et al. 2020, Span-ConveRT, ACL",
        tasks=(
            _dstc8("buses", "Buses_1", 1133, 377),
            _dstc8("events", "Events_1", 1498, 521),
            _dstc8("homes", "Homes_1", 2064, 587),
            _dstc8("rental_cars", "RentalCars_1", 874, 328),
        ),
    ),
    NLUPP.only("SF"),
    MTOP.only("SF"),
    MASSIVE.only("SF"),
)
