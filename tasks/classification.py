"""CLS: a text and its labels."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Record, reader

QUESTION_TYPES = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "human",
    "LOC": "location",
    "NUM": "number",
}
TOPICS = {"1": "world", "2": "sports", "3": "business", "4": "science and technology"}
EMOTIONS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise"),
    "neutral",
)
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


def question_type(record: Record) -> Iterator[Instance]:
    """TREC: `COARSE:fine question`; the six coarse types are the labels."""
    code, _, question = record.value.partition(" ")
    coarse, colon, _ = code.partition(":")
    if not colon:
        raise ValueError(f"`COARSE:fine question` was expected, found {record.value!r}")
    yield families.classification(record.id, question, [named(QUESTION_TYPES)(coarse)])


def news_article(record: Record) -> Iterator[Instance]:
    """AG's News: title and description; a backslash stands there for a line break."""
    text = f"{record.value['title']} {record.value['description']}".replace("\\", " ")
    yield families.classification(record.id, text, [named(TOPICS)(record.value["class"])])


TASKS = (
    TaskSpec(
        name="trec",
        family="CLS",
        language="en",
        atom="cls",
        splits={"train": ("TREC.train",), "test": ("TREC.test",)},
        # One question of the original holds byte 0xf0, which is not UTF-8.
        read=reader(lines("latin-1"), question_type),
        exclusive=True,
        licence="TREC (Li & Roth 2002): free for research",
        source="github.com/harvardnlp/sent-conv-torch data/raw/TREC.{train,test}",
    ),
    TaskSpec(
        name="ag_news",
        family="CLS",
        language="en",
        atom="cls",
        splits={"test": ("test.csv",)},
        read=reader(delimited(",", columns=("class", "title", "description"), quoted=True), news_article),
        held_out=True,
        exclusive=True,
        licence="AG corpus: non-commercial research",
        source="github.com/mhjabreel/CharCnn_Keras data/ag_news_csv/test.csv",
    ),
    TaskSpec(
        name="goemotions",
        family="CLS",
        language="en",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        read=reader(
            delimited("\t", columns=("text", "emotions", "id")),
            labelled("text", "emotions", named({str(i): name for i, name in enumerate(EMOTIONS)}), separator=","),
        ),
        licence="Apache-2.0",
        source="github.com/monologg/GoEmotions-pytorch data/original/{train,dev,test}.tsv",
    ),
    TaskSpec(
        name="tnews",
        family="CLS",
        language="zh",
        atom="cls",
        splits={
            "train": ("train_few_all.json",),
            "validation": ("dev_few_all.json",),
            "test": ("test_public.json",),
        },
        read=reader(jsonl(), labelled("sentence", "label_desc", named(TNEWS_TOPICS))),
        exclusive=True,
        licence="FewCLUE: research",
        source="github.com/CLUEbenchmark/FewCLUE datasets/tnews",
    ),
    TaskSpec(
        name="thucnews_10",
        family="CLS",
        language="zh",
        atom="cls",
        splits={"validation": ("dev.txt",), "test": ("test.txt",)},
        read=reader(
            delimited("\t", columns=("title", "topic")),
            labelled("title", "topic", named({str(i): name for i, name in enumerate(THUCNEWS_TOPICS)})),
        ),
        held_out=True,
        exclusive=True,
        licence="THUCNews: research",
        source="github.com/649453932/Chinese-Text-Classification-Pytorch THUCNews/data/{dev,test}.txt",
    ),
    TaskSpec(
        name="smp2019.domain",
        family="CLS",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(("train", "validation", "test"), ("train.json",)),
        read=reader(json_list(), labelled("text", "domain", named(DOMAINS)), split_key=lambda row: row["text"]),
        exclusive=True,
        licence="SMP2019 ECDT: research",
        source="github.com/OnionWang/SMP2019-ECDT-NLU dataSet/train.json",
    ),
)
