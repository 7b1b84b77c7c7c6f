"""ET: a mention in a sentence and its types."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.conll import conll, mentions
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Record, grouped, reader

# Few-NERD's fine types in words: the code is `coarse_fine`, and many a fine part means little alone.
FINE_TYPES = {
    "art_broadcastprogram": "broadcast program",
    "art_film": "film",
    "art_other": "other art",
    "building_airport": "airport",
    "building_hotel": "hotel",
    "building_restaurant": "restaurant",
    "building_sportsfacility": "sports facility",
    "event_attack/battle/war/militaryconflict": "military conflict",
    "event_disaster": "disaster",
    "event_protest": "protest",
    "location_GPE": "geopolitical entity",
    "location_island": "island",
    "location_mountain": "mountain",
    "location_road/railway/highway/transit": "road, railway or transit",
    "organization_company": "company",
    "organization_education": "educational institution",
    "organization_media/newspaper": "media or newspaper",
    "organization_other": "other organization",
    "organization_sportsleague": "sports league",
    "organization_sportsteam": "sports team",
    "other_astronomything": "astronomical object",
    "other_award": "award",
    "other_biologything": "biological term",
    "other_disease": "disease",
    "other_god": "god",
    "other_language": "language",
    "other_law": "law",
    "person_artist/author": "artist or author",
    "person_director": "director",
    "person_politician": "politician",
    "person_soldier": "soldier",
    "product_airplane": "airplane",
    "product_food": "food",
    "product_other": "other product",
    "product_ship": "ship",
    "product_software": "software",
}


def free_types(record: Record) -> Iterator[Instance]:
    """CFET: the free types of one mention in a sentence, all its annotations together."""
    first = record.value[0]
    types = families.unique(kind for row in record.value for kind in row["label_types"])
    yield families.entity_typing(record.id, first["sentence"], first["mention"], types, "zh")


def _words(rows: list[list[str]]) -> str:
    return " ".join(row[0] for row in rows)


TASKS = (
    TaskSpec(
        name="fewnerd.typing",
        family="ET",
        language="en",
        atom="cls",
        # The pack has no training file of it.
        splits={"train": ("dev.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        read=reader(
            conll(),
            mentions(named(FINE_TYPES), language="en"),
            split_key=_words,
            shares={"train": 0.9, "validation": 0.1},
        ),
        exclusive=True,
        licence="CC BY-SA 4.0",
        source="github.com/antonioloison/structshot data/fewnerd/{dev,test}.txt",
    ),
    TaskSpec(
        name="cfet",
        family="ET",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(("train", "validation", "test"), ("crowdsourced.json",)),
        read=reader(
            grouped(jsonl(), key=lambda row: (row["sentence"], row["mention"])),
            free_types,
            split_key=lambda rows: rows[0]["sentence"],
        ),
        licence="CFET (LREC 2020): research",
        source="github.com/HKUST-KnowComp/cfet data/crowdsourced.json",
    ),
)
