"""Folders of small evaluations, written as `evaluate` writes them, for the tests of the report."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqgpt_jax.atomic import Classification, Extraction
from seqgpt_jax.evaluation.analysis.saved import SavedPrediction
from seqgpt_jax.evaluation.predictions import Prediction, read_predictions
from seqgpt_jax.evaluation.report import write_scores
from seqgpt_jax.evaluation.scores import compute_scores
from tests.evaluation.records import record

Answers = Mapping[str, Sequence[str]]


def extraction(
    text: str, gold: Answers, answers: Answers, *, well_formed: bool = True, scores: Sequence[Sequence[float]] = ()
) -> SavedPrediction:
    """An extraction, its labels in the order of `gold`."""
    return SavedPrediction(
        id="ner/test/0",
        text=text,
        labels=tuple(gold),
        gold=tuple(map(tuple, gold.values())),
        answers=tuple(tuple(answers.get(label, ())) for label in gold),
        output="",
        well_formed=well_formed,
        confidences=tuple(map(tuple, scores)),
        label_scores=None,
        refusal="",
    )


def classification(labels: Sequence[str], gold: Sequence[str], answers: Sequence[str], **fields) -> SavedPrediction:
    """A classification."""
    answered = extraction("a text", {}, {})
    changes = {"labels": tuple(labels), "gold": tuple(gold), "answers": tuple(answers), **fields}
    return dataclasses.replace(answered, **changes)


def choices(task: str, pairs: Sequence[tuple[str, str]], labels: Sequence[str] = ("good", "bad")) -> list[Prediction]:
    """Predictions of a classification with one label: (gold, answered) pairs."""
    records = [
        record(f"{task}/test/{number:03}#0", Classification(f"text {number}", tuple(labels), (gold,)), "SA")
        for number, (gold, _) in enumerate(pairs)
    ]
    return read_predictions(zip(records, [answered for _, answered in pairs], strict=True))


def spans(task: str, texts: Sequence[tuple[str, Answers, str]], language: str = "en") -> list[Prediction]:
    """Predictions of an extraction: (text, gold answers, output) of each instance."""
    records = [
        record(
            f"{task}/test/{number:03}#0",
            Extraction(text, tuple(gold), tuple(map(tuple, gold.values()))),
            language=language,
        )
        for number, (text, gold, _) in enumerate(texts)
    ]
    return read_predictions(zip(records, [output for _, _, output in texts], strict=True))


def write(folder: Path, predictions: Sequence[Prediction], **about) -> Path:
    """The folder of an evaluation of these predictions, without a report."""
    write_scores(compute_scores(predictions, resamples=50), folder, about)
    return folder
