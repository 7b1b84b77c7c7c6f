"""Pronouns and what they refer to (the Winograd schema challenge): two spans of a text, one or not."""

from collections.abc import Iterator, Mapping

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import named
from seqgpt_jax.tasks.readers.record import Build, Record


def refers(question: str, answers: Mapping[str, str]) -> Build:
    """A text and whether two of its spans are one.

    Args:
      question: holds the second span (the pronoun) and then the first, at `{}`.
      answers: label -> its name.

    The spans of a record lie in it, or in its field `target`.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        row = record.value
        if row.get("label") is None:
            yield Skipped(record.id, "no_gold_label")
            return
        spans = row.get("target", row)
        asked = question.format(spans["span2_text"], spans["span1_text"])
        yield families.classification(record.id, f"{row['text']}\t{asked}", [named(answers)(row["label"])])

    return build
