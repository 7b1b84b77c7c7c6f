"""RE in Chinese sentences."""

from collections.abc import Callable, Iterator
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing

# DuIE's own types, but for the four it leaves in English.
DUIE_VALUE_TYPES = {"Date": "日期", "Number": "数值", "Text": "文本"}
NO_RELATION = "unknown"
SANWEN_RELATIONS = {
    "Create": "创作",
    "Family": "亲属",
    "General-Special": "上下位",
    "Located": "位于",
    "Near": "邻近",
    "Ownership": "拥有",
    "Part-Whole": "部分与整体",
    "Social": "社会关系",
    "Use": "使用",
}
# By number, as `relation2id.txt` of the data set has them; of each path its last word.
IPRE_RELATIONS = (
    *("无关系", "现任丈夫", "前夫", "未婚夫", "现任妻子", "前妻", "未婚妻", "爷爷", "奶奶", "外公", "生父", "生母"),
    *("儿子", "女儿", "孙子", "孙女", "哥哥", "弟弟", "姐姐", "妹妹", "叔伯", "舅舅", "姑妈", "侄子", "侄女"),
    *("儿媳", "女婿", "嫂子", "公公", "岳父", "朋友", "喜欢", "恋人", "老师", "学生"),
)


def triple_spans(row: dict) -> Iterator[tuple[str, str]]:
    """DuIE, first step: the subjects and all values of the objects by type, as the triples list them."""
    for triple in row["spo_list"]:
        yield DUIE_VALUE_TYPES.get(triple["subject_type"], triple["subject_type"]), triple["subject"]
        for slot, value in triple["object"].items():
            kind = triple["object_type"][slot]
            yield DUIE_VALUE_TYPES.get(kind, kind), value


def main_triples(row: dict) -> Found:
    """DuIE, second step: (subject, predicate, main value of the object)."""
    found = ((triple["subject"], triple["predicate"], triple["object"]["@value"]) for triple in row["spo_list"])
    return row["text"], found


def pair_relations(name: Naming) -> Build:
    """FinRE, SanWen: all relations of one pair in one sentence; `unknown` counts only where it stands alone."""

    def build(record: Record) -> Iterator[Instance]:
        first = record.value[0]
        known = [name(row["relation"]) for row in record.value if row["relation"] != NO_RELATION] or ["无关系"]
        yield families.relation_typing(record.id, first["sentence"], first["head"], first["tail"], known, "zh")

    return build


def _pairs_of_a_sentence(name: Naming) -> Callable:
    rows = delimited("\t", columns=("head", "tail", "relation", "sentence"))
    return reader(grouped(rows, key=lambda row: (row["head"], row["tail"], row["sentence"])), pair_relations(name))


def persons(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped | RecordError]:
    """IPRE: reads (sentences, relations), which have the sentence's id in common; sentences are segmented."""
    _, relations = paths
    found: dict[str, str] = {}
    for record in delimited("\t", columns=("id", "relations"))((relations,)):
        if isinstance(record, RecordError):
            yield record
        else:
            found[record.value["id"]] = record.value["relations"]

    def build(record: Record) -> Iterator[Instance]:
        row = record.value
        if row["id"] not in found:
            raise ValueError(f"{relations.name} has no line for the sentence {row['id']}")
        names = [IPRE_RELATIONS[int(number)] for number in found[row["id"]].split()]
        sentence = row["sentence"].replace(" ", "")
        yield families.relation_typing(record.id, sentence, row["head"], row["tail"], names, "zh")

    yield from reader(delimited("\t", columns=("id", "head", "tail", "sentence")), build)(split, paths[:1])


_DUIE = {
    "family": "RE",
    "language": "zh",
    "splits": {"train": ("train_data_5000.json",), "test": ("duie_dev.json",)},
    "licence": "DuIE2.0 (Baidu): non-commercial research",
    "citation": "Li et al. 2019, NLPCC",
    "source": Files(
        {
            "train_data_5000.json": Remote(
                "https://raw.githubusercontent.com/LawsonAbs/duie_py/723fcfd6fcb5e0c9cf406e7c0815aeedb466dc29/"
                "data/train_data_5000.json"
            ),
            "duie_dev.json": Remote(
                "https://raw.githubusercontent.com/ToddLynn/gd_medical_ie/4a1b119f84afa8fed8ea1e767c1254656004a2f5/"
                "data/duie_dev.json"
            ),
        }
    ),
    "verified": "files",
}
_NRE = {
    "family": "RE",
    "language": "zh",
    "atom": "cls",
    "splits": {"train": ("train.txt",), "validation": ("valid.txt",), "test": ("test.txt",)},
    "licence": "MIT",
    "verified": "files",
}


