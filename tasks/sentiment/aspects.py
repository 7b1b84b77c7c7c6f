"""SA of aspects: what is judged in a review, and how."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.readers.xml import xml_elements

# Column of ASAP -> what it rates.
ASAP_ASPECTS = {
    "Location#Transportation": "交通便利",
    "Location#Downtown": "商圈距离",
    "Location#Easy_to_find": "是否好找",
    "Service#Queue": "排队时间",
    "Service#Hospitality": "服务态度",
    "Service#Parking": "停车方便",
    "Service#Timely": "上菜速度",
    "Price#Level": "价格水平",
    "Price#Cost_effective": "性价比",
    "Price#Discount": "优惠力度",
    "Ambience#Decoration": "装修",
    "Ambience#Noise": "嘈杂程度",
    "Ambience#Space": "就餐空间",
    "Ambience#Sanitary": "卫生",
    "Food#Portion": "菜量",
    "Food#Taste": "口味",
    "Food#Appearance": "菜品外观",
    "Food#Recommend": "推荐程度",
}
ASAP_POLARITY = {"-1": "负面", "0": "中性", "1": "正面"}
_NOT_MENTIONED = "-2"

Judged = Callable[[Any], tuple[str, dict[str, list[str]]]]
"""Takes the text, and what is judged in it -> its sentiments, out of a record's value."""


def aspect_sentiments(find: Judged, question: str) -> Build:
    """SA: one question for each aspect of a text, whose name `question` holds at `{}`; its tasks are of `pairs`."""

    def build(record: Record) -> Iterator[Instance]:
        text, judged = find(record.value)
        for k, (aspect, sentiments) in enumerate(judged.items()):
            asked = f"{text}\t{question.replace('{}', aspect)}"
            yield families.classification(f"{record.id}/{k}", asked, sentiments)

    return build


def asap_aspects(row: dict) -> tuple[str, dict[str, list[str]]]:
    """ASAP: the aspects that a review speaks of."""
    ratings = {aspect: str(row[column]) for column, aspect in ASAP_ASPECTS.items()}
    mentioned = {aspect: rating for aspect, rating in ratings.items() if rating != _NOT_MENTIONED}
    return row["review"], {aspect: [named(ASAP_POLARITY)(rating)] for aspect, rating in mentioned.items()}


def terms(sentence: Element) -> list[tuple[str, str, str]]:
    """MAMS: (term, place among the characters as `first:end`, sentiment); a term is there once for each place."""
    return [
        (found.attrib["term"], f"{found.attrib['from']}:{found.attrib['to']}", found.attrib["polarity"])
        for found in sentence.iter("aspectTerm")
    ]


def term_spans(record: Record) -> Iterator[Instance]:
    """MAMS: the words that name what is judged."""
    text = _text(record.value)
    places = [("aspect", *map(int, place.split(":"))) for _, place, _ in terms(record.value)]
    yield families.spans_by_label(record.id, text, spans_at(text, places))


def term_sentiments(sentence: Element) -> tuple[str, dict[str, list[str]]]:
    """MAMS: the sentiments of each term; a term that stands there twice has those of both places."""
    judged: dict[str, list[str]] = {}
    for term, _, sentiment in terms(sentence):
        judged.setdefault(term, []).append(sentiment)
    return _text(sentence), judged


def category_sentiments(sentence: Element) -> tuple[str, dict[str, list[str]]]:
    """MAMS: the sentiment of each category."""
    judged: dict[str, list[str]] = {}
    for found in sentence.iter("aspectCategory"):
        judged.setdefault(found.attrib["category"], []).append(found.attrib["polarity"])
    return _text(sentence), judged


def categories(record: Record) -> Iterator[Instance]:
    """MAMS: which categories a sentence judges."""
    text, judged = category_sentiments(record.value)
    yield families.classification(record.id, text, judged)


def _text(sentence: Element) -> str:
    text = sentence.findtext("text")
    if text is None:
        raise ValueError("a sentence without <text>")
    return text


def _mams(folder: str, build: Build, name: str, **differences: Any) -> Task:
    return Task(
        "SA",
        "en",
        reader(xml_elements("sentence"), build),
        name=name,
        splits={split: (f"MAMS-{folder}/raw/{file}.xml",) for split, file in _MAMS_FILES.items()},
        **differences,
    )


_MAMS_FILES = {"train": "train", "validation": "val", "test": "test"}
_sentiment_of = partial(aspect_sentiments, question="what is the sentiment about {}?")

TASKS = task_specs(
    DatasetSpec(
        # In every sentence at least two things are judged, differently.
        "mams",
        github("siat-nlp/MAMS-for-ABSA", "cddcdb0f423b3fdb2c76b70744737abed3a00d17", "data/{}"),
        license="Apache-2.0",
        citation="Jiang et al. 2019, EMNLP",
        tasks=(
            _mams("ATSA", term_spans, "terms", atom="ext"),
            _mams("ATSA", _sentiment_of(term_sentiments), "term_sentiment", pairs=True),
            _mams("ACSA", categories, "categories"),
            _mams("ACSA", _sentiment_of(category_sentiments), "category_sentiment", pairs=True),
        ),
    ),
)
