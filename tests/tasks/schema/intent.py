"""Samples: an utterance and what its speaker wants."""

from tests.tasks.schema.classified import answer, each_split
from tests.tasks.schema.sample import Sample, split_by_hash

_MTOP = (
    "7\tIN:CREATE_REMINDER\t12:20:SL:DATE_TIME\tremind me to row tonight\treminder\ten_XX\t"
    "[IN:CREATE_REMINDER remind [SL:PERSON_REMINDED me ] ]\t"
    '{"tokens": ["remind", "me"], "tokenSpans": [], "tokenType": []}\n'
    '8\tIN:GET_WEATHER\t\twill it be windy\tweather\ten_XX\t[IN:GET_WEATHER will it be windy ]\t{"tokens": []}\n'
)
_MTOP_FILES = {"train": "en/train.txt", "validation": "en/eval.txt", "test": "en/test.txt"}
_QUESTIONS = (
    '[{"originalText": "感冒是怎么引起的？", "entities": [{"label_type": "疾病", "start_pos": 0, "end_pos": 2}], '
    '"seg_result": ["感冒", "是", "怎么", "引起", "的"], "label_4class": ["病症"], "label_36class": ["\'病因\'"]}, '
    '{"originalText": "这种药要多少钱，怎么吃？", "entities": [], "seg_result": [], '
    '"label_4class": ["药物"], "label_36class": ["\'价钱\'", "\'用法\'"]}]'
)
_FOLD = (
    '[{"text": "why was my new card sent late?", "intents": ["why", "new", "card", "arrival"]}, '
    '{"text": "I want to open an account for 50 pounds", "intents": ["make_open_apply_setup_get_activate", "account"], '
    '"slots": {"amount_of_money": {"text": "50 pounds", "span": [30, 39], "value": "50 GBP"}}}, '
    '{"text": "tomorrow", "slots": {"date": {"text": "tomorrow", "span": [0, 8], '
    '"value": {"day": 16, "month": 3, "year": 2022}}}}]'
)
_ROOMS = '[{"text": "are there towels?", "intents": ["request_info", "room_ammenities"]}, {"text": "two nights"}]'


def massive(locale: str, utterances: tuple[str, str], *labels: str) -> Sample:
    """An alarm and a lamp, in one language."""
    rows = [
        {
            "id": str(number),
            "locale": locale,
            "partition": "train",
            "scenario": scenario,
            "intent": intent,
            "utt": utterance,
            "annot_utt": utterance,
            "worker_id": "1",
            "slot_method": {"slot": [], "method": []},
            "judgments": {
                "worker_id": [],
                "intent_score": [],
                "slots_score": [],
                "grammar_score": [],
                "spelling_score": [],
                "language_identification": [],
            },
        }
        for number, (scenario, intent, utterance) in enumerate(
            (("alarm", "alarm_set", utterances[0]), ("iot", "iot_hue_lightchange", utterances[1]))
        )
    ]
    return each_split(
        rows, *(answer(text, label) for text, label in zip(utterances, labels, strict=True)), folder=locale
    )


def nlupp(domain: str, fold: str, *expected: tuple | None) -> Sample:
    """Twenty folds, of which the first 18 are the training part."""
    files = {f"{domain}/fold{number}.json": "[]" for number in range(20)}
    files |= {f"{domain}/fold{number}.json": fold for number in (0, 18, 19)}
    return Sample(files, dict.fromkeys(("train", "validation", "test"), expected))


_EN, _ZH = ("wake me at nine", "make the lamp blue"), ("九点叫醒我", "把灯变成蓝色")

