"""Report of one or several evaluations: report.html, and beside it report.md and report.json.

The page is one file that loads nothing from the network. Texts, labels and names in it are data: Jinja2 escapes them,
and a content security policy forbids all but the page's own script and style.
"""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2
import markupsafe

from seqgpt_jax.evaluation.analysis.analysis import Analysis, analysis_json, analyze
from seqgpt_jax.evaluation.analysis.blocks import Block, Bullets, Fold, Section, Table, Text
from seqgpt_jax.evaluation.analysis.end_to_end_section import end_to_end_section
from seqgpt_jax.evaluation.analysis.error_sections import example_section, label_section, span_error_section
from seqgpt_jax.evaluation.analysis.other_sections import (
    learning_section,
    reliability_section,
    robustness_section,
    settings_section,
)
from seqgpt_jax.evaluation.analysis.report_files import TITLE
from seqgpt_jax.evaluation.analysis.saved import Evaluation
from seqgpt_jax.evaluation.analysis.score_sections import (
    dataset_section,
    difference_section,
    family_section,
    other_metrics_section,
)
from seqgpt_jax.evaluation.analysis.summary_section import summary_section
from seqgpt_jax.io.json_line import json_line, with_characters


def write_report_page(evaluations: Sequence[Evaluation], path: Path) -> Analysis:
    """Writes the page to `path`, and the same as .md and .json beside it; returns what is in it.

    Args:
      evaluations: at least one; the others are compared with the first.
      path: of the page; its folder is made where it is missing.
    """
    analysis = analyze(evaluations)
    sections = report_sections(analysis)
    title = TITLE + ", ".join(one.name for one in evaluations)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json_line(analysis_json(analysis), indent=1), encoding="utf-8")
    path.with_suffix(".md").write_text(with_characters(markdown(title, sections)), encoding="utf-8")
    path.write_text(with_characters(html(title, sections)), encoding="utf-8")
    return analysis


def report_sections(analysis: Analysis) -> list[Section]:
    """The sections of a report, the answer first."""
    evaluations = [one.evaluation for one in analysis.evaluations]
    sections = [
        summary_section(analysis),
        difference_section(analysis),
        family_section(evaluations),
        dataset_section(evaluations),
        end_to_end_section(evaluations),
        span_error_section(analysis.evaluations),
        label_section(analysis.evaluations),
        example_section(analysis.evaluations),
        reliability_section(analysis.evaluations),
        robustness_section(analysis.evaluations),
        learning_section(analysis.evaluations),
        other_metrics_section(evaluations),
        settings_section(analysis.evaluations),
    ]
    return [section for section in sections if section]


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Of our own charts alone: matplotlib escapes the texts in them.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    environment.filters["svg"] = lambda chart: markupsafe.Markup(chart.svg)
    return environment.get_template("report.html")


def html(title: str, sections: Sequence[Section]) -> str:
    """The page."""
    return _template().render(title=title, sections=sections)


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The sections as Markdown, without charts, examples and the labels of many tasks."""
    lines = [f"# {_plain(title)}"]
    for section in sections:
        shown = list(_markdown_blocks(section.blocks))
        lines += [f"## {section.title}", *shown] if shown else []
    return "\n\n".join(lines) + "\n"


def _markdown_blocks(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        if isinstance(block, Text):
            yield f"**{_plain(block.text)}**" if block.strong else _plain(block.text)
        elif isinstance(block, Bullets):
            yield "\n".join(f"* **{lead}:** {_plain(text)}" for lead, text in block.items)
        elif isinstance(block, Table):
            yield _markdown_table(block)
            if block.note:
                yield _plain(block.note)
        elif isinstance(block, Fold) and not block.page_only and (shown := list(_markdown_blocks(block.blocks))):
            yield from [f"### {_plain(block.summary)}", *shown]


def _markdown_table(table: Table) -> str:
    lines = [[_plain(name) for name in table.head], ["---", *["---:"] * (len(table.head) - 1)]]
    lines += [[_plain(cell.text) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text that Markdown takes for neither HTML nor emphasis nor a link."""
    return "".join(
        f"\\{character}" if character in "\\`*_[]<>#|" else character for character in " ".join(text.split())
    )
