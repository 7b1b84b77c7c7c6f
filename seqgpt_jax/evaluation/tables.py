"""Tables of scores for the terminal, and the scores in sentences."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seqgpt_jax.evaluation.end_to_end.scoring import EndToEnd
from seqgpt_jax.evaluation.instances import ALL_LABELS
from seqgpt_jax.evaluation.metrics import Metrics
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores

# What 80 columns have room for.
_HEAD = ("F1", "best baseline", "gap", "paper", "labels")
BASELINE_NAMES = {"always_none": "always-None", "majority": "majority", "uniform": "uniform"}
FAMILY_NAMES = {
    "CLS": "classification", "SA": "sentiment", "ID": "intents", "NLI": "inference", "ET": "entity typing",
    "MRC": "reading", "NER": "entities", "SF": "slots", "RE": "relations", "EE": "events",
}  # fmt: skip
Rows = Sequence[tuple[str, tuple[str, ...]]]


def _row(metrics: Metrics, mode: Mode) -> tuple[str, ...]:
    """The cells under `_HEAD`."""
    return (
        times_100(metrics.f1),
        f"{BASELINE_NAMES[metrics.best_baseline]} {times_100(metrics.baselines[metrics.best_baseline].f1)}",
        f"{100 * metrics.gap:+.1f}",
        times_100(metrics.paper_score(mode)),
        metrics.protocol.removesuffix(" labels").removesuffix(" candidates, gold included"),
    )


def times_100(rate: float) -> str:
    """A rate as reports show it."""
    return f"{100 * rate:.1f}"


def sections(scores: Scores) -> Iterator[tuple[str, Rows]]:
    """(title, rows as (name, cells)) of every table, the widest mean first."""
    groups = [("Family", scores.families), ("Language", scores.languages)]
    if len(scores.mixtures) > 1:
        groups.insert(0, ("Mixture", scores.mixtures))
    yield "Overall", [("all data sets", _row(scores.overall, scores.mode))]
    for title, group in groups:
        yield title, [(name, _row(metrics, scores.mode)) for name, metrics in group.items()]
    rows: list[tuple[str, tuple[str, ...]]] = []
    for data, metrics in scores.datasets.items():
        rows.append((f"{data.name} ({data.family}, {data.language})", _row(metrics, scores.mode)))
        if len(scores.tasks[data]) > 1:
            rows += [(f"– {task}", _row(part, scores.mode)) for task, part in scores.tasks[data].items()]
    yield "Data set", rows


def headline(scores: Scores) -> str:
    """The overall F1 in plain words: its interval, the baselines, and whether it is above them."""
    overall = scores.overall
    baselines = ", ".join(f"{BASELINE_NAMES[name]} {times_100(one.f1)}" for name, one in overall.baselines.items())
    low, high = overall.gap_interval
    if overall.gap:
        side = "above" if overall.gap > 0 else "below"
        chance = ", which may be chance" if low <= 0 <= high else ""
        verdict = f"{times_100(abs(overall.gap))} {side} the best baseline{chance}"
    else:
        verdict = "equal to the best baseline"
    f1 = f"F1 {times_100(overall.f1)} ({_interval(overall.f1_interval)})"
    return f"{f1}; {baselines}: {verdict} ({_interval((low, high))})."


def cut_line(scores: Scores) -> str:
    """How much was asked, and how much of it was not read or not answered to the end."""
    overall = scores.overall
    line = f"{overall.instances:,} instances were asked in {overall.prompts:,} prompts"
    if overall.truncated_prompts:
        line += (
            f"; {overall.truncated_prompts:,} prompts lost the start of their text, and {overall.unreachable_spans:,} "
            f"of {overall.gold_spans:,} gold spans with it"
        )
    else:
        line += ", none of which was cut"
    if overall.unfinished_answers:
        line += f"; {overall.unfinished_answers:,} answers were cut off by the token limit"
    return f"{line}."


def paper_score_line(scores: Scores) -> str:
    """The overall paper score, in both modes of ROUGE."""
    (other,) = (mode for mode in MODES if mode != scores.mode)
    interval = _interval(scores.overall.paper_score_interval(scores.mode))
    return (
        f"Paper score {times_100(scores.overall.paper_score(scores.mode))} ({interval}) with ROUGE in mode "
        f"{scores.mode}, {times_100(scores.overall.paper_score(other))} in mode {other}."
    )


def _interval(bounds: tuple[float, float]) -> str:
    low, high = bounds
    return f"95 % interval {times_100(low)} to {times_100(high)}"


def words(scores: Scores, notes: Sequence[str] = ()) -> list[str]:
    """The scores in sentences, the headline first, then what a reader should know besides."""
    return [headline(scores), paper_score_line(scores), cut_line(scores), *notes]


def print_scores(
    scores: Scores,
    console: Console | None = None,
    notes: Sequence[str] = (),
    end_to_end: Sequence[EndToEnd] = (),
    metric: str | None = None,
) -> None:
    """Prints the tables for a terminal of 80 columns, and the headline last; report.md has more columns.

    Args:
      scores: of one evaluation.
      console: None prints to the terminal.
      notes: what a reader should know besides, each a sentence.
      end_to_end: scores of relations and events, where they were asked.
      metric: of other work, that has a table of its own.
    """
    console = console or Console(highlight=False, emoji=False)
    for title, rows in sections(scores):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(title, overflow="fold", min_width=24)
        for name in _HEAD:
            table.add_column(name, justify="right", no_wrap=True)
        for name, cells in rows:
            table.add_row(escape(name), *cells)
        console.print(table)
    if end_to_end:
        console.print(_end_to_end_table(end_to_end))
    if metric in scores.field_means:
        console.print(_metric_table(scores, metric))
    elif metric:
        console.print(f"{metric}: no task here has it")
    if scores.overall.protocol != ALL_LABELS:
        console.print("labels: how many are asked; where it is not all, the gold ones are among them")
    for line in reversed(words(scores, notes)):
        console.print(line, markup=False)


def _metric_table(scores: Scores, metric: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Task", overflow="fold", min_width=24)
    for name in (metric, "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [(task, found[metric]) for task, found in scores.field.items() if metric in found]
    mean = scores.field_means[metric]
    for task, one in [*rows, (f"mean of {mean.tasks:,} task{'s' * (mean.tasks > 1)}", mean)]:
        table.add_row(escape(task), times_100(one.value), f"{times_100(one.low)} to {times_100(one.high)}")
    return table


def _end_to_end_table(found: Sequence[EndToEnd]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Whole texts, end to end", overflow="fold", min_width=24)
    for name in ("F1", "95 %", "best baseline", "gold"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        table.add_row(escape(f"{one.data.name}: {len(one.predictions):,} texts"))
        for name, metric in one.metrics.items():
            interval = " to ".join(map(times_100, metric.interval))
            baseline = f"{BASELINE_NAMES[metric.best_baseline]} {times_100(metric.baselines[metric.best_baseline])}"
            cells = (times_100(metric.f1), interval, baseline, f"{metric.gold:,}")
            table.add_row(f"– {name.replace('_', ' ')}", *cells)
    return table
