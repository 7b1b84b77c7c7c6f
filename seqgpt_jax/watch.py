"""Evaluation beside a running training: each checkpoint is scored as it appears, and the best one named.

    python -m seqgpt_jax.watch --model=runs/ft --gin_file=eval.gin
    python -m seqgpt_jax.watch --model=runs/ft --gin_file=eval.gin --output=scores/ft --poll=60 \\
        --gin.Evaluate.splits="('validation',)"
    python -m seqgpt_jax.watch --model=runs/ft --data=prepared/ft.validation.0123456789 --once

Takes the flags and settings of `evaluate`, which it calls for each checkpoint, and writes its files into
OUTPUT/step_N/. OUTPUT/scores.md, scores.json and scores.png have the F1 of every step with its interval. Ends when the
last step of the training is scored, and continues where it was interrupted. Choose by validation splits: F1 on a test
split by which a checkpoint was chosen is too high.
"""

import argparse
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line, evaluate


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    _add_own_flags(parser)
    evaluate.add_data_flags(parser)
    args, configs = command_line.parse(parser, argv, uses=("Evaluate", "Decode", "Prepare"))
    # All other words are for `evaluate`.
    own = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_own_flags(own)
    _, words = own.parse_known_args(argv)
    config, decode = configs.build("Evaluate"), configs.build("Decode")

    from seqgpt_jax.data.own_data import is_own_data
    from seqgpt_jax.data.store import EvalStore
    from seqgpt_jax.evaluation.watch_table import WatchTable
    from seqgpt_jax.evaluation.watching import watch
    from seqgpt_jax.io.exclusive_file import open_alone
    from seqgpt_jax.io.model_folder import is_run
    from seqgpt_jax.io.run_checkpoints import complete_steps
    from seqgpt_jax.io.storage import is_bucket, open_path

    # All that can be wrong is reported now, not when the first checkpoint is there.
    run = open_path(args.model)
    if (run / "config.json").is_file() and not is_run(run):
        raise command_line.UsageError(f"{run} is a Hugging Face folder, which has no checkpoints: use `evaluate`")
    if args.once and not complete_steps(run):
        raise command_line.UsageError(f"{run} holds no checkpoint yet: leave out --once to wait for one")
    if args.output is None and is_bucket(run):
        raise command_line.UsageError(f"{run} is in a bucket: give a local folder for the scores, --output=FOLDER")
    if not args.data and not config.mixtures:
        raise command_line.UsageError(
            "nothing to evaluate on: give --data=PATH, or --gin.Evaluate.mixtures=\"('NAME',)\" "
            "(`python -m seqgpt_jax.prepare --list` shows the names)"
        )
    for data in args.data:
        if not is_own_data(data):
            EvalStore(Path(data))
    output = args.output or Path(run) / "watch"
    settings = {"--data": args.data}
    for name, one in (("Evaluate", config), ("Decode", decode)):
        settings |= {f"{name}.{field}": value for field, value in dataclasses.asdict(one).items()}

    def score(step: int, folder: Path) -> None:
        print(f"step {step:,}:", flush=True)
        evaluate.main([*words, f"--model={args.model}", f"--output={folder}", f"--step={step}"])

    def log(text: str) -> None:
        print(text, flush=True)

    with open_alone(output / "watch.lock"):
        table = WatchTable(output, args.model, settings)
        if table.steps:
            log(f"{output}: {len(table.steps):,} steps are scored already")
        watch(run, table, score, poll=args.poll, once=args.once, until_step=args.until_step, log=log)
    log(f"table: {output / 'scores.md'}")
    return 0


def _add_own_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="run folder (gs://… too); it need not exist yet")
    parser.add_argument(
        "--output", type=command_line.local_path, metavar="FOLDER", help="for the scores (default: MODEL/watch)"
    )
    parser.add_argument(
        "--poll", type=_seconds, default=30.0, metavar="SECONDS", help="between two looks at the run (default: 30)"
    )
    parser.add_argument("--once", action="store_true", help="score what is there, and end")
    parser.add_argument(
        "--until_step", type=int, metavar="N", help="end once this step, or a later one, is scored, if that is earlier"
    )


def _seconds(word: str) -> float:
    seconds = float(word)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{word} is no number of seconds above 0")
    return seconds


if __name__ == "__main__":
    command_line.run(main)
