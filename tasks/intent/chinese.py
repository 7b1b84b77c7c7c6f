"""ID: what the speaker of a Chinese utterance wants."""

from collections.abc import Callable

from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader

INTENTS = {
    "CLOSEPRICE_QUERY": "查询收盘价",
    "CREATE": "新建",
    "DATE_QUERY": "查询日期",
    "DEFAULT": "背诵诗词",
    "DIAL": "拨打电话",
    "DOWNLOAD": "下载",
    "FORWARD": "转发",
    "LAUNCH": "启动应用",
    "LOOK_BACK": "回看",
    "NUMBER_QUERY": "查询号码",
    "OPEN": "打开",
    "PLAY": "播放",
    "POSITION": "定位",
    "QUERY": "查询",
    "REPLAY_ALL": "回复全部",
    "REPLY": "回复",
    "RISERATE_QUERY": "查询涨幅",
    "ROUTE": "路线规划",
    "SEARCH": "搜索",
    "SEND": "发送",
    "SENDCONTACTS": "发送联系人",
    "TRANSLATION": "翻译",
    "VIEW": "查看",
}


def quoted_labels(field: str) -> Callable[[dict], list[str]]:
    """CMID keeps its labels in lists, each now and then in quotes of its own: `["'病因'"]`."""
    return lambda row: [label.strip("'\" ") for label in row[field]]


_CMID = {
    "language": "zh",
    "atom": "cls",
    "splits": dict.fromkeys(SPLITS, ("CMID.json",)),
    "source": Files(
        {"CMID.json": Remote("https://cdatalab1.oss-cn-beijing.aliyuncs.com/text-classification/CMID/CMID.json")}
    ),
    "licence": "CMID: research",
    "citation": "Chen et al. 2020, BMC Medical Informatics and Decision Making",
    "verified": "schema",
}

TASKS = (
    TaskSpec(
        name="smp2019.intent",
        family="ID",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.json",)),
        read=reader(json_list(), labelled("text", "intent", named(INTENTS)), split_key=lambda row: row["text"]),
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
        name="kuake_qic",
        family="ID",
        language="zh",
        atom="cls",
        # The labels of the official test part are not published.
        splits={"train": ("KUAKE-QIC_train.json",), "test": ("KUAKE-QIC_dev.json",)},
        read=reader(json_list(), labelled("query", "label")),
        exclusive=True,
        source=OnRequest(
            "CBLUE, tianchi.aliyun.com/dataset/95414",
            "Sign the form, download CBLUE and put KUAKE-QIC_train.json and KUAKE-QIC_dev.json into the folder.",
        ),
        licence="CBLUE: research, on request",
        citation="Zhang et al. 2022, ACL (CBLUE)",
        verified="schema",
        sizes={"train": 6931, "test": 1955},
    ),
    TaskSpec(
        name="cmid.intent",
        family="ID",
        read=reader(
            json_list(),
            found_labels("originalText", quoted_labels("label_36class")),
            split_key=lambda row: row["originalText"],
        ),
        **_CMID,
    ),
    TaskSpec(
        name="cmid.topic",
        family="CLS",
        read=reader(
            json_list(),
            found_labels("originalText", quoted_labels("label_4class")),
            split_key=lambda row: row["originalText"],
        ),
        **_CMID,
    ),
)
