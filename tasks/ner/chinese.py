"""NER in Chinese: news, social media, shops, résumés, literature, addresses."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.sources import PARQUET, OnRequest, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.ner.types import COARSE_ZH
from seqgpt_jax.tasks.readers.conll import conll, entities
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.inline import CURLY, marked_spans
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Record, grouped, reader
from seqgpt_jax.tasks.readers.tokens import tagged_tokens

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
ONTONOTES_TYPES = {"GPE": "行政区名", "LOC": "地名", "ORG": "机构名", "PER": "人名"}
YOUKU_TYPES = {"MISC": "其他实体", "PER": "人名", "TELEVISION": "影视节目"}
ECOMMERCE_TYPES = {"HCCX": "商品", "HPPX": "品牌", "MISC": "其他实体", "XH": "型号"}
BOSON_TYPES = {
    "company_name": "公司名",
    "location": "地点",
    "org_name": "组织名",
    "person_name": "人名",
    "product_name": "产品名",
    "time": "时间",
}
LITERATURE_TYPES = {
    "Abstract": "抽象概念",
    "Location": "地点",
    "Metric": "度量",
    "Organization": "组织",
    "Person": "人物",
    # A rest class: clothes, inscriptions, poems.
    "Physical": "其他事物",
    "Term": "术语",
    "Thing": "事物",
    "Time": "时间",
}
ADDRESS_TYPES = {
    "assist": "辅助定位词",
    "cellno": "单元号",
    "city": "城市",
    "community": "社区或村",
    "devzone": "开发区",
    "distance": "距离",
    "district": "区县",
    "floorno": "楼层号",
    "houseno": "楼栋号",
    "intersection": "路口",
    "poi": "兴趣点",
    "prov": "省份",
    "road": "道路",
    "roadno": "门牌号",
    "roomno": "房间号",
    "subpoi": "子兴趣点",
    "town": "乡镇或街道",
    "village_group": "村民组",
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


def boson_text(line: str) -> str:
    """BosonNLP: a paragraph in which marks do not hold marks of their own kind, and no `\\n` in two characters.

    >>> boson_text("{{time:{{time:本周}}}}在\\\\n{{location:南江}}")
    '{{time:本周}}在 {{location:南江}}'
    """
    twice = re.compile(r"\{\{(\w+):(\{\{\1:[^{}]*\}\})\}\}")
    return twice.sub(r"\2", line).replace("\\n", " ")


def boson_plain(line: str) -> str:
    """BosonNLP: a paragraph without its marks."""
    return CURLY.whole.sub(lambda found: found["span"], boson_text(line))


def boson_passage(marked: list[str]) -> str:
    """BosonNLP: what the split of a paragraph hangs on."""
    return boson_plain(marked[0])


def boson_entities(record: Record) -> Iterator[Instance | Skipped]:
    """BosonNLP: some paragraphs stand in the file several times, marked in other ways; the first one counts."""
    first, *others = record.value
    build = marked_spans(CURLY, named(BOSON_TYPES), boson_text)
    yield from build(Record(record.path, record.line, first, record.id))
    for number in range(len(others)):
        yield Skipped(f"{record.id}/again{number}", "marked_again", "the paragraph was there before")


def literature_entities(record: Record) -> Iterator:
    """The literature corpus writes B_Person for B-Person."""
    rows = [[token, tag.replace("_", "-", 1)] for token, tag in record.value]
    build = entities(named(LITERATURE_TYPES), joiner="")
    return iter(build(Record(record.path, record.line, rows, record.id)))


_entities = partial(Task, "NER", "zh")


def _characters(types: dict[str, str], **differences: Any) -> Task:
    """A character, a space and its tag on each line."""
    return _entities(reader(conll(separator=" "), entities(named(types), joiner="")), **differences)


def _titles(name: str, folder: str, commit: str, types: dict[str, str], **differences: Any) -> DatasetSpec:
    """The two corpora of Jie et al.: titles of videos and of goods, a space written as a comma."""
    return DatasetSpec(
        name,
        github("allanj/ner_incomplete_annotation", commit, f"data/{folder}/{{}}"),
        license="research",
        citation="Jie et al. 2019, NAACL",
        splits={"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        tasks=(_characters(types),),
        **differences,
    )


TASKS = task_specs(
    DatasetSpec(
        "cluener",
        github("hemingkx/CLUENER2020", "4bfd0b5fdd1537558f0c32dd28339af1f337afc9", "BERT-CRF/data/clue/{}"),
        license="CLUENER2020: research",
        citation="Xu et al. 2020, CLUENER2020, arXiv",
        verified="files",
        # The mirror calls the official development set `test`.
        splits={"train": ("train.json",), "test": ("test.json",)},
        sizes={"train": 6160, "test": 1343},
        tasks=(_entities(reader(jsonl(), pairs("text", character_spans))),),
    ),
    DatasetSpec(
        "weibo_ner",
        github("hltcoe/golden-horse", "7a73c08e45ed94312af4ef2d97cc35a47d029e99", "data/{}"),
        license="annotations CC BY-SA 3.0",
        citation="Peng and Dredze 2015, EMNLP",
        contradictions="posts that many users repeat were annotated anew each time",
        verified="files",
        splits={
            "train": ("weiboNER_2nd_conll.train",),
            "validation": ("weiboNER_2nd_conll.dev",),
            "test": ("weiboNER_2nd_conll.test",),
        },
        sizes={"train": 1350, "validation": 270, "test": 270},
        tasks=(
            # A token is a character and its place in the word: 科0.
            _entities(
                reader(conll(), entities(named(WEIBO_TYPES), joiner="", token=lambda column: column[:-1])),
                held_out=True,
            ),
        ),
    ),
    DatasetSpec(
        "resume_ner",
        github("jiesutd/LatticeLSTM", "24d17f4270f11d2f75046789d8b67eaa2b907dce", "ResumeNER/{}"),
        license="Resume NER: research",
        citation="Zhang and Yang 2018, Lattice LSTM, ACL",
        verified="files",
        splits={"train": ("train.char.bmes",), "validation": ("dev.char.bmes",), "test": ("test.char.bmes",)},
        sizes={"train": 3160, "validation": 463, "test": 477},
        tasks=(_characters(RESUME_TYPES),),
    ),
    DatasetSpec(
        "msra_ner",
        hub("levow/msra_ner", "msra_ner", {"train": "train", "test": "test"}, PARQUET),
        license="MSRA: research",
        citation="Levow 2006, SIGHAN",
        sizes={"train": 45001, "test": 3443},
        tasks=(_entities(reader(jsonl(), tagged_tokens(named(COARSE_ZH), joiner=""))),),
    ),
    DatasetSpec(
        "people_daily",
        hub("peoples-daily-ner/peoples_daily_ner", "peoples_daily_ner", revision=PARQUET),
        license="unknown",
        citation="OYE93, Chinese-NLP-Corpus, GitHub",
        sizes={"train": 20865, "validation": 2319, "test": 4637},
        tasks=(_entities(reader(jsonl(), tagged_tokens(named(COARSE_ZH), joiner=""))),),
    ),
    DatasetSpec(
        "ontonotes4_zh",
        OnRequest(
            "Linguistic Data Consortium, LDC2011T03, catalog.ldc.upenn.edu",
            "Bring the Chinese part, in the splits of Che et al. 2013, into train.char.bmes, dev.char.bmes and "
            "test.char.bmes, the "
            "form of github.com/jiesutd/LatticeLSTM: a character, a space and its BMES tag on each line, "
            "an empty line after each sentence.",
        ),
        license="LDC user agreement",
        citation="Weischedel et al. 2011, OntoNotes 4.0, LDC",
        splits={"train": ("train.char.bmes",), "validation": ("dev.char.bmes",), "test": ("test.char.bmes",)},
        sizes={"train": 15724, "validation": 4301, "test": 4346},
        tasks=(_characters(ONTONOTES_TYPES),),
    ),
    _titles("youku_ner", "youku", "a885c29bba4178885dcf4b674019650775d9512c", YOUKU_TYPES),
    _titles("ecommerce_ner", "ecommerce", "b656a9a6151acc78fd7a0b88c5a16a33300d5ccf", ECOMMERCE_TYPES, held_out=True),
    DatasetSpec(
        "boson_ner",
        github("InsaneLife/ChineseNLPCorpus", "8d00d3d390cb35d2b239231689d6d9ed64b62a12", "NER/boson/{}"),
        license="BosonNLP: research",
        citation="BosonNLP, named entities of 2,000 paragraphs",
        splits=dict.fromkeys(SPLITS, ("origindata.txt",)),
        tasks=(_entities(reader(grouped(lines(), key=boson_plain), boson_entities, split_key=boson_passage)),),
    ),
    DatasetSpec(
        "literature_ner",
        github("lancopku/Chinese-Literature-NER-RE-Dataset", "e315d8c59e2816d66e4d84a557ecae99de288951", "ner/{}"),
        license="unknown",
        citation="Xu et al. 2017, arXiv",
        splits={"train": ("train.txt",), "validation": ("validation.txt",), "test": ("test.txt",)},
        tasks=(_entities(reader(conll(separator=" "), literature_entities)),),
    ),
    DatasetSpec(
        "ccks2021_address",
        OnRequest(
            "Alibaba Tianchi, CCKS 2021 address elements, tianchi.aliyun.com/dataset/109339",
            "Put train.conll and dev.conll there as they come.",
        ),
        license="CCKS 2021: research",
        citation="CCKS 2021, parsing the elements of Chinese addresses",
        # The test file has no labels.
        splits={"train": ("train.conll",), "validation": ("dev.conll",)},
        sizes={"train": 8856, "validation": 1970},
        tasks=(_characters(ADDRESS_TYPES),),
    ),
)
