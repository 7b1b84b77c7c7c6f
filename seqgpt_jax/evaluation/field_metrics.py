"""Metrics as other work in the field reports them, beside our own F1, so that numbers can be compared.

    family                   metrics
    CLS, SA, ID, NLI, ET     accuracy (the answer is exactly the gold labels), macro-F1 over labels, and, where all
                             labels were compared, mean average precision of their ranking
    NER, SF, RE, EE spans    entity F1 of UniversalNER: micro-F1 over normalised spans, duplicates once; strict span F1:
                             micro-F1 over (query, start, end), as they are written
    MRC, English             exact match and token F1 of SQuAD (an unanswerable question counts as in SQuAD 2.0)
    MRC, Chinese             exact match and F1 over the longest common part of CMRC 2018

Differences: of several predicted spans of a reading question the first one counts, where those scripts have a single
one; CMRC's script cuts text that is not Chinese with NLTK, ours at spaces and punctuation outside of numbers.

Answers and gold are strings, and strict span F1 finds their places in the text by the rule by which `SeqGPT.extract`
finds those that it returns (`atomic.occurrences`): a string is a span at each place where it stands, places inside a
word only where there is no other. One that is nowhere in the text is one wrong span.

Suffixes: N instances, S sums, R resamples.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqgpt_jax.atomic import NONE, occurrences
from seqgpt_jax.evaluation.bootstrap import interval, resample
from seqgpt_jax.evaluation.predictions import Prediction

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
# What CMRC's script removes. Its list has "……" too, which it compares with single characters, and so never finds.
_CMRC_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
FIELD_METRICS = (
    *("accuracy", "macro_f1", "mean_average_precision"),
    *("universal_ner_f1", "strict_span_f1"),
    *("squad_exact_match", "squad_f1", "cmrc_exact_match", "cmrc_f1"),
)
# A Chinese character, a word, in which a number keeps its point and its commas, an ellipsis, or another character.
_CMRC_WORD = re.compile(r"[\u4e00-\u9fa5]|[^\W\u4e00-\u9fa5]+(?:(?<=\d)[.,](?=\d)[^\W\u4e00-\u9fa5]+)*|…+|[^\w\s]")


class FieldMetric(NamedTuple):
    """A metric of one task, between 0 and 1, with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class MeanMetric(NamedTuple):
    """The mean of a metric over tasks, between 0 and 1, with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    tasks: int


def field_metric(values: np.ndarray) -> FieldMetric:
    """The metric of these values, of all instances and of the resamples, as `resampled_metrics` has them."""
    return FieldMetric(float(values[0]), *interval(values[1:]))


def field_means(tasks: Iterable[Mapping[str, np.ndarray]]) -> dict[str, MeanMetric]:
    """Name -> the mean of the metric over the tasks that have it, of what `resampled_metrics` gives for each."""
    members: dict[str, list[np.ndarray]] = {}
    for of_task in tasks:
        for name, values in of_task.items():
            members.setdefault(name, []).append(values)
    return {name: MeanMetric(*field_metric(np.mean(found, axis=0)), len(found)) for name, found in members.items()}


def resampled_metrics(task: str, predictions: Sequence[Prediction], resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Name -> the metric of a task's predictions; see above which.

    Args:
      task: its name, which the bootstrap is seeded with.
      predictions: of this task alone, at least one.
      resamples: of the bootstrap.
      seed: of the bootstrap.

    Returns:
      Name -> float64 [1 + resamples]; the first value is of each instance once.
    """
    record = predictions[0].record
    if record.atom == "cls":
        found = {"accuracy": _mean([one.correct for one in predictions]), "macro_f1": _macro_f1(predictions)}
        if precisions := _average_precisions(predictions):
            found["mean_average_precision"] = _mean(precisions)
    elif record.family == "MRC":
        name, score = ("cmrc", cmrc) if record.language == "zh" else ("squad", squad)
        pairs = [score(*_reading(one)) for one in predictions]
        found = {f"{name}_exact_match": _mean([pair[0] for pair in pairs])}
        found[f"{name}_f1"] = _mean([pair[1] for pair in pairs])
    else:
        found = {
            "universal_ner_f1": _span_f1(predictions, lambda text, *spans: entity_counts(*spans)),
            "strict_span_f1": _span_f1(predictions, strict_counts),
        }
    once = np.ones((1, len(predictions)))
    times_RxN = np.concatenate([once, *resample(task, len(predictions), resamples, seed)])
    return {name: rate(times_RxN @ table_NxS) for name, (table_NxS, rate) in found.items()}


# Sums over instances, and what they make: [N, S] and [R, S] -> [R].
_Table = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]


def _mean(values: Sequence[float]) -> _Table:
    table = np.array([(value, 1.0) for value in values])
    return table, lambda sums: sums[:, 0] / sums[:, 1]


