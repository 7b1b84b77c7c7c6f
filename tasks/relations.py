"""RE: the spans that relations may hold between, then the relation of a pair."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.conll import conll
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.multihead import entity_rows, relation_rows
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Record, grouped, reader
from seqgpt_jax.tasks.readers.tagged import marked_relations

CONLL04_TYPES = {"Loc": "location", "Org": "organization", "Other": "other entity", "Peop": "person"}
CONLL04_RELATIONS = {
    "Kill": "kill",
    "Live_In": "live in",
    "Located_In": "located in",
    "OrgBased_In": "organization based in",
    "Work_For": "work for",
}
# The pair is always asked as (e1, e2), so the other direction of a relation has a name of its own.
SEMEVAL_RELATIONS = {
    "Cause-Effect": "cause-effect",
    "Component-Whole": "component-whole",
    "Content-Container": "content-container",
    "Entity-Destination": "entity-destination",
    "Entity-Origin": "entity-origin",
    "Instrument-Agency": "instrument-agency",
    "Member-Collection": "member-collection",
    "Message-Topic": "message-topic",
    "Product-Producer": "product-producer",
}
# DuIE's own types, but for the four it leaves in English.
DUIE_VALUE_TYPES = {"Date": "日期", "Number": "数值", "Text": "文本"}
FINRE_UNKNOWN = "unknown"


def directed(code: str) -> str:
    """SemEval-2010: `Cause-Effect(e1,e2)` -> "cause-effect", `Cause-Effect(e2,e1)` -> "effect-cause".

    Raises:
      ValueError: no such relation.
    """
    if code == "Other":
        return "other"
    relation, _, direction = code.partition("(")
    words = named(SEMEVAL_RELATIONS)(relation)
    if direction == "e1,e2)":
        return words
    if direction == "e2,e1)":
        return "-".join(reversed(words.split("-")))
    raise ValueError(f"relation {code!r} has no direction (e1,e2) or (e2,e1)")


def triple_spans(row: dict) -> Iterator[tuple[str, str]]:
    """DuIE, first step: the subjects and all values of the objects by type, as the triples list them."""
    for triple in row["spo_list"]:
        yield DUIE_VALUE_TYPES.get(triple["subject_type"], triple["subject_type"]), triple["subject"]
        for slot, value in triple["object"].items():
            kind = triple["object_type"][slot]
            yield DUIE_VALUE_TYPES.get(kind, kind), value


def triple_relations(record: Record) -> Iterator[Instance]:
    """DuIE, second step: the relations of each (subject, main value of the object)."""
    found: dict[tuple[str, str], list[str]] = {}
    for triple in record.value["spo_list"]:
        found.setdefault((triple["subject"], triple["object"]["@value"]), []).append(triple["predicate"])
    for k, ((head, tail), labels) in enumerate(found.items()):
        yield families.relation_typing(f"{record.id}/{k}", record.value["text"], head, tail, labels, "zh")


def pair_relations(record: Record) -> Iterator[Instance]:
    """FinRE: all relations of one pair in one sentence; `unknown` counts only where it stands alone."""
    first = record.value[0]
    codes = [row["relation"] for row in record.value]
    known = [code for code in codes if code != FINRE_UNKNOWN] or ["无关系"]
    yield families.relation_typing(record.id, first["sentence"], first["head"], first["tail"], known, "zh")


_CONLL04 = {
    "family": "RE",
    "language": "en",
    "splits": {"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
    "licence": "CoNLL04 (Roth & Yih): research",
    "source": "github.com/bekou/multihead_joint_entity_relation_extraction data/CoNLL04",
}
_CONLL04_ROWS = conll(columns=5, comment="#doc")
_DUIE = {
    "family": "RE",
    "language": "zh",
    "splits": {"train": ("train_data_5000.json",), "test": ("duie_dev.json",)},
    "licence": "DuIE2.0 (Baidu): non-commercial research",
    "source": "github.com/LawsonAbs/duie_py data/train_data_5000.json, ToddLynn/gd_medical_ie data/duie_dev.json",
}

TASKS = (
    TaskSpec(
        name="conll04.spans",
        atom="ext",
        read=reader(_CONLL04_ROWS, entity_rows(named(CONLL04_TYPES))),
        **_CONLL04,
    ),
    TaskSpec(
        name="conll04.typing",
        atom="cls",
        read=reader(_CONLL04_ROWS, relation_rows(named(CONLL04_RELATIONS), "en")),
        **_CONLL04,
    ),
    TaskSpec(
        name="semeval2010_8",
        family="RE",
        language="en",
        atom="cls",
        splits={"train": ("TRAIN_FILE.TXT",), "test": ("TEST_FILE.TXT",)},
        read=reader(blocks(), marked_relations(directed, "en")),
        exclusive=True,
        licence="CC BY 3.0",
        source="github.com/lemonhu/RE-CNN-pytorch data/SemEval2010_task8/{TRAIN,TEST}_FILE.TXT",
    ),
    TaskSpec(name="duie.spans", atom="ext", read=reader(jsonl(), pairs("text", triple_spans)), **_DUIE),
    TaskSpec(name="duie.typing", atom="cls", read=reader(jsonl(), triple_relations), **_DUIE),
    TaskSpec(
        name="finre",
        family="RE",
        language="zh",
        atom="cls",
        splits={"train": ("train.txt",), "validation": ("valid.txt",), "test": ("test.txt",)},
        read=reader(
            grouped(
                delimited("\t", columns=("head", "tail", "relation", "sentence")),
                key=lambda row: (row["head"], row["tail"], row["sentence"]),
            ),
            pair_relations,
        ),
        held_out=True,
        licence="MIT",
        source="github.com/thunlp/Chinese_NRE data/FinRE/{train,valid,test}.txt",
    ),
)
