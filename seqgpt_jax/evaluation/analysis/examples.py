"""Wrong answers as examples: the text with the spans of both answers marked, and what is wrong."""

import itertools
import math

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.analysis.blocks import Example, Examples
from seqgpt_jax.evaluation.analysis.saved import Evaluation, SavedPrediction, SavedTask
from seqgpt_jax.evaluation.analysis.span_errors import NAMES, Unit, span_errors
from seqgpt_jax.evaluation.analysis.span_places import Mark, parts
from seqgpt_jax.io.name_list import first_names

WORST = 20
# A page with all wrong answers of a large evaluation would be too big for a browser: of each task at most so many are
# shown, and fewer where there are many tasks, but at least the last number.
PER_TASK, IN_ALL, LEAST = 50, 3000, 10
_ASKED = 12
_RANKED = 5
_LEAST_SHARE = 0.005


def worst_examples(evaluation: Evaluation) -> Examples | None:
    """Wrong answers of all tasks in turn, each task's surest ones first; None where all answers are right.

    Classifications and extractions alternate, each kind beginning with the task furthest below its baseline.
    """
    ranked = sorted(evaluation.tasks.values(), key=lambda task: task.numbers["gap"])
    kinds = [[task for task in ranked if task.extraction == extraction] for extraction in (False, True)]
    tasks = [task for pair in itertools.zip_longest(*kinds) for task in pair if task]
    columns = [[(task, one) for one in _wrong(task)] for task in tasks]
    in_turn = [item for row in itertools.zip_longest(*columns) for item in row if item]
    items = [example(task, one) for task, one in in_turn[:WORST]]
    return Examples(items) if items else None


def task_examples(task: SavedTask, tasks: int) -> Examples | None:
    """The wrong answers of one of so many tasks, the surest ones first; None where all are right."""
    wrong = _wrong(task)
    items = [example(task, one) for one in wrong[: min(PER_TASK, max(LEAST, IN_ALL // tasks))]]
    return Examples(items, len(wrong) - len(items)) if items else None


def _wrong(task: SavedTask) -> list[SavedPrediction]:
    """Instances with a wrong answer; the highest score of a wrong unit first, then the most wrong units."""

    def severity(one: SavedPrediction) -> tuple[float, int, str]:
        gold = one.gold_units
        surest = max((score for unit, score in one.scored_answers if unit not in gold), default=0.0)
        return -surest, -len(gold ^ one.predicted_units), one.id

    return sorted((one for one in task.predictions if not one.correct), key=severity)


def example(task: SavedTask, prediction: SavedPrediction) -> Example:
    """One instance as the report shows it."""
    gold, predicted = prediction.gold_units, prediction.predicted_units
    asked = first_names(prediction.labels, _ASKED)
    lines = [("right", "right", _listed(gold & predicted, prediction))]
    marks = []
    if prediction.extraction:
        for units, style in ((gold & predicted, "right"), (gold - predicted, "missed"), (predicted - gold, "wrong")):
            marks += [Mark(span, style, query) for query, span in sorted(units)]
        for error in span_errors(prediction):
            style = "missed" if error.predicted is None else "wrong"
            lines.append((style, NAMES[error.kind], _error(error.gold, error.predicted, prediction)))
    else:
        lines.append(("missed", "gold", _listed(gold, prediction) or NONE))
        lines.append(("wrong", "answer", _listed(predicted, prediction) or NONE))
        lines.append(("", "most probable", _ranking(prediction)))
    if not prediction.well_formed and not prediction.refusal:
        lines.append(("", "output, not well-formed", prediction.output))
    lines.append(("", "could not be asked", prediction.refusal))
    return Example(
        id=f"{prediction.id} ({task.family}, {task.language})",
        task=task.name,
        text=parts(prediction.text, marks),
        asked=asked,
        labels=sorted({unit[0] for unit in gold | predicted}),
        lines=[line for line in lines if line[2]],
    )


def _error(gold: Unit | None, predicted: Unit | None, prediction: SavedPrediction) -> str:
    if gold is None or predicted is None:
        return _unit(gold or predicted or (), prediction)
    return f"{_unit(predicted, prediction)}, gold is {_unit(gold, prediction)}"


def _listed(units: frozenset[Unit], prediction: SavedPrediction) -> str:
    return "; ".join(_unit(unit, prediction) for unit in sorted(units))


def _unit(unit: Unit, prediction: SavedPrediction) -> str:
    score = dict(prediction.scored_answers).get(unit)
    return ": ".join(unit) + (f" ({score:.2f})" if score is not None else "")


def _ranking(prediction: SavedPrediction) -> str:
    """The labels with the highest probabilities among those that were compared.

    "" where the answer is another one: of a text in windows their mean probabilities decide, not these scores.
    """
    scores = prediction.label_scores
    if not scores or max(scores, key=scores.__getitem__) not in (prediction.answers or (NONE,)):
        return ""
    best = max(scores.values())
    total = math.fsum(math.exp(score - best) for score in scores.values())
    ranked = sorted(scores, key=lambda label: (-scores[label], label))[:_RANKED]
    shares = [(label, math.exp(scores[label] - best) / total) for label in ranked]
    return ", ".join(f"{label} {100 * share:.0f} %" for label, share in shares if share >= _LEAST_SHARE)
