"""MASSIVE: the same requests in English and Chinese, with scenario (CLS), intent (ID) and slots (SF)."""

from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import PARQUET
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Reader, Task
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.inline import SQUARE, marked_spans
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

# Code -> English and Chinese name.
INTENTS = {
    "alarm_query": ("query alarms", "查询闹钟"),
    "alarm_remove": ("remove alarm", "删除闹钟"),
    "alarm_set": ("set alarm", "设置闹钟"),
    "audio_volume_down": ("turn volume down", "调低音量"),
    "audio_volume_mute": ("mute volume", "静音"),
    "audio_volume_other": ("other volume setting", "其他音量设置"),
    "audio_volume_up": ("turn volume up", "调高音量"),
    "calendar_query": ("query calendar", "查询日程"),
    "calendar_remove": ("remove calendar event", "删除日程"),
    "calendar_set": ("set calendar event", "添加日程"),
    "cooking_query": ("query cooking", "查询烹饪"),
    "cooking_recipe": ("find recipe", "查找菜谱"),
    "datetime_convert": ("convert time zone", "换算时区"),
    "datetime_query": ("query date or time", "查询日期时间"),
    "email_addcontact": ("add email contact", "添加邮件联系人"),
    "email_query": ("query email", "查询邮件"),
    "email_querycontact": ("query email contact", "查询邮件联系人"),
    "email_sendemail": ("send email", "发送邮件"),
    "general_greet": ("greet", "问候"),
    "general_joke": ("tell joke", "讲笑话"),
    "general_quirky": ("chitchat", "闲聊"),
    "iot_cleaning": ("start vacuum cleaner", "扫地机器人打扫"),
    "iot_coffee": ("make coffee", "煮咖啡"),
    "iot_hue_lightchange": ("change light color", "改变灯光颜色"),
    "iot_hue_lightdim": ("dim light", "调暗灯光"),
    "iot_hue_lightoff": ("turn light off", "关灯"),
    "iot_hue_lighton": ("turn light on", "开灯"),
    "iot_hue_lightup": ("brighten light", "调亮灯光"),
    "iot_wemo_off": ("turn smart plug off", "关闭智能插座"),
    "iot_wemo_on": ("turn smart plug on", "打开智能插座"),
    "lists_createoradd": ("create or add to list", "新建或添加清单"),
    "lists_query": ("query lists", "查询清单"),
    "lists_remove": ("remove from list", "删除清单内容"),
    "music_dislikeness": ("dislike music", "不喜欢音乐"),
    "music_likeness": ("like music", "喜欢音乐"),
    "music_query": ("query music", "查询音乐"),
    "music_settings": ("change music settings", "音乐设置"),
    "news_query": ("query news", "查询新闻"),
    "play_audiobook": ("play audiobook", "播放有声书"),
    "play_game": ("play game", "玩游戏"),
    "play_music": ("play music", "播放音乐"),
    "play_podcasts": ("play podcast", "播放播客"),
    "play_radio": ("play radio", "播放电台"),
    "qa_currency": ("convert currency", "查询汇率"),
    "qa_definition": ("look up definition", "查询定义"),
    "qa_factoid": ("ask fact", "询问事实"),
    "qa_maths": ("do maths", "数学计算"),
    "qa_stock": ("query stock price", "查询股价"),
    "recommendation_events": ("recommend events", "推荐活动"),
    "recommendation_locations": ("recommend places", "推荐地点"),
    "recommendation_movies": ("recommend movies", "推荐电影"),
    "social_post": ("post on social media", "发布社交动态"),
    "social_query": ("query social media", "查询社交动态"),
    "takeaway_order": ("order takeaway", "点外卖"),
    "takeaway_query": ("query takeaway", "查询外卖"),
    "transport_query": ("query transport", "查询交通"),
    "transport_taxi": ("book taxi", "叫出租车"),
    "transport_ticket": ("book ticket", "订票"),
    "transport_traffic": ("query traffic", "查询路况"),
    "weather_query": ("query weather", "查询天气"),
}
SCENARIOS = {
    "alarm": ("alarm", "闹钟"),
    "audio": ("audio", "音量"),
    "calendar": ("calendar", "日程"),
    "cooking": ("cooking", "烹饪"),
    "datetime": ("date and time", "日期时间"),
    "email": ("email", "邮件"),
    "general": ("general talk", "闲聊"),
    "iot": ("smart home", "智能家居"),
    "lists": ("lists", "清单"),
    "music": ("music", "音乐"),
    "news": ("news", "新闻"),
    "play": ("media player", "播放"),
    "qa": ("question answering", "问答"),
    "recommendation": ("recommendation", "推荐"),
    "social": ("social media", "社交"),
    "takeaway": ("takeaway", "外卖"),
    "transport": ("transport", "交通"),
    "weather": ("weather", "天气"),
}
SLOTS_ZH = {
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


def _tasks(language: str, locale: str, slot: Naming) -> tuple[Task, ...]:
    position = ("en", "zh").index(language)
    task = partial(Task, language=language, source=hub("AmazonScience/massive", locale, revision=PARQUET))

    def of_table(field: str, names: dict[str, tuple[str, str]]) -> Reader:
        return reader(jsonl(), labelled("utt", field, named({code: pair[position] for code, pair in names.items()})))

    return (
        task("ID", read=of_table("intent", INTENTS), name=f"intent_{language}", exclusive=True),
        task("CLS", read=of_table("scenario", SCENARIOS), name=f"scenario_{language}", exclusive=True),
        task(
            "SF",
            read=reader(jsonl(), marked_spans(SQUARE, slot, itemgetter("annot_utt"), itemgetter("utt"))),
            name=f"slots_{language}",
        ),
    )


MASSIVE = DatasetSpec(
    "massive",
    license="CC BY 4.0",
    citation="FitzGerald et al. 2023, MASSIVE, ACL",
    sizes={"train": 11514, "validation": 2033, "test": 2974},
    tasks=(*_tasks("en", "en-US", english_slot), *_tasks("zh", "zh-CN", named(SLOTS_ZH))),
)
