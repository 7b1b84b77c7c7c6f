"""RE, second step: what all its data sets share."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record

Triple = tuple[str, str, str]  # head, relation in words, tail
Found = tuple[str, Iterable[Triple]]  # text, triples


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


def one_pair(text: str, head: str, tail: str, relation: str, name: Naming, language: str) -> Build:
    """Records of one pair each: the fields of text, head, tail and relation."""

    def build(record: Record) -> Iterator[Instance]:
        row = record.value
        yield families.relation_typing(record.id, row[text], row[head], row[tail], [name(row[relation])], language)

    return build


def words(tokens: list[str], start: int, end: int) -> str:
    """The tokens from `start` up to `end`, without those that are mere space.

    Raises:
      ValueError: there are no such tokens.
    """
    if not 0 <= start < end <= len(tokens):
        raise ValueError(f"tokens {start} to {end} were expected among {len(tokens)}")
    return " ".join(token for token in tokens[start:end] if token.strip())
