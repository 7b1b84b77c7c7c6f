"""Report of saved evaluations: where a model fails, on which labels, and how two models differ.

    python -m seqgpt_jax.report --scores=scores/ft --output=report.html
    python -m seqgpt_jax.report --scores=scores/ft --scores=scores/pt_ft --output=comparison.html

Reads what `evaluate` has written, and the learning curves of runs whose folders are here; needs no model. Writes one
HTML file, which loads nothing from the network, and beside it the same as .md and .json. Of several evaluations the
others are compared with the first, on the records that both were asked, with paired bootstrap intervals. docs/report.md
says how to read it.
"""

from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument(
        "--scores",
        action="append",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="a folder that `evaluate --output` has written; can be repeated",
    )
    parser.add_argument(
        "--output", required=True, type=command_line.local_path, metavar="FILE", help="page to write, a name with .html"
    )
    args, _ = command_line.parse(parser, argv)
    if args.output.suffix != ".html" or args.output.is_dir():
        raise command_line.UsageError(f"--output={args.output} is no name of a page: give one that ends in .html")

    from seqgpt_jax.evaluation.analysis.report_files import unrelated_files
    from seqgpt_jax.evaluation.analysis.saved import read_evaluations

    if others := unrelated_files(args.output):
        raise command_line.UsageError(
            f"--output={args.output} would replace {' and '.join(map(str, others))}, of no report: give the page "
            "another name"
        )
    evaluations = read_evaluations(args.scores)

    # Only now what takes seconds to import.
    from seqgpt_jax.evaluation.analysis.page import write_report_page
    from seqgpt_jax.evaluation.analysis.summary_section import difference_sentence

    analysis = write_report_page(evaluations, args.output)
    for comparison in analysis.comparisons:
        print(difference_sentence(comparison))
    print(f"report: {args.output}")
    return 0


if __name__ == "__main__":
    command_line.run(main)
