"""Answers of a language model about one text: asked label -> spans, of which some are no words of the text."""

from collections.abc import Iterator, Mapping, Sequence

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped


def answers_in_text(id: str, text: str, answers: Mapping[str, Sequence[str]]) -> Iterator[Instance | Skipped]:
    """The instance of the labels whose answers are all words of the text; each of the others is skipped, and counted.

    Only the labels that were asked are those of the instance: of others nothing is known there.

    >>> [item.reason for item in answers_in_text("1", "In May", {"month": ["June"]})]
    ['not_in_text']
    """
    found: dict[str, Sequence[str]] = {}
    for number, (label, spans) in enumerate(answers.items()):
        if all(span in text for span in spans):
            found[label] = spans
        else:
            yield Skipped(f"{id}/label{number}", "not_in_text", f"answers for {label!r} are not words of the text")
    if found:
        pairs = [(label, span) for label, spans in found.items() for span in spans]
        yield families.spans_by_label(id, text, pairs, found)
