"""ET: a mention in a sentence and its types."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import FilePattern, OnRequest, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.cleaning import visible
from seqgpt_jax.tasks.readers.conll import conll, entities, mentions
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
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
    types = families.unique(visible(kind) for row in record.value for kind in row["label_types"])
    yield families.entity_typing(record.id, first["sentence"], first["mention"], types, "zh")


# Names of the path's end that mean little, or something else, alone.
PATHS = {
    "organization/company/broadcast": "broadcaster",
    "organization/education": "educational institution",
    "organization/government": "government organization",
    "organization/legal": "legal organization",
    "organization/military": "military organization",
    "organization/music": "music group",
    "organization/transit": "transport company",
    "location/structure/government": "government building",
    "location/transit": "transport route",
    "other/art/broadcast": "broadcast program",
    "other/legal": "legal matter",
    "person/artist/music": "musician",
    "person/business": "business person",
    "person/legal": "legal professional",
    "person/military": "soldier",
}
SHORT = {"fac": "facility", "gpe": "geopolitical entity", "norp": "nationality, religious or political group"}


def type_words(path: str) -> str:
    """The words of a type that is a path.

    >>> [type_words(path) for path in ("/person/political_figure", "/person/military", "/GPE/OTHER")]
    ['political figure', 'soldier', 'other geopolitical entity']

    Raises:
      ValueError: the path is empty.
    """
    parts = [part.lower() for part in path.strip("/").split("/")]
    if not all(parts):
        raise ValueError(f"type {path!r} is no path of names: /person/artist was expected")
    if "/".join(parts) in PATHS:
        return PATHS["/".join(parts)]
    word, *above = (SHORT.get(part, spelled_out(part)) for part in reversed(parts))
    return f"other {above[0]}" if word == "other" and above else word


def paths_of_mentions(record: Record) -> Iterator[Instance]:
    """The types of each mention, `{"start", "end", "labels"}` over `tokens`; mentions of equal words join."""
    tokens = record.value["tokens"]
    sentence = Words.english(tokens)
    types: dict[str, list[str]] = {}
    for mention in record.value["mentions"]:
        if not 0 <= mention["start"] < mention["end"] <= len(tokens):
            raise ValueError(f"mention {mention} is not within the {len(tokens)} tokens")
        words = sentence.span(mention["start"], mention["end"])
        types.setdefault(words, []).extend(map(type_words, mention["labels"]))
    for k, (words, labels) in enumerate(types.items()):
        yield families.entity_typing(f"{record.id}/{k}", sentence.text, words, labels, "en")


def cut_context(record: Record) -> Iterator[Instance]:
    """Ultra-Fine: a mention between the tokens before and after it; its types are nouns."""
    row = record.value
    before, mention = row["left_context_token"], row["mention_span"].split()
    words = Words.english([*before, *mention, *row["right_context_token"]])
    found = words.span(len(before), len(before) + len(mention))
    yield families.entity_typing(record.id, words.text, found, map(spelled_out, row["y_str"]), "en")


def _hierarchy(name: str, folder: str, citation: str) -> DatasetSpec:
    """A data set with a tree of types, in the form that Ren et al. (2016) gave it: no validation file."""
    return DatasetSpec(
        name,
        OnRequest(
            "the shared drive of AFET, github.com/INK-USC/AFET",
            f"Download the JSON of {folder}, unpack it and put train.json and test.json into the folder {name}.",
        ),
        license="unknown",
        citation=citation,
        splits={"train": ("train.json",), "validation": ("train.json",), "test": ("test.json",)},
        tasks=(
            Task(
                "ET",
                "en",
                reader(
                    jsonl(),
                    paths_of_mentions,
                    split_key=lambda row: " ".join(row["tokens"]),
                    shares={"train": 0.95, "validation": 0.05},
                ),
            ),
        ),
    )


FEWNERD_FILES = github("antonioloison/structshot", "e5549d081eee8bc7d452074228e038135aa86f5f", "data/fewnerd/{}")
FEWNERD = DatasetSpec(
    "fewnerd",
    # 36 of the 66 fine types, as `labels-fewnerd.txt` of the repository lists them.
    FEWNERD_FILES,
    license="CC BY-SA 4.0",
    citation="Ding et al. 2021, Few-NERD, ACL",
    verified="files",
    splits={"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
    tasks=(
        Task("ET", "en", reader(conll(), mentions(named(FINE_TYPES), language="en")), name="typing", exclusive=True),
        Task("NER", "en", reader(conll(), entities(named(FINE_TYPES))), name="entities"),
    ),
)
TASKS = task_specs(
    FEWNERD.only("ET"),
    DatasetSpec(
        "cfet",
        github("HKUST-KnowComp/cfet", "6e494c27655c931ddacc40da0beb4db244dc7cb7", "data/{}"),
        license="CFET (LREC 2020): research",
        citation="Lee et al. 2020, LREC",
        verified="files",
        splits=dict.fromkeys(SPLITS, ("crowdsourced.json",)),
        sizes={"train": 3669, "validation": 434, "test": 449},
        tasks=(
            Task(
                "ET",
                "zh",
                reader(
                    grouped(jsonl(), key=lambda row: (row["sentence"], row["mention"])),
                    free_types,
                    split_key=lambda rows: rows[0]["sentence"],
                ),
            ),
        ),
    ),
    DatasetSpec(
        "ultra_fine",
        FilePattern("http://nlp.cs.washington.edu/entity_type/data/ultrafine_acl18.tar.gz", "release/crowd/{}"),
        license="Ultra-Fine Entity Typing: research",
        citation="Choi et al. 2018, ACL",
        held_out=True,
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        sizes={"train": 1998, "validation": 1998, "test": 1998},
        tasks=(Task("ET", "en", reader(jsonl(), cut_context)),),
    ),
    _hierarchy("figer", "Wiki", "Ling and Weld 2012, AAAI; Ren et al. 2016, EMNLP"),
    _hierarchy("ontonotes_typing", "OntoNotes", "Gillick et al. 2014, arXiv 1412.1820; Ren et al. 2016, EMNLP"),
    _hierarchy("bbn", "BBN", "Weischedel and Brunstein 2005, LDC; Ren et al. 2016, EMNLP"),
)
