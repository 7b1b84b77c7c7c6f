"""Instances out of records with named fields (JSON objects, table rows): the families that need no more."""

from collections.abc import Callable, Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import Naming, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record


def labelled(text: str, label: str, name: Naming = verbatim, *, separator: str = "") -> Build:
    """CLS, SA, ID: a text field and a label field; `separator` stands between several labels."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        value = record.value[label]
        codes = value.split(separator) if separator else [value]
        yield families.classification(record.id, record.value[text], [name(code) for code in codes])

    return build


def sentence_pair(premise: str, hypothesis: str, label: str, name: Naming = verbatim, *, unlabelled: str = "") -> Build:
    """NLI: two text fields and a label field; a record labelled `unlabelled` has no gold label."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        code = record.value[label]
        if unlabelled and code == unlabelled:
            yield Skipped(record.id, "no_gold_label")
            return
        yield families.inference(record.id, record.value[premise], record.value[hypothesis], name(code))

    return build


def pairs(text: str, find: Callable[[dict], Iterator[tuple[str, str]]]) -> Build:
    """NER, SF, the span steps of RE: a text field and (label, span) pairs found in the record."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        yield families.spans_by_label(record.id, record.value[text], find(record.value))

    return build
