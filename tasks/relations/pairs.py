"""The two steps of RE: entities by type, then the relation of a pair."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Reader, Task
from seqgpt_jax.tasks.readers.record import Build, Record

Triple = tuple[str, str, str]  # head, relation in words, tail
Found = tuple[str, Iterable[Triple]]  # text, triples


def two_steps(
    language: str,
    spans: Reader,
    typing: Reader,
    sentences: Mapping[str, int] | None = None,
    pairs: Mapping[str, int] | None = None,
) -> tuple[Task, Task]:
    """The tasks `spans` and `typing` of one data set; `sentences` and `pairs` are their sizes."""
    return (
        Task("RE", language, spans, name="spans", atom="ext", sizes=sentences),
        Task("RE", language, typing, name="typing", atom="cls", sizes=pairs),
    )


def typed_pairs(id: str, text: str, triples: Iterable[Triple], language: str) -> Iterator[Instance]:
    """One instance for each (head, tail), with all its relations: asked one by one, equal prompts would differ."""
    found: dict[tuple[str, str], list[str]] = {}
    for head, relation, tail in triples:
        found.setdefault((head, tail), []).append(relation)
    for k, ((head, tail), relations) in enumerate(found.items()):
        yield families.relation_typing(f"{id}/{k}", text, head, tail, relations, language)


def pair_typing(find: Callable[[Any], Found], language: str) -> Build:
    """The relations of each pair that has one, in what `find` says of a record."""

    def build(record: Record) -> Iterator[Instance]:
        text, triples = find(record.value)
        yield from typed_pairs(record.id, text, triples, language)

    return build
