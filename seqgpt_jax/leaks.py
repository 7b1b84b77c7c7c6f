"""Decontamination report: training texts that are in validation or test splits, exactly or nearly.

    python -m seqgpt_jax.leaks --train=ft --evaluation=ft,held_out
    python -m seqgpt_jax.leaks --train=ft --evaluation=ft,held_out --output=leaks.json
    python -m seqgpt_jax.leaks --data=tickets.jsonl --train=tickets --evaluation=tickets,held_out    # own data

Raw files are read below the folder that SEQGPT_DATA_DIR names, else below ~/.cache/seqgpt_jax/datasets, which
`python -m seqgpt_jax.catalogue --download` fills. The report holds counts and ids, no texts.
The exit code is 1 where there are leaks. docs/leaks.md says what counts as the same text.
"""

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.raw.task_spec import TaskSpec

_EVALUATION = ("validation", "test")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument("--train", required=True, metavar="NAMES", help="mixtures or tasks: their training splits")
    parser.add_argument("--evaluation", required=True, metavar="NAMES", help="… and their validation and test splits")
    parser.add_argument(
        "--output",
        type=command_line.local_path,
        metavar="FILE.json",
        help="writes the report there, and beside it FILE.md",
    )
    args, configs = command_line.parse(parser, argv, uses=("Prepare",))
    if args.output and args.output.suffix != ".json":
        parser.error(f"--output={args.output}: the name must end in .json")

    from seqgpt_jax.console.leak_report import print_leak_report, write_leak_report
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.data.prepare.leak_report import leak_report, texts
    from seqgpt_jax.data.prepare.resolve import present

    config = configs.build("Prepare", mixture=args.train.replace(",", "+"), tokenizer="")
    named = f"{args.train}+{args.evaluation}".replace(",", "+")
    configs.check_own_data_is_used(named, "because neither --train nor --evaluation names it")
    train = _tasks(config, ("train",))
    evaluation = _tasks(dataclasses.replace(config, mixture=args.evaluation.replace(",", "+")), _EVALUATION)
    train = present(train, config, ("train",))
    evaluation = present(evaluation, config, _EVALUATION)
    with progress_bar("comparing") as progress:
        report = leak_report(
            texts(train, ("train",), config.data_folder(), config.bad_records, progress),
            texts(evaluation, _EVALUATION, config.data_folder(), config.bad_records, progress),
        )
    print_leak_report(report)
    if args.output:
        words = sys.argv[1:] if argv is None else argv
        write_leak_report(report, args.output, shlex.join(["python", "-m", "seqgpt_jax.leaks", *words]))
        print(f"written: {args.output}, {args.output.with_suffix('.md')}")
    return 1 if report.pairs else 0


def _tasks(config: "PrepareConfig", splits: Sequence[str]) -> "list[TaskSpec]":
    """The tasks of a mixture that have one of these splits.

    Raises:
      ValueError: there are none.
    """
    from seqgpt_jax.tasks import find

    specs: dict[str, TaskSpec] = {}
    problem = None
    for split in splits:
        try:
            specs |= {spec.name: spec for spec in find(dataclasses.replace(config, split=split))}
        except ValueError as error:  # it may have the other split
            problem = error
    if problem and not specs:
        raise problem
    return list(specs.values())


if __name__ == "__main__":
    command_line.run(main)
