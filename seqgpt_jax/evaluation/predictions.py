"""Predictions: answers compared with the gold answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seqgpt_jax.atomic import clean_text, read_answer
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.evaluation.instances import EvalInstance, join, target
from seqgpt_jax.evaluation.measures import Measures, Units, measure, rouge_of_answer, units
from seqgpt_jax.evaluation.rouge import Mode


@dataclass(frozen=True, slots=True)
class Prediction:
    """One instance, the answer, and how that compares with the gold answer.

    Attributes:
      instance: with its gold answer.
      prompts: what the model was asked, in all rounds.
      completions: what it wrote.
      output: its text, that of all chunks of queries together.
      answers: what was read from it, in the form of `record.answers`.
      well_formed: whether the completions follow the contract; if not, they were read leniently.
      gold, predicted: the units of both answers.
      rouge: mode -> ROUGE of the answer, between 0 and 1, or None where the instance does not count
        (`seqgpt_jax.evaluation.measures`).
      confidences: the score of each answer, in the form of `answers`; None for each that is not known.
      label_scores: of a classification whose labels were compared: label -> its log-probability.
      unreachable: gold spans, with their queries, that are not in the text that was read when their query was asked.
      refusal: why the instance could not be asked; it counts as answered with nothing.
    """

    instance: EvalInstance
    prompts: tuple[str, ...]
    completions: tuple[Completion, ...]
    output: str
    answers: tuple
    well_formed: bool
    gold: Units
    predicted: Units
    rouge: Mapping[Mode, float | None]
    confidences: tuple = ()
    label_scores: Mapping[str, float] | None = None
    unreachable: Units = frozenset()
    refusal: str = ""

    @property
    def record(self) -> EvalRecord:
        """The labels that were asked, with their gold answers."""
        return self.instance.record

    @property
    def mixture(self) -> str:
        """Where the instance comes from."""
        return self.instance.mixture

    @property
    def measures(self) -> Measures:
        """What the answer adds to the sums of its task."""
        return measure(self.gold, self.predicted, self.rouge)

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
    prompts = tuple(prompt.text for prompt in answer.prompts)
    prediction = _prediction(instance, prompts, answer.completions, output, answers, answer.well_formed)
    known = {"confidences": _confidences(record.labels, answer), "label_scores": answer.label_scores}
    return replace(prediction, unreachable=_unreachable(prediction, answer), **known)


def _confidences(labels: Sequence[str], answer: Answer) -> tuple:
    """The score of each value of an answer, in the form of `Prediction.answers`."""
    if not isinstance(answer.found, dict):
        scores = {label.label: label.score for label in answer.found}
        return tuple(scores.get(label) for label in answer.answers)
    of_label = {
        label: {clean_text(span.text): span.score for span in reversed(found)} for label, found in answer.found.items()
    }
    return tuple(tuple(of_label[label].get(value) for value in answer.answers[label]) for label in labels)


def _unreachable(prediction: Prediction, answer: Answer) -> Units:
    if prediction.record.atom == "cls":
        return frozenset()
    # Query -> the parts of the text that were read with it; several where the text was asked in windows.
    read: dict[str, list[str]] = {}
    cut = set()
    for prompt, completion in zip(answer.prompts, answer.completions, strict=True):
        whole = completion.text_read is None
        for label in prompt.labels:
            read.setdefault(label, []).append((prompt.source_text or "") if whole else completion.text_read)
            if not whole:
                cut.add(label)
    return frozenset(
        (query, span)
        for query, span in prediction.gold
        if query in cut and not any(span in part for part in read[query])
    )


def by_task(predictions: Iterable[Prediction]) -> dict[str, list[Prediction]]:
    """Task -> its predictions in their order, the tasks by name."""
    members: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        members.setdefault(prediction.record.task, []).append(prediction)
    return {task: members[task] for task in sorted(members)}


def refused(instance: EvalInstance, reason: str) -> Prediction:
    """The prediction of an instance that cannot be asked, because its labels fit into no prompt or answer."""
    record = instance.record
    nothing: tuple = () if record.atom == "cls" else ((),) * len(record.labels)
    prediction = _prediction(instance, (), (), target(record.atom, record.labels, nothing), nothing, well_formed=False)
    return replace(prediction, confidences=nothing, refusal=reason)


def read_predictions(answered: Iterable[tuple[EvalRecord, str]]) -> list[Prediction]:
    """Reads the outputs to prepared prompts, strictly if they follow the contract and leniently if not, and compares.

    All prompts of an instance make one prediction. The labels that the chunks of a classification chose count together:
    there is no final round.

    Args:
      answered: each prompt once, with the output of the model.
    """
    prompts: dict[str, list[tuple[EvalRecord, str]]] = {}
    for record, output in answered:
        prompts.setdefault(record.instance, []).append((record, output))
    predictions = []
    for pairs in prompts.values():
        pairs.sort(key=lambda pair: int(pair[0].id.rsplit("#", 1)[1]))
        (joined,) = join(record for record, _ in pairs)
        read = [read_answer(record.atom, record.labels, output) for record, output in pairs]
        answers = tuple(answer for of_prompt, _ in read for answer in of_prompt)
        outputs = [output for _, output in pairs]
        output = target("cls", joined.labels, answers) if joined.atom == "cls" and len(pairs) > 1 else "".join(outputs)
        completions = tuple(map(Completion, outputs))
        instance = EvalInstance(joined, candidates=len(joined.labels))
        texts, well_formed = tuple(record.prompt for record, _ in pairs), all(strict for _, strict in read)
        predictions.append(_prediction(instance, texts, completions, output, answers, well_formed))
    return predictions


def _prediction(
    instance: EvalInstance,
    prompts: tuple[str, ...],
    completions: tuple[Completion, ...],
    output: str,
    answers: tuple,
    well_formed: bool,
) -> Prediction:
    record = instance.record
    return Prediction(
        instance=instance,
        prompts=prompts,
        completions=completions,
        output=output,
        answers=answers,
        well_formed=well_formed,
        gold=units(record, record.answers),
        predicted=units(record, answers),
        rouge=rouge_of_answer(record, answers, output),
    )
