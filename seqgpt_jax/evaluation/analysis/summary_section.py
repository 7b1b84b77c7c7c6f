"""First section of a report: where a model fails, and on which labels, in a few sentences and one table."""

from collections import Counter
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
from seqgpt_jax.evaluation.tables import BASELINE_NAMES, FAMILY_NAMES
from seqgpt_jax.io.name_list import first_names

# Of each kind, named in a sentence; the tables have all.
_NAMED = 4
_NAMED_SETS = 6
# Labels that are gold less often say little about a model.
_OFTEN = 5
_LABEL_NOTE = (
    "False negatives: gold, and not answered; false positives: answered, and not gold. Taken for: the label that was "
    "answered most often where this one is gold; taken from: the one that was gold where this one was answered."
)


def summary_section(analysis: Analysis) -> Section:
    """The answer, for each evaluation, and what the comparisons say."""
    blocks: list[Block] = []
    several = len(analysis.evaluations) > 1
    for comparison in analysis.comparisons:
        blocks.append(Text(difference_sentence(comparison), strong=True))
    for place, one in enumerate(analysis.evaluations):
        parts: list[Block] = [Text(_verdict(one), strong=True), Bullets(_items(one))]
        if one.costliest:
            several_sets = len(one.evaluation.numbers["datasets"]) > 1
            of = ", by data set, those with the smallest gaps first" if several_sets else ""
            parts += [Text(f"The labels with the most wrong answers{of}:"), label_table(one.costliest)]
        if never := _never_right(one):
            parts.append(never)
        # The one that was added last is mostly the one in question.
        opened = place == len(analysis.evaluations) - 1
        blocks += [Fold(f"Where {one.evaluation.name} fails", parts, open=opened)] if several else parts
    return Section("summary", "Where does the model fail, and on which labels?", blocks)


def _items(one: EvaluationAnalysis) -> list[tuple[str, str]]:
    numbers = one.evaluation.numbers
    items = [("Model", _model(one))]
    # Of one data set the verdict says it.
    if len(numbers["datasets"]) > 1:
        items.append(("Overall", _overall(numbers["overall"])))
        items.append(("Data sets", _datasets(one.evaluation.datasets_by_gap())))
    if len(mixtures := numbers.get("mixtures", {})) > 1:
        items.append(("Mixtures", _groups(mixtures)))
    if len(numbers["families"]) > 1:
        named = {f"{FAMILY_NAMES.get(name, name)} ({name})": of_one for name, of_one in numbers["families"].items()}
        items.append(("Families", _ranking("F1 by family", named)))
    if len(numbers["languages"]) > 1:
        items.append(("Languages", _groups(numbers["languages"])))
    if len(one.evaluation.tasks) > len(numbers["datasets"]):
        items.append(("Tasks", _lowest_tasks(one)))
    items.append(("Labels", _labels(one)))
    if one.all_span_errors:
        items.append(("Extraction", _extraction(one)))
    if one.favored:
        named = "; ".join(
            f"“{item.label}” {item.predicted:,}× in {item.task}, gold {item.gold:,}×" for item in one.favored[:_NAMED]
        )
        more = f"; and in {len(one.favored) - _NAMED} more tasks" if len(one.favored) > _NAMED else ""
        items.append(("Favored labels", f"answered at least twice as often as they are gold: {named}{more}."))
    if confusions := _confusions(one):
        items.append(("Confused labels", confusions))
    unsure = [f"{item.kind} {item.error:.1f} of 100" for item in one.reliability]
    if unsure:
        items.append(("Scores", f"expected calibration error: {', '.join(unsure)} (0 is best)."))
    items.append(("Asked", _asked(one)))
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
        f"the difference is {with_interval(overall['gap'], low, high, '+')}. In parentheses: 95 % intervals."
    )


def _asked(one: EvaluationAnalysis) -> str:
    """How much was asked, and what of it was not read or not answered to the end."""
    overall, sizes = (
        one.evaluation.numbers["overall"],
        {len(task.predictions) for task in one.evaluation.tasks.values()},
    )
    sentence = f"{overall['instances']:,} instances"
    if len(one.evaluation.tasks) > 1:
        few_to_many = f"{min(sizes):,} to {max(sizes):,}" if len(sizes) > 1 else f"{max(sizes):,}"
        sentence += f", {few_to_many} of each of {len(one.evaluation.tasks)} tasks,"
    sentence += f" in {overall['prompts']:,} prompts, {overall['protocol']}"
    if overall["prompts"] > overall["instances"]:
        sentence += " (many labels, or a long text, take several prompts)"
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


