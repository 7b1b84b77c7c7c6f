"""Spans marked inside the text: `wake me at [time : nine am]`, `{{location:中国}}`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record


@dataclass(frozen=True)
class Mark:
    """What a mark looks like: how it opens, and the whole of it, with groups `label` and `span`."""

    opening: str
    whole: re.Pattern[str]


SQUARE = Mark("[", re.compile(r"\[\s*(?P<label>[^\[\]:]+?)\s*:\s*(?P<span>[^\[\]\s][^\[\]]*?)\s*\]"))
CURLY = Mark("{{", re.compile(r"\{\{(?P<label>\w+):(?P<span>[^{}]+)\}\}"))


def marked_spans(
    mark: Mark, name: Naming, text: Callable[[Any], str] = str, unmarked: Callable[[Any], str] | None = None
) -> Build:
    """NER, SF: the text without its marks, and what they marked.

    Args:
      mark: the kind of marks.
      name: of a label.
      text: takes the marked text out of a record's value.
      unmarked: takes out the text as it was before it was marked, where the data have it: spaces beside marks would
        show where the spans are. A record in which it is another text is skipped.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        marked = text(record.value)
        plain = mark.whole.sub(lambda found: found["span"], marked)
        if mark.opening in plain:
            raise ValueError(f"a mark that opens with {mark.opening!r} is broken or holds another one: {marked!r}")
        pairs = [(name(found["label"]), found["span"]) for found in mark.whole.finditer(marked)]
        if unmarked:
            before = unmarked(record.value)
            if "".join(before.split()) != "".join(plain.split()):
                yield Skipped(record.id, "marked_text_differs", f"{marked!r} has marks in another text than {before!r}")
                return
            pairs = list(zip([label for label, _ in pairs], _without_marks(mark, marked, before), strict=True))
            plain = before
        yield families.spans_by_label(record.id, plain, pairs)

    return build


def _without_marks(mark: Mark, marked: str, before: str) -> list[str]:
    """What is marked, as a text that differs in spaces alone has it."""
    places = [place for place, character in enumerate(before) if not character.isspace()]
    spans, seen, end = [], 0, 0
    for found in mark.whole.finditer(marked):
        seen += len("".join(marked[end : found.start()].split()))
        size = len("".join(found["span"].split()))
        spans.append(before[places[seen] : places[seen + size - 1] + 1])
        seen, end = seen + size, found.end()
    return spans
