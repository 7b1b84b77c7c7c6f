"""Samples of the SF tasks."""

import json

from tests.tasks.schema.columns import everywhere
from tests.tasks.schema.sample import Gold, Sample

ROWS = ("train.jsonl", "validation.jsonl", "test.jsonl")
TAGGED = ("train", "valid", "test")
MTOP = (
    "0\tIN:CREATE_REMINDER\t23:37:SL:DATE_TIME,14:22:SL:TODO\tRemind me to: call Ida tonight at six\treminder\ten_XX\t"
    '[IN:CREATE_REMINDER [SL:TODO call Ida ] [SL:DATE_TIME tonight at six ] ]\t{"tokens": ["Remind"], "tokenSpans": []}'
    "\n1\tIN:GET_WEATHER\t\thow is the weather\tweather\ten_XX\t[IN:GET_WEATHER ]\t{}\n"
)


def _massive(locale: str, *said: tuple[str, str]) -> list[dict]:
    return [
        {
            "id": str(number),
            "locale": locale,
            "partition": "train",
            "scenario": "alarm",
            "intent": "alarm_set",
            "utt": plain,
            "annot_utt": marked,
            "worker_id": "1",
            "slot_method": {"slot": [], "method": []},
            "judgments": {"worker_id": [], "intent_score": []},
        }
        for number, (plain, marked) in enumerate(said)
    ]


def _dstc8(folder: str, text: str, labels: list[tuple[str, int, int]], gold: Gold) -> Sample:
    """A place that starts at 0 does not say so; an utterance without values has no `labels`."""
    places = [
        {"slot": slot, "valueSpan": {"startIndex": start, "endIndex": end} if start else {"endIndex": end}}
        for slot, start, end in labels
    ]
    content = [
        {"userInput": {"text": text}, "context": {"requestedSlots": []}, "labels": places, "id": "1", "splitKey": 1.0},
        {"userInput": {"text": "Sounds good."}, "context": {}, "id": "2", "splitKey": 1.0},
    ]
    files = (f"{folder}/train_0.json", f"{folder}/test.json")
    return everywhere(json.dumps(content), files, (text, gold), ("Sounds good.", {}), splits=("train", "test"))


SAMPLES: dict[str, Sample] = {
    "mit_movie_trivia": everywhere(
        "a:O 1950:B-Year film:O with:O rex:B-Character_Name the:I-Character_Name dog:I-Character_Name <=> <NULL>\n"
        "hello:O <=> <NULL>\n",
        TAGGED,
        ("a 1950 film with rex the dog", {"year": ("1950",), "character name": ("rex the dog",)}),
        ("hello", {}),
    ),
    "mit_restaurant": everywhere(
        "cheap:B-Price soup:B-Dish at:O the:B-Restaurant_Name mill:I-Restaurant_Name <=> <NULL>\n",
        TAGGED,
        ("cheap soup at the mill", {"price": ("cheap",), "dish": ("soup",), "restaurant name": ("the mill",)}),
    ),
    "facebook_assistant.slots": everywhere(
        "remind:O me:O to:O feed:B-reminder__todo rex:I-reminder__todo at:B-datetime 6:I-datetime ::I-datetime "
        "15:I-datetime <=> reminder__set_reminder\nstop:O <=> alarm__cancel_alarm\n",
        TAGGED,
        ("remind me to feed rex at 6:15", {"thing to do": ("feed rex",), "date and time": ("at 6:15",)}),
        ("stop", {}),
    ),
    "ecsa": everywhere(
        "青:B-20000_品牌 木:I-20000_品牌 长:B-2046925_裙长 款:I-2046925_裙长 裙:B-PINLEI <=> <NULL>\n➕:O <=> <NULL>\n",
        TAGGED,
        ("青木长款裙", {"品牌": ("青木",), "裙长": ("长款",), "品类": ("裙",)}),
        ("➕", {}),
    ),
    "dstc8.buses": _dstc8(
        "Buses_1",
        "Tomorrow from Lund to Ystad",
        [("to_location", 22, 27), ("leaving_date", 0, 8), ("from_location", 14, 18)],
        {"leaving date": ("Tomorrow",), "from location": ("Lund",), "to location": ("Ystad",)},
    ),
    "dstc8.events": _dstc8(
        "Events_1",
        "Opera in Turin",
        [("subcategory", 0, 5), ("city_of_event", 9, 14)],
        {"subcategory": ("Opera",), "city of event": ("Turin",)},
    ),
    "dstc8.homes": _dstc8("Homes_1", "a flat in Delft", [("area", 10, 15)], {"area": ("Delft",)}),
    "dstc8.rental_cars": _dstc8(
        "RentalCars_1",
        "at noon in Graz",
        [("pickup_time", 3, 7), ("pickup_city", 11, 15)],
        {"pickup time": ("noon",), "pickup city": ("Graz",)},
    ),
    "mtop.slots": everywhere(
        MTOP,
        ("en/train.txt", "en/eval.txt", "en/test.txt"),
        ("Remind me to: call Ida tonight at six", {"todo": ("call Ida",), "date time": ("tonight at six",)}),
        ("how is the weather", {}),
    ),
    "massive.slots_en": everywhere(
        _massive(
            "en-US",
            ("wake me at nine in the morning", "wake me at [time : nine] in the [timeofday : morning]"),
            ("stop", "stop"),
        ),
        [f"en-US/{name}" for name in ROWS],
        ("wake me at nine in the morning", {"time": ("nine",), "time of day": ("morning",)}),
        ("stop", {}),
    ),
    "massive.slots_zh": everywhere(
        # Spaces stand beside the marks, and not in the text.
        _massive(
            "zh-CN",
            ("这周九点叫醒我", "[date : 这周] [time : 九点] 叫醒我"),
            ("停", "停"),
            ("别的话", "[time : 九点] 叫醒我"),
        ),
        [f"zh-CN/{name}" for name in ROWS],
        ("这周九点叫醒我", {"日期": ("这周",), "时间": ("九点",)}),
        ("停", {}),
        None,
    ),
}