def _nre_source(folder: str, sha256: dict[str, str]) -> Files:
    files = {name: f"data/{folder}/{name}" for name in ("train.txt", "valid.txt", "test.txt")}
    return github("thunlp/Chinese_NRE", "2cd47e6dc1b95e8ca3e93b5b8567666c37c5d654", files, sha256)


_CMEIE = {
    "family": "RE",
    "language": "zh",
    "splits": {"train": ("CMeIE_train.json",), "validation": ("CMeIE_dev.json",)},
    "licence": "CBLUE: non-commercial research",
    "citation": "Guan et al. 2020, NLPCC; Zhang et al. 2022, ACL",
    "source": OnRequest(
        "CBLUE, tianchi.aliyun.com/dataset/95414",
        "ask for CBLUE and put CMeIE_train.json and CMeIE_dev.json (JSON lines) into this folder",
    ),
    "verified": "schema",
}
_IPRE_PARTS = {"train": "train", "validation": "dev", "test": "test"}

TASKS = (
    TaskSpec(
        name="duie.spans",
        atom="ext",
        read=reader(jsonl(), pairs("text", triple_spans)),
        sizes={"train": 1994, "test": 1979},
        **_DUIE,
    ),
    TaskSpec(
        name="duie.typing",
        atom="cls",
        read=reader(jsonl(), pair_typing(main_triples, "zh")),
        sizes={"train": 3490, "test": 3526},  # pairs
        **_DUIE,
    ),
    TaskSpec(
        name="finre",
        read=_pairs_of_a_sentence(verbatim),
        held_out=True,
        source=_nre_source(
            "FinRE",
            {
                "valid.txt": "94842290437ca421cf93b544a4caf8f3e9355ffe754ac04780a072dcb984c72c",
                "test.txt": "f8bfff9691ccdea0fd4e0fcdb38c3cf7c41d75a1f9e5e3e84818e87370258151",
            },
        ),
        citation="Li et al. 2019, ACL",
        sizes={"train": 4399, "validation": 1353, "test": 3359},  # pairs of 4,853, 1,489 and 3,727 lines
        **_NRE,
    ),
    TaskSpec(
        name="sanwen",
        read=_pairs_of_a_sentence(named(SANWEN_RELATIONS)),
        source=_nre_source(
            "SanWen",
            {
                "valid.txt": "64a46712fff04b8b6435d033dfb79d08bb7644289c5e9258e13d2f50d03650bc",
                "test.txt": "3e4ae94f14be46fc3e60eec432160b0a5d5427844c0bcd1ec061a33d80b383ef",
            },
        ),
        citation="Xu et al. 2017, arXiv:1711.07010; Li et al. 2019, ACL",
        sizes={"train": 7321, "validation": 1786, "test": 2205},  # pairs of 7,380, 1,793 and 2,220 lines
        **_NRE,
    ),
    TaskSpec(
        name="cmeie.spans",
        atom="ext",
        read=reader(jsonl(), pairs("text", triple_spans)),
        sizes={"train": 14339, "validation": 3585},
        **_CMEIE,
    ),
    TaskSpec(name="cmeie.typing", atom="cls", read=reader(jsonl(), pair_typing(main_triples, "zh")), **_CMEIE),
    TaskSpec(
        name="ipre",
        family="RE",
        language="zh",
        atom="cls",
        splits={split: (f"sent_{part}.txt", f"sent_relation_{part}.txt") for split, part in _IPRE_PARTS.items()},
        read=persons,
        source=github(
            "SUDA-HLT/IPRE",
            "3a9de8f358650d716146d0ed2ba5a573ed43b4af",
            {
                f"{kind}_{part}.txt": f"data/{part}/{kind}_{part}.txt"
                for part in _IPRE_PARTS.values()
                for kind in ("sent", "sent_relation")
            },
        ),
        licence="unknown: research",
        citation="Wang et al. 2019, NLPCC",
        verified="schema",
    ),
)
