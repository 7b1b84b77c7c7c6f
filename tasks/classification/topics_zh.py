"""CLS: what a Chinese text is about."""

from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, numbered
from seqgpt_jax.tasks.readers.record import reader

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
DOMAINS = {
    "app": "应用",
    "bus": "公交",
    "cinemas": "影院",
    "contacts": "联系人",
    "cookbook": "菜谱",
    "email": "邮件",
    "epg": "节目单",
    "flight": "航班",
    "health": "健康",
    "joke": "笑话",
    "lottery": "彩票",
    "map": "地图",
    "match": "赛事",
    "message": "短信",
    "music": "音乐",
    "news": "新闻",
    "novel": "小说",
    "poetry": "诗词",
    "radio": "电台",
    "riddle": "谜语",
    "stock": "股票",
    "story": "故事",
    "telephone": "电话",
    "train": "火车",
    "translation": "翻译",
    "tvchannel": "电视频道",
    "video": "视频",
    "weather": "天气",
    "website": "网站",
}
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


_FEWCLUE = ("CLUEbenchmark/FewCLUE", "62a02c6f31cf32814cfe522f78ef088228840f8d")
_FEWCLUE_SPLITS = {
    "train": ("train_few_all.json",),
    "validation": ("dev_few_all.json",),
    "test": ("test_public.json",),
}
_FEWCLUE_FILES = ("train_few_all.json", "dev_few_all.json", "test_public.json")
_IFLYTEK = "https://storage.googleapis.com/cluebenchmark/tasks/iflytek_public.zip"
_CSL = {
    "family": "CLS",
    "language": "zh",
    "atom": "cls",
    "splits": dict.fromkeys(SPLITS, ("csl.jsonl",)),
    "exclusive": True,
    "source": Files(
        {"csl.jsonl": Remote("https://huggingface.co/datasets/neuclir/csl/resolve/main/data/csl.jsonl.gz")}
    ),
    "licence": "Apache-2.0",
    "citation": "Li et al. 2022, COLING",
    "verified": "schema",
}

