"""Samples of events in Chinese: sentences of our own in the form of each data set."""

import json

from tests.tasks.schema.sample import Sample


def _typed_zh(text: str, trigger: str, *kinds: str) -> tuple[str, dict]:
    return f"{text}中{trigger}的事件类型是什么？", dict.fromkeys(kinds, ())


def _of(kind: str, **roles: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {f"{kind}事件的{role}": spans for role, spans in roles.items()}


# ---- LEVEN

_LEVEN = {
    "train.jsonl": [
        {
            "title": "某案一审刑事判决书",
            "id": "a1",
            "crime": "盗窃罪",
            "case_no": "（2014）刑初字第1号",
            "content": [
                {"sentence": "甲租住乙家。", "tokens": ["甲", "租住", "乙", "家", "。"]},
                {"sentence": "甲盗窃后逃匿。", "tokens": ["甲", "盗窃", "后", "逃匿", "。"]},
            ],
            "events": [
                {
                    "id": "b1",
                    "type": "逃匿",
                    "type_id": 2,
                    "mention": [{"trigger_word": "逃匿", "sent_id": 1, "offset": [3, 4], "id": "c1"}],
                },
                {
                    "id": "b2",
                    "type": "盗窃财物",
                    "type_id": 3,
                    "mention": [{"trigger_word": "盗窃", "sent_id": 1, "offset": [1, 2], "id": "c2"}],
                },
                {
                    "id": "b3",
                    "type": "租用/借用",
                    "type_id": 22,
                    "mention": [{"trigger_word": "租住", "sent_id": 0, "offset": [1, 2], "id": "c3"}],
                },
            ],
            "negative_triggers": [{"trigger_word": "家", "sent_id": 0, "offset": [3, 4], "id": "c4"}],
        }
    ],
    "valid.jsonl": "",
}

# ---- FewFC


def _fewfc(text: str, kind: str, **roles: str) -> dict:
    mentions = [
        {"word": word, "span": [text.index(word), text.index(word) + len(word)], "role": role.replace("_", "-")}
        for role, word in roles.items()
    ]
    return {"type": kind, "mentions": mentions}


_FEWFC_TEXT = "5月,海风公司向远山银行质押10%股份,股东减持。"
_FEWFC = {
    "train_base.json": [
        {
            "id": "f1",
            "content": _FEWFC_TEXT,
            "events": [
                _fewfc(_FEWFC_TEXT, "质押", proportion="10%", trigger="质押", sub_org="海风公司", obj_org="远山银行"),
                _fewfc(_FEWFC_TEXT, "减持", trigger="减持", title="股东"),
                _fewfc(_FEWFC_TEXT, "股份股权转让", trigger="减持", date="5月"),
            ],
        }
    ],
    **dict.fromkeys(("train_trans.json", "test_base.json", "test_trans.json"), ""),
}

# ---- ChFinAnn

_CHFINANN_ROWS = ["山海股份公告。", "李明质押500股给东方银行，东方银行已冻结李明的300股。"]
_CHFINANN_TEXT = "\n".join(_CHFINANN_ROWS)
_CHFINANN = {
    "train.json": json.dumps(
        [
            [
                "100",
                {
                    "sentences": _CHFINANN_ROWS,
                    "ann_valid_mspans": ["李明"],
                    "ann_valid_dranges": [[1, 0, 2]],
                    "ann_mspan2dranges": {"李明": [[1, 0, 2]]},
                    "ann_mspan2guess_field": {"李明": "Pledger"},
                    "recguid_eventname_eventdict_list": [
                        [0, "EquityPledge", {"Pledger": "李明", "PledgedShares": "500股", "Pledgee": None}],
                        [1, "EquityFreeze", {"EquityHolder": "李明", "FrozeShares": "300股"}],
                        [2, "EquityPledge", {"Pledger": "李明", "Pledgee": "东方银行"}],
                    ],
                },
            ]
        ],
        ensure_ascii=False,
    ),
    "dev.json": "[]",
    "test.json": "[]",
}

SAMPLES = {
    "leven.triggers": Sample(
        _LEVEN,
        {
            "train": [
                ("甲租住乙家。", {"租用/借用事件": ("租住",)}),
                ("甲盗窃后逃匿。", {"盗窃财物事件": ("盗窃",), "逃匿事件": ("逃匿",)}),
            ]
        },
    ),
    "leven.typing": Sample(
        _LEVEN,
        {
            "train": [
                _typed_zh("甲租住乙家。", "租住", "租用/借用"),
                _typed_zh("甲盗窃后逃匿。", "盗窃", "盗窃财物"),
                _typed_zh("甲盗窃后逃匿。", "逃匿", "逃匿"),
            ]
        },
    ),
    "fewfc.triggers": Sample(
        _FEWFC,
        {"train": [(_FEWFC_TEXT, {"质押事件": ("质押",), "减持事件": ("减持",), "股份股权转让事件": ("减持",)})]},
    ),
    "fewfc.typing": Sample(
        _FEWFC,
        {"train": [_typed_zh(_FEWFC_TEXT, "质押", "质押"), _typed_zh(_FEWFC_TEXT, "减持", "减持", "股份股权转让")]},
    ),
    "fewfc.arguments": Sample(
        _FEWFC,
        {
            "train": [
                (_FEWFC_TEXT, _of("质押", 质押公司=("海风公司",), 质权公司=("远山银行",), 比例=("10%",))),
                (_FEWFC_TEXT, _of("减持", 减持方职务=("股东",))),
                (_FEWFC_TEXT, _of("股份股权转让", 时间=("5月",))),
            ]
        },
    ),
    "chfinann.types": Sample(_CHFINANN, {"train": [(_CHFINANN_TEXT, {"股权质押": (), "股权冻结": ()})]}),
    "chfinann.arguments": Sample(
        _CHFINANN,
        {
            "train": [
                (_CHFINANN_TEXT, _of("股权质押", 质押方=("李明",), 质押股份数量=("500股",), 质权方=("东方银行",))),
                (_CHFINANN_TEXT, _of("股权冻结", 股东=("李明",), 冻结股份数量=("300股",))),
            ]
        },
    ),
}
