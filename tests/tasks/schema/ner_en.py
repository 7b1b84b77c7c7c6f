"""Samples of the NER tasks in English: news, tweets, domains, Wikipedia, nested entities."""

import json

from tests.tasks.schema.columns import columns, everywhere
from tests.tasks.schema.sample import Sample, split_by_hash

ROWS = ("train.jsonl", "validation.jsonl", "test.jsonl")
NEWS = [
    {
        "id": "0",
        "tokens": ["Mara", "Holt", "left", "Fenwick", "Ltd", "."],
        "pos_tags": ["NNP", "NNP", "VBD", "NNP", "NNP", "."],
        "chunk_tags": ["B-NP", "I-NP", "B-VP", "B-NP", "I-NP", "O"],
        "ner_tags": ["B-PER", "I-PER", "O", "B-ORG", "I-ORG", "O"],
    },
    {"id": "1", "tokens": ["Rain"], "pos_tags": ["NN"], "chunk_tags": ["B-NP"], "ner_tags": ["O"]},
]
NEWS_INSTANCES = (
    ("Mara Holt left Fenwick Ltd.", {"person": ("Mara Holt",), "organization": ("Fenwick Ltd",)}),
    ("Rain", {}),
)


# PIQN's form: one entity holds the other.
_SENTENCE = {
    "tokens": ["The", "mayor", "of", "Oslo", "spoke"],
    "entities": [{"type": "GPE", "start": 3, "end": 4}, {"type": "PER", "start": 0, "end": 4}],
    "relations": [],
    "org_id": "X_1",
    "ltokens": [],
    "rtokens": ["Nobody", "listened"],
}
_NEXT = _SENTENCE | {"tokens": ["Nobody", "listened"], "entities": [], "rtokens": []}
NESTED = everywhere(
    json.dumps([_SENTENCE, _NEXT]),
    ("train.json", "dev.json", "test.json"),
    ("The mayor of Oslo spoke", {"person": ("The mayor of Oslo",), "geopolitical entity": ("Oslo",)}),
    ("Nobody listened", {}),
)


def _in(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in ROWS)


