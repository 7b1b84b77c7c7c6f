"""NLI, paraphrase and relevance in Chinese, and the Chinese halves of bilingual data sets."""

from collections.abc import Callable, Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import OnRequest, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import sentence_pair
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, numbered
from seqgpt_jax.tasks.readers.record import Records, reader
from seqgpt_jax.tasks.readers.split import SHARES

THREE = {"entailment": "蕴含", "neutral": "中立", "contradiction": "矛盾"}
SAME = {"0": "不同", "1": "相同"}
COLUMNS = ("sentence1", "sentence2", "label")
CSTS = "zejunwang1/CSTS", "2e7eeedf505c78bf39d34f836773081cfc98af0c"
FEWCLUE = "CLUEbenchmark/FewCLUE", "62a02c6f31cf32814cfe522f78ef088228840f8d"


def _pairs(
    name: str,
    names: Mapping[str, str],
    records: Records,
    fields: tuple[str, str] = COLUMNS[:2],
    split_key: Callable[[Any], str] | None = None,
    shares: Mapping[str, float] = SHARES,
    **rest: Any,
) -> TaskSpec:
    """Records of a sentence pair and a `label`, whose codes are `names`."""
    return TaskSpec(
        name=name,
        family="NLI",
        language="zh",
        atom="cls",
        read=reader(
            records,
            sentence_pair(*fields, "label", named(names), unlabelled="NA"),
            split_key=split_key,
            shares=shares,
        ),
        exclusive=True,
        verified="schema",
        **rest,
    )


def _scored(name: str, **rest: Any) -> TaskSpec:
    """Rows whose score is 0 or 1: the hub keeps these sentence pairs for similarity."""
    return TaskSpec(
        name=name,
        family="NLI",
        language="zh",
        atom="cls",
        read=reader(jsonl(), sentence_pair("sentence1", "sentence2", "score", numbered("不同", "相同"))),
        exclusive=True,
        verified="schema",
        **rest,
    )


def _cblue(name: str, file: str, names: Mapping[str, str], fields: tuple[str, str], sizes: tuple[int, int]) -> TaskSpec:
    """A task of CBLUE, which is handed out after a registration; its test set has no labels."""
    train, validation = f"{file}_train.json", f"{file}_dev.json"
    return _pairs(
        name,
        names,
        json_list(),
        fields,
        splits={"train": (train,), "validation": (validation,)},
        source=OnRequest(
            "CBLUE on Alibaba Tianchi, tianchi.aliyun.com/dataset/95414",
            f"Register there, unpack {file}.zip and put {train} and {validation} into the folder {name}.",
        ),
        licence="CBLUE: research, after registration",
        citation="Zhang et al. 2022, ACL (CBLUE)",
        sizes=dict(zip(("train", "validation"), sizes, strict=True)),
    )


