"""Declared subsets of data sets: what recipes for a small machine and tests read in place of the whole files.

A subset has the name and the tasks of its data set, and files of its own: a smaller edition that the data set's authors
publish, one official part split anew, or the part that someone else has published. `Prepare.subsets` reads them. Their
scores cannot be compared with those of other papers.
"""

from dataclasses import replace
from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import Files, github, github_files
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task, TaskSpec
from seqgpt_jax.tasks import entity_typing, intent, llm_labelled, reading
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.entity_typing import FINE_TYPES
from seqgpt_jax.tasks.events import chinese as news
from seqgpt_jax.tasks.events import english as events_en
from seqgpt_jax.tasks.events import finance
from seqgpt_jax.tasks.events.steps import step_tasks
from seqgpt_jax.tasks.inference import chinese as inference_zh
from seqgpt_jax.tasks.intent import english as intent_en
from seqgpt_jax.tasks.llm_labelled import tables, typed
from seqgpt_jax.tasks.readers.conll import conll, entities, mentions, sentence
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import grouped, reader
from seqgpt_jax.tasks.readers.squad import first_question, passages, questions
from seqgpt_jax.tasks.reading import chinese as reading_zh
from seqgpt_jax.tasks.reading import spans as reading_en
from seqgpt_jax.tasks.relations import chinese as relations_zh
from seqgpt_jax.tasks.relations.pairs import two_steps

_WITHOUT_TEST = {"train": 0.9, "validation": 0.1}
_SLIMER_FILES = typed.slimer_files(*typed.SLIMER_VALIDATION)
_SKY_PATH = "sky_10_samples/ner_it_data_conversation.json"
(_SKY_FILE,) = typed.samples("sky_ner_zh", _SKY_PATH)
_DUEE_FIN_WITH_SCHEMA = dict.fromkeys(SPLITS, ("duee_fin_dev.json", "duee_fin_event_schema.json"))


def _of(specs: tuple[TaskSpec, ...], name: str, *, verified: str = "files", **differences) -> DatasetSpec:
    """The data set of this name with other files and tasks; what is not given here is empty, not the whole's."""
    whole = next(spec.dataset for spec in specs if spec.dataset.name == name)
    return replace(whole, **{"splits": {}, "sizes": {}, "checksums": {}, "verified": verified} | differences)


def _words(row: dict) -> str:
    return " ".join(row["tokens"])


_fewnerd = partial(reader, conll(), split_key=sentence, shares=_WITHOUT_TEST)

