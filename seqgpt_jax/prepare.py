"""Preparation of raw data: quota, negatives, prompts, ids, into ArrayRecord shards with a manifest.

    python -m seqgpt_jax.prepare --gin_file=ft.gin
    python -m seqgpt_jax.prepare --gin_file=ft.gin --inspect          # composition, prompts, a chart
    python -m seqgpt_jax.prepare --gin_file=ft.gin --gin.Prepare.split=test --gin.Prepare.mixture=cluener
    python -m seqgpt_jax.prepare --list                               # tasks and mixtures
    python -m seqgpt_jax.prepare --gin_file=own_cpu.gin --data=tickets.jsonl --inspect     # own data: docs/own_data.md

Raw files are read below the folder that SEQGPT_DATA_DIR names, else below ~/.cache/seqgpt_jax/datasets, which
`python -m seqgpt_jax.fetch` fills. A store that matches the settings is used again; `train` and `evaluate` prepare the
stores that they miss in the same way.
"""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.workers import Runner


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument("--list", action="store_true", help="print all tasks and mixtures and stop")
    parser.add_argument(
        "--inspect", action="store_true", help="show the composition of the mixture, and examples of every task"
    )
    parser.add_argument(
        "--beam",
        metavar="OPTIONS",
        help="do the work with Apache Beam and these pipeline options, such as '--runner=DataflowRunner --project=…'",
    )
    parser.add_argument("--examples", type=int, default=2, help="with --inspect: examples of each task (default 2)")
    args, configs = command_line.parse(parser, argv, uses=("Prepare",))

    from seqgpt_jax.console import prepared_data

    if args.list:
        from seqgpt_jax.tasks import catalogue

        # Own data and modules are listed too; what a preparation needs besides may still be unknown.
        prepared_data.print_tasks(*catalogue(configs.build("Prepare", mixture="", tokenizer="")))
        return 0
    runner = None if args.beam is None else apache_beam_runner(args.beam)
    config = configs.build("Prepare")

    from seqgpt_jax import tasks
    from seqgpt_jax.data.prepare.resolve import resolve

    preparation = resolve(config, tasks)
    folder = prepared_data.prepare_and_print(preparation, runner)
    if args.inspect:
        from seqgpt_jax.data.prepare.mixture_chart import mixture_chart

        prepared_data.print_mixture(folder)
        picture = folder.with_name(f"{folder.name}.png")
        picture.write_bytes(mixture_chart(folder))
        print(f"picture: {picture}")
        prepared_data.print_examples(folder, preparation.tokenizer, args.examples)
    return 0


def apache_beam_runner(options: str) -> "Runner":
    """A runner on Apache Beam with these pipeline options.

    Raises:
      UsageError: Apache Beam is not installed.
    """
    try:
        from seqgpt_jax.data.prepare.beam_runner import beam_runner
    except ImportError as error:
        raise command_line.UsageError(f"--beam needs Apache Beam: pip install 'seqgpt_jax[beam]' ({error})") from error
    return beam_runner(shlex.split(options))


if __name__ == "__main__":
    command_line.run(main)
