"""Tables of scores for the terminal, and tables of Markdown."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seqgpt_jax.evaluation.instances import ALL_LABELS
from seqgpt_jax.evaluation.metrics import Metrics
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores

HEAD = (
    "F1",
    "best baseline",
    "gap",
    "paper score",
    "labels asked",
    "choose",
    "P",
    "R",
    "ROUGE",
    "well-formed",
    "data sets",
    "instances",
    "prompts",
    "cut",
    "unreachable",
)
# The columns that a terminal has room for, and their short names.
_TERMINAL = {name: name for name in HEAD[:3]} | {"paper score": "paper", "labels asked": "labels"}
BASELINE_NAMES = {"always_none": "always-None", "majority": "majority", "uniform": "uniform"}
LEGEND = (
    "All numbers times 100. F1 is the headline; gap is F1 minus that of the best baseline, a program without a model "
    "on the same instances: always-None answers None throughout, majority the most frequent gold label of the task, "
    "uniform any label with equal probability. Paper score = (F1 + ROUGE) / 2. cut: prompts that lost the start of "
    "their text. unreachable: gold spans in the text that was cut off."
)
Rows = Sequence[tuple[str, tuple[str, ...]]]


def row(metrics: Metrics, mode: Mode) -> tuple[str, ...]:
    """The cells under `HEAD`."""
    rates = (metrics.precision, metrics.recall, metrics.rouge[mode], metrics.well_formed)
    counts = (metrics.datasets, metrics.instances, metrics.prompts, metrics.truncated_prompts)
    return (
        times_100(metrics.f1),
        f"{BASELINE_NAMES[metrics.best_baseline]} {times_100(metrics.baselines[metrics.best_baseline].f1)}",
        f"{100 * metrics.gap:+.1f}",
        times_100(metrics.paper_score(mode)),
        metrics.protocol,
        metrics.choose,
        *map(times_100, rates),
        *(f"{count:,}" for count in (*counts, metrics.unreachable_spans)),
    )


def times_100(rate: float) -> str:
    """A rate as reports show it."""
    return f"{100 * rate:.1f}"


def sections(scores: Scores) -> Iterator[tuple[str, Rows]]:
    """(title, rows as (name, cells)) of every table, the widest mean first."""
    groups = [("Family", scores.families), ("Language", scores.languages)]
    if len(scores.mixtures) > 1:
        groups.insert(0, ("Mixture", scores.mixtures))
    yield "Overall", [("all data sets", row(scores.overall, scores.mode))]
    for title, group in groups:
        yield title, [(name, row(metrics, scores.mode)) for name, metrics in group.items()]
    rows: list[tuple[str, tuple[str, ...]]] = []
    for data, metrics in scores.datasets.items():
        rows.append((f"{data.name} ({data.family}, {data.language})", row(metrics, scores.mode)))
        if len(scores.tasks[data]) > 1:
            rows += [(f"– {task}", row(part, scores.mode)) for task, part in scores.tasks[data].items()]
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


def markdown_table(title: str, head: Sequence[str], rows: Rows) -> str:
    """A table, its first column named `title`."""
    lines = [f"| {title} | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(cell) for cell in (name, *cells))} |" for name, cells in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _short(cell: str) -> str:
    return cell.removesuffix(" labels").removesuffix(" candidates, gold included")


def words(scores: Scores, notes: Sequence[str] = ()) -> list[str]:
    """The scores in sentences, the headline first, then what a reader should know besides."""
    return [headline(scores), paper_score_line(scores), cut_line(scores), *notes]


def print_scores(scores: Scores, console: Console | None = None, notes: Sequence[str] = ()) -> None:
    """Prints the tables for a terminal of 80 columns, and the headline last; report.md has more columns."""
    console = console or Console(highlight=False, emoji=False)
    shown = [HEAD.index(name) for name in _TERMINAL]
    for title, rows in sections(scores):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(title, overflow="fold", min_width=24)
        for name in _TERMINAL.values():
            table.add_column(name, justify="right", no_wrap=True)
        for name, cells in rows:
            table.add_row(escape(name), *(_short(cells[index]) for index in shown))
        console.print(table)
    if scores.overall.protocol != ALL_LABELS:
        console.print("labels: how many are asked; where it is not all, the gold ones are among them")
    for line in reversed(words(scores, notes)):
        console.print(line, markup=False)
