"""The quickstart corpus: all ten families in both languages, written for this project.

Small enough to train a model from scratch in minutes, rich enough that its test splits hold sentences
and names no training split has. Three kinds of tasks: `quick_pt_*` (pre-training, every text has its
own fine labels), `quick_*` (fine-tuning) and `quick_zero_*` (zero-shot: other label sets, test only).
"""

from collections.abc import Mapping
from types import ModuleType

from seqgpt_jax.data.raw.sources import Generated
from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec
from seqgpt_jax.tasks.quickstart import (
    concepts_en,
    concepts_zh,
    held_in_en,
    held_in_zh,
    held_out_en,
    held_out_zh,
    pretraining,
    topics_en,
    topics_zh,
)
from seqgpt_jax.tasks.quickstart import generator as make
from seqgpt_jax.tasks.quickstart.grammar import Grammar
from seqgpt_jax.tasks.quickstart.words_en import ENGLISH
from seqgpt_jax.tasks.quickstart.words_zh import CHINESE

PT_SIZES = {"train": 3000}
HELD_IN_SIZES = {"train": 1200, "validation": 100, "test": 150}
HELD_OUT_SIZES = {"test": 150}
NLI_LABELS = ("entailment", "contradiction", "neutral")

_LANGUAGES = {
    "en": (ENGLISH, held_in_en, held_out_en, concepts_en, topics_en, " "),
    "zh": (CHINESE, held_in_zh, held_out_zh, concepts_zh, topics_zh, ""),
}
_ATOMS = {
    ("CLS", ""): "cls", ("SA", ""): "cls", ("ID", ""): "cls", ("NLI", ""): "cls", ("ET", ""): "cls",
    ("MRC", ""): "ext", ("NER", ""): "ext", ("SF", ""): "ext",
    ("RE", "spans"): "ext", ("RE", "typing"): "cls",
    ("EE", "triggers"): "ext", ("EE", "typing"): "cls", ("EE", "arguments"): "ext",
}  # fmt: skip


def _drafter(family: str, bank: ModuleType, language: str) -> make.Drafter:
    table = getattr(bank, family)
    match family:
        case "CLS" | "SA" | "ID":
            return make.classification(table)
        case "NLI":
            return make.inference(table, NLI_LABELS)
        case "ET":
            return make.entity_typing(table, language)
        case "MRC":
            return make.reading(table)
        case "NER" | "SF":
            return make.spans(table)
        case "RE":
            return make.relations(table, language)
        case "EE":
            return make.events(table, language)
    raise ValueError(f"no templates are known for the family {family!r}")


def _spec(
    dataset: str, family: str, part: str, language: str, drafter: make.Drafter, sizes: Mapping[str, int]
) -> TaskSpec:
    grammar: Grammar = _LANGUAGES[language][0]
    return TaskSpec(
        name=f"{dataset}.{part}" if part else dataset,
        family=family,
        language=language,
        atom=_ATOMS[family, part],
        splits={split: () for split in sizes},
        read=make.reader(dataset, part, grammar, drafter, sizes),
        held_out="train" not in sizes,
        dataset=DatasetSpec(dataset, Generated("this project"), license="Apache-2.0", verified="own"),
    )


def _tasks(prefix: str, position: int, sizes: Mapping[str, int], only: Mapping[str, tuple[str, ...]]):
    for language, row in _LANGUAGES.items():
        for family, part in _ATOMS:
            if hasattr(row[position], family) and part in only.get(family, (part,)):
                dataset = f"{prefix}_{family.lower()}_{language}"
                yield _spec(dataset, family, part, language, _drafter(family, row[position], language), sizes)


def _pretraining():
    for language, (_, _, _, concept, topic, joint) in _LANGUAGES.items():
        drafters = {
            "CLS": pretraining.classification(topic.TOPICS, topic.TOPIC_SENTENCES, topic.SITUATIONS),
            "ET": pretraining.entity_typing(concept.GROUPS, language),
            "NER": pretraining.entities(concept.GROUPS, joint),
        }
        for family, drafter in drafters.items():
            yield _spec(f"quick_pt_{family.lower()}_{language}", family, "", language, drafter, PT_SIZES)


_PT = tuple(_pretraining())
_HELD_IN = tuple(_tasks("quick", 1, HELD_IN_SIZES, {}))
_HELD_OUT = tuple(_tasks("quick_zero", 2, HELD_OUT_SIZES, {"RE": ("typing",), "EE": ("typing",)}))

TASKS: tuple[TaskSpec, ...] = _PT + _HELD_IN + _HELD_OUT
PT: tuple[str, ...] = tuple(spec.name for spec in _PT)
HELD_IN: tuple[str, ...] = tuple(spec.name for spec in _HELD_IN)
HELD_OUT: tuple[str, ...] = tuple(spec.name for spec in _HELD_OUT)
