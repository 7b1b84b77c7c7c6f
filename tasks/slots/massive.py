"""SF: MASSIVE, the same requests to an assistant in English and Chinese."""

from seqgpt_jax.data.raw.sources import PARQUET
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.inline import SQUARE, marked_spans
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

MASSIVE_SLOTS_ZH = {
    "alarm_type": "闹钟类型",
    "app_name": "应用名",
    "artist_name": "艺人名",
    "audiobook_author": "有声书作者",
    "audiobook_name": "有声书名",
    "business_name": "商家名",
    "business_type": "商家类型",
    "change_amount": "变化量",
    "coffee_type": "咖啡类型",
    "color_type": "颜色",
    "cooking_type": "烹饪方式",
    "currency_name": "货币名",
    "date": "日期",
    "definition_word": "待解释的词",
    "device_type": "设备类型",
    "drink_type": "饮料类型",
    "email_address": "邮箱地址",
    "email_folder": "邮件文件夹",
    "event_name": "活动名",
    "food_type": "食物类型",
    "game_name": "游戏名",
    "game_type": "游戏类型",
    "general_frequency": "频率",
    "house_place": "屋内位置",
    "ingredient": "食材",
    "joke_type": "笑话类型",
    "list_name": "清单名",
    "meal_type": "餐次",
    "media_type": "媒体类型",
    "movie_name": "电影名",
    "movie_type": "电影类型",
    "music_album": "音乐专辑",
    "music_descriptor": "音乐描述",
    "music_genre": "音乐流派",
    "news_topic": "新闻主题",
    "order_type": "点餐方式",
    "person": "人物",
    "personal_info": "个人信息",
    "place_name": "地名",
    "player_setting": "播放设置",
    "playlist_name": "歌单名",
    "podcast_descriptor": "播客描述",
    "podcast_name": "播客名",
    "radio_name": "电台名",
    "relation": "人物关系",
    "song_name": "歌曲名",
    "sport_type": "运动类型",
    "time": "时间",
    "time_zone": "时区",
    "timeofday": "时段",
    "transport_agency": "运输公司",
    "transport_descriptor": "交通描述",
    "transport_name": "车次或线路名",
    "transport_type": "交通方式",
    "weather_descriptor": "天气描述",
}


def english_slot(code: str) -> str:
    """`place_name` -> "place name"; one code is not in snake case."""
    return "time of day" if code == "timeofday" else spelled_out(code)


def _massive(language: str, locale: str, name: Naming) -> TaskSpec:
    return TaskSpec(
        name=f"massive.slots_{language}",
        family="SF",
        language=language,
        atom="ext",
        **hub("AmazonScience/massive", locale, revision=PARQUET),
        read=reader(jsonl(), marked_spans(SQUARE, name, lambda row: row["annot_utt"])),
        licence="CC BY 4.0",
        citation="FitzGerald et al. 2023, MASSIVE, ACL",
        verified="schema",
        sizes={"train": 11514, "validation": 2033, "test": 2974},
    )


TASKS = (
    _massive("en", "en-US", english_slot),
    _massive("zh", "zh-CN", named(MASSIVE_SLOTS_ZH)),
)
