"""RE in Chinese sentences."""

from collections.abc import Callable, Iterator
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import FilePattern, github, github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, RecordError, Skipped, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing, two_steps
from seqgpt_jax.tasks.repositories import cblue

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
# Part -> its files of sentences: those of the training set lie in two.
_IPRE_FILES = {
    "train": ("sent_train_1.txt", "sent_train_2.txt"),
    "dev": ("sent_dev.txt",),
    "test": ("sent_test.txt",),
}


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
    """IPRE: reads (sentences, …, relations), which have the sentence's id in common; sentences are segmented."""
    *sentences, relations = paths
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

    yield from reader(delimited("\t", columns=("id", "head", "tail", "sentence")), build)(split, tuple(sentences))


def _nre(folder: str) -> FilePattern:
    return github("thunlp/Chinese_NRE", "2cd47e6dc1b95e8ca3e93b5b8567666c37c5d654", f"data/{folder}/{{}}")


_NRE_SPLITS = {"train": ("train.txt",), "validation": ("valid.txt",), "test": ("test.txt",)}
DUIE_SPANS = reader(jsonl(), pairs("text", triple_spans))
DUIE_TYPING = reader(jsonl(), pair_typing(main_triples, "zh"))

TASKS = task_specs(
    DatasetSpec(
        "duie",
        github_files(
            "enria/DuIE",
            "551908623c5844f4d47e2a33679809ac05cb4270",
            # The subset has a file of the development set's own name, with other lines.
            {"duie_train.json": "IE/data/duie_train.json", "duie_dev_whole.json": "IE/data/duie_dev.json"},
        ),
        license="DuIE2.0 (Baidu): non-commercial research",
        citation="Li et al. 2019, NLPCC",
        verified="files",
        # The labels of its test set are not published: the development set is the test here.
        splits={"train": ("duie_train.json",), "test": ("duie_dev_whole.json",)},
        tasks=two_steps("zh", DUIE_SPANS, DUIE_TYPING),
    ),
    DatasetSpec(
        "finre",
        _nre("FinRE"),
        license="MIT",
        citation="Li et al. 2019, ACL",
        verified="files",
        splits=_NRE_SPLITS,
        sizes={"train": 4399, "validation": 1353, "test": 3359},  # pairs of 4,853, 1,489 and 3,727 lines
        tasks=(Task("RE", "zh", _pairs_of_a_sentence(verbatim), atom="cls", held_out=True),),
    ),
    DatasetSpec(
        "sanwen",
        _nre("SanWen"),
        license="MIT",
        citation="Xu et al. 2017, arXiv:1711.07010; Li et al. 2019, ACL",
        verified="files",
        splits=_NRE_SPLITS,
        sizes={"train": 7321, "validation": 1786, "test": 2205},  # pairs of 7,380, 1,793 and 2,220 lines
        tasks=(Task("RE", "zh", _pairs_of_a_sentence(named(SANWEN_RELATIONS)), atom="cls"),),
    ),
    DatasetSpec(
        "cmeie",
        cblue("CMeIE (JSON lines)", "CMeIE_train.json", "CMeIE_dev.json"),
        license="CBLUE: non-commercial research",
        citation="Guan et al. 2020, NLPCC; Zhang et al. 2022, ACL",
        splits={"train": ("CMeIE_train.json",), "validation": ("CMeIE_dev.json",)},
        tasks=two_steps("zh", DUIE_SPANS, DUIE_TYPING, sentences={"train": 14339, "validation": 3585}),
    ),
    DatasetSpec(
        "ipre",
        github_files(
            "SUDA-HLT/IPRE",
            "3a9de8f358650d716146d0ed2ba5a573ed43b4af",
            {
                file: f"data/{part}/{file}"
                for part, files in _IPRE_FILES.items()
                for file in (*files, f"sent_relation_{part}.txt")
            },
        ),
        license="unknown: research",
        citation="Wang et al. 2019, NLPCC",
        splits={
            split: (*_IPRE_FILES[part], f"sent_relation_{part}.txt")
            for split, part in (("train", "train"), ("validation", "dev"), ("test", "test"))
        },
        tasks=(Task("RE", "zh", persons, atom="cls"),),
    ),
)
