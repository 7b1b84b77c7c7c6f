"""EE in Chinese news and announcements of finance."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.events.chinese import Schema, duee_events, with_schema
from seqgpt_jax.tasks.events.steps import Event, EventText, arguments, step_tasks
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Build, Record, grouped, reader

_TRANSFER = {
    "sub-org": "出让公司",
    "sub-per": "出让人",
    "obj-org": "受让公司",
    "obj-per": "受让人",
    "collateral": "标的物",
    "date": "时间",
    "money": "金额",
    "number": "数量",
    "proportion": "比例",
    "target-company": "标的公司",
}
# Event type -> the words of its roles, which mean other things in other types.
FEWFC_ROLES = {
    "质押": {
        "sub-org": "质押公司",
        "sub-per": "质押人",
        "obj-org": "质权公司",
        "obj-per": "质权人",
        "collateral": "质押物",
        "date": "时间",
        "money": "金额",
        "number": "数量",
        "proportion": "比例",
    },
    "股份股权转让": _TRANSFER,
    "起诉": {"sub-org": "原告公司", "sub-per": "原告", "obj-org": "被告公司", "obj-per": "被告", "date": "时间"},
    "投资": {"sub": "投资方", "obj": "被投资方", "money": "金额", "date": "时间"},
    "减持": {
        "sub": "减持方",
        "obj": "被减持方",
        "title": "减持方职务",
        "date": "时间",
        "share-per": "占个人持股比例",
        "share-org": "占公司股份比例",
    },
    "收购": {
        "sub-org": "收购公司",
        "sub-per": "收购人",
        "obj-org": "被收购方",
        "way": "收购方式",
        "date": "时间",
        "money": "金额",
        "number": "数量",
        "proportion": "比例",
    },
    "担保": {
        "sub-org": "担保公司",
        "sub-per": "担保人",
        "obj-org": "被担保方",
        "way": "担保方式",
        "amount": "金额",
        "date": "时间",
    },
    "中标": {"sub": "中标方", "obj": "招标方", "amount": "金额", "date": "时间"},
    "签署合同": {
        "sub-org": "签署公司",
        "sub-per": "签署人",
        "obj-org": "合作公司",
        "obj-per": "合作人",
        "amount": "金额",
        "date": "时间",
    },
    "判决": {
        "institution": "判决机构",
        "sub-org": "原告公司",
        "sub-per": "原告",
        "obj-org": "被告公司",
        "obj-per": "被告",
        "date": "时间",
        "money": "金额",
    },
}
_TRADE = {
    "EquityHolder": "股东",
    "TradedShares": "变动股份数量",
    "StartDate": "开始日期",
    "EndDate": "结束日期",
    "LaterHoldingShares": "变动后持股数量",
    "AveragePrice": "均价",
}
CHFINANN_TYPES = {
    "EquityFreeze": "股权冻结",
    "EquityOverweight": "股东增持",
    "EquityPledge": "股权质押",
    "EquityRepurchase": "股份回购",
    "EquityUnderweight": "股东减持",
}
CHFINANN_ROLES = {
    "股权冻结": {
        "EquityHolder": "股东",
        "FrozeShares": "冻结股份数量",
        "LegalInstitution": "执法机构",
        "TotalHoldingShares": "总持股数量",
        "TotalHoldingRatio": "总持股比例",
        "StartDate": "开始日期",
        "EndDate": "结束日期",
        "UnfrozeDate": "解冻日期",
    },
    "股东增持": _TRADE,
    "股权质押": {
        "Pledger": "质押方",
        "PledgedShares": "质押股份数量",
        "Pledgee": "质权方",
        "TotalHoldingShares": "总持股数量",
        "TotalHoldingRatio": "总持股比例",
        "TotalPledgedShares": "累计质押股份数量",
        "StartDate": "开始日期",
        "EndDate": "结束日期",
        "ReleasedDate": "解除日期",
    },
    "股份回购": {
        "CompanyName": "公司名称",
        "HighestTradingPrice": "最高成交价",
        "LowestTradingPrice": "最低成交价",
        "RepurchasedShares": "回购股份数量",
        "ClosingDate": "截止日期",
        "RepurchaseAmount": "回购金额",
    },
    "股东减持": _TRADE,
}


def duee_fin(row: dict) -> EventText:
    """DuEE-fin: title and text, for either may have a trigger alone; without events there is no `event_list`."""
    return EventText(f"{row['title']}\n{row['text']}", duee_events(row.get("event_list", [])))


def stages(schema: Schema) -> Build:
    """DuEE-fin: the roles whose values are a choice, not words of the text: one question for each trigger."""
    choices = {
        (kind, role["role"]): role["enum_items"]
        for kind, roles in schema.items()
        for role in roles
        if "enum_items" in role
    }

    def build(record: Record) -> Iterator[Instance]:
        document = duee_fin(record.value)
        found: dict[tuple[str, str, str], list[str]] = {}
        for event in document.events:
            for role, value in event.arguments:
                if (event.kind, role) in choices:
                    found.setdefault((event.kind, role, event.trigger), []).append(value)
        for k, ((kind, role, trigger), values) in enumerate(found.items()):
            question = f"{document.text}中{trigger}的{role}是什么？"
            instance = families.classification(f"{record.id}/{k}", question, values, choices[kind, role])
            # The document alone is compared with others, and what is cut where it is too long.
            yield replace(instance, source_text=document.text, mentions=(trigger,))

    return build


def duee_fin_arguments(schema: Schema) -> Build:
    """DuEE-fin, third step, with the roles of the schema that are spans of the text."""
    roles = {kind: [role["role"] for role in of_kind if "enum_items" not in role] for kind, of_kind in schema.items()}
    chosen = {(kind, role["role"]) for kind, of_kind in schema.items() for role in of_kind if "enum_items" in role}

    def find(row: dict) -> EventText:
        document = duee_fin(row)
        events = [
            Event(event.kind, event.trigger, [pair for pair in event.arguments if (event.kind, pair[0]) not in chosen])
            for event in document.events
        ]
        return EventText(document.text, events)

    return arguments(find, roles, "zh")


def fewfc(rows: list[dict]) -> EventText:
    """FewFC: the mentions of an event, its trigger among them; a text may have several rows, with other events.

    Raises:
      ValueError: an event without exactly one trigger, or of an unknown type.
    """
    events = []
    for event in (event for row in rows for event in row["events"]):
        if event["type"] not in FEWFC_ROLES:
            raise ValueError(f"event type {event['type']!r} is not one of {', '.join(FEWFC_ROLES)}")
        name = named(FEWFC_ROLES[event["type"]])
        found = [mention["word"] for mention in event["mentions"] if mention["role"] == "trigger"]
        if len(found) != 1:
            raise ValueError(f"an event of type {event['type']} has {len(found)} triggers instead of one")
        others = (mention for mention in event["mentions"] if mention["role"] != "trigger")
        ordered = sorted(others, key=lambda mention: mention["span"])
        events.append(Event(event["type"], found[0], [(name(mention["role"]), mention["word"]) for mention in ordered]))
    return EventText(rows[0]["content"], list({repr(event): event for event in events}.values()))


def announcements(document: list) -> list[dict]:
    """ChFinAnn: pairs of (id, announcement)."""
    return [announcement | {"id": id} for id, announcement in document]


def chfinann(row: dict) -> EventText:
    """ChFinAnn: events without triggers; a role that an event leaves open is null."""
    events = []
    for _, code, values in row["recguid_eventname_eventdict_list"]:
        kind = named(CHFINANN_TYPES)(code)
        name = named(CHFINANN_ROLES[kind])
        events.append(Event(kind, "", [(name(role), value) for role, value in values.items() if value is not None]))
    return EventText("\n".join(row["sentences"]), events)


def document_types(record: Record) -> Iterator[Instance]:
    """ChFinAnn, first step: which events an announcement tells of."""
    document = chfinann(record.value)
    yield families.classification(record.id, document.text, (event.kind for event in document.events))


def _words(roles: dict[str, dict[str, str]]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(names.values()) for kind, names in roles.items()}


DUEE_FIN = github("enria/DuIE", "551908623c5844f4d47e2a33679809ac05cb4270", "fin_EE/data/{}")
_SCHEMA = "duee_fin_event_schema.json"
_WITH_SCHEMA = {"train": ("duee_fin_train.json", _SCHEMA), "test": ("duee_fin_dev.json", _SCHEMA)}

FEWFC_TEXTS = grouped(jsonl(), key=lambda row: row["content"])
TASKS = task_specs(
    DatasetSpec(
        "duee_fin",
        DUEE_FIN,
        license="DuEE-fin (Baidu): non-commercial research",
        citation="Han et al. 2022, NLPCC",
        verified="files",
        # The labels of its test set are not published: the development set is the test here.
        splits={"train": ("duee_fin_train.json",), "test": ("duee_fin_dev.json",)},
        tasks=(
            *step_tasks("zh", partial(reader, jsonl()), duee_fin),
            Task("EE", "zh", with_schema(duee_fin_arguments), name="arguments", atom="ext", splits=_WITH_SCHEMA),
            Task("EE", "zh", with_schema(stages), name="stage", atom="cls", splits=_WITH_SCHEMA),
        ),
    ),
    DatasetSpec(
        "fewfc",
        github("TimeBurningFish/FewFC", "7fb24fdac6ab785ea78ec69cfc352fc47ae1f828", "rearranged/{}"),
        license="CC BY-SA 4.0",
        citation="Zhou et al. 2021, AAAI",
        held_out=True,
        # Five event types each: those of the base files, and those that were to be learnt from few examples.
        splits={"train": ("train_base.json", "train_trans.json"), "test": ("test_base.json", "test_trans.json")},
        tasks=step_tasks(
            "zh", partial(reader, FEWFC_TEXTS), fewfc, reader(FEWFC_TEXTS, arguments(fewfc, _words(FEWFC_ROLES), "zh"))
        ),
    ),
    DatasetSpec(
        "chfinann",
        FilePattern(
            "https://github.com/dolphin-zs/Doc2EDAG/raw/da4f4bc0b9a896170d7f220baf3fe85cb535a025/Data.zip", "Data/{}"
        ),
        license="unknown: research",
        citation="Zheng et al. 2019, EMNLP",
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=(
            Task(
                "EE",
                "zh",
                reader(json_list(announcements), document_types),
                name="types",
                atom="cls",
                sizes={"train": 25632, "validation": 3204, "test": 3204},
            ),
            Task(
                "EE",
                "zh",
                reader(json_list(announcements), arguments(chfinann, _words(CHFINANN_ROLES), "zh")),
                name="arguments",
                atom="ext",
            ),
        ),
    ),
)
