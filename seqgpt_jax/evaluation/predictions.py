"""Predictions: answers compared with the gold answers.

SeqGPT leaves the units of micro-F1 open; here they are

    extraction       (query, span) pairs: `None` is no unit, a span string counts once a query
    classification   labels
"""

from collections.abc import Mapping
from dataclasses import dataclass

from seqgpt_jax.atomic import read_answer
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.evaluation.instances import EvalInstance, target
from seqgpt_jax.evaluation.rouge import MODES, rouge

Units = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One instance (or one prompt of it), the answer, and how that compares with the gold answer.

    Attributes:
      instance: with its gold answer.
      completions: what the model wrote.
      output: its text, that of all chunks of queries together.
      answers: what was read from it, in the form of `record.answers`.
      well_formed: whether the completions follow the contract; if not, they were read leniently.
      gold, predicted: the units of both answers.
      rouge: mode -> ROUGE of the completion, between 0 and 1.
    """

    instance: EvalInstance
    completions: tuple[Completion, ...]
    output: str
    answers: tuple
    well_formed: bool
    gold: Units
    predicted: Units
    rouge: Mapping[str, float]

    @property
    def record(self) -> EvalRecord:
        """The labels that were asked, with their gold answers."""
        return self.instance.record

    @property
    def mixture(self) -> str:
        """Where the instance comes from."""
        return self.instance.mixture

    @property
    def true_positives(self) -> int:
        """How many gold units were predicted."""
        return len(self.gold & self.predicted)

    @property
    def correct(self) -> bool:
        """Whether the gold units were predicted and no others."""
        return self.gold == self.predicted


def compare(instance: EvalInstance, answer: Answer) -> Prediction:
    """Compares the answer to an instance's question with its gold answer."""
    record, given = instance.record, answer.answers
    if isinstance(given, dict):
        answers: tuple = tuple(tuple(given[label]) for label in record.labels)
        output = answer.output
    else:
        answers = tuple(given)
        # Of several rounds the answer counts; of one the text, which may be malformed.
        single = len(answer.completions) == 1
        output = answer.completions[0].text if single else target("cls", record.labels, answers)
    return _prediction(instance, answer.completions, output, answers, answer.well_formed)


def read_prediction(record: EvalRecord, completion: Completion) -> Prediction:
    """Reads the completion of one prompt, strictly if it follows the contract and leniently if not, and compares it."""
    answers, well_formed = read_answer(record.atom, record.labels, completion.text)
    return _prediction(EvalInstance(record), (completion,), completion.text, answers, well_formed)


def _prediction(
    instance: EvalInstance, completions: tuple[Completion, ...], output: str, answers: tuple, well_formed: bool
) -> Prediction:
    record = instance.record
    return Prediction(
        instance=instance,
        completions=completions,
        output=output,
        answers=answers,
        well_formed=well_formed,
        gold=_units(record, record.answers),
        predicted=_units(record, answers),
        rouge={mode: rouge(output, record.target, mode) for mode in MODES},
    )


def _units(record: EvalRecord, answers: tuple) -> Units:
    """The (label,) or (query, span) pairs of answers to a record."""
    if record.atom == "cls":
        return frozenset((label,) for label in answers)
    return frozenset((query, span) for query, spans in zip(record.labels, answers, strict=True) for span in spans)
