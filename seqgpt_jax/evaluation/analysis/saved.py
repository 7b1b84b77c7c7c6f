"""Saved evaluations: what `evaluate` wrote into a folder, read again without a model."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.evaluation import label_counts
from seqgpt_jax.evaluation.label_counts import Units, total

SCORES, PREDICTIONS = "scores.json", "predictions.jsonl"
# What reports read of scores.json: of the whole, of each score in it, of a data set and of an atomic task.
_KEYS = ("about", "notes", "mode", "overall", "families", "languages", "datasets")
_SCORE_KEYS = (
    "f1", "precision", "recall", "paper_score", "well_formed", "gap", "f1_interval", "gap_interval", "best_baseline",
    "baselines", "protocol", "choose", "datasets", "instances", "prompts", "truncated_prompts", "unreachable_spans",
    "gold_spans", "unfinished_answers",
)  # fmt: skip
_DATASET_KEYS = ("name", "family", "language", "atomic_tasks")
_TASK_KEYS = ("labels", "labels_without_units", "confusion")
# Scores are written with all their digits; sums may be in another order.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class SavedPrediction:
    """One line of predictions.jsonl.

    Attributes:
      id: of the instance.
      text: what was read.
      labels: what was asked.
      gold, answers: labels of a classification, or for each label its spans.
      output: what the model wrote.
      well_formed: whether it follows the prompt contract.
      confidences: the score of each answer, in the form of `answers`; None where it is not known.
      label_scores: label -> its log-probability, where the labels were compared.
      refusal: why the instance could not be asked; "" where it was.
    """

    id: str
    text: str
    labels: tuple[str, ...]
    gold: tuple
    answers: tuple
    output: str
    well_formed: bool
    confidences: tuple
    label_scores: Mapping[str, float] | None
    refusal: str

    @property
    def extraction(self) -> bool:
        """Whether spans were asked for, not labels."""
        return bool(self.answers) and isinstance(self.answers[0], tuple)

    @property
    def gold_units(self) -> Units:
        """The (label,) or (label, span) pairs that are right."""
        return self._units(self.gold)

    @property
    def predicted_units(self) -> Units:
        """Those that were answered."""
        return self._units(self.answers)

    @property
    def correct(self) -> bool:
        """Whether exactly the gold units were answered."""
        return self.gold_units == self.predicted_units

    @property
    def scored_answers(self) -> list[tuple[tuple[str, ...], float]]:
        """(unit, its score) of each answer whose score is known."""
        if self.extraction:
            pairs = [
                ((label, span), score)
                for label, spans, scores in zip(self.labels, self.answers, self.confidences, strict=False)
                for span, score in zip(spans, scores, strict=False)
            ]
        else:
            pairs = [((label,), score) for label, score in zip(self.answers, self.confidences, strict=False)]
        return [(unit, score) for unit, score in dict(pairs).items() if score is not None]

    def _units(self, answers: tuple) -> Units:
        by_label = dict(zip(self.labels, answers, strict=True)) if self.extraction else answers
        return label_counts.units(by_label)


@dataclass(frozen=True)
class SavedTask:
    """An atomic task of an evaluation.

    Attributes:
      name: of the task.
      dataset, family, language: which mean it is part of.
      numbers: its object in scores.json.
      predictions: one for each instance, sorted by id.
    """

    name: str
    dataset: str
    family: str
    language: str
    numbers: Mapping[str, Any]
    predictions: Sequence[SavedPrediction]

    @property
    def extraction(self) -> bool:
        """Whether spans were asked for, not labels."""
        return self.predictions[0].extraction


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of one model.

    Attributes:
      name: what reports call it.
      folder: where it was read.
      numbers: the content of scores.json.
      tasks: task -> its numbers and predictions, in the order of scores.json.
    """

    name: str
    folder: Path
    numbers: Mapping[str, Any]
    tasks: Mapping[str, SavedTask]

    @property
    def model(self) -> str:
        """The folder of the model, as `evaluate` was given it; "" where it is not known."""
        return str(self.numbers["about"].get("model", ""))

    def datasets_by_gap(self) -> list[Mapping[str, Any]]:
        """Its data sets as scores.json has them, that with the smallest gap to its best baseline first."""
        return sorted(self.numbers["datasets"], key=lambda data: data["gap"])


def read_evaluations(folders: Sequence[Path]) -> list[Evaluation]:
    """The evaluations in these folders, named by as much of their paths as tells them apart.

    Raises:
      ValueError: a folder is there twice, or see `read_evaluation`.
    """
    paths = [folder.resolve() for folder in folders]
    if doubled := [str(folder) for folder, path in zip(folders, paths, strict=True) if paths.count(path) > 1]:
        raise ValueError(f"{doubled[0]} is there twice: name each evaluation once")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return [read_evaluation(folder, "/".join(path.parts[-depth:])) for folder, path in zip(folders, paths, strict=True)]


