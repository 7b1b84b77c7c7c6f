"""Validation of own data: every bad record with its line and how to fix it, what is odd, and what to do next.

    python -m seqgpt_jax.validate tickets.jsonl
    python -m seqgpt_jax.validate train=train.csv,test=test.csv --max_shown=0     # all findings, not 3 of each kind
    python -m seqgpt_jax.validate my_folder --model=runs/ft                       # lengths in tokens of that model
    python -m seqgpt_jax.validate --module=calls                                  # the tasks of calls.py
    python -m seqgpt_jax.validate --task=clinc150,pt --gin.Prepare.subsets=True   # tasks and mixtures of the catalogue
    python -m seqgpt_jax.validate tickets.jsonl --json > findings.json

DATA is written as for `--data` of the other commands; docs/own_data.md has the formats. Exit code 0 means that
`prepare` reads every record, 1 that some are bad. Repetitions and contradictions, which are looked for across all data
sets, are warnings. Lengths are compared with Prepare.max_prompt_tokens and Prepare.max_target_tokens, which a gin file
may set.
"""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.tasks.checking import Check
    from seqgpt_jax.tasks.validation.findings import DataSummary, Finding
    from seqgpt_jax.tasks.validation.lengths import LengthLimits


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("data", nargs="*", metavar="DATA", help="FILE, train=FILE,test=FILE, or a folder")
    command_line.add_own_form(parser)
    parser.add_argument("--module", action="append", default=[], metavar="NAME", help="check the tasks of this module")
    parser.add_argument("--task", default="", metavar="NAMES", help="… and these tasks or mixtures of the catalogue")
    parser.add_argument("--tokenizer", metavar="FOLDER", help="count tokens with this one; else they are estimated")
    parser.add_argument("--model", metavar="FOLDER", help="… with the tokenizer and the limits of this model")
    parser.add_argument("--json", action="store_true", help="write one JSON object with all findings instead of text")
    parser.add_argument(
        "--max_shown", type=int, default=3, help="findings of each kind that are printed, 0 for all (default 3)"
    )
    args, configs = command_line.parse(parser, argv, uses=("Prepare",))
    bound = {name: configs.is_bound(f"Prepare.{name}") for name in ("mixture", "tokenizer")}
    config = configs.build("Prepare", **{name: "" for name, is_bound in bound.items() if not is_bound})

    from seqgpt_jax.console.data_summary import print_data_summary
    from seqgpt_jax.tasks.checking import Check

    check = Check(length_limits(config, args.tokenizer, args.model, configs.bound("Prepare")))
    checked = list(_checked(check, config, args.data, [*config.modules, *args.module]))
    if args.task:
        checked += _catalogue_tasks(check, config, args.task)
    if not checked:
        parser.error("nothing to check: name DATA, --module=NAME or --task=NAME")
    if args.json:
        rows = [finding.as_json() for _, findings in checked for finding in findings]
        files = [summary.as_json() for summary, _ in checked]
        print(json.dumps({"findings": rows, "files": files}, ensure_ascii=False, indent=1))
    else:
        for summary, findings in checked:
            print_data_summary(summary, findings, args.max_shown)
    return 1 if any(summary.bad for summary, _ in checked) else 0


