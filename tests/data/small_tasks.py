"""A tiny tokenizer and generated tasks for the tests of the data path."""

from collections.abc import Iterator
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec
from seqgpt_jax.data.tokenizer import train_tokenizer

CITIES = ("Rome", "Paris", "杭州", "北京")
NAMES = ("Ann", "Bob", "李明", "Carla")


def read_entities(split: str, paths: tuple[Path, ...]) -> Iterator[Instance | Skipped]:
    assert paths == ()
    for number in range(60 if split == "train" else 12):
        city, name = CITIES[number % 4], NAMES[(number + number // 4) % 4]
        text = f"{name} went to {city} on day {number} of the {split} trip"
        yield families.spans_by_label(str(number), text, [("person", name), ("city", city)])
    yield Skipped("unlabelled", "no_label")
    yield families.spans_by_label("wrong", "no such span here", [("person", "Zoe")])


def read_topics(split: str, paths: tuple[Path, ...]) -> Iterator[Instance]:
    for number in range(50 if split == "train" else 10):
        topic = ("sport", "food", "music")[number % 3 if number % 5 else 0]
        yield families.classification(str(number), f"{split} text {number} about {topic}", [topic])


ENTITIES = TaskSpec("entities", "NER", "en", "ext", {"train": (), "test": ()}, read_entities)
TOPICS = TaskSpec("topics", "CLS", "en", "cls", {"train": (), "test": ()}, read_topics)


def small_tokenizer() -> PreTrainedTokenizerFast:
    texts = [item.text for spec in (ENTITIES, TOPICS) for item in spec.read("train", ()) if isinstance(item, Instance)]
    return train_tokenizer([*texts, "输入: 抽取: 分类: 输出: person city date None\n\t， a.\nb.\nc。\nd。\n"] * 2, 400)
