"""MRC in Chinese: spans and options."""

from collections.abc import Callable

from seqgpt_jax.data.raw.sources import FilePattern, github, github_commits
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.choices import Choice, choices
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.record import Records, reader
from seqgpt_jax.tasks.readers.squad import in_passage, passages, questions
from seqgpt_jax.tasks.repositories import FEWCLUE_SPLITS, fewclue

BAIDU = "https://bj.bcebos.com/paddlenlp/datasets"
CMRC2018 = github("ymcui/cmrc2018", "c0eb1b6ba219847457e6af3180da722bbeb656af", "squad-style-data/{}")
VERDICTS = {"Yes": "是", "No": "否", "Depends": "视情况而定"}


def _spans() -> Task:
    return Task("MRC", "zh", reader(passages(), in_passage(questions)), atom="ext")


def _options(records: Records, find: Callable[[dict], Choice]) -> Task:
    return Task("MRC", "zh", reader(records, choices(find)), atom="cls", exclusive=True)


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


TASKS = task_specs(
    DatasetSpec(
        "cmrc2018",
        CMRC2018,
        license="CC BY-SA 4.0",
        citation="Cui et al. 2019, EMNLP",
        verified="files",
        # The answers of its test set are not published: the development set is the test here, the trial set validates.
        splits={
            "train": ("cmrc2018_train.json",),
            "validation": ("cmrc2018_trial.json",),
            "test": ("cmrc2018_dev.json",),
        },
        tasks=(Task("MRC", "zh", reader(passages(), questions), atom="ext"),),
    ),
    DatasetSpec(
        # Traditional characters.
        "drcd",
        FilePattern("https://paddlenlp.bj.bcebos.com/datasets/DRCD/{}"),
        license="CC BY-SA 3.0",
        citation="Shao et al. 2018, arXiv 1806.00920",
        splits={"train": ("DRCD_training.json",), "validation": ("DRCD_dev.json",), "test": ("DRCD_test.json",)},
        sizes={"train": 26936, "validation": 3524, "test": 3493},
        tasks=(_spans(),),
    ),
    DatasetSpec(
        "dureader_robust",
        FilePattern(f"{BAIDU}/dureader_robust-data.tar.gz", "dureader_robust-data/{}"),
        license="Apache-2.0",
        citation="Tang et al. 2021, ACL",
        splits={"train": ("train.json",), "validation": ("dev.json",)},
        sizes={"train": 14520, "validation": 1417},
        tasks=(_spans(),),
    ),
    DatasetSpec(
        "dureader_checklist",
        FilePattern(f"{BAIDU}/lic2021/dureader_checklist.dataset.tar.gz", "dataset/{}"),
        license="DuReader checklist (Baidu): research",
        citation="Baidu 2021 (LIC 2021)",
        splits={"train": ("train.json",), "validation": ("dev.json",)},
        tasks=(_spans(),),
    ),
    DatasetSpec(
        # Court records. Questions of yes or no have no span in the text: they are skipped.
        "cail2019_cjrc",
        github_commits(
            "china-ai-law-challenge/CAIL2019",
            {
                "big_train_data.json": "1d83606b3fbfe8236efe50cf7b1faf18c1301f52",
                "dev_ground_truth.json": "1d83606b3fbfe8236efe50cf7b1faf18c1301f52",
                "test_ground_truth.json": "fdfa478fe567803885329e2442b03356da482899",
            },
            "阅读理解/data/{}",
        ),
        license="CAIL 2019: research",
        citation="Duan et al. 2019, CCL (CJRC)",
        splits={
            "train": ("big_train_data.json",),
            "validation": ("dev_ground_truth.json",),
            "test": ("test_ground_truth.json",),
        },
        tasks=(_spans(),),
    ),
    DatasetSpec(
        # SQuAD 1.1 and 2.0, translated by machine and corrected by hand; the README's own numbers.
        "chinese_squad",
        github("pluto-junzeng/ChineseSquad", "6cc7b1cd0d96abd2fe71f587aacff5e9eff1ed7f", "squad-zen/{}"),
        license="ChineseSquad: research",
        citation="Zeng 2019 (ChineseSquad)",
        splits={"train": ("train-zen-v1.0.json",), "validation": ("dev-zen-v1.0.json",)},
        sizes={"train": 111711, "validation": 14280},
        tasks=(_spans(),),
        derived_from=("squad", "squad_v2"),
    ),
    DatasetSpec(
        "c3",
        github("nlpdata/c3", "dd2d89324e961786a1a9eec73ae13f1c6b800384", "data/{}"),
        license="C3: non-commercial research",
        citation="Sun et al. 2020, TACL",
        held_out=True,
        # Mixed genres and dialogues.
        splits={
            "train": ("c3-m-train.json", "c3-d-train.json"),
            "validation": ("c3-m-dev.json", "c3-d-dev.json"),
            "test": ("c3-m-test.json", "c3-d-test.json"),
        },
        sizes={"train": 11869, "validation": 3816, "test": 3892},
        tasks=(_options(json_list(dialogues), c3),),
    ),
    DatasetSpec(
        "chid",
        fewclue("chid"),
        license="FewCLUE: research",
        citation="Zheng et al. 2019, ACL; Xu et al. 2021, arXiv 2107.07498 (FewCLUE)",
        splits=FEWCLUE_SPLITS,
        tasks=(_options(jsonl(), chid),),
    ),
    DatasetSpec(
        "dureader_yesno",
        FilePattern(f"{BAIDU}/dureader_yesno-data.tar.gz", "dureader_yesno-data/{}"),
        license="Apache-2.0",
        citation="Baidu 2019 (DuReader yes/no)",
        splits={"train": ("train.json",), "validation": ("dev.json",)},
        tasks=(_options(jsonl(), yesno),),
    ),
)