SAMPLES: dict[str, Sample] = {
    "crossner.ai": everywhere(
        columns("Try/O Rust/B-programlang at/O the/O BLEU/B-metrics contest/O", "Go/O on/O"),
        ("ai/train.txt", "ai/dev.txt", "ai/test.txt"),
        ("Try Rust at the BLEU contest", {"programming language": ("Rust",), "metric": ("BLEU",)}),
        ("Go on", {}),
    ),
    "conll2003": everywhere(NEWS, _in("conll2003"), *NEWS_INSTANCES),
    "conllpp": everywhere(NEWS, _in("conllpp"), *NEWS_INSTANCES),
    "ontonotes5": everywhere(
        columns("Two/B-CARDINAL Danes/B-NORP read/O Hard/B-WORK_OF_ART Times/I-WORK_OF_ART", "Yes/O"),
        ("train.txt", "development.txt", "test.txt"),
        (
            "Two Danes read Hard Times",
            {
                "number": ("Two",),
                "nationality, religion or political group": ("Danes",),
                "work of art": ("Hard Times",),
            },
        ),
        ("Yes", {}),
    ),
    "wikigold": split_by_hash(
        "wikigold.conll.txt",
        columns("Anna/I-PER Bell/I-PER sang/O", "in/O Ghent/I-LOC", separator=" ", between="-DOCSTART- O\n\n"),
        ("Anna Bell sang", {"person": ("Anna Bell",)}),
        ("in Ghent", {"location": ("Ghent",)}),
    ),
    "broad_twitter": Sample(
        {f"{part}.conll": columns("RT/O @/B-PER kimlee/B-PER in/O Lima/B-LOC", "so/O tired/O") for part in "abefgh"},
        {
            "train": [("RT @kimlee in Lima", {"person": ("@", "kimlee"), "location": ("Lima",)}), ("so tired", {})] * 4,
            "test": [("RT @kimlee in Lima", {"person": ("@", "kimlee"), "location": ("Lima",)}), ("so tired", {})],
        },
    ),
    "tweetner7": everywhere(
        [
            {
                "tokens": ["New", "song", "by", "Ida", "Falk", "{{URL}}"],
                "tags": [14, 14, 14, 5, 12, 14],
                "id": "1",
                "date": "2020-01-01",
            }
        ],
        ("2020.train.json", "2021.train.json", "2021.dev.json", "2021.test.json"),
        ("New song by Ida Falk {{URL}}", {"person": ("Ida Falk",)}),
        splits=("validation", "test"),
    ),
    "harveyner": everywhere(
        columns(
            "Water/O at/O Elm/B-POINT and/I-POINT 3rd/I-POINT ,/O I-99/B-ROAD",
            "ok/O",
            separator=" ",
            between="-DOCSTART- O\n",
        ),
        ("tweets.train11.bio", "tweets.dev11.bio", "tweets.test11.bio"),
        ("Water at Elm and 3rd, I-99", {"exact place": ("Elm and 3rd",), "road": ("I-99",)}),
        ("ok", {}),
    ),
    "fabner": everywhere(
        [
            {
                "id": "0",
                "tokens": ["Laser", "sintering", "of", "nylon"],
                "ner_tags": ["B-MANP", "E-MANP", "O", "S-MATE"],
            }
        ],
        _in("fabner"),
        ("Laser sintering of nylon", {"manufacturing process": ("Laser sintering",), "material": ("nylon",)}),
    ),
    "wikiann.en": everywhere(
        [
            {
                "tokens": ["Port", "of", "Varna"],
                "ner_tags": ["B-ORG", "I-ORG", "I-ORG"],
                "langs": ["en", "en", "en"],
                "spans": ["ORG: Port of Varna"],
            }
        ],
        _in("en"),
        ("Port of Varna", {"organization": ("Port of Varna",)}),
    ),
    "multinerd.en": everywhere(
        [
            {"tokens": ["The", "grey", "wolf", "eats", "hay", "."], "ner_tags": [0, 7, 8, 0, 25, 0], "lang": "en"},
            {"tokens": ["Why", "?"], "ner_tags": [0, 0], "lang": "en"},
        ],
        ("train/train_en.jsonl", "val/val_en.jsonl", "test/test_en.jsonl"),
        ("The grey wolf eats hay.", {"animal": ("grey wolf",), "plant": ("hay",)}),
        ("Why?", {}),
    ),
    "multiconer2.en": everywhere(
        "# id 1f-2e\tdomain=en\nthe _ _ O\nlisbon _ _ B-OtherLOC\nflu _ _ B-Disease\n\n# id 3d\tdomain=en\n# _ _ O\n",
        ("en_train.conll", "en_dev.conll", "en_test.conll"),
        ("the lisbon flu", {"other location": ("lisbon",), "disease": ("flu",)}),
        ("#", {}),
    ),
    "wikineural": everywhere(
        [{"tokens": ["Ada", "Quist", "won", "the", "Tern", "Prize"], "ner_tags": [1, 2, 0, 0, 7, 8], "lang": "en"}],
        ROWS,
        ("Ada Quist won the Tern Prize", {"person": ("Ada Quist",), "miscellaneous": ("Tern Prize",)}),
    ),
    "polyglot_ner": split_by_hash(
        "en/train.jsonl",
        [
            {"id": "0", "lang": "en", "words": ["Leo", "Marsh", "of", "Kent"], "ner": ["PER", "PER", "O", "LOC"]},
            {"id": "1", "lang": "en", "words": ["None", "here"], "ner": ["O", "O"]},
        ],
        ("Leo Marsh of Kent", {"person": ("Leo Marsh",), "location": ("Kent",)}),
        ("None here", {}),
    ),
    "ace2004": NESTED,
    "ace2005": NESTED,
    "genia": everywhere(
        [
            {
                "tokens": ["human", "IL-9", "gene", "in", "T", "cells"],
                "entities": [
                    {"type": "DNA", "start": 0, "end": 3},
                    {"type": "G#protein", "start": 1, "end": 2},
                    {"type": "cell_type", "start": 4, "end": 6},
                ],
                "relations": {},
                "org_id": "ge/train/0001",
                "pos": ["JJ", "NN", "NN", "IN", "NN", "NNS"],
                "ltokens": [],
                "rtokens": [],
            }
        ],
        ROWS,
        (
            "human IL-9 gene in T cells",
            {"DNA": ("human IL-9 gene",), "protein": ("IL-9",), "cell type": ("T cells",)},
        ),
    ),
    "findvehicle": everywhere(
        [
            {
                "id": 7,
                "data": "Find the red Ford Kuga on the top left .",
                "ner_label": [
                    ["vehicle_color", 9, 12, "red", 2, 3, ["red"]],
                    ["vehicle_brand", 13, 17, "Ford", 3, 4, ["Ford"]],
                    ["vehicle_location", 30, 38, "top left", 7, 9, ["top", "left"]],
                    ["vehicle_type-suv", 13, 22, "Ford Kuga", 3, 5, ["Ford", "Kuga"]],
                ],
                "re_label": [[0, 1, 2]],
            }
        ],
        ("FindVehicle_train.jsonl", "FindVehicle_test.jsonl"),
        (
            "Find the red Ford Kuga on the top left .",
            {"color": ("red",), "brand": ("Ford",), "type suv": ("Ford Kuga",), "location": ("top left",)},
        ),
        splits=("train", "test"),
    ),
}
