"""CLS: what a Chinese text is about."""

from collections.abc import Iterator
from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.assistants import SMP2019
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.cleaning import cleaned
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, numbered
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.repositories import FEWCLUE_SPLITS, cblue, fewclue

THUCNEWS_TOPICS = ("财经", "房产", "股票", "教育", "科技", "社会", "时政", "体育", "游戏", "娱乐")
TNEWS_TOPICS = {
    "news_story": "故事",
    "news_culture": "文化",
    "news_entertainment": "娱乐",
    "news_sports": "体育",
    "news_finance": "财经",
    "news_house": "房产",
    "news_car": "汽车",
    "news_edu": "教育",
    "news_tech": "科技",
    "news_military": "军事",
    "news_travel": "旅游",
    "news_world": "国际",
    "news_stock": "股票",
    "news_agriculture": "农业",
    "news_game": "电竞",
}
# The file calls one of its topics `stock`, all others as above.
TOUTIAO_TOPICS = TNEWS_TOPICS | {"stock": "股票"}
# The Chinese names are those of the data set's own table of categories.
TRIAL_CRITERIA = {
    "Addictive Behavior": "成瘾行为",
    "Address": "居住情况",
    "Age": "年龄",
    "Alcohol Consumer": "酒精使用",
    "Allergy Intolerance": "过敏耐受",
    "Bedtime": "睡眠",
    "Blood Donation": "献血",
    "Capacity": "能力",
    "Compliance with Protocol": "依存性",
    "Consent": "知情同意",
    "Data Accessible": "数据可及性",
    "Device": "设备",
    "Diagnostic": "诊断",
    "Diet": "饮食",
    "Disabilities": "残疾群体",
    "Disease": "疾病",
    "Education": "教育情况",
    "Encounter": "病例来源",
    "Enrollment in other studies": "参与其它试验",
    "Ethical Audit": "伦理审查",
    "Ethnicity": "种族",
    "Exercise": "锻炼",
    "Gender": "性别",
    "Healthy": "健康群体",
    "Laboratory Examinations": "实验室检查",
    "Life Expectancy": "预期寿命",
    "Literacy": "读写能力",
    "Multiple": "含有多类别的语句",
    "Neoplasm Status": "肿瘤进展",
    "Non-Neoplasm Disease Stage": "疾病分期",
    "Nursing": "护理",
    "Oral related": "口腔相关",
    "Organ or Tissue Status": "器官组织状态",
    "Pharmaceutical Substance or Drug": "药物",
    "Pregnancy-related Activity": "怀孕相关",
    "Receptor Status": "受体状态",
    "Researcher Decision": "研究者决定",
    "Risk Assessment": "风险评估",
    "Sexual related": "性取向",
    "Sign": "体征",
    "Smoking Status": "吸烟状况",
    "Special Patient Characteristic": "特殊病人特征",
    "Symptom": "症状",
    "Therapy or Surgery": "治疗或手术",
}


def without_brackets(charge: str) -> str:
    """CAIL2018 sets the alternatives of a charge in brackets: `[组织、领导]传销活动`."""
    return charge.replace("[", "").replace("]", "")


_topic = partial(Task, "CLS", "zh", exclusive=True)


def accusations(row: dict) -> Iterator[str]:
    """CAIL 2018: the charges of a case."""
    return map(without_brackets, row["accusation"])


