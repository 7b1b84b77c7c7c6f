"""Catalogue of public data sets: a list, the facts of each, and the download.

    python -m seqgpt_jax.catalogue                                    # all of them, and how many of which kind
    python -m seqgpt_jax.catalogue --family=NER --language=zh         # filters; also --state=files
    python -m seqgpt_jax.catalogue --show cluener                     # everything about one
    python -m seqgpt_jax.catalogue --mixture=ft                       # a mixture: sets, size, licenses, forms needed
    python -m seqgpt_jax.catalogue --mixture=ft_cpu --subsets         # …, of the declared subsets
    python -m seqgpt_jax.catalogue --download cluener ft              # data sets, or all those of a mixture
    python -m seqgpt_jax.catalogue --check ft                         # asks each of their sources, downloads nothing
    python -m seqgpt_jax.catalogue --json                             # for other programs

A download goes below the folder that SEQGPT_DATA_DIR or --data_dir names, else below ~/.cache/seqgpt_jax/datasets, one
folder for each data set. It resumes, and files that exist are kept and checked (docs/downloads.md). The exit code is 1
if a download failed. Each data set has a license of its own, which is printed first: please read it.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line

# `Prepare.max_text_bytes` and `Prepare.quota` of ft.gin, which its page names; a test keeps them equal.
_FT_LIMITS = (10_000_000, 1000)
# The mixtures that the page of the docs counts.
_PAGE_MIXTURES = ("pt", "pt_cpu", "ft", "ft_commercial", "ft_cpu", "held_out", "held_out_cpu", "ft_catalogue")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", metavar="NAME", help="everything about one data set")
    what.add_argument("--json", action="store_true", help="print a JSON list")
    what.add_argument(
        "--markdown", action="store_true", help="print docs/catalogue.md, or with --mixture=ft the page docs/ft.md"
    )
    what.add_argument("--chart", type=Path, metavar="FILE", help="with --mixture: draw what it declares, as a PNG")
    what.add_argument(
        "--download", nargs="+", metavar="NAME", help="download data sets, by name or by that of a mixture"
    )
    what.add_argument(
        "--check",
        nargs="*",
        metavar="NAME",
        help="ask the sources of data sets (of all without a name) whether they are there, and how large; nothing is "
        "downloaded",
    )
    parser.add_argument("--family", type=str.upper, help="only data sets of this family, such as NER")
    parser.add_argument("--language", choices=("en", "zh"), help="only data sets that have this language")
    parser.add_argument(
        "--state", choices=("files", "schema"), help="only those tested on the published files, or on their form"
    )
    parser.add_argument(
        "--mixture", metavar="NAMES", help="only the tasks of a mixture, such as ft, or a+b-c of several"
    )
    parser.add_argument(
        "--subsets", action="store_true", help="with --mixture and --download: the declared subsets (Prepare.subsets)"
    )
    parser.add_argument(
        "--data_dir", type=Path, help="folder of the raw data sets (default: SEQGPT_DATA_DIR, else one below ~/.cache)"
    )
    args, _ = command_line.parse(parser, argv)

    from rich.console import Console

    from seqgpt_jax.atomic import FAMILIES
    from seqgpt_jax.console import catalogue as terminal
    from seqgpt_jax.console.download import ConsoleReporter
    from seqgpt_jax.data.raw import catalogue, download, mixture_page
    from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE, default_data_folder
    from seqgpt_jax.data.raw.mixture_facts import MixtureFacts, rows_of
    from seqgpt_jax.tasks import MIXTURES, SUBSET_MIXTURES, SUBSETS, TASKS, expand
    from seqgpt_jax.tasks.declarations import FILE_SIZES

    if args.family is not None and args.family not in FAMILIES:
        raise command_line.UsageError(f"--family={args.family}: the families are {', '.join(FAMILIES)}")
    filters = [name for name in ("family", "language", "state", "mixture") if getattr(args, name)]
    if filters and (args.show or args.download):
        raise command_line.UsageError(f"--{filters[0]} filters the list: leave it out with --show and --download")
    if args.subsets and not (args.mixture or args.download):
        raise command_line.UsageError("--subsets is of use with --mixture and --download alone")
    if args.chart and not args.mixture:
        raise command_line.UsageError("--chart draws a mixture: name it with --mixture")
    if args.markdown and args.mixture not in (None, "ft"):
        raise command_line.UsageError("--markdown prints pages of the docs: that of all data sets, and --mixture=ft")
    tasks, mixtures = (TASKS | SUBSETS, SUBSET_MIXTURES) if args.subsets else (TASKS, MIXTURES)

    def named(names: Sequence[str]) -> list[str]:
        """The names, expressions of several as the tasks that they stand for."""
        return [part for name in names for part in (expand(name, tasks, mixtures) if set(name) & {*"+-"} else [name])]

    console = Console(highlight=False, emoji=False)
    data_dir = args.data_dir or (Path(os.environ[DATA_DIR_VARIABLE]) if os.environ.get(DATA_DIR_VARIABLE) else None)
    if data_dir is None and default_data_folder().is_dir():
        data_dir = default_data_folder()
    if args.download:
        return download.download_all(
            download.select(named(args.download), tasks, mixtures),
            data_dir or default_data_folder(),
            ConsoleReporter(console),
        )
    rows = catalogue.rows(tasks)
    if args.check is not None:
        from seqgpt_jax.console.source_check import print_checks
        from seqgpt_jax.data.raw.network import Client, Patience
        from seqgpt_jax.data.raw.source_check import check_sources

        if args.mixture:
            rows = rows_of(rows, list(expand(args.mixture, tasks, mixtures)))
        rows = catalogue.select(rows, args.family, args.language, args.state)
        if args.check:
            wanted = download.select(named(args.check), tasks, mixtures)
            rows = [row for row in rows if row.name in wanted]
        checks = check_sources({row.name: row.sources for row in rows}, Client(Patience(timeout=20)))
        return print_checks(checks, console)
    if args.show:
        if args.show in MIXTURES:
            raise command_line.UsageError(
                f"--show takes one data set, and {args.show} is a mixture of {len(MIXTURES[args.show])} tasks: "
                "`python -m seqgpt_jax.prepare --list` names them"
            )
        (dataset,) = download.select([args.show], TASKS, {})
        shown = [row for row in rows if row.name == dataset]
        if not shown:
            raise command_line.UsageError(f"{dataset} is no public data set: it is generated, or your own")
        terminal.print_row(shown[0], data_dir, console)
        return 0
    if args.mixture:
        rows = rows_of(rows, list(expand(args.mixture, tasks, mixtures)))
    rows = catalogue.select(rows, args.family, args.language, args.state)
    if args.mixture and not rows:
        raise command_line.UsageError(f"no public data set of {args.mixture} is so")
    chosen = [name for name in filters if name != "mixture"]
    if chosen and (args.chart or (args.markdown and args.mixture)):
        raise command_line.UsageError(f"--chart and --markdown show a whole mixture: leave out --{chosen[0]}")
    filtered = "".join(f", {name} {getattr(args, name)}" for name in chosen)
    wanted = " ".join(row.name for row in rows) if chosen else args.mixture
    facts = MixtureFacts(f"{args.mixture}{filtered}", rows, FILE_SIZES, f"{wanted}{' --subsets' * args.subsets}")
    if args.chart:
        from seqgpt_jax.io.storage import open_path, write

        write(open_path(args.chart), mixture_page.chart(facts))
    elif args.json:
        print(json.dumps([row.as_json(MIXTURES) for row in rows], ensure_ascii=False, indent=2))
    elif args.markdown and args.mixture:
        print(mixture_page.markdown(facts, *_FT_LIMITS), end="")
    elif args.markdown:
        print(catalogue.markdown(rows, {name: MIXTURES[name] for name in _PAGE_MIXTURES}), end="")
    else:
        terminal.print_table(rows, console)
        terminal.print_counts(rows, console, complete=not filters)
        if args.mixture:
            console.print()
            for line in facts.lines(data_dir):
                console.print(line, markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    command_line.run(main)