TASKS = (
    TaskSpec(
        name="tnews",
        family="CLS",
        language="zh",
        atom="cls",
        splits=_FEWCLUE_SPLITS,
        read=reader(jsonl(), labelled("sentence", "label_desc", named(TNEWS_TOPICS))),
        exclusive=True,
        source=github(
            *_FEWCLUE,
            {name: f"datasets/tnews/{name}" for name in _FEWCLUE_FILES},
            sha256={
                "train_few_all.json": "261c91076d36a2e64bad671719cbeccbfce8e7032716de4dbb495bccbb971c15",
                "dev_few_all.json": "8aa37d994fa6148e673c1357a44ee1409cab0220f773b55dd8e5733446804725",
                "test_public.json": "19909c69baee76687f0ffeb73b5eac642e77a32a8fe661325c6f9338ca9e4c99",
            },
        ),
        licence="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        verified="files",
        sizes={"train": 1185, "validation": 1098, "test": 2010},
    ),
    TaskSpec(
        name="thucnews_10",
        family="CLS",
        language="zh",
        atom="cls",
        splits={"validation": ("dev.txt",), "test": ("test.txt",)},
        read=reader(
            delimited("\t", columns=("title", "topic")), labelled("title", "topic", numbered(*THUCNEWS_TOPICS))
        ),
        held_out=True,
        exclusive=True,
        source=github(
            "649453932/Chinese-Text-Classification-Pytorch",
            "6cb26819af7b646275aff8a4693676f2849e67f6",
            {name: f"THUCNews/data/{name}" for name in ("dev.txt", "test.txt")},
            sha256={
                "dev.txt": "6ed73aa2c57ee1560c8f76570d48735c4b1c29ae4983fe3523d56e115813e175",
                "test.txt": "ebecc8c896635ad69730083ca7b81d37c42c9a5779bc05c9d2479d894e34f026",
            },
        ),
        licence="THUCNews: research",
        citation="Sun et al. 2016, THUCTC",
        verified="files",
        sizes={"validation": 10000, "test": 10000},
    ),
    TaskSpec(
        name="smp2019.domain",
        family="CLS",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.json",)),
        read=reader(json_list(), labelled("text", "domain", named(DOMAINS)), split_key=lambda row: row["text"]),
        exclusive=True,
        source=github(
            "OnionWang/SMP2019-ECDT-NLU",
            "8a014cc516484257af71d5957e656fc51236501a",
            {"train.json": "dataSet/train.json"},
            sha256={"train.json": "32e897dd76ab4dfa021f0334236514cf2f4d44e108e6e95984fd46d0a79e7a50"},
        ),
        licence="SMP2019 ECDT: research",
        citation="SMP 2019 ECDT task 1",
        verified="files",
        sizes={"train": 2077, "validation": 239, "test": 263},
    ),
    TaskSpec(
        name="iflytek",
        family="CLS",
        language="zh",
        atom="cls",
        # The labels of the official test part are not published.
        splits={"train": ("train.json",), "test": ("dev.json",)},
        read=reader(jsonl(), labelled("sentence", "label_des")),
        exclusive=True,
        source=Files({name: Remote(_IFLYTEK, member=name) for name in ("train.json", "dev.json")}),
        licence="CLUE: research",
        citation="Xu et al. 2020, COLING (CLUE)",
        verified="schema",
        sizes={"train": 12133, "test": 2599},
    ),
    TaskSpec(
        name="csldcp",
        family="CLS",
        language="zh",
        atom="cls",
        splits=_FEWCLUE_SPLITS,
        read=reader(jsonl(), labelled("content", "label")),
        exclusive=True,
        source=github(*_FEWCLUE, {name: f"datasets/csldcp/{name}" for name in _FEWCLUE_FILES}),
        licence="FewCLUE: research",
        citation="Xu et al. 2021, FewCLUE (arXiv 2107.07498)",
        verified="schema",
        sizes={"train": 536, "validation": 536, "test": 1784},
    ),
    TaskSpec(
        name="toutiao_titles",
        family="CLS",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("toutiao_cat_data.txt",)),
        read=reader(
            delimited("_!_", columns=("id", "code", "category", "title", "keywords")),
            labelled("title", "category", named(TOUTIAO_TOPICS)),
            split_key=lambda row: row["title"],
        ),
        exclusive=True,
        source=Files(
            {
                "toutiao_cat_data.txt": Remote(
                    "https://raw.githubusercontent.com/aceimnorstuvwxz/toutiao-text-classfication-dataset/"
                    "master/toutiao_cat_data.txt.zip",
                    member="toutiao_cat_data.txt",
                )
            }
        ),
        licence="unknown",
        citation="Toutiao titles 2018, github.com",
        verified="schema",
    ),
    TaskSpec(
        name="csl.category",
        read=reader(jsonl(), labelled("title", "category"), split_key=lambda row: row["doc_id"]),
        **_CSL,
    ),
    TaskSpec(
        name="csl.discipline",
        read=reader(jsonl(), labelled("abstract", "discipline"), split_key=lambda row: row["doc_id"]),
        **_CSL,
    ),
    TaskSpec(
        name="cail2018",
        family="CLS",
        language="zh",
        atom="cls",
        **hub(
            "china-ai-law-challenge/cail2018",
            splits={
                "train": "exercise_contest_train",
                "validation": "exercise_contest_valid",
                "test": "exercise_contest_test",
            },
        ),
        read=reader(jsonl(), found_labels("fact", lambda row: map(without_brackets, row["accusation"]))),
        licence="unknown",
        citation="Xiao et al. 2018, arXiv 1807.02478",
        verified="schema",
        sizes={"train": 154592, "validation": 17131, "test": 32508},
    ),
    TaskSpec(
        name="chip_ctc",
        family="CLS",
        language="zh",
        atom="cls",
        # The labels of the official test part are not published.
        splits={"train": ("CHIP-CTC_train.json",), "test": ("CHIP-CTC_dev.json",)},
        read=reader(json_list(), labelled("text", "label", named(TRIAL_CRITERIA))),
        exclusive=True,
        source=OnRequest(
            "CBLUE, tianchi.aliyun.com/dataset/95414",
            "Sign the form, download CBLUE and put CHIP-CTC_train.json and CHIP-CTC_dev.json into the folder.",
        ),
        licence="CBLUE: research, on request",
        citation="Zong et al. 2021, Chinese Journal of Medical Informatics; Zhang et al. 2022, ACL (CBLUE)",
        verified="schema",
        sizes={"train": 22962, "test": 7682},
    ),
)
