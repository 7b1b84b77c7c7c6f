"""Samples of relations in Chinese, and of the dialogues that are in both languages."""

import json

from tests.tasks.schema.relations import asked
from tests.tasks.schema.sample import Sample


def _asked_zh(text: str, head: str, tail: str, *relations: str) -> tuple[str, dict]:
    return f"{text}中{head}和{tail}的关系是什么？", dict.fromkeys(relations, ())


# ---- DialogRE


def _dialogre(turns: list[str], *found: tuple[str, str, dict[str, int]]) -> str:
    relations = [
        {
            "x": x,
            "y": y,
            "rid": list(codes.values()),
            "r": list(codes),
            "t": [""] * len(codes),
            "x_type": "PER",
            "y_type": "PER",
        }
        for x, y, codes in found
    ]
    return json.dumps([[turns, relations]], ensure_ascii=False)


_TURNS = ["Speaker 1: Hi, Ben! Is Zoe still your boss?", "Speaker 2: She is, and my neighbor."]
_TURNS_ZH = ["Speaker 1: 小林，你养的猫呢？", "Speaker 2: 毛毛在家里。"]
_DIALOGUE, _DIALOGUE_ZH = ("\n".join(turns) for turns in (_TURNS, _TURNS_ZH))

# ---- CMeIE


def _cmeie(predicate: str, subject: str, kind: str, object: str, object_kind: str) -> dict:
    return {
        "Combined": False,
        "predicate": predicate,
        "subject": subject,
        "subject_type": kind,
        "object": {"@value": object},
        "object_type": {"@value": object_kind},
    }


_CMEIE_TEXT = "甲型流感@患者多有高热，可服用奥司他韦。"
_CMEIE = {
    "CMeIE_train.json": [
        {
            "text": _CMEIE_TEXT,
            "spo_list": [
                _cmeie("临床表现", "甲型流感", "疾病", "高热", "症状"),
                _cmeie("药物治疗", "甲型流感", "疾病", "奥司他韦", "药物"),
                _cmeie("并发症", "甲型流感", "疾病", "高热", "疾病"),
            ],
        }
    ],
    "CMeIE_dev.json": "",
}

SAMPLES = {
    "dialogre.en": Sample(
        {
            "en/train.json": _dialogre(
                _TURNS,
                ("Speaker 2", "Zoe", {"per:boss": 5, "per:neighbor": 11}),
                ("Speaker 1", "Zoe", {"unanswerable": 37}),
                ("Speaker 2", "Speaker 1", {"per:girl/boyfriend": 10}),
            ),
            "en/dev.json": "[]",
            "en/test.json": "[]",
        },
        {
            "train": [
                asked(_DIALOGUE, "Speaker 2", "Zoe", "boss", "neighbor"),
                asked(_DIALOGUE, "Speaker 1", "Zoe", "no relation"),
                asked(_DIALOGUE, "Speaker 2", "Speaker 1", "girlfriend or boyfriend"),
            ]
        },
    ),
    "dialogre.zh": Sample(
        {
            "cn/train.json": _dialogre(
                _TURNS_ZH, ("Speaker 2", "毛毛", {"per:pet": 31}), ("Speaker 1", "毛毛", {"unanswerable": 37})
            ),
            "cn/dev.json": "[]",
            "cn/test.json": "[]",
        },
        {
            "train": [
                _asked_zh(_DIALOGUE_ZH, "Speaker 2", "毛毛", "宠物"),
                _asked_zh(_DIALOGUE_ZH, "Speaker 1", "毛毛", "无关系"),
            ]
        },
    ),
    "cmeie.spans": Sample(
        _CMEIE, {"train": [(_CMEIE_TEXT, {"疾病": ("甲型流感", "高热"), "症状": ("高热",), "药物": ("奥司他韦",)})]}
    ),
    "cmeie.typing": Sample(
        _CMEIE,
        {
            "train": [
                _asked_zh(_CMEIE_TEXT, "甲型流感", "高热", "临床表现", "并发症"),
                _asked_zh(_CMEIE_TEXT, "甲型流感", "奥司他韦", "药物治疗"),
            ]
        },
    ),
    "ipre": Sample(
        {
            "sent_train_1.txt": "TRAIN_SENT_ID_1\t周原\t林秋\t周原 与 妻子 林秋 是 同学 。\n",
            "sent_train_2.txt": "TRAIN_SENT_ID_2\t周原\t李木\t周原 见到 了 李木 。\n",
            "sent_relation_train.txt": "TRAIN_SENT_ID_1\t4 30\nTRAIN_SENT_ID_2\t0\n",
            **dict.fromkeys(("sent_dev.txt", "sent_relation_dev.txt", "sent_test.txt", "sent_relation_test.txt"), ""),
        },
        {
            "train": [
                _asked_zh("周原与妻子林秋是同学。", "周原", "林秋", "现任妻子", "朋友"),
                _asked_zh("周原见到了李木。", "周原", "李木", "无关系"),
            ]
        },
    ),
}
