"""NER: the entities of each type."""

from collections.abc import Iterator

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.entity_typing import FINE_TYPES
from seqgpt_jax.tasks.readers.conll import conll, entities
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

CROSSNER_TYPES = {
    "academicjournal": "academic journal",
    "astronomicalobject": "astronomical object",
    "chemicalcompound": "chemical compound",
    "chemicalelement": "chemical element",
    "literarygenre": "literary genre",
    "misc": "miscellaneous",
    "musicalartist": "musical artist",
    "musicalinstrument": "musical instrument",
    "musicgenre": "music genre",
    "politicalparty": "political party",
}
CLUENER_TYPES = {
    "address": "地址",
    "book": "书名",
    "company": "公司",
    "game": "游戏",
    "government": "政府",
    "movie": "电影",
    "name": "姓名",
    "organization": "组织机构",
    "position": "职位",
    "scene": "景点",
}
WEIBO_TYPES = {
    "PER.NAM": "人名",
    "PER.NOM": "人物称谓",
    "ORG.NAM": "机构名",
    "ORG.NOM": "机构泛称",
    "LOC.NAM": "地名",
    "LOC.NOM": "地点泛称",
    "GPE.NAM": "行政区名",
    "GPE.NOM": "行政区泛称",
}
RESUME_TYPES = {
    "CONT": "国籍",
    "EDU": "学历",
    "LOC": "籍贯",
    "NAME": "姓名",
    "ORG": "组织机构",
    "PRO": "专业",
    "RACE": "民族",
    "TITLE": "职位",
}


def character_spans(row: dict) -> Iterator[tuple[str, str]]:
    """CLUENER: type -> entity -> [first, last] characters, both inclusive; in text order.

    Raises:
      ValueError: the characters there are not the entity.
    """
    found = []
    for code, names in row["label"].items():
        for entity, places in names.items():
            for first, last in places:
                if row["text"][first : last + 1] != entity:
                    raise ValueError(f"characters {first} to {last} are not {entity!r}")
                found.append((first, named(CLUENER_TYPES)(code), entity))
    return ((label, entity) for _, label, entity in sorted(found))


def _crossner(domain: str) -> TaskSpec:
    return TaskSpec(
        name=f"crossner.{domain}",
        family="NER",
        language="en",
        atom="ext",
        splits={
            "train": (f"{domain}/train.txt",),
            "validation": (f"{domain}/dev.txt",),
            "test": (f"{domain}/test.txt",),
        },
        read=reader(conll(), entities(lambda code: CROSSNER_TYPES.get(code, code))),
        held_out=True,
        licence="MIT",
        source=f"github.com/zliucr/CrossNER ner_data/{domain}",
    )


TASKS = (
    *(_crossner(domain) for domain in ("politics", "science", "music", "literature")),
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
        source="github.com/leondz/emerging_entities_17",
    ),
    TaskSpec(
        name="bc5cdr",
        family="NER",
        language="en",
        atom="ext",
        splits={"train": ("train.tsv",), "validation": ("devel.tsv",), "test": ("test.tsv",)},
        read=reader(conll(), entities(spelled_out)),
        licence="CC BY 4.0",
        source="github.com/cambridgeltl/MTL-Bioinformatics-2016 data/BC5CDR-IOB",
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
        source="github.com/antonioloison/structshot data/fewnerd/{dev,test}.txt",
    ),
    TaskSpec(
        name="cluener",
        family="NER",
        language="zh",
        atom="ext",
        # The mirror calls the official development set `test`.
        splits={"train": ("train.json",), "test": ("test.json",)},
        read=reader(jsonl(), pairs("text", character_spans)),
        licence="CLUENER2020: research",
        source="github.com/hemingkx/CLUENER2020 BERT-CRF/data/clue/{train,test}.json",
    ),
    TaskSpec(
        name="weibo_ner",
        family="NER",
        language="zh",
        atom="ext",
        splits={
            "train": ("weiboNER_2nd_conll.train",),
            "validation": ("weiboNER_2nd_conll.dev",),
            "test": ("weiboNER_2nd_conll.test",),
        },
        # A token is a character and its place in the word: 科0.
        read=reader(conll(), entities(named(WEIBO_TYPES), joiner="", token=lambda column: column[:-1])),
        held_out=True,
        licence="annotations CC BY-SA 3.0",
        source="github.com/hltcoe/golden-horse data/weiboNER_2nd_conll.{train,dev,test}",
    ),
    TaskSpec(
        name="resume_ner",
        family="NER",
        language="zh",
        atom="ext",
        splits={
            "train": ("train.char.bmes",),
            "validation": ("dev.char.bmes",),
            "test": ("test.char.bmes",),
        },
        read=reader(conll(separator=" "), entities(named(RESUME_TYPES), joiner="")),
        licence="Resume NER: research",
        source="github.com/jiesutd/LatticeLSTM ResumeNER",
    ),
)
