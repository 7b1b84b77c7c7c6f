"""ID: MASSIVE, its intents and scenarios in both languages, and HWU64, which has most of its intents."""

from seqgpt_jax.data.raw.sources import PARQUET, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders
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
HWU64_INTENTS = {code: english for code, (english, _) in INTENTS.items()} | {
    "general_affirm": "affirm",
    "general_commandstop": "stop",
    "general_confirm": "ask for confirmation",
    "general_dontcare": "don't care",
    "general_explain": "ask for explanation",
    "general_negate": "negate",
    "general_praise": "praise",
    "general_repeat": "ask to repeat",
}


def massive(part: str, family: str, field: str, names: dict[str, tuple[str, str]], language: str) -> TaskSpec:
    """One label field of MASSIVE in one language."""
    place = ("en", "zh").index(language)
    return TaskSpec(
        name=f"massive.{part}_{language}",
        family=family,
        language=language,
        atom="cls",
        **hub("AmazonScience/massive", ("en-US", "zh-CN")[place], revision=PARQUET),
        read=reader(jsonl(), labelled("utt", field, named({code: pair[place] for code, pair in names.items()}))),
        exclusive=True,
        licence="CC BY 4.0",
        citation="FitzGerald et al. 2023, ACL",
        verified="schema",
        sizes={"train": 11514, "validation": 2033, "test": 2974},
    )


TASKS = (
    *(massive("intent", "ID", "intent", INTENTS, language) for language in ("en", "zh")),
    *(massive("scenario", "CLS", "scenario", SCENARIOS, language) for language in ("en", "zh")),
    TaskSpec(
        name="hwu64",
        family="ID",
        language="en",
        atom="cls",
        splits=split_folders("seq.in", "label"),
        read=reader(parallel("text", "label"), labelled("text", "label", named(HWU64_INTENTS))),
        exclusive=True,
        source=github(
            "jianguoz/Few-Shot-Intent-Detection",
            "e8b107dee13eb81ac1414ce83f0aa0fa87abce99",
            {
                f"{folder}/{name}": f"Datasets/HWU64/{folder}/{name}"
                for folder in ("train", "valid", "test")
                for name in ("seq.in", "label")
            },
        ),
        licence="CC BY 4.0",
        citation="Liu et al. 2019, IWSDS; Casanueva et al. 2020, NLP4ConvAI",
        verified="schema",
        sizes={"train": 8954, "validation": 1076, "test": 1076},
    ),
)
