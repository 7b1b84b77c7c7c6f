"""NER with labels out of Wikipedia, in English and Chinese: WikiANN, WikiNEuRal, MultiNERD, MultiCoNER, Polyglot."""

from collections.abc import Mapping

from seqgpt_jax.data.raw.sources import PARQUET, FilePattern, HuggingFace
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.ner.types import COARSE, COARSE_ZH
from seqgpt_jax.tasks.readers.conll import conll, entities
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tokens import bare, begin_inside, numbered, tagged_tokens

# Code -> its names in English and Chinese, in the order of the tag numbers.
MULTINERD_TYPES = {
    "PER": ("person", "人物"),
    "ORG": ("organization", "组织"),
    "LOC": ("location", "地点"),
    "ANIM": ("animal", "动物"),
    "BIO": ("biological entity", "生物实体"),
    "CEL": ("celestial body", "天体"),
    "DIS": ("disease", "疾病"),
    "EVE": ("event", "事件"),
    "FOOD": ("food", "食物"),
    "INST": ("instrument", "器具"),
    "MEDIA": ("media work", "影视作品"),
    "MYTH": ("mythological entity", "神话角色"),
    "PLANT": ("plant", "植物"),
    "TIME": ("time", "时间"),
    "VEHI": ("vehicle", "交通工具"),
}
MULTICONER_TYPES = {
    "AerospaceManufacturer": ("aerospace manufacturer", "航天制造商"),
    "AnatomicalStructure": ("anatomical structure", "解剖结构"),
    "ArtWork": ("work of art", "艺术品"),
    "Artist": ("artist", "艺术家"),
    "Athlete": ("athlete", "运动员"),
    "CarManufacturer": ("car manufacturer", "汽车制造商"),
    "Cleric": ("cleric", "神职人员"),
    "Clothing": ("clothing", "服装"),
    "Disease": ("disease", "疾病"),
    "Drink": ("drink", "饮料"),
    "Facility": ("facility", "设施"),
    "Food": ("food", "食物"),
    "HumanSettlement": ("human settlement", "聚居地"),
    "MedicalProcedure": ("medical procedure", "医疗程序"),
    "Medication/Vaccine": ("medication or vaccine", "药物或疫苗"),
    "MusicalGRP": ("musical group", "音乐团体"),
    "MusicalWork": ("musical work", "音乐作品"),
    "ORG": ("organization", "组织机构"),
    "OtherLOC": ("other location", "其他地点"),
    "OtherPER": ("other person", "其他人物"),
    "OtherPROD": ("other product", "其他产品"),
    "Politician": ("politician", "政治家"),
    "PrivateCorp": ("private corporation", "私营企业"),
    "PublicCorp": ("public corporation", "上市公司"),
    "Scientist": ("scientist", "科学家"),
    "Software": ("software", "软件"),
    "SportsGRP": ("sports team", "体育团体"),
    "SportsManager": ("sports manager", "体育教练"),
    "Station": ("station", "车站"),
    "Symptom": ("symptom", "症状"),
    "Vehicle": ("vehicle", "交通工具"),
    "VisualWork": ("visual work", "影视作品"),
    "WrittenWork": ("written work", "文字作品"),
}


def _in(language: str, types: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    return {code: names[language == "zh"] for code, names in types.items()}


def _joiner(language: str) -> str:
    return "" if language == "zh" else " "


def _wikiann(language: str) -> Task:
    types = COARSE_ZH if language == "zh" else COARSE
    return Task(
        "NER",
        language,
        reader(jsonl(), tagged_tokens(named(types), joiner=_joiner(language))),
        name=language,
        source=hub("unimelb-nlp/wikiann", language),
    )


def _multinerd(language: str, sizes: Mapping[str, int]) -> Task:
    parse = tagged_tokens(
        named(_in(language, MULTINERD_TYPES)),
        joiner=_joiner(language),
        tag=numbered(begin_inside(*MULTINERD_TYPES)),
    )
    files = {
        split: (f"{name}/{name}_{language}.jsonl",)
        for split, name in zip(SPLITS, ("train", "val", "test"), strict=True)
    }
    return Task("NER", language, reader(jsonl(), parse), name=language, splits=files, sizes=sizes)


_MULTICONER_FILES = (
    "https://huggingface.co/datasets/MultiCoNER/multiconer_v2/resolve/4be2d62c912977ee26ed14d2553a4fe17ca3d980"
)


def _multiconer(language: str, folder: str, sizes: Mapping[str, int]) -> Task:
    files = {split: (f"{language}_{name}.conll",) for split, name in zip(SPLITS, ("train", "dev", "test"), strict=True)}
    return Task(
        "NER",
        language,
        # A token, two empty columns, a tag; a line with the number and domain opens each sentence.
        reader(
            conll(columns=4, separator=" ", comment="# id"),
            entities(named(_in(language, MULTICONER_TYPES)), joiner=_joiner(language)),
        ),
        name=language,
        splits=files,
        sizes=sizes,
        source=FilePattern(f"{_MULTICONER_FILES}/{folder}/{{}}"),
    )


TASKS = task_specs(
    DatasetSpec(
        "wikiann",
        license="unknown (text of Wikipedia)",
        citation="Rahimi, Li and Cohn 2019, ACL",
        sizes={"train": 20000, "validation": 10000, "test": 10000},
        tasks=(_wikiann("en"), _wikiann("zh")),
    ),
    DatasetSpec(
        "multinerd",
        FilePattern("https://huggingface.co/datasets/Babelscape/multinerd/resolve/main/{}"),
        license="CC BY-NC-SA 4.0",
        citation="Tedeschi and Navigli 2022, MultiNERD, NAACL Findings",
        tasks=(_multinerd("en", {"train": 131280, "validation": 16410, "test": 16454}), _multinerd("zh", {})),
    ),
    DatasetSpec(
        "multiconer2",
        license="CC BY 4.0",
        citation="Fetahu et al. 2023, MultiCoNER v2, EMNLP Findings",
        tasks=(
            _multiconer("en", "EN-English", {"train": 16778, "validation": 871, "test": 249980}),
            _multiconer("zh", "ZH-Chinese", {"train": 9759, "validation": 506, "test": 20265}),
        ),
    ),
    DatasetSpec(
        "wikineural",
        hub("Babelscape/wikineural", splits={"train": "train_en", "validation": "val_en", "test": "test_en"}),
        license="CC BY-NC-SA 4.0",
        citation="Tedeschi et al. 2021, WikiNEuRal, EMNLP Findings",
        sizes={"train": 92720, "validation": 11590, "test": 11597},
        tasks=(
            Task(
                "NER",
                "en",
                reader(jsonl(), tagged_tokens(named(COARSE), tag=numbered(begin_inside("PER", "ORG", "LOC", "MISC")))),
            ),
        ),
    ),
    DatasetSpec(
        "polyglot_ner",
        HuggingFace("rmyeid/polyglot_ner", "en", {"train": "train"}, PARQUET),
        license="unknown",
        citation="Al-Rfou et al. 2015, Polyglot-NER, SDM",
        splits=dict.fromkeys(SPLITS, ("en/train.jsonl",)),
        tasks=(
            Task(
                "NER",
                "en",
                reader(
                    jsonl(),
                    tagged_tokens(named(COARSE), tokens="words", tags="ner", tag=bare),
                    split_key=lambda row: " ".join(row["words"]),
                ),
            ),
        ),
    ),
)
