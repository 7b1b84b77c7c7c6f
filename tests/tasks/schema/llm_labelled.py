"""Samples of corpora that language models have labeled: sentences of our own in the form of each data set."""

import json

from tests.tasks.schema.sample import Sample


def _asked(text: str, *questions: tuple[str, list[str]]) -> dict:
    """A conversation of UniversalNER: types that are asked of a text, with their entities."""
    turns = [f"Text: {text}", "I've read this text."]
    for kind, spans in questions:
        turns += [f"What describes {kind} in the text?", json.dumps(spans)]
    conversation = [{"from": ("human", "gpt")[k % 2], "value": turn} for k, turn in enumerate(turns)]
    return {"id": "ner_0", "conversations": conversation}


_TEXT = "Mira Holt repairs cellos in Tampere."
_BY_TYPE = [
    _asked(_TEXT, ("PERSON", ["Mira Holt"]), ("musical_instrument", ["cellos"]), ("date", [])),
    _asked("It rained.", ("location", [])),
    _asked("Well."),
]
_BY_DEFINITION = [_asked(_TEXT, ("A city in Finland", ["Tampere"]), ("An instrument with strings", ["violins"]))]


# ---- InstructIE


def _triple(head: str, head_type: str, relation: str, tail: str, tail_type: str) -> dict[str, str]:
    return {"head": head, "head_type": head_type, "relation": relation, "tail": tail, "tail_type": tail_type}


_STAR_TEXT = "Vesna 4 is a star in Lyra. Mira Holt saw it in 1931."
_STAR = {
    "id": "0f3a",
    "cate": "Natural_Science",
    "text": _STAR_TEXT,
    "relation": [
        _triple("Vesna 4", "astronomical object type", "discoverer or inventor", "Mira Holt", "organization/human"),
        _triple("Vesna 4", "astronomical object type", "time of discovery", "1931", "time"),
        _triple("Vesna 4", "astronomical object type", "of", "the Milky Way", "astronomical object type"),
    ],
}
_TOWN_TEXT = "甲城位于乙国，面积为9平方公里。"
_TOWN = {
    "id": "0f3b",
    "cate": "地理地区",
    "text": _TOWN_TEXT,
    "relation": [
        _triple("甲城", "地理地区", "位于", "乙国", "地理地区"),
        _triple("甲城", "地理地区", "面积", "9平方公里", "度量"),
    ],
}


def _instructie(language: str, *expected: tuple[str, dict[str, tuple[str, ...]]] | None) -> Sample:
    row = {"en": _STAR, "zh": _TOWN}[language]
    files = {f"{part}_{language}.json": [row] for part in ("train", "valid", "test")}
    return Sample(files, dict.fromkeys(("train", "validation", "test"), expected))