SUBSETS = task_specs(
    _of(
        # The trial set, split by passage.
        reading.TASKS,
        "cmrc2018",
        source=reading_zh.CMRC2018,
        splits={
            "train": ("cmrc2018_trial.json",),
            "validation": ("cmrc2018_trial.json",),
            "test": ("cmrc2018_dev.json",),
        },
        sizes={"train": 899, "validation": 101, "test": 820},
        tasks=(
            Task(
                "MRC",
                "zh",
                reader(passages(), questions, split_key=first_question, shares=_WITHOUT_TEST),
                atom="ext",
            ),
        ),
    ),
    _of(
        # All of it is a test set: in the small recipes it is the one reading task of both languages.
        reading.TASKS,
        "xquad",
        source=reading_en.XQUAD,
        # Of a development set, so no copy of what SQuAD trains on.
        derived_from=(),
        tasks=(reading_en.xquad("en", split=True), reading_en.xquad("zh", split=True)),
    ),
    _of(
        # The smallest training set that its authors publish.
        inference_zh.TASKS,
        "ocnli",
        source=inference_zh.OCNLI,
        splits={"train": ("train.3k.json",), "test": ("dev.json",)},
        sizes={"train": 2994, "test": 2719},
        tasks=inference_zh.OCNLI_TASKS,
    ),
    _of(
        # The small edition of its authors.
        intent.TASKS,
        "clinc150",
        source=intent_en.CLINC150,
        splits=dict.fromkeys(SPLITS, ("data_small.json",)),
        sizes={"train": 7600, "validation": 3100, "test": 5500},
        tasks=intent_en.CLINC150_TASKS,
    ),
    _of(
        # The development set, split by sentence.
        entity_typing.TASKS,
        "fewnerd",
        source=entity_typing.FEWNERD_FILES,
        splits={"train": ("dev.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        tasks=(
            Task(
                "ET",
                "en",
                _fewnerd(mentions(named(FINE_TYPES), language="en")),
                name="typing",
                exclusive=True,
                sizes={"train": 6476, "validation": 790, "test": 7305},
            ),
            Task(
                "NER",
                "en",
                _fewnerd(entities(named(FINE_TYPES))),
                name="entities",
                sizes={"train": 2779, "validation": 335, "test": 3174},
            ),
        ),
    ),
    _of(
        # 5,000 lines of the training set and the first ones of the development set, each in a repository of its own.
        relations_zh.TASKS,
        "duie",
        source=Files(
            github("LawsonAbs/duie_py", "723fcfd6fcb5e0c9cf406e7c0815aeedb466dc29", "data/{}")
            .files(["train_data_5000.json"])
            .files
            | github("ToddLynn/gd_medical_ie", "4a1b119f84afa8fed8ea1e767c1254656004a2f5", "data/{}")
            .files(["duie_dev.json"])
            .files
        ),
        splits={"train": ("train_data_5000.json",), "test": ("duie_dev.json",)},
        tasks=two_steps(
            "zh",
            relations_zh.DUIE_SPANS,
            relations_zh.DUIE_TYPING,
            sentences={"train": 1994, "test": 1979},
            pairs={"train": 3490, "test": 3526},
        ),
    ),
    _of(
        # The development set, split by sentence.
        events_en.TASKS,
        "maven_ed",
        source=events_en.MAVEN,
        splits={"train": ("dev.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=step_tasks(
            "en",
            partial(reader, json_list(), split_key=_words, shares=_WITHOUT_TEST),
            events_en.maven,
            sizes=(
                {"train": 1122, "validation": 116, "test": 1241},
                {"train": 2592, "validation": 275, "test": 2874},
            ),
        ),
    ),
    _of(
        # The development set, split by sentence.
        news.TASKS,
        "duee",
        source=news.DUEE,
        splits=dict.fromkeys(SPLITS, ("duee_dev.json",)),
        tasks=(
            *step_tasks(
                "zh",
                partial(reader, jsonl(), split_key=itemgetter("text")),
                news.duee,
                sizes=(
                    {"train": 1142, "validation": 150, "test": 158},
                    {"train": 1317, "validation": 177, "test": 178},
                ),
            ),
            Task(
                "EE",
                "zh",
                news.with_schema(news.duee_arguments, itemgetter("text")),
                name="arguments",
                atom="ext",
                splits=dict.fromkeys(SPLITS, ("duee_dev.json", "duee_event_schema.json")),
                sizes={"train": 1317, "validation": 177, "test": 178},  # events of a sentence
            ),
        ),
    ),
    _of(
        # The development set, split by document.
        finance.TASKS,
        "duee_fin",
        source=finance.DUEE_FIN,
        splits=dict.fromkeys(SPLITS, ("duee_fin_dev.json",)),
        tasks=(
            *step_tasks(
                "zh",
                partial(reader, jsonl(), split_key=itemgetter("text")),
                finance.duee_fin,
                sizes=({"train": 537, "validation": 68, "test": 80}, {"train": 554, "validation": 74, "test": 79}),
            ),
            Task(
                "EE",
                "zh",
                news.with_schema(finance.duee_fin_arguments, itemgetter("text")),
                name="arguments",
                atom="ext",
                splits=_DUEE_FIN_WITH_SCHEMA,
                sizes={"train": 554, "validation": 74, "test": 79},  # events of a document
            ),
            Task(
                "EE",
                "zh",
                news.with_schema(finance.stages, itemgetter("text")),
                name="stage",
                atom="cls",
                splits=_DUEE_FIN_WITH_SCHEMA,
                sizes={"train": 35, "validation": 4, "test": 4},  # triggers of a listing
            ),
        ),
    ),
    _of(
        # The validation set, split by passage.
        llm_labelled.TASKS,
        "pile_ner_slimer",
        source=github_files(*typed.SLIMER, _SLIMER_FILES),
        splits=dict.fromkeys(("train", "validation"), tuple(_SLIMER_FILES)),
        sizes={"train": 510, "validation": 46},  # passages
        tasks=(
            Task(
                "NER",
                "en",
                reader(
                    grouped(jsonl(), key=itemgetter("input")),
                    typed.asked_types,
                    split_key=lambda rows: rows[0]["input"],
                    shares=_WITHOUT_TEST,
                ),
            ),
        ),
    ),
    _of(
        # What its authors publish on GitHub: 17 passages.
        llm_labelled.TASKS,
        "sky_ner_zh",
        source=github_files(
            "Emma1066/Retrieval-Augmented-IT-OpenNER",
            "c9cb37efb5667fe33134d4e3aa0cc008443e900d",
            {_SKY_FILE: f"outputs/llm_api_calling/llm_annotation/gpt-3.5-turbo-0125/prompt_v0_json/{_SKY_PATH}"},
        ),
        splits={"train": (_SKY_FILE,)},
        sizes={"train": 16},
        tasks=(typed.SKY_NER,),
    ),
    _of(
        # The test set alone.
        llm_labelled.TASKS,
        "odie",
        source=tables.ODIE_TEST,
        splits={"test": tuple(tables.ODIE_TEST.files)},
        sizes={"test": 74},
        tasks=(tables.ODIE,),
    ),
)
