"""NLI, paraphrase and relevance in Chinese."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import degree, sentence_pair
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, numbered
from seqgpt_jax.tasks.readers.record import Record, Records, reader
from seqgpt_jax.tasks.readers.references import refers
from seqgpt_jax.tasks.repositories import FEWCLUE_SPLITS, cblue, fewclue

THREE = {"entailment": "蕴含", "neutral": "中立", "contradiction": "矛盾"}
SIMILARITY = ("完全不同", "主题相同但意思不同", "意思不同但有共同细节", "大致相同", "基本相同", "完全相同")
SAME = {"0": "不同", "1": "相同"}
OCNLI = github("CLUEbenchmark/OCNLI", "b53efdee17257a5c33993cf6fcf8ffff0497ea0e", "data/ocnli/{}")
COLUMNS = ("sentence1", "sentence2", "label")

_task = partial(Task, "NLI", "zh", exclusive=True)


def pair(
    names: Mapping[str, str],
    records: Records,
    fields: tuple[str, str] = COLUMNS[:2],
    split_key: Callable[[Any], str] | None = None,
    **differences: Any,
) -> Task:
    """Records of a sentence pair and a `label`, whose codes are `names`."""
    build = sentence_pair(*fields, "label", named(names), unlabelled="NA")
    read = reader(records, build, split_key=split_key)
    return _task(read, **differences)


def own_keywords(record: Record) -> Iterator[Instance]:
    """CSL: whether all keywords are those of the abstract."""
    row = record.value
    asked = f"{row['abst']}\t这些都是本文的关键词吗：{'、'.join(row['keyword'])}？"
    yield families.classification(record.id, asked, [named({"0": "否", "1": "是"})(row["label"])])


def _scored() -> Task:
    """Rows whose score is 0 or 1: the hub keeps these sentence pairs for similarity."""
    build = sentence_pair("sentence1", "sentence2", "score", numbered("不同", "相同"))
    return _task(reader(jsonl(), build))


OCNLI_TASKS = (_task(reader(jsonl(), sentence_pair("sentence1", "sentence2", "label", named(THREE), unlabelled="-"))),)


def _csts(folder: str) -> FilePattern:
    return github("zejunwang1/CSTS", "2e7eeedf505c78bf39d34f836773081cfc98af0c", f"{folder}/{{}}")


def _cblue(
    name: str, file: str, names: Mapping[str, str], fields: tuple[str, str], train: int, validation: int
) -> DatasetSpec:
    files = (f"{file}_train.json", f"{file}_dev.json")
    return DatasetSpec(
        name,
        cblue(file, *files),
        license="CBLUE: research, after registration",
        citation="Zhang et al. 2022, ACL (CBLUE)",
        splits={"train": files[:1], "validation": files[1:]},
        sizes={"train": train, "validation": validation},
        tasks=(pair(names, json_list(), fields),),
    )


TASKS = task_specs(
    DatasetSpec(
        "ocnli",
        OCNLI,
        license="CC BY-NC 2.0",
        citation="Hu et al. 2020, Findings of EMNLP",
        verified="files",
        # The labels of its test set are not published: the development set is the test here.
        splits={"train": ("train.50k.json",), "test": ("dev.json",)},
        tasks=OCNLI_TASKS,
    ),
    DatasetSpec(
        "afqmc",
        _csts("AFQMC"),
        license="AFQMC (Ant Financial, CLUE): research",
        citation="Xu et al. 2020, COLING (CLUE)",
        verified="files",
        splits={"train": ("train.txt",), "validation": ("dev.txt",)},
        sizes={"train": 10846, "validation": 4316},
        tasks=(
            _task(
                reader(delimited("\t", columns=COLUMNS), sentence_pair("sentence1", "sentence2", "label", named(SAME)))
            ),
        ),
    ),
    DatasetSpec(
        "cmnli",
        hub("clue/clue", "cmnli", {"train": "train", "validation": "validation"}),
        license="CLUE: research",
        citation="Xu et al. 2020, COLING (CLUE)",
        derived_from=("mnli",),
        sizes={"train": 391783, "validation": 12241},
        tasks=(pair(THREE, jsonl()),),
    ),
    DatasetSpec(
        "bustm",
        fewclue("bustm"),
        license="FewCLUE: research",
        citation="Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        splits=FEWCLUE_SPLITS,
        sizes={"train": 160, "validation": 160, "test": 1772},
        tasks=(pair(SAME, jsonl()),),
    ),
    DatasetSpec(
        "lcqmc",
        hub("C-MTEB/LCQMC"),
        license="LCQMC: research",
        citation="Liu et al. 2018, COLING",
        sizes={"train": 238766, "validation": 8802, "test": 12500},
        tasks=(_scored(),),
    ),
    DatasetSpec(
        "bq_corpus",
        hub("C-MTEB/BQ"),
        license="BQ Corpus: research",
        citation="Chen et al. 2018, EMNLP",
        sizes={"train": 100000, "validation": 10000, "test": 10000},
        tasks=(_scored(),),
    ),
    DatasetSpec(
        "qbqtc",
        github("CLUEbenchmark/QBQTC", "37a90b8923ae3b23e55e16ed1e2a6389574d8837", "dataset/{}"),
        license="QBQTC: research",
        citation="CLUEbenchmark 2021 (QBQTC)",
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test_public.json",)},
        sizes={"train": 180000, "validation": 20000, "test": 5000},
        tasks=(pair({"0": "相关性差", "1": "有一定相关性", "2": "非常相关"}, jsonl(), ("query", "title")),),
    ),
    DatasetSpec(
        "cinlid",
        _csts("CINLID"),
        license="CINLID: research",
        citation="CINLID 2021 (heywhale.com)",
        splits=dict.fromkeys(SPLITS, ("Idiom_NLI.txt",)),
        tasks=(pair(THREE, delimited("\t", columns=COLUMNS), split_key=itemgetter("sentence1")),),
    ),
    DatasetSpec(
        "chinese_snli",
        _csts("Chinese-SNLI"),
        license="CNSD: research",
        citation="Zeng 2019 (CNSD)",
        # SNLI, which is held out, in a machine's translation: held out with it.
        splits={"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        tasks=(pair(THREE, delimited("\t", columns=COLUMNS), held_out=True),),
        derived_from=("snli",),
    ),
    DatasetSpec(
        # The STS benchmark in a machine's translation.
        "stsb_zh",
        _csts("Chinese-STS-B"),
        license="STS benchmark: research",
        citation="Cer et al. 2017, SemEval; CSTS 2021, github.com",
        splits={"train": ("sts-b-train.txt",), "validation": ("sts-b-dev.txt",), "test": ("sts-b-test.txt",)},
        tasks=(
            _task(
                reader(
                    delimited("\t", columns=COLUMNS),
                    sentence_pair("sentence1", "sentence2", "label", degree(SIMILARITY)),
                )
            ),
        ),
        derived_from=("stsb",),
    ),
    DatasetSpec(
        # Of the same assistant as BUSTM of FewCLUE; some pairs are in both, and decontamination finds them.
        "oppo_xiaobu",
        _csts("OPPO-xiaobu"),
        license="OPPO XiaoBu: research",
        citation="GAIIC 2021, short text matching of OPPO XiaoBu; CSTS 2021, github.com",
        # The labels of its test set are not published.
        splits={"train": ("train.txt",), "validation": ("dev.txt",)},
        tasks=(pair(SAME, delimited("\t", columns=COLUMNS)),),
    ),
    DatasetSpec(
        "cluewsc",
        fewclue("cluewsc"),
        license="FewCLUE: research",
        citation="Xu et al. 2020, COLING (CLUE); Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        splits=FEWCLUE_SPLITS,
        tasks=(_task(reader(jsonl(), refers("zh", {"false": "否", "true": "是"}))),),
    ),
    DatasetSpec(
        # Abstracts of papers, with their own keywords or some that are not.
        "csl_keywords",
        fewclue("csl"),
        license="FewCLUE: research",
        citation="Xu et al. 2020, COLING (CLUE); Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        splits=FEWCLUE_SPLITS,
        tasks=(_task(reader(jsonl(), own_keywords)),),
    ),
    _cblue("chip_sts", "CHIP-STS", SAME, ("text1", "text2"), 16000, 4000),
    _cblue(
        "kuake_qqr",
        "KUAKE-QQR",
        # What the second query is to the first.
        {"0": "范围更大或无关", "1": "范围更小", "2": "语义等价"},
        ("query1", "query2"),
        15000,
        1600,
    ),
    _cblue(
        "kuake_qtr",
        "KUAKE-QTR",
        {"0": "不匹配", "1": "很少匹配", "2": "部分匹配", "3": "完全匹配"},
        ("query", "title"),
        24174,
        2913,
    ),
)
