"""Predictions: completions read and compared with the gold answers.

SeqGPT leaves the units of micro-F1 open; here they are

    extraction       (query, span) pairs: `None` is no unit, a span string counts once a query
    classification   labels
"""

from collections.abc import Mapping
from dataclasses import dataclass

from seqgpt_jax.atomic import read_answer
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.evaluation.rouge import MODES, rouge

Units = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prompt, its completion, and how that compares with the gold answer.

    Attributes:
      record: the prompt with its gold answer.
      mixture: where the prompt comes from.
      completion: what the model wrote.
      answers: what was read from it, in the form of `record.answers`.
      well_formed: whether the completion follows the contract; if not, it was read leniently.
      gold, predicted: the units of both answers.
      rouge: mode -> ROUGE of the completion, between 0 and 1.
    """

    record: EvalRecord
    mixture: str
    completion: Completion
    answers: tuple
    well_formed: bool
    gold: Units
    predicted: Units
    rouge: Mapping[str, float]

    @property
    def output(self) -> str:
        """The text of the completion."""
        return self.completion.text

    @property
    def true_positives(self) -> int:
        """How many gold units were predicted."""
        return len(self.gold & self.predicted)

    @property
    def correct(self) -> bool:
        """Whether the gold units were predicted and no others."""
        return self.gold == self.predicted


def read_prediction(record: EvalRecord, completion: Completion, mixture: str = "") -> Prediction:
    """Reads a completion, strictly if it follows the contract and leniently if not, and compares it with gold."""
    answers, well_formed = read_answer(record.atom, record.labels, completion.text)
    return Prediction(
        record=record,
        mixture=mixture,
        completion=completion,
        answers=answers,
        well_formed=well_formed,
        gold=_units(record, record.answers),
        predicted=_units(record, answers),
        rouge={mode: rouge(completion.text, record.target, mode) for mode in MODES},
    )


def _units(record: EvalRecord, answers: tuple) -> Units:
    """The (label,) or (query, span) pairs of answers to a record."""
    if record.atom == "cls":
        return frozenset((label,) for label in answers)
    return frozenset((query, span) for query, spans in zip(record.labels, answers, strict=True) for span in spans)
