"""A pair marked in its sentence, in whatever order the two stand."""

import re
from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record

Marks = tuple[str, str]  # what opens a mention and what closes it


def without_marks(sentence: str, *marks: Marks) -> tuple[str, list[str]]:
    """(sentence without the marks, what each pair of them holds).

    >>> without_marks("[[ lead ]] binds << Zif >>-2", ("<< ", " >>"), ("[[ ", " ]]"))
    ('lead binds Zif-2', ['Zif', 'lead'])

    Raises:
      ValueError: a pair of marks is not there.
    """
    mentions = []
    for opening, closing in marks:
        found = re.search(f"{re.escape(opening)}(.*?){re.escape(closing)}", sentence)
        if not found:
            raise ValueError(f"no {opening} … {closing} in {sentence!r}")
        mentions.append(found[1].strip())
        sentence = sentence[: found.start()] + mentions[-1] + sentence[found.end() :]
    return sentence, mentions


def marked_records(text: str, label: str, name: Naming, head: Marks, tail: Marks, language: str) -> Build:
    """RE typing out of records with a field of marked text and one of its relation.

    A record whose marks hold nothing is skipped: its pair cannot be asked for.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        sentence, mentions = without_marks(record.value[text], head, tail)
        if not all(mentions):
            yield Skipped(record.id, "empty_mention")
            return
        yield families.relation_typing(record.id, sentence, *mentions, [name(record.value[label])], language)

    return build
