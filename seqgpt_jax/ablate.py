"""Ablation study: every arm of a sweep is trained and scored, and the results are compared.

    python -m seqgpt_jax.ablate --gin_file=ablations/languages.gin --work=runs/ablations/languages
    python -m seqgpt_jax.ablate --gin_file=ablations/data_sets.gin --work=runs/ablations/data_sets \\
        --gin.Ablation.seeds='(0, 1, 2)' --gin.Ablation.settings="{'Train.steps': 2000}"
    python -m seqgpt_jax.ablate --gin_file=ablations/transfer.gin --work=gs_mount/transfer --print   # jobs for machines

The gin file names arms, training stages and mixtures to score (docs/ablations.md). Each part is a `train` or `evaluate`
command, printed as a user would type it. Finished parts are used again, and a killed sweep continues with the same
command. Writes results.json, results.md and results.png: F1 with intervals, differences to the first arm, baselines.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.ablation.progress import PartRecord
    from seqgpt_jax.ablation.sweep import Part, Sweep

# What the commands read of a gin file.
_USES = {
    "train": ("Prepare", "Model", "Lora", "Optimizer", "Mesh", "Train", "Weights"),
    "evaluate": ("Evaluate", "Decode", "Prepare"),
}


class PartFailedError(command_line.UsageError):
    """A part of the sweep did not finish."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--work", required=True, type=command_line.local_path, metavar="FOLDER", help="folder of the runs and results"
    )
    parser.add_argument(
        "--print",
        action="store_true",
        help="run nothing: print one command line for each job, for other machines that see the folder. Afterwards the "
        "command without --print gathers the results",
    )
    parser.add_argument("--job", metavar="NAME", help="run this one job, as --print names them")
    args, configs = command_line.parse(parser, argv, uses=("Ablation",))
    config = configs.build("Ablation")

    from seqgpt_jax.ablation.progress import read_records
    from seqgpt_jax.ablation.sweep import expand

    sweep = expand(config, args.work)
    steps, settings = check(sweep)
    records = read_records(sweep, settings)
    finished = {name: record for name, record in records.items() if record.done}
    jobs = {name: parts for of_round in sweep.jobs() for name, parts in of_round.items()}
    if args.job is not None and args.job not in jobs:
        raise command_line.UsageError(f"--job: there is no job {args.job!r}; there are {', '.join(jobs)}")
    print_plan(sweep, steps, finished)
    if args.print:
        print_jobs(sweep, finished, sys.argv[1:] if argv is None else argv)
        return 0
    wanted = list(sweep.parts.values()) if args.job is None else jobs[args.job]
    if args.job is not None and (needed := wanted[0].needs) and needed.name not in finished:
        raise command_line.UsageError(f"--job={args.job} starts from another one, which has not finished: {needed.job}")
    run_parts(sweep, wanted, steps, settings, records)
    if args.job is None:
        write_results(sweep)
    return 0


def check(sweep: "Sweep") -> tuple[dict[str, int | None], dict[str, tuple[str, ...]]]:
    """Builds the configurations of every part, so that a mistake in one arm is reported before hours of another.

    Returns:
      (name of a training -> `Train.steps`, None where it is as many as the data have; name of a part -> lines of all
      gin bindings that its command reads).

    Raises:
      UsageError: it names the arm.
    """
    from seqgpt_jax import tasks

    steps, settings = {}, {}
    for part in sweep.parts.values():
        bindings = [word.removeprefix("--gin.") for word in part.words if word.startswith("--gin.")]
        try:
            configs = command_line.Configs([part.gin_file], bindings, _USES[part.command])
            if part.command == "train":
                prepare = configs.build("Prepare", split="train")
                tasks.splits(prepare)
                steps[part.name] = configs.build("Train").steps
                names = ("Optimizer", "Mesh", "Lora", "Weights")
            else:
                # The tokenizer is the model's.
                prepare = [
                    configs.build("Prepare", mixture=name, tokenizer="") for name in configs.build("Evaluate").mixtures
                ]
                for one in prepare:
                    tasks.splits(one)
                names = ("Decode",)
            for name in names:
                configs.build(name)
        except ValueError as error:
            raise command_line.UsageError(f"arm {part.arm!r}, {part.command} {part.kind}: {error}") from error
        lines = configs.text(unused=True).splitlines()
        settings[part.name] = tuple(line for line in lines if line and not line.startswith("#"))
    return steps, settings


def print_plan(sweep: "Sweep", steps: dict[str, int | None], finished: dict[str, "PartRecord"]) -> None:
    """Prints how many runs and steps there are, and how long they take where that is known."""
    config = sweep.config
    print(f"{config.title}: {len(config.arms)} arms ({', '.join(config.arms)}), {len(config.seeds)} seed(s)")
    parts = sweep.parts.values()
    for command, word in (("train", "trainings"), ("evaluate", "evaluations")):
        of_command = [part for part in parts if part.command == command]
        done = sum(part.name in finished for part in of_command)
        line = f"  {len(of_command)} {word}, {done} of them finished"
        if command == "train" and of_command:
            left = [steps[part.name] for part in of_command if part.name not in finished]
            known = sum(number for number in left if number)
            line += f"; {known:,} steps left" if known else ""
            line += f"; as many steps as the data have in {left.count(None)}" if None in left else ""
        print(line)
    print_time_left(sweep, list(parts), steps, finished)