def f1(correct: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """2 · correct / (predicted + gold), and 0 where there is neither."""
    total = predicted + gold
    return np.where(total == 0, 0.0, 2 * correct / np.where(total == 0, 1, total))


def _macro_f1(predictions: Sequence[Prediction]) -> _Table:
    """The mean F1 of the labels that are gold or predicted anywhere."""
    pairs = [(set(one.answers), set(one.record.answers)) for one in predictions]
    labels = sorted(set().union(*(predicted | gold for predicted, gold in pairs)))
    if not labels:
        return np.ones((len(predictions), 1)), lambda sums: np.zeros(len(sums))
    table = [[(one in p and one in g, one in p, one in g) for one in labels] for p, g in pairs]

    def rate(sums: np.ndarray) -> np.ndarray:
        correct, predicted, gold = np.moveaxis(sums.reshape(len(sums), -1, 3), -1, 0)
        # A label that a resample lacks is no label of it.
        there = predicted + gold > 0
        return (f1(correct, predicted, gold) * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)

    return np.array(table, float).reshape(len(predictions), -1), rate


def _average_precisions(predictions: Sequence[Prediction]) -> list[float]:
    """The average precision of each, 0 of those that could not be asked; empty where labels were not compared."""
    asked = [one for one in predictions if not one.refusal]
    if not asked or not all(one.label_scores for one in asked):
        return []
    return [
        average_precision(one.label_scores or {}, one.record.answers) if not one.refusal else 0.0 for one in predictions
    ]


def average_precision(scores: Mapping[str, float], gold: Collection[str]) -> float:
    """The average precision of a ranking of labels, as scikit-learn's `label_ranking_average_precision_score`.

    Args:
      scores: of all labels; equal ones share the worst of their ranks.
      gold: the right labels; without any the right one is "None", and the ranking is perfect where that is no choice.

    >>> average_precision({"a": 0.5, "b": 0.3, "c": 0.2}, ["a", "c"])
    0.8333333333333333
    """
    right = set(gold) or {NONE} & scores.keys()
    if not right:
        return 1.0
    precisions = []
    for label in right & scores.keys():
        above = {other for other, score in scores.items() if score >= scores[label]}
        precisions.append(len(above & right) / len(above))
    return sum(precisions) / len(right)


def _span_f1(
    predictions: Sequence[Prediction], counts: Callable[[str, Sequence[str], Sequence[str]], tuple[int, int, int]]
) -> _Table:
    """Micro-F1 of spans; `counts` takes a text, and the predicted and the gold spans of one query."""
    rows = [
        np.sum([counts(one.record.text, *pair) for pair in zip(one.answers, one.record.answers, strict=True)], axis=0)
        for one in predictions
    ]
    return np.array(rows, float), lambda sums: f1(*sums.T)


def entity_counts(predicted: Sequence[str], gold: Sequence[str]) -> tuple[int, int, int]:
    """(correct, predicted, gold) spans of one query, each once in its normal form.

    >>> entity_counts(["The Beatles", "beatles", "Paris"], ["Beatles", "London"])
    (1, 2, 2)
    """
    found, wanted = ({normalized(span) for span in spans} for spans in (predicted, gold))
    return len(found & wanted), len(found), len(wanted)


def strict_counts(text: str, predicted: Sequence[str], gold: Sequence[str]) -> tuple[int, int, int]:
    """(correct, predicted, gold) spans of one query, each a place in the text; equal strings count once.

    >>> strict_counts("Ann met Bob, Bob met Eve.", ["Bob", "Eve", "Eva"], ["Ann", "Bob"])
    (2, 4, 3)
    """
    found, wanted = ({(span, start) for span in spans for start in _starts(text, span)} for spans in (predicted, gold))
    return sum(start is not None for _, start in found & wanted), len(found), len(wanted)


def _starts(text: str, span: str) -> list[int] | list[None]:
    return occurrences(text, span) or [None]


def normalized(text: str) -> str:
    """In lower case, without ASCII punctuation, English articles and further spaces, as SQuAD and UniversalNER have it.

    >>> normalized("The  U.S. Open,")
    'us open'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _reading(prediction: Prediction) -> tuple[str, tuple[str, ...]]:
    """(the answer, "" for none; the gold answers) of the question of an instance."""
    (answers,), (gold,) = prediction.answers[:1], prediction.record.answers[:1]
    return (answers[0] if answers else ""), tuple(gold)


def squad(predicted: str, gold: Sequence[str]) -> tuple[float, float]:
    """(exact match, token F1) of an answer, the best over the gold answers; no gold answer wants the answer "".

    >>> squad("in the garden", ["the garden", "a park"])
    (0.0, 0.6666666666666666)
    """
    answers = gold or [""]
    exact = max(normalized(predicted) == normalized(one) for one in answers)
    return float(exact), max(_token_f1(normalized(predicted).split(), normalized(one).split()) for one in answers)


def _token_f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    return 2 * sum((Counter(predicted) & Counter(gold)).values()) / (len(predicted) + len(gold))


def cmrc(predicted: str, gold: Sequence[str]) -> tuple[float, float]:
    """(exact match, F1 over the longest common part) of an answer, the best over the gold answers.

    >>> cmrc("在北京大学", ["北京大学。"])
    (0.0, 0.8888888888888888)
    """
    answers = gold or [""]
    exact = max(_without_punctuation(predicted) == _without_punctuation(one) for one in answers)
    return float(exact), max(_common_f1(_segments(predicted), _segments(one)) for one in answers)


def _without_punctuation(text: str) -> str:
    return "".join(character for character in text.lower().strip() if character not in _CMRC_PUNCTUATION)


def _segments(text: str) -> list[str]:
    """Chinese characters one by one, other text in words, without punctuation."""
    return _CMRC_WORD.findall(_without_punctuation(text))


def _common_f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    longest, ends = 0, [0] * (len(gold) + 1)
    for word in predicted:
        # Length of the common part that ends here, by its end in the gold answer.
        ends = [0, *(ends[i] + 1 if word == other else 0 for i, other in enumerate(gold))]
        longest = max(longest, *ends)
    return 2 * longest / (len(predicted) + len(gold))
