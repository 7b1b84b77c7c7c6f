"""HTML report: tables, chart and wrong answers in one file, which loads nothing from the network."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from seqgpt_jax.evaluation.label_tables import LEGEND, labels_html
from seqgpt_jax.evaluation.predictions import Prediction
from seqgpt_jax.evaluation.scores import Scores
from seqgpt_jax.evaluation.tables import html_table

# A page of all wrong answers of a large evaluation would be too big for a browser.
WRONG_PER_TASK = 100
# Of an instance whose labels are asked in many chunks.
PROMPTS_SHOWN = 3

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; --good: #2a7d46; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: 1rem 0; }
td { font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; background: white; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); padding: .5rem; margin: .2rem 0 .6rem; }
details { border-top: 1px solid var(--line); padding: .3rem 0; }
article { border-left: 3px solid var(--line); padding-left: .8rem; margin: .8rem 0; }
.missed { color: var(--bad); } .found { color: var(--good); } small { opacity: .75; }
input { font: inherit; padding: .3rem .5rem; width: min(30rem, 100%); }
"""
_SCRIPT = """
document.getElementById('filter').addEventListener('input', event => {
  const words = event.target.value.toLowerCase();
  for (const group of document.querySelectorAll('details.task')) {
    let shown = 0;
    for (const item of group.querySelectorAll('article')) {
      item.hidden = !item.textContent.toLowerCase().includes(words);
      shown += !item.hidden;
    }
    group.hidden = !shown;
    group.open = words !== '' && shown > 0;
  }
});
"""


def html_page(
    scores: Scores,
    sentences: Sequence[str],
    head: Sequence[str],
    sections: Iterable[tuple[str, Sequence[tuple[str, Sequence[str]]]]],
    about: Mapping[str, Any],
    chart: bytes,
) -> str:
    """The page.

    Args:
      scores: whose wrong predictions are listed.
      sentences: the overall score in words, and how to read the tables; the first is set in bold.
      head: of the columns after the first.
      sections: (title, rows as (name, cells)) of every table.
      about: facts behind the scores.
      chart: a PNG.
    """
    first, *others = map(escape, sentences)
    tables = "".join(html_table((title, *head), [(name, *cells) for name, cells in rows]) for title, rows in sections)
    picture = base64.b64encode(chart).decode()
    facts = escape(json.dumps(about, ensure_ascii=False, indent=1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>F1 {100 * scores.overall.f1:.1f}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Scores</h1>
<p><strong>{first}</strong></p>
{"".join(f"<p>{sentence}</p>" for sentence in others)}
<img alt="Bar chart: F1, best baseline and ROUGE of each family" src="data:image/png;base64,{picture}">
{tables}
<h2>Labels</h2>
<p>{escape(LEGEND)}</p>
{labels_html(scores.labels)}
<h2>Wrong answers</h2>
{_wrong_answers(scores.predictions)}
<h2>Settings</h2>
<pre>{facts}</pre>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _wrong_answers(predictions: Sequence[Prediction]) -> str:
    instances: dict[str, int] = defaultdict(int)
    wrong: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        instances[prediction.record.task] += 1
        if not prediction.correct:
            wrong[prediction.record.task].append(prediction)
    if not wrong:
        return "<p>None: every answer is right.</p>"
    groups = []
    for task in sorted(wrong):
        items = wrong[task]
        rest = len(items) - WRONG_PER_TASK
        more = f"<p>{rest:,} more are in predictions.jsonl.</p>" if rest > 0 else ""
        summary = f"{escape(task)}: {len(items):,} of {instances[task]:,} instances"
        groups.append(
            f'<details class="task"><summary>{summary}</summary>\n'
            f"{''.join(map(_article, items[:WRONG_PER_TASK]))}{more}</details>\n"
        )
    return (
        '<p><input id="filter" type="search" placeholder="show only what contains …" aria-label="filter"></p>\n'
        + "".join(groups)
    )


def _article(prediction: Prediction) -> str:
    record = prediction.record
    missed = _listed("missed", "missed", prediction.gold - prediction.predicted)
    extra = _listed("not in gold", "missed", prediction.predicted - prediction.gold)
    correct = _listed("right", "found", prediction.gold & prediction.predicted)
    malformed = "" if prediction.well_formed else " · not well-formed, read leniently"
    shown, others = prediction.prompts[:PROMPTS_SHOWN], len(prediction.prompts) - PROMPTS_SHOWN
    prompts = "".join(f"<pre>{escape(prompt)}</pre>" for prompt in shown)
    more = f"<small>and {others} more prompts</small> " if others > 0 else ""
    return (
        f"<article><small>{escape(record.instance)}{malformed}</small>\n"
        f"prompt{prompts}{more}gold<pre>{escape(record.target)}</pre>"
        f"answer<pre>{escape(prediction.output)}</pre>{missed}{extra}{correct}</article>\n"
    )


def _listed(title: str, style: str, units: Iterable[tuple[str, ...]]) -> str:
    listed = "; ".join(": ".join(unit) for unit in sorted(units))
    return f'<div class="{style}">{title}: {escape(listed)}</div>' if listed else ""
