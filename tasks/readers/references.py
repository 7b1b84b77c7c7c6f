"""Pronouns and what they refer to (the Winograd schema challenge): two spans of a text, one or not."""

import re
from collections.abc import Iterator, Mapping

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Build, Record

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def refers(language: str, answers: Mapping[str, str]) -> Build:
    """A text and whether two of its spans, a pronoun and a noun, are one.

    A pronoun that stands in its text several times is asked by its number: `does the second "it" refer to the lamp?`.

    Args:
      language: of the question. Places count characters in Chinese, words in English.
      answers: label -> its name.

    The spans of a record lie in it, or in its field `target`.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        row = record.value
        if row.get("label") is None:
            yield Skipped(record.id, "no_gold_label")
            return
        spans, text = row.get("target", row), row["text"]
        noun, pronoun = spans["span1_text"], spans["span2_text"]
        before = text[: _place(text, spans["span2_index"], language)]
        number = _count(pronoun, before) + 1 if _count(pronoun, text) > 1 else 0
        if language == "zh":
            asked = f"{f'第{number}个' if number else ''}“{pronoun}”指的是“{noun}”吗？"
        else:
            asked = f"does {_nth(pronoun, number)} refer to {noun}?"
        yield families.classification(record.id, f"{text}\t{asked}", [named(answers)(row["label"])])

    return build


def _place(text: str, index: int, language: str) -> int:
    """The character at which a span begins."""
    return index if language == "zh" else len(" ".join(text.split(" ")[:index]))


def _count(pronoun: str, text: str) -> int:
    """How often it is in the text; an English one as a word."""
    around = (r"\b", r"\b") if pronoun.isascii() else ("", "")
    return len(re.findall(re.escape(pronoun).join(around), text))


def _nth(pronoun: str, number: int) -> str:
    if not number:
        return pronoun
    ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"
    return f'the {ordinal} "{pronoun}"'
