"""SF in Chinese: the SMP 2019 contest, and what people ask an online shop for."""

from collections.abc import Iterator

from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tagged import word_tags

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
ECSA_SLOTS = {"PINLEI": "品类", "PK": "属性名"}


def shop_slot(code: str) -> str:
    """ECSA: `20000_品牌` -> "品牌"; the number is the property's in the shop."""
    number, _, slot = code.partition("_")
    return slot if slot and number.isdigit() else named(ECSA_SLOTS)(code)


def slot_values(row: dict) -> Iterator[tuple[str, str]]:
    """SMP2019: slot -> its value."""
    return ((named(SMP_SLOTS)(slot), value) for slot, value in row["slots"].items())


TASKS = (
    TaskSpec(
        name="smp2019.slots",
        family="SF",
        language="zh",
        atom="ext",
        splits=dict.fromkeys(("train", "validation", "test"), ("train.json",)),
        read=reader(json_list(), pairs("text", slot_values), split_key=lambda row: row["text"]),
        licence="SMP2019 ECDT: research",
        source=github(
            "OnionWang/SMP2019-ECDT-NLU",
            "8a014cc516484257af71d5957e656fc51236501a",
            {"train.json": "dataSet/train.json"},
            {"train.json": "32e897dd76ab4dfa021f0334236514cf2f4d44e108e6e95984fd46d0a79e7a50"},
        ),
        citation="SMP 2019, evaluation of Chinese human-computer dialogue",
        verified="files",
        sizes={"train": 2077, "validation": 239, "test": 263},
    ),
    TaskSpec(
        name="ecsa",
        family="SF",
        language="zh",
        atom="ext",
        splits={"train": ("train",), "validation": ("valid",), "test": ("test",)},
        read=reader(lines(), word_tags(shop_slot, joiner="")),
        licence="research",
        source=github(
            "sz128/slot_filling_and_intent_detection_of_SLU",
            "40f334417a93bcfd4bb3da2cf043ab13973ae695",
            {name: f"data/ECSA/{name}" for name in ("train", "valid", "test")},
        ),
        citation="Gong et al. 2019, E-commerce Shopping Assistant, AAAI",
        verified="schema",
    ),
)
