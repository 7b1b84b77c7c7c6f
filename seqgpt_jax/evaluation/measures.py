"""Measures of one answer: the units that micro-F1 counts, and ROUGE.

SeqGPT leaves the units of micro-F1 open; here they are

    extraction       (query, span) pairs: `None` is no unit, a span string counts once a query
    classification   labels
"""

from collections.abc import Mapping
from typing import NamedTuple

from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.evaluation import label_counts
from seqgpt_jax.evaluation.instances import target
from seqgpt_jax.evaluation.label_counts import LabelAnswer, Units
from seqgpt_jax.evaluation.rouge import Mode, rouge


class Measures(NamedTuple):
    """What an answer adds to the sums of its task.

    Attributes:
      correct, gold, predicted: numbers of units.
      rouge_paper: of the whole answer.
      rouge_fixed: 0 where the instance does not count.
      counted_fixed: 1 where the instance counts in `fixed` ROUGE, else 0.
    """

    correct: float
    gold: float
    predicted: float
    rouge_paper: float
    rouge_fixed: float
    counted_fixed: float


def measure(gold: Units, predicted: Units, rouges: Mapping[Mode, float | None]) -> Measures:
    """The measures of an answer whose units and ROUGE are known."""
    paper, fixed = rouges["paper"], rouges["fixed"]
    assert paper is not None
    return Measures(len(gold & predicted), len(gold), len(predicted), paper, fixed or 0.0, fixed is not None)


def units(record: EvalRecord, answers: tuple) -> Units:
    """The (label,) or (query, span) pairs of answers to a record."""
    return label_counts.units(label_answer(record, answers))


def label_answer(record: EvalRecord, answers: tuple) -> LabelAnswer:
    """Answers to a record as labels, or as label -> its spans."""
    return answers if record.atom == "cls" else dict(zip(record.labels, answers, strict=True))


def rouge_of_answer(record: EvalRecord, answers: tuple, output: str) -> dict[Mode, float | None]:
    """ROUGE of an answer in each mode.

    `paper` compares the whole output with the whole target, every line of an extraction included. `fixed` compares the
    lines of an extraction that have a gold or a predicted span, as they were read: the others, which say `None` twice,
    would lift the worst answer close to 1.

    Returns:
      Mode -> ROUGE between 0 and 1; None where an extraction has no such line, so that the instance does not count.
    """
    paper = rouge(output, record.target, "paper")
    if record.atom == "cls":
        return {"paper": paper, "fixed": rouge(output, record.target, "fixed")}
    lines = [line for line in zip(record.labels, record.answers, answers, strict=True) if line[1] or line[2]]
    if not lines:
        return {"paper": paper, "fixed": None}
    queries, gold, given = zip(*lines, strict=True)
    return {"paper": paper, "fixed": rouge(target("ext", queries, given), target("ext", queries, gold), "fixed")}
