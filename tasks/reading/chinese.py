"""MRC in Chinese: spans and options."""

from typing import Any

from seqgpt_jax.data.raw.sources import Files, Remote, Source, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.choices import Choice, choices
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.squad import first_question, in_passage, passages, questions

BAIDU = "https://bj.bcebos.com/paddlenlp/datasets"
CAIL = "https://raw.githubusercontent.com/china-ai-law-challenge/CAIL2019"
CAIL_FOLDER = "%E9%98%85%E8%AF%BB%E7%90%86%E8%A7%A3/data"  # the folder is called 阅读理解
VERDICTS = {"Yes": "是", "No": "否", "Depends": "视情况而定"}


def _squad(name: str, splits: dict[str, tuple[str, ...]], source: Source, **rest: Any) -> TaskSpec:
    return TaskSpec(
        name=name,
        family="MRC",
        language="zh",
        atom="ext",
        splits=splits,
        read=reader(passages(), in_passage(questions)),
        source=source,
        verified="schema",
        **rest,
    )


def dialogues(document: list) -> list[dict]:
    """C3: the questions of all [lines, questions, id]."""
    return [{"lines": item[0], **question} for item in document for question in item[1]]


def c3(row: dict) -> Choice:
    return Choice(row["question"], row["choice"], row["choice"].index(row["answer"]), "".join(row["lines"]))


def chid(row: dict) -> Choice:
    """A text with one idiom left out."""
    return Choice("文中#idiom#处应填入哪个成语？", row["candidates"], row["answer"], row["content"])


def yesno(row: dict) -> Choice:
    """What an answer says to its question; the documents it was written from are left out."""
    answer = list(VERDICTS).index(row["yesno_answer"]) if row["yesno_answer"] else None
    return Choice(row["question"], tuple(VERDICTS.values()), answer, row["answer"])