TASKS = (
    TaskSpec(
        name="ocnli",
        family="NLI",
        language="zh",
        atom="cls",
        splits={"train": ("train.3k.json",), "test": ("dev.json",)},
        read=reader(jsonl(), sentence_pair("sentence1", "sentence2", "label", named(THREE), unlabelled="-")),
        exclusive=True,
        source=github(
            "CLUEbenchmark/OCNLI",
            "b53efdee17257a5c33993cf6fcf8ffff0497ea0e",
            {"train.3k.json": "data/ocnli/train.3k.json", "dev.json": "data/ocnli/dev.json"},
            sha256={"train.3k.json": "b6911d293ad88b4c053c5f847b6643c79de72bdf42f9061c5f61f43f8a79dca6"},
        ),
        licence="CC BY-NC 2.0",
        citation="Hu et al. 2020, Findings of EMNLP",
        verified="files",
        sizes={"train": 2994, "test": 2719},
    ),
    TaskSpec(
        name="afqmc",
        family="NLI",
        language="zh",
        atom="cls",
        splits={"train": ("train.txt",), "validation": ("dev.txt",)},
        read=reader(delimited("\t", columns=COLUMNS), sentence_pair("sentence1", "sentence2", "label", named(SAME))),
        exclusive=True,
        source=github(
            *CSTS,
            {"train.txt": "AFQMC/train.txt", "dev.txt": "AFQMC/dev.txt"},
            sha256={"dev.txt": "bd5136527078950a4d624a3d903ce86950cafb26b5092559b64c418e015f0df3"},
        ),
        licence="AFQMC (Ant Financial, CLUE): research",
        citation="Xu et al. 2020, COLING (CLUE)",
        verified="files",
        sizes={"train": 10846, "validation": 4316},
    ),
    _pairs(
        "cmnli",
        THREE,
        jsonl(),
        **hub("clue/clue", "cmnli", {"train": "train", "validation": "validation"}),
        licence="CLUE: research",
        citation="Xu et al. 2020, COLING (CLUE)",
        sizes={"train": 391783, "validation": 12241},
    ),
    _pairs(
        "xnli.zh",
        THREE,
        jsonl(),
        ("premise", "hypothesis"),
        **hub("facebook/xnli", "zh"),
        licence="CC BY-NC 4.0",
        citation="Conneau et al. 2018, EMNLP",
        sizes={"train": 392702, "validation": 2490, "test": 5010},
    ),
    _pairs(
        "paws_x.zh",
        {"different_meaning": "不同", "paraphrase": "相同"},
        jsonl(),
        **tfds("paws_x_wiki/zh"),
        licence="free for any purpose",
        citation="Yang et al. 2019, EMNLP",
    ),
    _pairs(
        "bustm",
        SAME,
        jsonl(),
        splits={"train": ("train_few_all.json",), "validation": ("dev_few_all.json",), "test": ("test_public.json",)},
        source=github(
            *FEWCLUE,
            {file: f"datasets/bustm/{file}" for file in ("train_few_all.json", "dev_few_all.json", "test_public.json")},
        ),
        licence="FewCLUE: research",
        citation="Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        sizes={"train": 160, "validation": 160, "test": 1772},
    ),
    _scored(
        "lcqmc",
        **hub("C-MTEB/LCQMC"),
        licence="LCQMC: research",
        citation="Liu et al. 2018, COLING",
        sizes={"train": 238766, "validation": 8802, "test": 12500},
    ),
    _scored(
        "bq_corpus",
        **hub("C-MTEB/BQ"),
        licence="BQ Corpus: research",
        citation="Chen et al. 2018, EMNLP",
        sizes={"train": 100000, "validation": 10000, "test": 10000},
    ),
    _pairs(
        "qbqtc",
        {"0": "相关性差", "1": "有一定相关性", "2": "非常相关"},
        jsonl(),
        ("query", "title"),
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test_public.json",)},
        source=github(
            "CLUEbenchmark/QBQTC",
            "main",
            {file: f"dataset/{file}" for file in ("train.json", "dev.json", "test_public.json")},
        ),
        licence="QBQTC: research",
        citation="CLUEbenchmark 2021 (QBQTC)",
        sizes={"train": 180000, "validation": 20000, "test": 5000},
    ),
    _pairs(
        "cinlid",
        THREE,
        delimited("\t", columns=COLUMNS),
        split_key=lambda row: row["sentence1"],
        splits={"train": ("Idiom_NLI.txt",), "validation": ("Idiom_NLI.txt",), "test": ("Idiom_NLI.txt",)},
        source=github(*CSTS, {"Idiom_NLI.txt": "CINLID/Idiom_NLI.txt"}),
        licence="CINLID: research",
        citation="CINLID 2021 (heywhale.com)",
    ),
    _pairs(
        "chinese_snli",
        THREE,
        delimited("\t", columns=COLUMNS),
        # A premise has three hypotheses; the training file is too large for the repository.
        split_key=lambda row: row["sentence1"],
        shares={"train": 0.9, "validation": 0.1},
        splits={"train": ("dev.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        source=github(*CSTS, {file: f"Chinese-SNLI/{file}" for file in ("dev.txt", "test.txt")}),
        licence="CNSD: research",
        citation="Zeng 2019 (CNSD)",
    ),
    _cblue("chip_sts", "CHIP-STS", {"0": "不同", "1": "相同"}, ("text1", "text2"), (16000, 4000)),
    # What the second query is to the first.
    _cblue(
        "kuake_qqr",
        "KUAKE-QQR",
        {"0": "范围更大或无关", "1": "范围更小", "2": "语义等价"},
        ("query1", "query2"),
        (15000, 1600),
    ),
    _cblue(
        "kuake_qtr",
        "KUAKE-QTR",
        {"0": "不匹配", "1": "很少匹配", "2": "部分匹配", "3": "完全匹配"},
        ("query", "title"),
        (24174, 2913),
    ),
)