def length_limits(
    config: "PrepareConfig", tokenizer: str | None, model: str | None, bound: Sequence[str] = ()
) -> "LengthLimits":
    """The limits of lengths: of the settings, of the model where no setting is bound; with a way to count tokens."""
    from seqgpt_jax.tasks.validation.lengths import LengthLimits

    names = ("max_prompt_tokens", "max_target_tokens", "max_queries")
    limits = {name: getattr(config, name) for name in names}
    count, template = None, config.template
    if model or tokenizer:
        from seqgpt_jax.atomic import GEN, find_template
        from seqgpt_jax.data.prepare.token_counts import TokenCounts
        from seqgpt_jax.data.tokenizer import encoder_of
        from seqgpt_jax.io.contract import read_contract
        from seqgpt_jax.io.model_folder import open_folder, tokenizer_folder
        from seqgpt_jax.io.storage import reading
        from seqgpt_jax.io.tokenizer import load_tokenizer

        if model:
            folder = open_folder(model)
            contract = read_contract(folder)
            limits |= {name: getattr(contract, name) for name in names if name not in bound}
            template = contract.template if "template" not in bound else template
            with reading(tokenizer_folder(folder)) as path:
                loaded = load_tokenizer(str(path), GEN)
        else:
            loaded = load_tokenizer(tokenizer, GEN)
        counts = TokenCounts(encoder_of(loaded))
        count, limits["control"] = counts.text, counts.most_control_words(find_template(template))

    return LengthLimits(max_labels=config.max_labels, count=count, **limits)


def data_flags(text: str, config: "PrepareConfig") -> str:
    """The flags that give own data, named as `text` says, to the other commands."""
    columns = ",".join(f"{role}={name}" for role, name in (config.own_columns or {}).items())
    flags = {"--data": text, "--columns": columns, "--format": config.own_format}
    return " ".join(f"{flag}={shlex.quote(value)}" for flag, value in flags.items() if value)


def _checked(
    check: "Check", config: "PrepareConfig", data: Sequence[str], modules: Sequence[str]
) -> "Iterator[tuple[DataSummary, list[Finding]]]":
    """The result of each data set: those of the gin file, those named, the tasks of modules."""
    from seqgpt_jax.data.own_data import parse_own_data
    from seqgpt_jax.tasks.own import Form, module_tasks

    try:
        named = [(*parse_own_data(text, flag=""), data_flags(text, config)) for text in data]
    except ValueError as error:
        raise command_line.UsageError(str(error)) from error
    bound = [(name, files, "") for name, files in (config.own_data or {}).items()]
    for name, files, flags in [*bound, *named]:
        yield check.own_data(name, files, Form.of(config), flags)
    for module in dict.fromkeys(modules):
        for spec in module_tasks(module)[0]:
            flags = f'"--gin.Prepare.modules=({module!r},)" {_task_flags(spec.name)}'
            yield check.task(spec, config.data_folder(), flags)


def _catalogue_tasks(
    check: "Check", config: "PrepareConfig", names: str
) -> "Iterator[tuple[DataSummary, list[Finding]]]":
    """The result of each task that is named, or that a named mixture has; those without files are named on stderr.

    Raises:
      UsageError: nothing is called so, or the files of all tasks are missing.
    """
    from seqgpt_jax.data.raw.files import available, fetch_command
    from seqgpt_jax.tasks import catalogue, expand

    try:
        tasks = expand(names.replace(",", "+"), *catalogue(config))
    except ValueError as error:
        raise command_line.UsageError(f"--task={names}: {error}") from error
    folder = config.data_folder()
    kept, missing = available([*tasks.values()], folder)
    if missing:
        gone = [name for name, spec in tasks.items() if spec not in kept]
        text = f"--task={names}: files are missing, not checked: {', '.join(gone)} ({fetch_command(missing)})"
        if not kept:
            raise command_line.UsageError(text)
        print(text, file=sys.stderr)
    subsets = " --gin.Prepare.subsets=True" if config.subsets else ""
    for spec in kept:
        yield check.task(spec, folder, f"{_task_flags(spec.name, subsets)}")


def _task_flags(name: str, subsets: str = "") -> str:
    """The flags that prepare a task with a tokenizer of its own, which own_cpu.gin makes for own data alone."""
    tokenizer = f"--gin.Prepare.tokenizer_mixture={name} --gin.Prepare.tokenizer=runs/{name}_tokenizer"
    return f"--gin.Prepare.mixture={name}{subsets} {tokenizer}"


if __name__ == "__main__":
    command_line.run(main)
