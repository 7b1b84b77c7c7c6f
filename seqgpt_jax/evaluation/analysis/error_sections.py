"""Sections with errors: labels and their confusion, classes of span errors, wrong answers."""

from collections.abc import Mapping, Sequence

from seqgpt_jax.atomic import NONE
from seqgpt_jax.evaluation.analysis.analysis import EvaluationAnalysis
from seqgpt_jax.evaluation.analysis.blocks import Block, Cell, Chart, Fold, Section, Table, Text, name_cell
from seqgpt_jax.evaluation.analysis.charts import error_chart
from seqgpt_jax.evaluation.analysis.examples import task_examples, worst_examples
from seqgpt_jax.evaluation.analysis.label_failures import label_failures
from seqgpt_jax.evaluation.analysis.saved import Evaluation, SavedTask
from seqgpt_jax.evaluation.analysis.span_errors import CLASSES, NAMES, shares
from seqgpt_jax.evaluation.analysis.summary_section import label_table

_LEGEND = (
    'A confusion "A → B" is a text, or a span, with the gold label A that got B; "A → None" was missed, "None → B" was '
    "predicted without need. Each of several wrong labels of a text or span counts: a row can have more than the label "
    "is gold."
)
# Of a task, on the page; scores.json has all.
_LABELS = 60
# A matrix of more labels is too wide to read; a list of pairs is shown in its place.
_MATRIX = 16
_PAIRS = 30
# Tasks whose labels are open without a click.
_OPEN_TASKS = 2
_ERRORS_NOTE = (
    "Wrong type: the same span is gold, and missed, for another query. Wrong boundary: overlaps a missed gold span of "
    "the same query; wrong boundary and type: one of another query. Missed: gold, and none of these was answered for "
    "it. Over-predicted: answered, and none of these. Unparsable: the output does not follow the contract, and nothing "
    "can be read for the query. Not in text: answered, and no part of the text. Not asked: the queries fit into no "
    "prompt."
)


def label_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """For each task of each evaluation its labels, and which are taken for which."""
    blocks: list[Block] = [Text(_LEGEND)]
    for one in analyses:
        evaluation = one.evaluation
        tasks = [_task_fold(task, len(evaluation.tasks) <= _OPEN_TASKS) for task in evaluation.tasks.values()]
        blocks += _for_each(analyses, one, f"{len(tasks)} tasks of {evaluation.name}", tasks)
    return Section("labels", "Labels of each task", blocks)


def _for_each(
    analyses: Sequence[EvaluationAnalysis], one: EvaluationAnalysis, title: str, blocks: Sequence[Block]
) -> Sequence[Block]:
    """The blocks themselves where there is one evaluation, else folded; the last one is open."""
    return [Fold(title, blocks, open=one is analyses[-1])] if len(analyses) > 1 else blocks