def _type_of(mention: str, kind: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    return f"what is the entity type of {mention} in {_STAR_TEXT}?", {kind: ()}


def _relation_of(tail: str, relation: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    return f"what is the relation between Vesna 4 and {tail} in {_STAR_TEXT}?", {relation: ()}


# ---- IEPile


def _row(task: str, source: str, text: str, schema: list, output: dict, order: str = "Extract.") -> dict[str, str]:
    instruction = json.dumps({"instruction": order, "schema": schema, "input": text}, ensure_ascii=False)
    output = json.dumps(output, ensure_ascii=False)
    return {"task": task, "source": source, "instruction": instruction, "output": output}


_FEVER, _LAYOFF = "Oltrexin caused fever in a woman.", "五月甲城乙公司裁员90人。"
_ADVERSE = {"event_type": "adverse event", "trigger": True, "arguments": ["Treatment.Drug", "Effect", "Subject.Age"]}
_ADVERSE_FOUND = {"Treatment.Drug": "Oltrexin", "Effect": ["fever"], "Subject.Age": "NAN"}
_ADVERSE_ARGUMENTS = {
    "treatment drug of the adverse event": ("Oltrexin",),
    "effect of the adverse event": ("fever",),
}
_CUT = {"event_type": "组织关系-裁员", "trigger": ["裁员"], "arguments": ["裁员方", "裁员人数"]}
_IEPILE = [
    _row("NER", "CoNLL2003", _TEXT, ["person", "creative_work"], {"person": ["Mira Holt"], "creative_work": []}),
    _row("NER", "CrossNER_music", "Cellos hum.", ["musician"], {"musician": ["Cellos"]}),
    _row("NER", "CoNLL2003", _TEXT, ["location"], {"location": ["Tampere"]}),
    _row("EET", "PHEE", _FEVER, ["adverse event"], {"adverse event": ["caused"]}),
    _row(
        "EE",
        "PHEE",
        _FEVER,
        [_ADVERSE],
        {"adverse event": [{"trigger": "caused", "arguments": _ADVERSE_FOUND}]},
    ),
    _row(
        "RE",
        "NYT11",
        _TEXT,
        ["nationality", "place lived"],
        {"nationality": [], "place lived": [{"subject": "Mira Holt", "object": "Tampere"}]},
    ),
    _row("NER", "MSRA", _LAYOFF, ["地理位置", "人物"], {"地理位置": ["甲城"], "人物": []}, "请抽取实体。"),
    _row("NER", "WEIBONER", "甲城", ["地名"], {"地名": ["甲城"]}, "请抽取实体。"),
    _row("EET", "DuEE1.0", _LAYOFF, ["组织关系-裁员"], {"组织关系-裁员": ["裁员"]}, "请抽取事件。"),
    _row(
        "EEA",
        "DuEE1.0",
        _LAYOFF,
        [_CUT],
        {"组织关系-裁员": [{"trigger": "裁员", "arguments": {"裁员方": "乙公司", "裁员人数": "100人"}}]},
        "请抽取论元。",
    ),
    _row(
        "RE",
        "DuIE2.0",
        _LAYOFF,
        ["总部地点"],
        {"总部地点": [{"subject": "乙公司", "object": "甲城"}, {"subject": "乙公司", "object": "丙城"}]},
        "请抽取关系。",
    ),
]


def _iepile(*expected: tuple[str, dict[str, tuple[str, ...]]] | None) -> Sample:
    return Sample({"train.json": _IEPILE, "dev.json": _IEPILE[:1]}, {"train": expected})


SAMPLES: dict[str, Sample] = {
    "pile_ner_type": Sample(
        {"train.json": json.dumps(_BY_TYPE)},
        {
            "train": (
                (_TEXT, {"person": ("Mira Holt",), "musical instrument": ("cellos",)}),
                ("It rained.", {}),
                None,
            )
        },
    ),
    "pile_ner_definition": Sample(
        {"train.json": json.dumps(_BY_DEFINITION)},
        {"train": (None, (_TEXT, {"A city in Finland": ("Tampere",)}))},
    ),
    "instructie.topic_en": _instructie("en", (_STAR_TEXT, {"natural science": ()})),
    "instructie.topic_zh": _instructie("zh", (_TOWN_TEXT, {"地理地区": ()})),
    "instructie.typing_en": _instructie(
        "en",
        _type_of("Vesna 4", "astronomical object"),
        _type_of("Mira Holt", "organization or human"),
        _type_of("1931", "time"),
        None,
    ),
    "instructie.typing_zh": _instructie(
        "zh",
        (f"{_TOWN_TEXT}中甲城的实体类型是什么？", {"地理地区": ()}),
        (f"{_TOWN_TEXT}中乙国的实体类型是什么？", {"地理地区": ()}),
        (f"{_TOWN_TEXT}中9平方公里的实体类型是什么？", {"度量": ()}),
    ),
    "instructie.relations_en": _instructie(
        "en",
        None,
        _relation_of("Mira Holt", "discoverer or inventor"),
        _relation_of("1931", "time of discovery"),
    ),
    "instructie.relations_zh": _instructie(
        "zh",
        (f"{_TOWN_TEXT}中甲城和乙国的关系是什么？", {"位于": ()}),
        (f"{_TOWN_TEXT}中甲城和9平方公里的关系是什么？", {"面积": ()}),
    ),
    "iepile.entities_en": _iepile((_TEXT, {"person": ("Mira Holt",), "location": ("Tampere",)}), None),
    "iepile.entities_zh": _iepile((_LAYOFF, {"地理位置": ("甲城",)}), None),
    "iepile.triggers_en": _iepile((_FEVER, {"adverse event": ("caused",)})),
    "iepile.triggers_zh": _iepile((_LAYOFF, {"裁员事件": ("裁员",)})),
    "iepile.arguments_en": _iepile((_FEVER, _ADVERSE_ARGUMENTS)),
    "iepile.arguments_zh": _iepile(None, (_LAYOFF, {"裁员事件的裁员方": ("乙公司",)})),
    "iepile.relations_en": _iepile(
        (f"what is the relation between Mira Holt and Tampere in {_TEXT}?", {"place lived": ()})
    ),
    "iepile.relations_zh": _iepile((f"{_LAYOFF}中乙公司和甲城的关系是什么？", {"总部地点": ()}), None),
}
