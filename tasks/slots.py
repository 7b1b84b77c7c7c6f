"""SF: the values of each slot in an utterance."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders, utterance_slots
from seqgpt_jax.tasks.readers.record import Record, reader
from seqgpt_jax.tasks.readers.tagged import word_tags

MOVIE_SLOTS = {"RATING": "audience rating", "RATINGS_AVERAGE": "average rating", "TRAILER": "trailer or clip"}
RESTAURANT_SLOTS = {
    "date": "date",
    "first_name": "first name",
    "last_name": "last name",
    "people": "number of people",
    "time": "time",
}
ATIS_PARTS = {
    "arrive_date": "arrival",
    "arrive_time": "arrival",
    "depart_date": "departure",
    "depart_time": "departure",
    "fromloc": "departure",
    "return_date": "return",
    "return_time": "return",
    "stoploc": "stopover",
    "toloc": "destination",
}
SMP_SLOTS = {
    "Dest": "目的站",
    "Src": "出发站",
    "absIssue": "期号",
    "area": "地区",
    "artist": "艺人",
    "artistRole": "艺人角色",
    "author": "作者",
    "awayName": "客队",
    "category": "类别",
    "code": "编号",
    "content": "内容",
    "datetime_date": "日期",
    "datetime_time": "时间",
    "decade": "年代",
    "dishName": "菜名",
    "dynasty": "朝代",
    "endLoc_area": "终点区域",
    "endLoc_city": "终点城市",
    "endLoc_poi": "终点地点",
    "endLoc_province": "终点省份",
    "episode": "集数",
    "film": "电影名",
    "headNum": "号段",
    "homeName": "主队",
    "ingredient": "食材",
    "keyword": "关键词",
    "location_area": "所在区域",
    "location_city": "所在城市",
    "location_country": "所在国家",
    "location_poi": "所在地点",
    "location_province": "所在省份",
    "media": "媒体",
    "name": "名称",
    "payment": "费用",
    "popularity": "热度",
    "queryField": "查询项目",
    "questionWord": "疑问词",
    "receiver": "接收人",
    "relIssue": "相对期次",
    "resolution": "清晰度",
    "scoreDescr": "评分描述",
    "season": "季数",
    "song": "歌曲名",
    "startDate_date": "出发日期",
    "startDate_time": "出发时间",
    "startLoc_area": "起点区域",
    "startLoc_city": "起点城市",
    "startLoc_poi": "起点地点",
    "startLoc_province": "起点省份",
    "subfocus": "关注点",
    "tag": "标签",
    "target": "目标语言",
    "teleOperator": "运营商",
    "theatre": "影院名",
    "timeDescr": "时间描述",
    "tvchannel": "电视频道名",
    "type": "类型",
    "utensil": "厨具",
    "yesterday": "昨日",
}


def atis_slot(code: str) -> str:
    """`fromloc.city_name` -> "departure city name", `flight_mod` -> "flight mod"."""
    part, dot, slot = code.partition(".")
    return spelled_out(f"{named(ATIS_PARTS)(part)} {slot}" if dot else code)


def slot_values(row: dict) -> Iterator[tuple[str, str]]:
    """SMP2019: slot -> its value."""
    return ((named(SMP_SLOTS)(slot), value) for slot, value in row["slots"].items())


def booking_slots(record: Record) -> Iterator[Instance]:
    """RESTAURANTS-8K: character spans of an utterance; `startIndex` is left out where it is 0.

    What the system had asked for (`requestedSlots`) is not part of the text.
    """
    text = record.value["userInput"]["text"]
    found = []
    for label in record.value.get("labels", ()):
        start, end = label["valueSpan"].get("startIndex", 0), label["valueSpan"]["endIndex"]
        if not 0 <= start < end <= len(text):
            raise ValueError(f"characters {start} to {end} of slot {label['slot']!r} are outside the text")
        found.append((start, named(RESTAURANT_SLOTS)(label["slot"]), text[start:end]))
    yield families.spans_by_label(record.id, text, ((slot, span) for _, slot, span in sorted(found)))


TASKS = (
    TaskSpec(
        name="mit_movie",
        family="SF",
        language="en",
        atom="ext",
        splits={"train": ("train",), "validation": ("valid",), "test": ("test",)},
        read=reader(lines(), word_tags(lambda code: MOVIE_SLOTS.get(code) or spelled_out(code))),
        licence="MIT SLS corpus: research",
        source="github.com/sz128/slot_filling_and_intent_detection_of_SLU data/MIT_corpus/movie_eng",
    ),
    TaskSpec(
        name="snips.slots",
        family="SF",
        language="en",
        atom="ext",
        splits=split_folders("seq.in", "seq.out"),
        read=reader(parallel("text", "tags"), utterance_slots(spelled_out)),
        licence="CC0-1.0",
        source="github.com/MiuLab/SlotGated-SLU data/snips",
    ),
    TaskSpec(
        name="atis.slots",
        family="SF",
        language="en",
        atom="ext",
        splits=split_folders("seq.in", "seq.out"),
        read=reader(parallel("text", "tags"), utterance_slots(atis_slot)),
        licence="ATIS (LDC): research",
        source="github.com/MiuLab/SlotGated-SLU data/atis",
    ),
    TaskSpec(
        name="restaurant8k",
        family="SF",
        language="en",
        atom="ext",
        splits={"train": ("train_1.json",), "test": ("test.json",)},
        read=reader(json_list(), booking_slots),
        held_out=True,
        licence="CC BY 4.0",
        source="github.com/PolyAI-LDN/task-specific-datasets span_extraction/restaurant8k/{train_1,test}.json",
    ),
    TaskSpec(
        name="smp2019.slots",
        family="SF",
        language="zh",
        atom="ext",
        splits=dict.fromkeys(("train", "validation", "test"), ("train.json",)),
        read=reader(json_list(), pairs("text", slot_values), split_key=lambda row: row["text"]),
        licence="SMP2019 ECDT: research",
        source="github.com/OnionWang/SMP2019-ECDT-NLU dataSet/train.json",
    ),
)
