"""Synthesis of training data: a chat model invents labels for your texts and answers them.

    export OPENAI_API_KEY=…       # only where the endpoint wants a key
    python -m seqgpt_jax.synthesize --gin_file=synthesize.gin --input=texts.jsonl --output=synthesized \\
        --endpoint=https://api.openai.com/v1 --model=gpt-4.1-mini --dry_run
    python -m seqgpt_jax.synthesize --gin_file=synthesize.gin --input=texts.txt --output=synthesized \\
        --endpoint=http://localhost:8000/v1 --model=qwen --gin.Synthesize.passages=50
    python -m seqgpt_jax.synthesize … --write_batch        # then upload synthesized/batch/requests-0001.jsonl
    python -m seqgpt_jax.synthesize … --read_batch=output.jsonl

The texts are cut into passages, each is asked for one of three tasks (CLS, ET, NER), the answers are validated, and
what is right is written as own data: `--data=synthesized/data.jsonl` of prepare and train. All requests and answers are
kept in journal.jsonl: the same command continues after a kill, and renders again after a change of settings that change
no request, without asking anything twice. Writes data.jsonl, data_en.jsonl, data_zh.jsonl, rejected.jsonl,
manifest.json, report.md and report.png.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.synthesis.config import SynthesizeConfig
    from seqgpt_jax.synthesis.journal import Journal
    from seqgpt_jax.synthesis.passages import PassageCounts

# What decides which passages there are.
_PASSAGE_SETTINGS = ("text_field", "languages", "max_tokens", "min_tokens", "tokenizer", "passages", "shares", "seed")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--input", action="append", required=True, metavar="FILE",
        help=".jsonl, .json, .txt (blank lines separate texts), .parquet, or hf:owner/name; can be repeated",
    )  # fmt: skip
    parser.add_argument("--output", type=command_line.local_path, required=True, metavar="FOLDER")
    parser.add_argument("--model", required=True, metavar="NAME", help="as the endpoint calls it")
    parser.add_argument("--endpoint", metavar="URL", help="base address of an OpenAI-compatible API")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--dry_run", action="store_true", help="estimate the cost, ask nothing")
    modes.add_argument("--render", action="store_true", help="validate and write what is answered, ask nothing")
    modes.add_argument("--write_batch", action="store_true", help="write files for the batch API, ask nothing")
    modes.add_argument(
        "--read_batch", action="append", type=Path, metavar="FILE", help="replies of the batch API; can be repeated"
    )
    args, configs = command_line.parse(parser, argv, uses=("Synthesize",))
    config: SynthesizeConfig = configs.build("Synthesize")
    asks = not (args.dry_run or args.render or args.write_batch or args.read_batch)
    if asks and not args.endpoint:
        parser.error("--endpoint=URL is needed to ask; --dry_run, --render and --write_batch work without it")
    if missing := [str(path) for path in args.read_batch or () if not path.is_file()]:
        raise command_line.UsageError(f"--read_batch={missing[0]}: there is no such file")
    if asks:
        _check_extra("aiolimiter", "openai", "tenacity")
    from seqgpt_jax.io.openai_client import secret
    from seqgpt_jax.synthesis.journal import Journal

    path = args.output / "passages.jsonl"
    with Journal(args.output / "journal.jsonl", secret=secret()) as journal:
        about, counts = _passages(args, config, path)
        if args.dry_run:
            _estimate(config, args.model, journal, path, counts)
            return 0
        if args.write_batch:
            _write_batch(config, args, journal, path, counts)
            return 0
        for replies in args.read_batch or ():
            from seqgpt_jax.synthesis.batch_files import read_replies

            found = read_replies(replies, journal)
            print(f"{replies}: {', '.join(f'{number:,} {kind}' for kind, number in found.items()) or 'no replies'}")
        try:
            if asks:
                _ask(config, args, journal, path, counts)
        finally:
            if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
                _write(config, args, journal, path, counts, about)
    return 0


def _check_extra(*modules: str) -> None:
    """Raises UsageError where a library of the extra is missing."""
    import importlib.util

    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        raise command_line.UsageError(
            f"{', '.join(missing)} is not installed: pip install 'seqgpt_jax[synthesize]' brings it"
        )


def _passages(
    args: argparse.Namespace, config: "SynthesizeConfig", path: Path
) -> "tuple[dict[str, Any], PassageCounts]":
    """Cuts the passages, where this was not done before with the same input and settings."""
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.io.file_hash import files_hash
    from seqgpt_jax.synthesis.inputs import input_files, texts
    from seqgpt_jax.synthesis.passages import PassageCounts, passages, read_counts, write_passages

    files = input_files(args.input)
    settings = {name: getattr(config, name) for name in _PASSAGE_SETTINGS}
    about = {"inputs": [file.name for file in files], "input_hash": files_hash(files), "settings": settings}
    counts = read_counts(path, about)
    if counts is None:
        _check_extra("py3langid")
        counts = PassageCounts(0, 0, {}, [])
        with progress_bar("cutting passages") as progress:
            found = passages((text for file in files for text in texts(file, config.text_field)), config, counts)

            def counted():
                for passage in found:
                    progress("passages", counts.passages, counts.passages)
                    yield passage

            write_passages(counted(), path, about, counts)
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in counts.dropped.items()) or "none"
    print(f"{counts.passages:,} passages of {counts.texts:,} texts; dropped: {dropped}", flush=True)
    for error in counts.errors:
        print(f"not read: {error}", file=sys.stderr)
    if not counts.passages:
        raise command_line.UsageError(
            f"no passage is left of {', '.join(args.input)}: see Synthesize.text_field, min_tokens and languages"
        )
    return about, counts


def _estimate(config: "SynthesizeConfig", model: str, journal: "Journal", path: Path, counts: "PassageCounts") -> None:
    from seqgpt_jax.synthesis.estimate import estimate
    from seqgpt_jax.synthesis.passages import read_passages

    found = estimate(read_passages(path), counts.passages, config, model, journal)
    how = (
        f"the mean of {found.measured:,} answers in the journal"
        if found.measured
        else "guessed by length; ask a few passages first (--gin.Synthesize.passages=20) to measure"
    )
    print(
        f"to ask: about {found.requests:,} requests (from a sample of {found.sampled:,} passages), "
        f"{found.input_tokens:,} input and {found.output_tokens:,} output tokens ({how})"
    )
    if config.input_price is None:
        print("cost: give Synthesize.input_price and Synthesize.output_price, of a million tokens")
    else:
        again = f"; up to {config.reprompts + 1} times that where answers are rejected" if config.reprompts else ""
        print(f"cost: about {found.cost:,.4f} {config.currency}{again}")


def _write_batch(
    config: "SynthesizeConfig", args: argparse.Namespace, journal: "Journal", path: Path, counts: "PassageCounts"
) -> None:
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.synthesis.batch_files import write_batches
    from seqgpt_jax.synthesis.passages import read_passages

    with progress_bar("writing") as progress:
        files, number, exceeded = write_batches(
            read_passages(path), counts.passages, config, args.model, journal, args.output / "batch", progress
        )
    for file in files:
        print(f"written: {file}")
    if exceeded:
        print(f"stopped: Synthesize.{exceeded}={getattr(config, exceeded)} is reached")
    print(f"{number:,} requests; {journal.queued:,} wait for replies (--read_batch=FILE)")


def _ask(
    config: "SynthesizeConfig", args: argparse.Namespace, journal: "Journal", path: Path, counts: "PassageCounts"
) -> None:
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.synthesis.asking import ask
    from seqgpt_jax.synthesis.passages import read_passages

    with progress_bar("asking") as progress:
        outcome = ask(read_passages(path), counts.passages, config, args.model, args.endpoint, journal, progress)
    if outcome.stopped:
        print(f"stopped: {outcome.stopped}; what is answered is kept, the same command continues")
    if outcome.queued:
        print(
            f"{outcome.queued:,} passages were not asked: they wait for the replies of a batch, --read_batch=FILE. "
            "Where none will come, another --output asks them"
        )
    if outcome.unanswered:
        print(f"{outcome.unanswered:,} passages got no answer, the last for: {outcome.last_failure}", file=sys.stderr)


def _write(
    config: "SynthesizeConfig",
    args: argparse.Namespace,
    journal: "Journal",
    path: Path,
    counts: "PassageCounts",
    about: dict[str, Any],
) -> None:
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.synthesis.output import manifest, write_data
    from seqgpt_jax.synthesis.passages import read_passages, token_starts
    from seqgpt_jax.synthesis.report import report_chart, report_page

    with progress_bar("writing") as progress:
        found = write_data(
            read_passages(path), counts.passages, config, args.model, journal, args.output,
            token_starts(config.tokenizer), progress,
        )  # fmt: skip
    settings = dataclasses.asdict(config)
    of_run = {"inputs": about["inputs"], "input_hash": about["input_hash"], "model": args.model, "settings": settings}
    facts = manifest(found, of_run | {"passages": dataclasses.asdict(counts)}, journal, config, args.output)
    (args.output / "manifest.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    page = report_page(facts)
    (args.output / "report.md").write_text(page, encoding="utf-8")
    (args.output / "report.png").write_bytes(report_chart(facts))
    print(page)
    print(f"written: {args.output / 'data.jsonl'}, {args.output / 'report.md'}")
    if found.waiting:
        print(f"{found.waiting:,} passages have no answer yet")


if __name__ == "__main__":
    command_line.run(main)