def print_time_left(
    sweep: "Sweep", wanted: Sequence["Part"], steps: dict[str, int | None], finished: dict[str, "PartRecord"]
) -> None:
    """Prints how long what is left will take, once a part like it has been timed."""
    from seqgpt_jax.ablation.progress import duration, time_left

    left = [part for part in wanted if part.name not in finished]
    if not left:
        return
    seconds, unknown = time_left(left, finished, sweep, steps)
    known = f"about {duration(seconds)} left" if seconds else "time left: not known before the first part is timed,"
    more = f", and what is not timed yet: {', '.join(unknown)}" if seconds and unknown else ""
    print(f"{known} for {len(left)} of {len(wanted)} parts{more}", flush=True)


def print_jobs(sweep: "Sweep", finished: dict[str, "PartRecord"], words: Sequence[str]) -> None:
    """Prints one command line for each job that is not finished, round by round."""
    from seqgpt_jax.ablation.sweep import shell_text

    flags = [word for word in words if word != "--print"]
    for number, of_round in enumerate(sweep.jobs()):
        jobs = [name for name, parts in of_round.items() if any(part.name not in finished for part in parts)]
        if jobs:
            print("# These can run at the same time" + (", after those above have finished:" if number else ":"))
        for name in jobs:
            print(shell_text(["python", "-m", "seqgpt_jax.ablate", *flags, f"--job={name}"]))


def run_parts(
    sweep: "Sweep",
    wanted: Sequence["Part"],
    steps: dict[str, int | None],
    settings: dict[str, tuple[str, ...]],
    records: dict[str, "PartRecord"],
) -> None:
    """Runs those of the parts that have not finished, one after the other; `records` are of those started before.

    Raises:
      PartFailedError: one did not finish, or a signal asked to stop; what is done is kept.
    """
    from seqgpt_jax.ablation import progress

    for number, part in enumerate(wanted, start=1):
        head = f"[{number}/{len(wanted)}]"
        if part.name in records and records[part.name].done:
            print(f"{head} finished before: {part.name}")
            continue
        print(f"{head} $ {part.text}", flush=True)
        record = progress.start(sweep, part, records, settings)
        began = time.monotonic()
        stopped_by = run_command(part)
        records[part.name] = progress.finish(sweep, part, record, time.monotonic() - began)
        if stopped_by:
            raise PartFailedError(f"stopped by {stopped_by} after {part.name}: the same `ablate` command continues")
        print_time_left(sweep, wanted, steps, {name: one for name, one in records.items() if one.done})


def run_command(part: "Part") -> str | None:
    """Runs the command of a part as a process of its own; raises PartFailedError unless it succeeds.

    Returns:
      The signal that asked to stop while it ran, and came too late for it: "SIGTERM" or "SIGINT".
    """
    process = subprocess.Popen([sys.executable, *part.words])
    with forwarded_signals(process) as received:
        code = process.wait()
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise PartFailedError(
            f"{part.name} {how}. The same `ablate` command continues with it; finished parts are kept. "
            f"Its command alone:\n  {part.text}"
        )
    return received[0] if received else None


@contextlib.contextmanager
def forwarded_signals(process: subprocess.Popen) -> Iterator[list[str]]:
    """SIGTERM goes to the process, which saves and ends; Ctrl-C reaches it by itself, and is waited for.

    Yields:
      The names of the signals, filled as they come.
    """
    received: list[str] = []

    def receive(number: int, _: object) -> None:
        received.append(signal.Signals(number).name)
        if number == signal.SIGTERM:
            process.send_signal(number)

    handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT), receive)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_results(sweep: "Sweep") -> None:
    """Gathers the scores of all arms and writes results.json, results.md and results.png."""
    from seqgpt_jax.ablation.chart import figure
    from seqgpt_jax.ablation.page import baseline_text, fit_sentence, markdown
    from seqgpt_jax.ablation.results import gather
    from seqgpt_jax.evaluation.analysis.blocks import with_interval

    results = gather(sweep) | {"commands": [part.text for part in sweep.parts.values()]}
    text = json.dumps(results, ensure_ascii=False, indent=1)
    (sweep.folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (sweep.folder / "results.md").write_text(markdown(results), encoding="utf-8")
    (sweep.folder / "results.png").write_bytes(figure(results, sweep.config.figure))
    for label, measured in results["mixtures"].items():
        print(f"{label}:")
        for arm, cell in measured["overall"]["all"]["arms"].items():
            print(f"  {arm}: F1 {with_interval(cell['f1'], *cell['interval'])}, best baseline {baseline_text(cell)}")
        if sentence := fit_sentence(measured["fit"], results["varied"]):
            print(f"  {sentence}")
    print(f"results: {sweep.folder / 'results.md'}")


if __name__ == "__main__":
    command_line.run(main)