def _datasets(ranked: Sequence[Mapping[str, Any]]) -> str:
    named = min(_NAMED, len(ranked) // 2)
    lowest = ", ".join(_named_gap(data) for data in ranked[:named])
    highest = ", ".join(_named_gap(data) for data in reversed(ranked[-named:]))
    sentence = f"smallest gaps to the best baseline: {lowest}; largest: {highest}."
    if any(data["baselines"][data["best_baseline"]]["f1"] == 0 for data in ranked):
        sentence += " Where that baseline has F1 0, as in most extractions, any right answer is above it: look at F1."
    return sentence


def _lowest_tasks(one: EvaluationAnalysis) -> str:
    ranked = sorted(one.evaluation.tasks.values(), key=lambda task: (task.numbers["f1"], task.name))
    named = ", ".join(f"{task.name} {number(task.numbers['f1'])}" for task in ranked[:_NAMED])
    return f"lowest F1: {named}."


def _extraction(one: EvaluationAnalysis) -> str:
    """How many spans are found, and what is wrong with the others."""
    of_labels = [
        count for task in one.evaluation.tasks.values() if task.extraction for count in task.numbers["labels"].values()
    ]
    gold, predicted, right = (sum(count[name] for count in of_labels) for name in ("gold", "predicted", "right"))
    errors = one.all_span_errors
    named = ", ".join(f"{NAMES[kind]} {100 * share:.0f} %" for kind, share in shares(errors).items() if share)
    return (
        f"{gold - right:,} of {gold:,} gold spans are not found exactly, {predicted - right:,} of {predicted:,} "
        f"answered ones are wrong. Of {errors.total():,} errors: {named}."
    )


def _verdict(one: EvaluationAnalysis) -> str:
    """The answer in a sentence."""
    datasets = one.evaluation.datasets_by_gap()
    if len(datasets) == 1:
        return _overall(one.evaluation.numbers["overall"])
    above = sum(data["gap_interval"][0] > 0 for data in datasets)
    names = Counter(data["name"] for data in datasets)

    def named(data: Mapping[str, Any]) -> str:
        return data["name"] if names[data["name"]] == 1 else dataset_name(data)

    below = [named(data) for data in datasets if data["gap_interval"][1] < 0]
    unclear = [named(data) for data in datasets if data["gap_interval"][0] <= 0 <= data["gap_interval"][1]]
    return (
        f"Of {len(datasets)} data sets {above} are above the best program without a model, "
        f"{len(below)} below it{_names(below)}, and {len(unclear)} cannot be told from it{_names(unclear)}."
    )


def dataset_name(data: Mapping[str, Any]) -> str:
    """A data set with its family and language."""
    return f"{data['name']} ({data['family']}, {data['language']})"


def _names(names: Sequence[str]) -> str:
    """The first of some names in parentheses; "" without any."""
    return f" ({first_names(names, _NAMED_SETS)})" if names else ""


def _named_gap(data: Mapping[str, Any]) -> str:
    return f"{data['name']} {data['gap']:+.1f} (F1 {data['f1']:.1f})"


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{name}: F1 {number(v['f1'])}, gap {v['gap']:+.1f}" for name, v in groups.items()) + "."


def _ranking(title: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    ranked = sorted(groups, key=lambda name: groups[name]["f1"])
    named = ", ".join(f"{name} {number(groups[name]['f1'])}" for name in ranked)
    return f"{title}, lowest first: {named}."


def _labels(one: EvaluationAnalysis) -> str:
    labels = _gold_labels(one)
    never = [name for name, count in labels.items() if not count["right"]]
    often = sum(labels[name]["gold"] >= _OFTEN for name in never)
    half = sum(count["f1"] >= 50 for count in labels.values())
    sentence = (
        f"of {len(labels):,} labels that are gold anywhere, {len(never):,} are never answered rightly "
        f"({often:,} of these are gold at least {_OFTEN} times), and {half:,} have an F1 of at least 50."
    )
    if len(one.evaluation.tasks) > 1:
        return sentence
    best = sorted((-count["f1"], label) for (_, label), count in labels.items() if count["f1"] >= 50)[:_NAMED]
    if best:
        sentence += f" Best: {', '.join(f'{label} {-f1:.1f}' for f1, label in best)}."
    return sentence


def _gold_labels(one: EvaluationAnalysis) -> dict[tuple[str, str], Mapping[str, Any]]:
    """(task, label) -> its numbers, of labels that are gold."""
    return {
        (task.name, label): count
        for task in one.evaluation.tasks.values()
        for label, count in task.numbers["labels"].items()
        if count["gold"]
    }


def _never_right(one: EvaluationAnalysis) -> Fold | None:
    """The labels that are never answered rightly, by task, those that are gold most often first."""
    by_task: dict[str, list[str]] = {}
    ranked = sorted(_gold_labels(one).items(), key=lambda item: (-item[1]["gold"], item[0]))
    for (task, label), count in ranked:
        if not count["right"]:
            by_task.setdefault(task, []).append(f"{label} ({count['gold']:,})")
    rows = [[name_cell(task), name_cell(", ".join(labels))] for task, labels in sorted(by_task.items())]
    if not rows:
        return None
    total = sum(map(len, by_task.values()))
    table = Table(("task", "labels (how often they are gold)"), rows)
    return Fold(f"{total:,} label{'s are' if total > 1 else ' is'} never answered rightly", [table])


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
    head = (
        "task",
        "label",
        "F1 (95 %)",
        "gold",
        "right",
        "false negatives",
        "false positives",
        "taken for",
        "taken from",
    )
    rows = [
        [
            name_cell(one.task),
            Cell(one.label, "name", show=(one.task, one.label)),
            _label_f1(one),
            *(Cell(f"{count:,}") for count in (one.gold, one.right, one.false_negatives, one.false_positives)),
            *(
                name_cell(f"{other[0]} ({other[1]:,}×)" if other else "–")
                for other in (one.answered_instead, one.gold_instead)
            ),
        ]
        for one in failures
    ]
    return Table(head, rows, _LABEL_NOTE)


def _label_f1(one: LabelFailure) -> Cell:
    """F1 with its interval; without one where no resample differs: a few examples say no more."""
    if not one.gold:
        return Cell("not gold")
    text = number(one.f1) if one.low == one.high else with_interval(one.f1, one.low, one.high)
    return Cell(text, shade=1 - one.f1 / 100)


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
        f"{comparison.second} against {comparison.first}: {difference_words(difference)}, on the same records of "
        f"{tasks}{left_out}."
    )


def difference_words(difference: Difference) -> str:
    """F1 of both and the difference, in words."""
    verdict = (
        "no difference beyond chance" if difference.may_be_chance else "better" if difference.value > 0 else "worse"
    )
    change = with_interval(difference.value, difference.low, difference.high, "+")
    return f"{verdict}. F1 {difference.first:.1f} → {difference.second:.1f}, difference {change}"