TASKS = (
    TaskSpec(
        name="cmrc2018",
        family="MRC",
        language="zh",
        atom="ext",
        # The pack has no training file; the trial file, split by passage, stands in for it.
        splits={
            "train": ("cmrc2018_trial.json",),
            "validation": ("cmrc2018_trial.json",),
            "test": ("cmrc2018_dev.json",),
        },
        read=reader(passages(), questions, split_key=first_question, shares={"train": 0.9, "validation": 0.1}),
        source=github(
            "ymcui/cmrc2018",
            "c0eb1b6ba219847457e6af3180da722bbeb656af",
            {file: f"squad-style-data/{file}" for file in ("cmrc2018_trial.json", "cmrc2018_dev.json")},
            sha256={"cmrc2018_trial.json": "f3fae95b57da8e03afb2b57467dd221417060ef4d82db13bf22fc88589f3a6f3"},
        ),
        licence="CC BY-SA 4.0",
        citation="Cui et al. 2019, EMNLP",
        verified="files",
        sizes={"train": 899, "validation": 101, "test": 820},
    ),
    # Traditional characters.
    _squad(
        "drcd",
        {"train": ("DRCD_training.json",), "validation": ("DRCD_dev.json",), "test": ("DRCD_test.json",)},
        Files(
            {
                file: Remote(f"https://paddlenlp.bj.bcebos.com/datasets/DRCD/{file}")
                for file in ("DRCD_training.json", "DRCD_dev.json", "DRCD_test.json")
            }
        ),
        licence="CC BY-SA 3.0",
        citation="Shao et al. 2018, arXiv 1806.00920",
        sizes={"train": 26936, "validation": 3524, "test": 3493},
    ),
    _squad(
        "dureader_robust",
        {"train": ("train.json",), "validation": ("dev.json",)},
        Files(
            {
                file: Remote(f"{BAIDU}/dureader_robust-data.tar.gz", member=f"dureader_robust-data/{file}")
                for file in ("train.json", "dev.json")
            }
        ),
        licence="Apache-2.0",
        citation="Tang et al. 2021, ACL",
        sizes={"train": 14520, "validation": 1417},
    ),
    _squad(
        "dureader_checklist",
        {"train": ("train.json",), "validation": ("dev.json",)},
        Files(
            {
                file: Remote(f"{BAIDU}/lic2021/dureader_checklist.dataset.tar.gz", member=f"dataset/{file}")
                for file in ("train.json", "dev.json")
            }
        ),
        licence="DuReader checklist (Baidu): research",
        citation="Baidu 2021 (LIC 2021)",
    ),
    # Court records. Questions of yes or no have no span in the text: they are skipped.
    TaskSpec(
        name="cail2019_cjrc",
        family="MRC",
        language="zh",
        atom="ext",
        # The training file is handed out on request; the first of the two open files stands in for it.
        splits={
            "train": ("dev_ground_truth.json",),
            "validation": ("dev_ground_truth.json",),
            "test": ("test_ground_truth.json",),
        },
        read=reader(
            passages(), in_passage(questions), split_key=first_question, shares={"train": 0.9, "validation": 0.1}
        ),
        source=Files(
            {
                file: Remote(f"{CAIL}/{commit}/{CAIL_FOLDER}/{file}")
                for file, commit in (
                    ("dev_ground_truth.json", "1d83606b3fbfe8236efe50cf7b1faf18c1301f52"),
                    ("test_ground_truth.json", "fdfa478fe567803885329e2442b03356da482899"),
                )
            }
        ),
        licence="CAIL 2019: research",
        citation="Duan et al. 2019, CCL (CJRC)",
        verified="schema",
    ),
    # SQuAD 2.0, translated by machine and mended by hand.
    _squad(
        "chinese_squad",
        {"train": ("train-v2.0-zh.json",), "validation": ("dev-v2.0-zh.json",)},
        github(
            "pluto-junzeng/ChineseSquad",
            "master",
            {file: f"squad_2.0/{file}" for file in ("train-v2.0-zh.json", "dev-v2.0-zh.json")},
        ),
        licence="ChineseSquad: research",
        citation="Zeng 2019 (ChineseSquad)",
        sizes={"train": 90028, "validation": 9336},
    ),
    TaskSpec(
        name="c3",
        family="MRC",
        language="zh",
        atom="cls",
        # Mixed genres and dialogues.
        splits={
            split: (f"c3-m-{part}.json", f"c3-d-{part}.json")
            for split, part in (("train", "train"), ("validation", "dev"), ("test", "test"))
        },
        read=reader(json_list(dialogues), choices(c3)),
        exclusive=True,
        source=github(
            "nlpdata/c3",
            "dd2d89324e961786a1a9eec73ae13f1c6b800384",
            {
                f"c3-{kind}-{part}.json": f"data/c3-{kind}-{part}.json"
                for kind in "md"
                for part in ("train", "dev", "test")
            },
        ),
        licence="C3: non-commercial research",
        citation="Sun et al. 2020, TACL",
        verified="schema",
        sizes={"train": 11869, "validation": 3816, "test": 3892},
    ),
    TaskSpec(
        name="chid",
        family="MRC",
        language="zh",
        atom="cls",
        splits={"train": ("train_few_all.json",), "validation": ("dev_few_all.json",), "test": ("test_public.json",)},
        read=reader(jsonl(), choices(chid)),
        exclusive=True,
        source=github(
            "CLUEbenchmark/FewCLUE",
            "62a02c6f31cf32814cfe522f78ef088228840f8d",
            {file: f"datasets/chid/{file}" for file in ("train_few_all.json", "dev_few_all.json", "test_public.json")},
        ),
        licence="FewCLUE: research",
        citation="Zheng et al. 2019, ACL; Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        verified="schema",
    ),
    TaskSpec(
        name="dureader_yesno",
        family="MRC",
        language="zh",
        atom="cls",
        splits={"train": ("train.json",), "validation": ("dev.json",)},
        read=reader(jsonl(), choices(yesno)),
        exclusive=True,
        source=Files(
            {
                file: Remote(f"{BAIDU}/dureader_yesno-data.tar.gz", member=f"dureader_yesno-data/{file}")
                for file in ("train.json", "dev.json")
            }
        ),
        licence="Apache-2.0",
        citation="Baidu 2019 (DuReader yes/no)",
        verified="schema",
    ),
)