def read_evaluation(folder: Path, name: str = "") -> Evaluation:
    """The evaluation in a folder that `evaluate` has written.

    Args:
      folder: with scores.json and predictions.jsonl.
      name: what reports call it; the folder's own name where it is empty.

    Raises:
      ValueError: one of the files is missing or no such file, or they are of different evaluations; names file and
        line.
    """
    numbers = _read_scores(folder / SCORES)
    members: dict[str, list[SavedPrediction]] = {}
    for task, prediction in _read_predictions(folder / PREDICTIONS):
        members.setdefault(task, []).append(prediction)
    tasks = {}
    for data in numbers["datasets"]:
        for task, of_task in data["atomic_tasks"].items():
            predictions = tuple(sorted(members.pop(task, ()), key=lambda one: one.id))
            _check(folder, task, of_task, predictions)
            tasks[task] = SavedTask(task, data["name"], data["family"], data["language"], of_task, predictions)
    if members:
        raise ValueError(f"{folder}: {SCORES} has no task {min(members)}, of which {PREDICTIONS} holds predictions")
    return Evaluation(name or folder.resolve().name, folder, numbers, tasks)


def _read_scores(path: Path) -> dict[str, Any]:
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}): give a folder that `evaluate` has written"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): run `evaluate` again") from error
    if len(_missing(numbers, _KEYS)) == len(_KEYS):
        raise ValueError(f"{path} is no scores.json of `evaluate`: give a folder that `evaluate` has written")
    for name, keys, part in _parts(numbers):
        if missing := _missing(part, keys):
            raise ValueError(f"{path} has no {', '.join(missing)}{name and f' of {name}'}: run `evaluate` again")
    return numbers


def _missing(part: Any, keys: Sequence[str]) -> list[str]:
    return [key for key in keys if not isinstance(part, dict) or key not in part]


def _parts(numbers: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str], Any]]:
    """(name, keys that it must have, part) of the content of scores.json; a part follows what it is in."""
    yield "", _KEYS, numbers
    score = (*_SCORE_KEYS, f"rouge_{numbers['mode']}")
    yield "overall", score, numbers["overall"]
    for kind in ("mixtures", "families", "languages"):
        yield from ((f"{kind} {name}", score, one) for name, one in numbers.get(kind, {}).items())
    for place, data in enumerate(numbers["datasets"]):
        yield f"datasets {place}", (*_DATASET_KEYS, *score), data
        yield from ((task, (*_TASK_KEYS, *score), one) for task, one in data["atomic_tasks"].items())


def _read_predictions(path: Path) -> Iterable[tuple[str, SavedPrediction]]:
    seen: dict[str, int] = {}
    try:
        file = path.open(encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}): give a folder that `evaluate` has written"
        ) from error
    with file:
        for number, line in enumerate(file, start=1):
            try:
                task, prediction = _prediction(json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}:{number}: no prediction ({error!r}): run `evaluate` again") from error
            if (first := seen.setdefault(prediction.id, number)) != number:
                raise ValueError(f"{path}:{number}: instance {prediction.id} is in line {first} already")
            yield task, prediction


def _prediction(line: Mapping[str, Any]) -> tuple[str, SavedPrediction]:
    fields = {name: _frozen(line[name]) for name in ("labels", "gold", "answers")}
    prediction = SavedPrediction(
        id=line["id"],
        text=line["text"],
        output=line["output"],
        well_formed=line["well_formed"],
        confidences=_frozen(line.get("confidences", ())),
        label_scores=line.get("label_scores"),
        refusal=line.get("refusal", ""),
        **fields,
    )
    if prediction.extraction and not len(prediction.labels) == len(prediction.gold) == len(prediction.answers):
        raise ValueError("labels, gold and answers differ in length")
    return line["task"], prediction


def _frozen(values: Sequence[Any]) -> tuple:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _check(folder: Path, task: str, numbers: Mapping[str, Any], predictions: Sequence[SavedPrediction]) -> None:
    """Raises ValueError where the predictions do not give the F1 that scores.json has."""
    count = total(
        label_counts.LabelCount(
            len(one.gold_units & one.predicted_units), len(one.gold_units), len(one.predicted_units)
        )
        for one in predictions
    )
    f1 = count.f1()
    f1 = 100.0 if f1 is None else 100 * f1
    if len(predictions) != numbers["instances"] or abs(f1 - numbers["f1"]) > _TOLERANCE:
        raise ValueError(
            f"{folder}: {SCORES} has F1 {numbers['f1']:.2f} on {numbers['instances']:,} instances of {task}, "
            f"{PREDICTIONS} gives {f1:.2f} on {len(predictions):,}: they are of different evaluations: run "
            "`evaluate` again"
        )
