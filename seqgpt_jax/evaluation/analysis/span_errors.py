"""Classes of the errors of an extraction.

    unparsable               gold span whose query has no line that can be read, in an output against the contract
    not_in_text              predicted span that is not a part of the text
    wrong_type               predicted span that is gold, and missed, for another query
    wrong_boundary           predicted span that overlaps a missed gold span of its query
    wrong_boundary_and_type  predicted span that overlaps a missed gold span of another query
    missed                   gold span without any of these
    over_predicted           predicted span without any of these
    not_asked                gold span of an instance that could not be asked

Each wrong span is in one error, and an error has at most one gold and one predicted span: the classes are sought in
the order wrong_type, wrong_boundary, wrong_boundary_and_type, and spans with the longest overlap are paired first.
Answers are strings without a place, so two spans overlap where any of their places in the text do.

Whether the output follows the contract is known of all prompts of an instance together. So a query for which `None` can
be read anywhere in the output, as leniently as answers are read, was answered: its spans are missed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.analysis.saved import SavedPrediction
from seqgpt_jax.evaluation.analysis.span_places import overlap, places

CLASSES = (
    "unparsable",
    "not_in_text",
    "wrong_type",
    "wrong_boundary",
    "wrong_boundary_and_type",
    "missed",
    "over_predicted",
    "not_asked",
)
NAMES = {name: name.replace("_", " ").replace("over predicted", "over-predicted") for name in CLASSES}

Unit = tuple[str, ...]


class SpanError(NamedTuple):
    """One error: its class, the (query, span) that is gold and the one that was predicted, where there is one."""

    kind: str
    gold: Unit | None
    predicted: Unit | None


def span_errors(prediction: SavedPrediction) -> list[SpanError]:
    """The errors of one extraction, in the order of `CLASSES`."""
    if prediction.refusal:
        return [SpanError("not_asked", unit, None) for unit in sorted(prediction.gold_units)]
    missed = sorted(prediction.gold_units - prediction.predicted_units)
    wrong = sorted(prediction.predicted_units - prediction.gold_units)
    found = []
    inside = []
    for unit in wrong:
        if unit[1] in prediction.text:
            inside.append(unit)
        else:
            found.append(SpanError("not_in_text", None, unit))
    where = {span: places(prediction.text, span) for _, span in [*missed, *inside]}
    pairs = []
    for predicted in inside:
        for gold in missed:
            same_query, same_span = predicted[0] == gold[0], predicted[1] == gold[1]
            shared = overlap(where[predicted[1]], where[gold[1]])
            if same_span or shared > 0:
                order = 0 if same_span else 1 if same_query else 2
                pairs.append((order, -shared, predicted, gold))
    left_gold, left_predicted = set(missed), set(inside)
    for order, _, predicted, gold in sorted(pairs):
        if gold in left_gold and predicted in left_predicted:
            kind = ("wrong_type", "wrong_boundary", "wrong_boundary_and_type")[order]
            found.append(SpanError(kind, gold, predicted))
            left_gold.remove(gold)
            left_predicted.remove(predicted)
    answered = {query for query, _ in prediction.predicted_units}
    for unit in sorted(left_gold):
        unread = not prediction.well_formed and unit[0] not in answered and not _is_none(unit[0], prediction.output)
        found.append(SpanError("unparsable" if unread else "missed", unit, None))
    found += [SpanError("over_predicted", None, unit) for unit in sorted(left_predicted)]
    return sorted(found, key=lambda error: CLASSES.index(error.kind))


def _is_none(query: str, output: str) -> bool:
    """Whether a line of the output says that a query has no span.

    What is before the query is no matter: a prompt's output without a line break at its end is there.
    """
    line = rf"{re.escape(query)}[^\S\n]*[:：][^\S\n]*{NONE}[^\S\n]*[.。]?[^\S\n]*$"
    return re.search(line, output, re.IGNORECASE | re.MULTILINE) is not None


def count_span_errors(predictions: Iterable[SavedPrediction]) -> Counter[str]:
    """Class -> how many errors of these extractions; classifications are left out."""
    return Counter(error.kind for one in predictions if one.extraction for error in span_errors(one))


def shares(counts: Counter[str], names: Sequence[str] = CLASSES) -> dict[str, float]:
    """Class -> its share of all errors, 0 to 1; all 0 without any error."""
    total = counts.total()
    return {name: counts[name] / total if total else 0.0 for name in names}
