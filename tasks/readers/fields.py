"""Instances out of records with named fields (JSON objects, table rows): the families that need no more."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.names import Naming, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record


def labelled(text: str | Sequence[str], label: str, name: Naming = verbatim, *, separator: str = "") -> Build:
    """CLS, SA, ID: a text and a label field.

    Args:
      text: the field of the text, or several, which are joined by a space.
      label: the field of the label.
      name: the words of a label's code.
      separator: where given, it stands between several labels.

    A record whose label is null has no gold label.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        value = record.value[label]
        if value is None:
            yield Skipped(record.id, "no_gold_label")
            return
        codes = value.split(separator) if separator else [value]
        yield families.classification(record.id, _joined(record.value, text), [name(code) for code in codes])

    return build


def found_labels(text: str | Sequence[str], find: Callable[[dict], Iterable[str]], *, none: str = "") -> Build:
    """CLS, ID: a text and the labels that `find` names in the record.

    A record without labels has the label `none` where one is given; otherwise it is skipped.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        labels = list(find(record.value))
        if not labels and not none:
            yield Skipped(record.id, "no_gold_label")
            return
        yield families.classification(record.id, _joined(record.value, text), labels or [none])

    return build


def sentence_pair(premise: str, hypothesis: str, label: str, name: Naming = verbatim, *, unlabelled: str = "") -> Build:
    """NLI: two text fields and a label field; a record labelled `unlabelled`, or null, has no gold label.

    Where one of the two texts is null, there is no pair.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        code = record.value[label]
        if code is None or (unlabelled and code == unlabelled):
            yield Skipped(record.id, "no_gold_label")
            return
        texts = record.value[premise], record.value[hypothesis]
        if None in texts:
            yield Skipped(record.id, "empty_text")
            return
        yield families.inference(record.id, *texts, name(code))

    return build


def degree(names: Sequence[str]) -> Callable[[float | str], str]:
    """The naming of a score from 0 up, a mean of whole numbers: that of the nearest one, of two the higher.

    >>> [degree(("low", "middle", "high"))(score) for score in (0.4, "1.5", 2)]
    ['low', 'high', 'high']

    Raises:
      ValueError: there is no name for so high a score, or it is no number.
    """

    def name(score: float | str) -> str:
        place = math.floor(float(score) + 0.5)
        if not 0 <= place < len(names):
            raise ValueError(f"score {score!r} is not between 0 and {len(names) - 1}")
        return names[place]

    return name


def pairs(text: str, find: Callable[[dict], Iterator[tuple[str, str]]]) -> Build:
    """NER, SF, the span steps of RE: a text field and (label, span) pairs found in the record."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        yield families.spans_by_label(record.id, record.value[text], find(record.value))

    return build


def _joined(row: dict, text: str | Sequence[str]) -> str:
    """The text of a row: null is as good as empty."""
    if isinstance(text, str):
        return "" if row[text] is None else row[text]
    return " ".join(row[field] for field in text if row[field])
