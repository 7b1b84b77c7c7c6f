"""Multiple choice: a question, its options and the place of the right one, wherever a record keeps them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.record import Build, Record


@dataclass(frozen=True, slots=True)
class Choice:
    """One question.

    Attributes:
      question: as it is asked.
      options: in the record's order.
      answer: the right option's place, from 0; None where the record does not tell (hidden tests).
      passage: what has to be read for it; "" for questions of knowledge.
    """

    question: str
    options: Sequence[str]
    answer: int | None
    passage: str = ""


def choices(find: Callable[[dict], Choice]) -> Build:
    """MRC with options; `find` takes the question out of a record."""

    def build(record: Record) -> Iterator[Instance | Skipped]:
        choice = find(record.value)
        if choice.answer is None:
            yield Skipped(record.id, "no_gold_label")
            return
        if not 0 <= choice.answer < len(choice.options):
            raise ValueError(f"the answer is option {choice.answer + 1} of {len(choice.options)}")
        answer = choice.options[choice.answer]
        if choice.passage:
            yield families.multiple_choice(record.id, choice.passage, choice.question, choice.options, answer)
        else:
            yield families.classification(record.id, choice.question, [answer], choice.options)

    return build


def keyed(question: str, passage: str = "") -> Build:
    """MRC with `choices` (lists `text` and `label`) and an `answerKey` that is one of the labels, or empty."""

    def find(row: dict) -> Choice:
        options, keys, key = row["choices"]["text"], row["choices"]["label"], row["answerKey"]
        if key and key not in keys:
            raise ValueError(f"answerKey {key!r} is none of {', '.join(keys)}")
        return Choice(row[question], options, keys.index(key) if key else None, row[passage] if passage else "")

    return choices(find)


def place(code: str | int | None, first: str) -> int | None:
    """The place of an option by its letter or number; `first` is that of the first option.

    >>> place("C", first="A"), place("1", first="1"), place(0, first="0"), place("", first="0")
    (2, 0, 0, None)
    """
    code = "" if code is None else str(code).strip()
    if not code:
        return None
    if len(code) > 1 or code < first:
        raise ValueError(f"{code!r} is no option: they are counted from {first!r}")
    return ord(code) - ord(first)
