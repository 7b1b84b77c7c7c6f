"""ID: an utterance and what its speaker wants."""

from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.intents import nested_splits
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders, utterance_labels
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


TASKS = (
    TaskSpec(
        name="banking77",
        family="ID",
        language="en",
        atom="cls",
        splits={"train": ("train.csv",), "test": ("test.csv",)},
        read=reader(delimited(",", quoted=True), labelled("text", "category", spelled_out)),
        held_out=True,
        exclusive=True,
        licence="CC BY 4.0",
        source="github.com/PolyAI-LDN/task-specific-datasets banking_data/{train,test}.csv",
    ),
    TaskSpec(
        name="clinc150",
        family="ID",
        language="en",
        atom="cls",
        splits=dict.fromkeys(("train", "validation", "test"), ("data_small.json",)),
        read=nested_splits(
            {"train": ("train", "oos_train"), "validation": ("val", "oos_val"), "test": ("test", "oos_test")},
            lambda code: "out of scope" if code == "oos" else spelled_out(code),
        ),
        exclusive=True,
        licence="CC BY 3.0",
        source="github.com/clinc/oos-eval data/data_small.json",
    ),
    TaskSpec(
        name="atis.intent",
        family="ID",
        language="en",
        atom="cls",
        splits=split_folders("seq.in", "label"),
        read=reader(
            parallel("text", "label"),
            utterance_labels(lambda code: spelled_out(code.removeprefix("atis_")), separator="#"),
        ),
        licence="ATIS (LDC): research",
        source="github.com/MiuLab/SlotGated-SLU data/atis",
    ),
    TaskSpec(
        name="snips.intent",
        family="ID",
        language="en",
        atom="cls",
        splits=split_folders("seq.in", "label"),
        read=reader(parallel("text", "label"), utterance_labels(spelled_out)),
        exclusive=True,
        licence="CC0-1.0",
        source="github.com/MiuLab/SlotGated-SLU data/snips",
    ),
    TaskSpec(
        name="smp2019.intent",
        family="ID",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(("train", "validation", "test"), ("train.json",)),
        read=reader(json_list(), labelled("text", "intent", named(INTENTS)), split_key=lambda row: row["text"]),
        exclusive=True,
        licence="SMP2019 ECDT: research",
        source="github.com/OnionWang/SMP2019-ECDT-NLU dataSet/train.json",
    ),
)
