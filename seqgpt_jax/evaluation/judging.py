"""One answer against the gold answer: read it, take it apart into units, compare.

SeqGPT leaves the units of micro-F1 open; here they are

    extraction       (query, span) pairs: `None` is no unit, a span string counts once a query
    classification   labels
"""

from collections.abc import Mapping
from dataclasses import dataclass

from seqgpt_jax.atomic import ContractError, parse_answer, recover_answer
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.evaluation.rouge import MODES, rouge

Units = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prompt, what the model said, and what that is worth.

    Attributes:
      record: the prompt with its gold answer.
      mixture: where the prompt comes from.
      output: the model's own words.
      answers: what was read from them, in the form of `record.answers`.
      well_formed: whether `output` follows the contract; if not, it was read leniently.
      gold, predicted: the units of both answers.
      rouge: mode -> ROUGE of `output`, between 0 and 1.
    """

    record: EvalRecord
    mixture: str
    output: str
    answers: tuple
    well_formed: bool
    gold: Units
    predicted: Units
    rouge: Mapping[str, float]

    @property
    def true_positives(self) -> int:
        """How many gold units were found."""
        return len(self.gold & self.predicted)

    @property
    def correct(self) -> bool:
        """Whether the gold units were found and no others."""
        return self.gold == self.predicted


def judge(record: EvalRecord, output: str, mixture: str = "") -> Prediction:
    """Reads one output, strictly if it follows the contract and leniently if not, and compares it with gold."""
    try:
        answers, well_formed = parse_answer(record.atom, record.labels, output), True
    except ContractError:
        answers, well_formed = recover_answer(record.atom, record.labels, output), False
    return Prediction(
        record=record,
        mixture=mixture,
        output=output,
        answers=answers,
        well_formed=well_formed,
        gold=_units(record, record.answers),
        predicted=_units(record, answers),
        rouge={mode: rouge(output, record.target, mode) for mode in MODES},
    )


def _units(record: EvalRecord, answers: tuple) -> Units:
    if record.atom == "cls":
        return frozenset((label,) for label in answers)
    return frozenset((query, span) for query, spans in zip(record.labels, answers, strict=True) for span in spans)
