"""Rows with a list of tokens: one tag for each of them, or entities over them that may be nested."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.tasks.readers.conll import labelled_spans, words_of
from seqgpt_jax.tasks.readers.names import Naming, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record


def tagged_tokens(
    name: Naming = verbatim,
    *,
    tokens: str = "tokens",
    tags: str = "ner_tags",
    joiner: str = " ",
    tag: Callable[[Any], str] = str,
) -> Build:
    """NER, SF: the fields `tokens` and `tags`, two lists of one length.

    Args:
      name: of a label, without its B- or I-.
      tokens, tags: the two fields.
      joiner: " " for English, which is detokenized (`Words`), or "" for Chinese characters.
      tag: the BIO tag of what stands in the list (`numbered`, `bare`).
    """

    def build(record: Record) -> Iterator[Instance]:
        words, codes = record.value[tokens], record.value[tags]
        if len(words) != len(codes):
            raise ValueError(f"{len(words)} {tokens} but {len(codes)} {tags}")
        yield families.spans_by_label(record.id, *labelled_spans(words, [tag(code) for code in codes], joiner, name))

    return build


def numbered(tags: Sequence[str]) -> Callable[[int], str]:
    """Tags written as numbers: `tags` in their order."""

    def tag(code: int) -> str:
        if not 0 <= code < len(tags):
            raise ValueError(f"tag {code} is not one of 0 to {len(tags) - 1}")
        return tags[code]

    return tag


def begin_inside(*labels: str) -> tuple[str, ...]:
    """The usual order of numbered tags.

    >>> begin_inside("PER", "LOC")
    ('O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC')
    """
    return ("O", *(f"{prefix}-{label}" for label in labels for prefix in "BI"))


def bare(label: str) -> str:
    """Labels without B- and I-: neighbours of one label are one entity."""
    return label if label == "O" else f"I-{label}"


def token_entities(name: Naming, *, joiner: str = " ") -> Build:
    """NER with nested entities: `tokens`, and `entities` of a `type`, a `start` and an `end` (one past the last)."""

    def build(record: Record) -> Iterator[Instance]:
        words, found = record.value["tokens"], []
        for entity in record.value["entities"]:
            start, end = entity["start"], entity["end"]
            if not 0 <= start < end <= len(words):
                raise ValueError(f"tokens {start} to {end} of {entity['type']!r} are outside the sentence")
            found.append((start, end, name(entity["type"])))
        sentence = words_of(words, joiner)
        pairs = ((label, sentence.span(start, end)) for start, end, label in sorted(found))
        yield families.spans_by_label(record.id, sentence.text, pairs)

    return build
