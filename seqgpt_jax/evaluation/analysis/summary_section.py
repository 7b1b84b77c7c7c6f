"""First section of a report: where a model fails, and on which labels, in a few sentences and one table."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.analysis.analysis import Analysis, EvaluationAnalysis
from seqgpt_jax.evaluation.analysis.blocks import (
    Block,
    Bullets,
    Cell,
    Fold,
    Section,
    Table,
    Text,
    name_cell,
    number,
    with_interval,
)
from seqgpt_jax.evaluation.analysis.label_failures import LabelFailure
from seqgpt_jax.evaluation.analysis.paired_differences import Comparison, Difference
from seqgpt_jax.evaluation.analysis.span_errors import NAMES, shares
from seqgpt_jax.evaluation.tables import BASELINE_NAMES

# Of each kind, named in a sentence; the tables have all.
_NAMED = 4
SHOWN = 15


def summary_section(analysis: Analysis) -> Section:
    """The answer, for each evaluation, and what the comparisons say."""
    blocks: list[Block] = []
    several = len(analysis.evaluations) > 1
    for comparison in analysis.comparisons:
        blocks.append(Text(difference_sentence(comparison), strong=True))
    for place, one in enumerate(analysis.evaluations):
        parts: list[Block] = [Bullets(_items(one))]
        if one.costliest:
            parts += [Text("The labels with the most wrong answers:"), label_table(one.costliest[:SHOWN])]
        # The one that was added last is mostly the one in question.
        opened = place == len(analysis.evaluations) - 1
        blocks += [Fold(f"Where {one.evaluation.name} fails", parts, open=opened)] if several else parts
    return Section("summary", "Where does the model fail, and on which labels?", blocks)


def _items(one: EvaluationAnalysis) -> list[tuple[str, str]]:
    numbers = one.evaluation.numbers
    items = [("Model", _model(one)), ("Overall", _overall(numbers["overall"]))]
    if len(numbers["datasets"]) > 1:
        items.append(("Data sets", _datasets(numbers["datasets"])))
    if len(mixtures := numbers.get("mixtures", {})) > 1:
        items.append(("Mixtures", _groups(mixtures)))
    if len(numbers["families"]) > 1:
        items.append(("Families", _ranking("F1 by family", numbers["families"])))
    if len(numbers["languages"]) > 1:
        items.append(("Languages", _groups(numbers["languages"])))
    items.append(("Labels", _labels(one)))
    if errors := one.all_span_errors:
        total = errors.total()
        named = ", ".join(f"{NAMES[kind]} {100 * share:.0f} %" for kind, share in shares(errors).items() if share)
        items.append(("Extraction", f"{total:,} wrong spans: {named}."))
    if one.favored:
        named = "; ".join(
            f"“{item.label}” in {100 * item.predicted_share:.0f} % of the texts of {item.task} "
            f"(gold: {100 * item.gold_share:.0f} %)"
            for item in one.favored[:_NAMED]
        )
        more = f" and in {len(one.favored) - _NAMED} more tasks" if len(one.favored) > _NAMED else ""
        items.append(("Favored labels", f"answered at least twice as often as they are right: {named}{more}."))
    if confusions := _confusions(one):
        items.append(("Confused labels", confusions))
    unsure = [f"{item.kind} {item.error:.0f} of 100" for item in one.reliability]
    if unsure:
        items.append(("Scores", f"expected calibration error: {', '.join(unsure)} (0 is best)."))
    items.append(("Asked", _asked(numbers["overall"])))
    if numbers["notes"]:
        items.append(("Notes", " ".join(numbers["notes"])))
    return items


def _model(one: EvaluationAnalysis) -> str:
    step = one.evaluation.numbers["about"].get("step")
    return f"{one.evaluation.model or 'not known'}{f', step {step}' if step is not None else ''}."


def _overall(overall: Mapping[str, Any]) -> str:
    name = overall["best_baseline"]
    low, high = overall["gap_interval"]
    side = "above" if low > 0 else "below" if high < 0 else "not distinguishable from"
    f1 = with_interval(overall["f1"], *overall["f1_interval"])
    return (
        f"F1 {f1}, {side} the best baseline, {BASELINE_NAMES[name]} with {number(overall['baselines'][name]['f1'])}; "
        f"the difference is {with_interval(overall['gap'], low, high, '+')}. Paper score "
        f"{number(overall['paper_score'])}."
    )


def _asked(overall: Mapping[str, Any]) -> str:
    """How much was asked, and what of it was not read or not answered to the end."""
    sentence = f"{overall['instances']:,} instances in {overall['prompts']:,} prompts, {overall['protocol']}"
    if overall["truncated_prompts"]:
        sentence += (
            f"; {overall['truncated_prompts']:,} prompts lost the start of their text, and "
            f"{overall['unreachable_spans']:,} of {overall['gold_spans']:,} gold spans with it"
        )
    if overall["unfinished_answers"]:
        sentence += f"; {overall['unfinished_answers']:,} answers were cut off by the token limit"
    if overall["well_formed"] < 100:
        sentence += f"; {100 - overall['well_formed']:.1f} % of the answers are not well-formed"
    return f"{sentence}."


def _datasets(datasets: Sequence[Mapping[str, Any]]) -> str:
    above = sum(data["gap_interval"][0] > 0 for data in datasets)
    below = sum(data["gap_interval"][1] < 0 for data in datasets)
    ranked = sorted(datasets, key=lambda data: data["gap"])
    best = ", ".join(_named_gap(data) for data in reversed(ranked[-_NAMED:]))
    worst = ", ".join(_named_gap(data) for data in ranked[:_NAMED])
    return (
        f"{above} of {len(datasets)} above the best baseline, {below} below it, {len(datasets) - above - below} too "
        f"close to call. F1 and gap to the baseline of the worst: {worst}; of the best: {best}."
    )


def _named_gap(data: Mapping[str, Any]) -> str:
    return f"{data['name']} ({data['family']}, {data['language']}) {data['f1']:.0f} ({data['gap']:+.0f})"


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{name}: F1 {number(v['f1'])}, gap {v['gap']:+.1f}" for name, v in groups.items()) + "."


def _ranking(title: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    ranked = sorted(groups, key=lambda name: groups[name]["f1"])
    named = ", ".join(f"{name} {number(groups[name]['f1'])}" for name in ranked)
    return f"{title}, lowest first: {named}."


def _labels(one: EvaluationAnalysis) -> str:
    labels = {
        (task.name, label): count
        for task in one.evaluation.tasks.values()
        for label, count in task.numbers["labels"].items()
        if count["gold"]
    }
    never = [name for name, count in labels.items() if not count["right"]]
    half = sum(count["f1"] >= 50 for count in labels.values())
    sentence = (
        f"of {len(labels):,} labels that are gold anywhere, {len(never):,} are never answered rightly, and {half:,} "
        "have an F1 of at least 50."
    )
    if len(one.evaluation.tasks) > 1:
        return sentence
    best = sorted((-count["f1"], label) for (_, label), count in labels.items() if count["f1"] >= 50)[:_NAMED]
    if best:
        sentence += f" Best: {', '.join(f'{label} {-f1:.1f}' for f1, label in best)}."
    if never:
        more = f" and {len(never) - _NAMED:,} more" if len(never) > _NAMED else ""
        sentence += f" Never right: {', '.join(label for _, label in never[:_NAMED])}{more}."
    return sentence


def _confusions(one: EvaluationAnalysis) -> str:
    ranked = sorted(
        (-times, task.name, gold, predicted)
        for task in one.evaluation.tasks.values()
        for gold, row in task.numbers["confusion"].items()
        for predicted, times in row.items()
        if gold != predicted and NONE not in (gold, predicted) and times > 1
    )
    return "; ".join(f"{gold} → {predicted} {-times}× ({task})" for times, task, gold, predicted in ranked[:_NAMED])


def label_table(failures: Sequence[LabelFailure]) -> Table:
    """A row for each label, the task in the first column."""
    head = ("task", "label", "F1 (95 %)", "gold", "right", "missed", "over-predicted", "most confused with")
    rows = [
        [
            name_cell(one.task),
            Cell(one.label, "name", show=one.label),
            Cell(with_interval(one.f1, one.low, one.high), shade=1 - one.f1 / 100),
            *(Cell(f"{count:,}") for count in (one.gold, one.right, one.missed, one.over_predicted)),
            name_cell(f"{one.confused_with[0]} ({one.confused_with[1]:,}×)" if one.confused_with else "–"),
        ]
        for one in failures
    ]
    return Table(head, rows)


def difference_sentence(comparison: Comparison) -> str:
    """What a comparison says overall."""
    difference = comparison.overall
    if difference is None:
        reason = next(iter(comparison.not_compared.values()), "no tasks")
        return (
            f"{comparison.second} and {comparison.first} cannot be compared: no task has the same records in both "
            f"({reason})."
        )
    tasks = f"{difference.tasks} task{'s' * (difference.tasks > 1)}"
    left_out = f"; {len(comparison.not_compared)} tasks cannot be compared" if comparison.not_compared else ""
    return (
        f"{comparison.second} against {comparison.first}, same records of {tasks}: "
        f"{difference_words(difference)}{left_out}."
    )


def difference_words(difference: Difference) -> str:
    """F1 of both and the difference, in words."""
    verdict = " (may be chance)" if difference.may_be_chance else ""
    change = with_interval(difference.value, difference.low, difference.high, "+")
    return f"F1 {difference.first:.1f} → {difference.second:.1f}, difference {change}{verdict}"
