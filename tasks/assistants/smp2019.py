"""SMP2019 ECDT: what is asked of Chinese assistants, with domain (CLS), intent (ID) and slots (SF)."""

from collections.abc import Iterator
from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.readers.fields import labelled, pairs
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader

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
SLOTS = {
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


def slot_values(row: dict) -> Iterator[tuple[str, str]]:
    """(slot, value) pairs of an utterance."""
    return ((named(SLOTS)(slot), value) for slot, value in row["slots"].items())


_read = partial(reader, json_list(), split_key=itemgetter("text"))

SMP2019 = DatasetSpec(
    "smp2019",
    github("OnionWang/SMP2019-ECDT-NLU", "8a014cc516484257af71d5957e656fc51236501a", "dataSet/{}"),
    license="SMP2019 ECDT: research",
    citation="SMP 2019 ECDT, evaluation of Chinese human-computer dialogue, task 1",
    verified="files",
    splits=dict.fromkeys(SPLITS, ("train.json",)),
    sizes={"train": 2077, "validation": 239, "test": 263},
    tasks=(
        Task("CLS", "zh", _read(labelled("text", "domain", named(DOMAINS))), name="domain", exclusive=True),
        Task("ID", "zh", _read(labelled("text", "intent", named(INTENTS))), name="intent", exclusive=True),
        Task("SF", "zh", _read(pairs("text", slot_values)), name="slots"),
    ),
)