TASKS = task_specs(
    DatasetSpec(
        "tnews",
        fewclue("tnews"),
        license="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        overlaps=("toutiao_titles",),
        verified="files",
        splits=FEWCLUE_SPLITS,
        sizes={"train": 1185, "validation": 1098, "test": 2010},
        tasks=(_topic(reader(jsonl(), labelled("sentence", "label_desc", named(TNEWS_TOPICS)))),),
    ),
    DatasetSpec(
        "thucnews_10",
        github(
            "649453932/Chinese-Text-Classification-Pytorch",
            "6cb26819af7b646275aff8a4693676f2849e67f6",
            "THUCNews/data/{}",
        ),
        license="THUCNews: research",
        citation="Sun et al. 2016, THUCTC",
        verified="files",
        splits={"validation": ("dev.txt",), "test": ("test.txt",)},
        sizes={"validation": 10000, "test": 10000},
        tasks=(
            _topic(
                reader(
                    delimited("\t", columns=("title", "topic")), labelled("title", "topic", numbered(*THUCNEWS_TOPICS))
                ),
                held_out=True,
            ),
        ),
    ),
    SMP2019.only("CLS"),
    DatasetSpec(
        "iflytek",
        FilePattern("https://storage.googleapis.com/cluebenchmark/tasks/iflytek_public.zip", "{}"),
        license="CLUE: research",
        citation="Xu et al. 2020, COLING (CLUE)",
        # The labels of the official test part are not published.
        splits={"train": ("train.json",), "test": ("dev.json",)},
        sizes={"train": 12133, "test": 2599},
        tasks=(_topic(reader(jsonl(), labelled("sentence", "label_des"))),),
    ),
    DatasetSpec(
        "csldcp",
        fewclue("csldcp"),
        license="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        splits=FEWCLUE_SPLITS,
        sizes={"train": 2036, "validation": 2068, "test": 1784},
        tasks=(_topic(reader(jsonl(), labelled("content", "label"))),),
    ),
    DatasetSpec(
        "toutiao_titles",
        FilePattern(
            "https://raw.githubusercontent.com/aceimnorstuvwxz/toutiao-text-classfication-dataset/"
            "b6b81e1bd4f28cf8445918560f4ed4b05f8c19ee/{}.zip",
            "{}",
        ),
        license="unknown",
        citation="Toutiao titles 2018, github.com",
        splits=dict.fromkeys(SPLITS, ("toutiao_cat_data.txt",)),
        tasks=(
            _topic(
                reader(
                    delimited("_!_", columns=("id", "code", "category", "title", "keywords")),
                    labelled("title", "category", named(TOUTIAO_TOPICS)),
                    split_key=itemgetter("title"),
                )
            ),
        ),
    ),
    DatasetSpec(
        "csl",
        FilePattern("https://huggingface.co/datasets/neuclir/csl/resolve/main/data/{}.gz"),
        license="Apache-2.0",
        citation="Li et al. 2022, COLING",
        splits=dict.fromkeys(SPLITS, ("csl.jsonl",)),
        tasks=(
            _topic(reader(jsonl(), labelled("title", "category"), split_key=itemgetter("doc_id")), name="category"),
            _topic(
                reader(jsonl(), labelled("abstract", "discipline"), split_key=itemgetter("doc_id")),
                name="discipline",
            ),
        ),
    ),
    DatasetSpec(
        "cail2018",
        hub(
            "china-ai-law-challenge/cail2018",
            splits={
                "train": "exercise_contest_train",
                "validation": "exercise_contest_valid",
                "test": "exercise_contest_test",
            },
        ),
        license="unknown",
        citation="Xiao et al. 2018, arXiv 1807.02478",
        sizes={"train": 154592, "validation": 17131, "test": 32508},
        tasks=(
            Task(
                "CLS",
                "zh",
                reader(cleaned(jsonl(), "fact"), found_labels("fact", accusations)),
            ),
        ),
    ),
    DatasetSpec(
        "chip_ctc",
        cblue("CHIP-CTC", "CHIP-CTC_train.json", "CHIP-CTC_dev.json"),
        license="CBLUE: research, on request",
        citation="Zong et al. 2021, Chinese Journal of Medical Informatics; Zhang et al. 2022, ACL (CBLUE)",
        # The labels of the official test part are not published.
        splits={"train": ("CHIP-CTC_train.json",), "test": ("CHIP-CTC_dev.json",)},
        sizes={"train": 22962, "test": 7682},
        tasks=(_topic(reader(json_list(), labelled("text", "label", named(TRIAL_CRITERIA)))),),
    ),
)