SAMPLES = {
    "massive.intent_en": massive("en-US", _EN, "set alarm", "change light color"),
    "massive.intent_zh": massive("zh-CN", _ZH, "设置闹钟", "改变灯光颜色"),
    "massive.scenario_en": massive("en-US", _EN, "alarm", "smart home"),
    "massive.scenario_zh": massive("zh-CN", _ZH, "闹钟", "智能家居"),
    "hwu64": Sample(
        {
            f"{folder}/{name}": text
            for folder in ("train", "valid", "test")
            for name, text in (
                ("seq.in", "order a pizza for me\ni do not mind\n"),
                ("label", "takeaway_order\ngeneral_dontcare\n"),
            )
        },
        dict.fromkeys(
            ("train", "validation", "test"),
            (answer("order a pizza for me", "order takeaway"), answer("i do not mind", "don't care")),
        ),
    ),
    "mtop.intent": each_split(
        _MTOP,
        answer("remind me to row tonight", "create reminder"),
        answer("will it be windy", "get weather"),
        names=_MTOP_FILES,
    ),
    "mtop.domain": each_split(
        _MTOP, answer("remind me to row tonight", "reminder"), answer("will it be windy", "weather"), names=_MTOP_FILES
    ),
    "hint3.curekart": Sample(
        {
            "train/curekart_train.csv": 'sentence,label\n"do you deliver here, by Friday?",CHECK_PINCODE\n',
            "test/curekart_test.csv": "sentence,label\nstop my order,CANCEL_ORDER\nhm,NO_NODES_DETECTED\n",
        },
        {
            "train": [answer("do you deliver here, by Friday?", "check pincode")],
            "test": [answer("stop my order", "cancel order"), answer("hm", "out of scope")],
        },
    ),
    "hint3.powerplay11": Sample(
        {
            "train/powerplay11_train.csv": "sentence,label,\nmy prize please,WINNINGS,Earlier was WITHDRAWAL_TIME\n",
            "test/powerplay11_test.csv": "sentence,label\nhow do i join,JOIN_CONTEST\n",
        },
        {"train": [answer("my prize please", "winnings")], "test": [answer("how do i join", "join contest")]},
    ),
    "nlupp.banking_intents": nlupp(
        "banking",
        _FOLD,
        answer("why was my new card sent late?", "why", "new", "card", "arrival"),
        answer("I want to open an account for 50 pounds", "make or open or activate", "account"),
        None,
    ),
    "nlupp.hotels_intents": nlupp(
        "hotels", _ROOMS, answer("are there towels?", "request info", "room amenities"), None
    ),
    "nlupp.banking_slots": nlupp(
        "banking",
        _FOLD,
        answer("why was my new card sent late?"),
        ("I want to open an account for 50 pounds", {"amount of money": ("50 pounds",)}),
        ("tomorrow", {"date": ("tomorrow",)}),
    ),
    "nlupp.hotels_slots": nlupp("hotels", _ROOMS, answer("are there towels?"), answer("two nights")),
    "facebook_assistant.intent": each_split(
        "wake:O me:O at:B-datetime nine:I-datetime <=> alarm__set_alarm\n",
        answer("wake me at nine", "set alarm"),
        names={"train": "train", "validation": "valid", "test": "test"},
    ),
    "bitext_support": split_by_hash(
        "train.jsonl",
        [
            {
                "flags": "B",
                "instruction": "please stop purchase {{Order Number}}",
                "category": "ORDER",
                "intent": "cancel_order",
                "response": "Certainly.",
            },
            {
                "flags": "BQZ",
                "instruction": "wher is my bill",
                "category": "INVOICE",
                "intent": "check_invoice",
                "response": "Here it is.",
            },
        ],
        answer("please stop purchase {{Order Number}}", "cancel order"),
        answer("wher is my bill", "check invoice"),
    ),
    "kuake_qic": each_split(
        '[{"id": "s1", "query": "发烧两天怎么治", "label": "治疗方案"}, '
        '{"id": "s2", "query": "体检报告怎么看", "label": "指标解读"}]',
        answer("发烧两天怎么治", "治疗方案"),
        answer("体检报告怎么看", "指标解读"),
        names={"train": "KUAKE-QIC_train.json", "test": "KUAKE-QIC_dev.json"},
    ),
    "cmid.intent": split_by_hash(
        "CMID.json",
        _QUESTIONS,
        answer("感冒是怎么引起的？", "病因"),
        answer("这种药要多少钱，怎么吃？", "价钱", "用法"),
    ),
    "cmid.topic": split_by_hash(
        "CMID.json", _QUESTIONS, answer("感冒是怎么引起的？", "病症"), answer("这种药要多少钱，怎么吃？", "药物")
    ),
}