def _task_fold(task: SavedTask, opened: bool) -> Fold:
    counts = task.numbers["labels"]
    labels = list(counts)[:_LABELS]
    failures = sorted(label_failures(task, labels), key=lambda one: (-one.cost, one.label))
    table = label_table(failures)
    # The task is in the line that unfolds it.
    rest = len(counts) - len(labels)
    note = f" {rest:,} more labels are in scores.json." if rest else ""
    unused = task.numbers["labels_without_units"]
    if unused:
        note += f" {unused:,} more labels were asked, neither gold nor predicted."
    blocks: list[Block] = [Table(table.head[1:], [row[1:] for row in table.rows], f"{table.note}{note}")]
    blocks += _confusion(task.numbers["confusion"])
    right = [one for one in task.predictions if one.correct]
    nothing = sum(not one.gold_units for one in right)
    summary = (
        f"{task.name} ({task.family}, {task.language}): F1 {task.numbers['f1']:.1f}, "
        f"{len(counts):,} of {len(counts) + unused:,} labels are gold or answered, "
        f"{len(right):,} of {len(task.predictions):,} instances wholly right"
        + (f" (in {nothing:,} of them nothing is to be found)" if nothing else "")
    )
    return Fold(summary, blocks, open=opened, page_only=not opened)


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> list[Block]:
    pairs = sorted((-times, gold, other) for gold, row in confusion.items() for other, times in row.items())
    names = sorted({name for _, gold, other in pairs for name in (gold, other)}, key=lambda name: (name == NONE, name))
    if not pairs:
        return []
    if len(names) > _MATRIX:
        rows = [
            [name_cell(gold), name_cell(other), Cell(f"{-times:,}")] for times, gold, other in pairs if gold != other
        ]
        note = f"{len(rows) - _PAIRS:,} more are in scores.json." if len(rows) > _PAIRS else ""
        return [Table(("gold", "predicted", "times"), rows[:_PAIRS], note)] if rows else []
    rows = []
    for gold in names:
        row = confusion.get(gold, {})
        total = sum(row.values()) or 1
        cells = [
            Cell(f"{row[other]:,}" if other in row else "", "right" if other == gold else "", row.get(other, 0) / total)
            for other in names
        ]
        rows.append([name_cell(f"{gold} (gold)"), *cells])
    return [Table(["gold ↓ answered →", *names], rows, "Darker: a larger share of the row.")]


def span_error_section(analyses: Sequence[EvaluationAnalysis]) -> Section | None:
    """Classes of the errors of extractions, of each evaluation and task; None without any."""
    counts = {one.evaluation.name: one.all_span_errors for one in analyses if one.all_span_errors}
    if not counts:
        return None
    blocks: list[Block] = [
        Chart(error_chart(counts), "Classes of the errors of extractions."),
        Table(
            ["evaluation", "errors", *(NAMES[kind] for kind in CLASSES)],
            [_error_row(name, of_one) for name, of_one in counts.items()],
            _ERRORS_NOTE,
        ),
    ]
    for one in analyses:
        rows = [_error_row(name, of_task) for name, of_task in one.span_errors.items() if of_task]
        rows.sort(key=lambda row: -int(row[1].text.replace(",", "")))
        table = Table(["task", "errors", *(NAMES[kind] for kind in CLASSES)], rows)
        tasks = f"{len(rows)} extraction task{'s' * (len(rows) > 1)}"
        blocks.append(Fold(f"By task: {tasks} of {one.evaluation.name}", [table], open=len(rows) <= 2))
    return Section("errors", "Errors of extraction", blocks)


def _error_row(name: str, counts: Mapping[str, int]) -> list[Cell]:
    of_all = shares(counts)
    cells = [
        Cell(f"{counts[kind]:,} ({100 * of_all[kind]:.0f} %)" if counts[kind] else "–", shade=of_all[kind])
        for kind in CLASSES
    ]
    return [name_cell(name), Cell(f"{sum(counts.values()):,}"), *cells]


def example_section(analyses: Sequence[EvaluationAnalysis]) -> Section:
    """Twenty of the worst answers, then those of each task."""
    blocks: list[Block] = []
    for one in analyses:
        parts: list[Block] = []
        if worst := worst_examples(one.evaluation):
            parts.append(worst)
            parts += _of_tasks(one.evaluation)
        else:
            parts.append(Text("None: every answer is right."))
        blocks += _for_each(analyses, one, f"Wrong answers of {one.evaluation.name}", parts)
    return Section("examples", "Wrong answers", blocks)


def _of_tasks(evaluation: Evaluation) -> list[Block]:
    if len(evaluation.tasks) == 1:
        (task,) = evaluation.tasks.values()
        examples = task_examples(task, 1)
        return [Fold("All wrong answers", [examples])] if examples else []
    found: list[Block] = []
    for task in evaluation.tasks.values():
        if examples := task_examples(task, len(evaluation.tasks)):
            wrong = len(examples.examples) + examples.more
            found.append(Fold(f"{task.name}: {wrong:,} of {len(task.predictions):,} instances", [examples]))
    return found
