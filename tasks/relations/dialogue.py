"""RE in dialogues: one data set, in English and in Chinese."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.data.raw.sources import github_files
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing

DIALOGRE_RELATIONS_ZH = {
    "gpe:births_in_place": "在此地出生的人",
    "gpe:residents_of_place": "此地的居民",
    "gpe:visitors_of_place": "此地的访客",
    "org:employees_or_members": "员工或成员",
    "org:students": "在校学生",
    "per:acquaintance": "熟人",
    "per:age": "年龄",
    "per:alternate_names": "别名",
    "per:alumni": "校友",
    "per:boss": "上司",
    "per:children": "子女",
    "per:client": "客户",
    "per:date_of_birth": "出生日期",
    "per:dates": "约会对象",
    "per:employee_or_member_of": "所属单位",
    "per:friends": "朋友",
    "per:girl/boyfriend": "男女朋友",
    "per:major": "专业",
    "per:negative_impression": "负面印象",
    "per:neighbor": "邻居",
    "per:origin": "籍贯",
    "per:other_family": "其他亲属",
    "per:parents": "父母",
    "per:pet": "宠物",
    "per:place_of_birth": "出生地",
    "per:place_of_residence": "居住地",
    "per:place_of_work": "工作地点",
    "per:positive_impression": "正面印象",
    "per:roommate": "室友",
    "per:schools_attended": "就读学校",
    "per:siblings": "兄弟姐妹",
    "per:spouse": "配偶",
    "per:subordinate": "下属",
    "per:title": "职务",
    "per:visited_place": "去过的地方",
    "per:works": "作品",
    "unanswerable": "无关系",
}
# The others are their own words.
_ENGLISH: Mapping[str, str] = {"per:girl/boyfriend": "girlfriend or boyfriend", "unanswerable": "no relation"}


def english_relation(code: str) -> str:
    """DialogRE: `per:place_of_work` -> "place of work"; `gpe` and `org` ask from the other end."""
    named(DIALOGRE_RELATIONS_ZH)(code)
    return _ENGLISH.get(code) or spelled_out(code.partition(":")[2])


def dialogues(document: list) -> list[dict[str, Any]]:
    """DialogRE: pairs of (turns, relations)."""
    return [{"turns": turns, "relations": relations} for turns, relations in document]


def _triples(name: Naming) -> Any:
    def find(row: dict) -> Found:
        triples = ((found["x"], name(code), found["y"]) for found in row["relations"] for code in found["r"])
        return "\n".join(row["turns"]), triples

    return find


def _task(language: str, folder: str, name: Naming) -> Task:
    """One language; `folder` holds its files."""
    splits = {
        "train": (f"{folder}/train.json",),
        "validation": (f"{folder}/dev.json",),
        "test": (f"{folder}/test.json",),
    }
    return Task(
        "RE",
        language,
        reader(json_list(dialogues), pair_typing(_triples(name), language)),
        name=language,
        atom="cls",
        splits=splits,
        source=github_files(
            "nlpdata/dialogre",
            "1deba463c58ce5d366ce88fbc361c522cdd96109",
            {file: f"data_v2/{file.replace('/', '/data/')}" for (file,) in splits.values()},
        ),
    )


TASKS = task_specs(
    DatasetSpec(
        "dialogre",
        license="DialogRE: non-commercial research",
        citation="Yu et al. 2020, ACL",
        tasks=(_task("en", "en", english_relation), _task("zh", "cn", named(DIALOGRE_RELATIONS_ZH))),
    )
)
