"""Spans marked inside the text: `wake me at [time : nine am]`, `{{location:中国}}`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record


@dataclass(frozen=True)
class Mark:
    """What a mark looks like: how it opens, and the whole of it, with groups `label` and `span`."""

    opening: str
    whole: re.Pattern[str]


SQUARE = Mark("[", re.compile(r"\[\s*(?P<label>[^\[\]:]+?)\s*:\s*(?P<span>[^\[\]\s][^\[\]]*?)\s*\]"))
CURLY = Mark("{{", re.compile(r"\{\{(?P<label>\w+):(?P<span>[^{}]+)\}\}"))


def marked_spans(mark: Mark, name: Naming, text: Callable[[Any], str] = str) -> Build:
    """NER, SF: the text without its marks, and what they marked.

    Args:
      mark: the kind of marks.
      name: of a label.
      text: takes the marked text out of a record's value.
    """

    def build(record: Record) -> Iterator[Instance]:
        marked = text(record.value)
        plain = mark.whole.sub(lambda found: found["span"], marked)
        if mark.opening in plain:
            raise ValueError(f"a mark that opens with {mark.opening!r} is broken or holds another one: {marked!r}")
        pairs = ((name(found["label"]), found["span"]) for found in mark.whole.finditer(marked))
        yield families.spans_by_label(record.id, plain, pairs)

    return build
