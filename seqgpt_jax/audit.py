"""Audit of data: a person marks answers right or wrong on a page, and gets label accuracy with an interval.

    python -m seqgpt_jax.audit --input=synthesized/data.jsonl --output=synthesized/audit
    python -m seqgpt_jax.audit --input=data.jsonl --output=audit --sample=200
    python -m seqgpt_jax.audit --input=data.jsonl --output=audit --summary                 # the figures alone
    python -m seqgpt_jax.audit --input=data.jsonl --output=audit --label_studio=tasks.json # for a team
    python -m seqgpt_jax.audit --input=data.jsonl --output=audit --corrected=export.json   # what it corrected

The sample is 1 % of the records of each language and family (CLS, NER, ET …), 10 at least. Input are files in the
formats of own data (docs/own_data.md). Judgements are saved one by one in OUTPUT/judgements.jsonl: the same
command continues, also after a kill. Figures are written to OUTPUT/audit.json, and into the manifest.json beside an
input that it lists. Goals are those of SeqGPT's authors: 80 % for classification, 75 % for extraction.
"""

import argparse
import json
import math
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.auditing.judgements import Judgements
    from seqgpt_jax.auditing.sample import Inputs, Item

_SAMPLE = 0.01


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--input", action="append", required=True, type=Path, metavar="FILE", help="can be repeated")
    command_line.add_own_form(parser)
    parser.add_argument("--output", type=command_line.local_path, required=True, metavar="FOLDER", help="of this audit")
    parser.add_argument(
        "--sample", type=_sample, metavar="SHARE",
        help=f"a share below 1 or a number of records (default: that of the last call, else {_SAMPLE})",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--port", type=int, default=8765, help="of the page; 0 takes a free one (default 8765)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--summary", action="store_true", help="print and write the figures, without the page")
    modes.add_argument("--label_studio", type=command_line.local_path, metavar="FILE", help="write the sample as tasks")
    modes.add_argument("--corrected", type=Path, metavar="FILE", help="read a JSON export of those tasks")
    args = parser.parse_args(argv)
    for path in args.input:
        if not path.is_file():
            problem = "is a folder: name a file" if path.is_dir() else "there is no such file"
            raise command_line.UsageError(f"--input={path}: {problem}")
    for path in (args.label_studio, args.label_studio.with_suffix(".xml")) if args.label_studio else ():
        if path.exists() and any(path.samefile(one) for one in args.input):
            raise command_line.UsageError(
                f"--label_studio={args.label_studio} would overwrite {path}: name another file"
            )
    if args.output.is_file():
        raise command_line.UsageError(f"--output={args.output} is a file: name a folder")
    if args.corrected and not args.corrected.is_file():
        raise command_line.UsageError(f"--corrected={args.corrected}: there is no such file")

    from seqgpt_jax.auditing.judgements import Judgements, OtherAuditError
    from seqgpt_jax.auditing.sample import InputError
    from seqgpt_jax.io.exclusive_file import FileInUseError

    try:
        # Held from the beginning: two audits of one folder would not see each other's judgements.
        with Judgements(args.output / "judgements.jsonl") as judgements:
            inputs, items = _read(args, judgements)
            try:
                _work(args, inputs, items, judgements)
            finally:
                _write_figures(args.output, inputs, items, judgements)
    except FileInUseError as error:
        raise command_line.UsageError(f"{error}: another audit runs on --output={args.output}; end it first") from error
    except (InputError, OtherAuditError) as error:
        raise command_line.UsageError(str(error)) from error
    return 0


def _read(args: argparse.Namespace, judgements: "Judgements") -> "tuple[Inputs, list[Item]]":
    """What is in the data, and its sample."""
    from seqgpt_jax.auditing.sample import count_inputs, sample_sizes, stratified_sample
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.data.own_data import parse_columns
    from seqgpt_jax.tasks.own import Form

    try:
        form = Form(args.format or "", tuple(parse_columns(args.columns).items()) if args.columns else ())
        with progress_bar("counting") as progress:
            inputs = count_inputs(args.input, form, progress)
        sample = args.sample or judgements.sample or _SAMPLE
        judgements.begin(inputs.checksums, args.seed, sample)
        sizes = sample_sizes(inputs.records, sample)
        with progress_bar("sampling") as progress:
            items = stratified_sample(args.input, form, sizes, args.seed, progress)
    except ValueError as error:
        raise command_line.UsageError(str(error)) from error
    shown = ", ".join(f"{size:,} of {inputs.records[stratum]:,} {stratum}" for stratum, size in sizes.items())
    print(f"sample: {shown}", flush=True)
    return inputs, items


def _work(args: argparse.Namespace, inputs: "Inputs", items: "list[Item]", judgements: "Judgements") -> None:
    if args.label_studio:
        from seqgpt_jax.auditing.label_studio import write_tasks

        config = write_tasks(items, args.label_studio)
        print(f"Label Studio: import {args.label_studio} into a project whose labeling interface is {config}")
    elif args.corrected:
        from seqgpt_jax.auditing.label_studio import ExportError, read_corrections

        try:
            counts = read_corrections(args.corrected, items, judgements)
        except ExportError as error:
            raise command_line.UsageError(f"--corrected={error}") from error
        print(f"{args.corrected}: {', '.join(f'{number:,} {name}' for name, number in counts.items()) or 'no tasks'}")
    elif not args.summary:
        _serve(args.port, inputs, items, judgements)


def _serve(port: int, inputs: "Inputs", items: "list[Item]", judgements: "Judgements") -> None:
    """Serves the page until the command is interrupted."""
    from seqgpt_jax.auditing.server import AuditServer

    try:
        server = AuditServer(port, items, judgements, inputs)
    except (OSError, OverflowError) as error:
        raise command_line.UsageError(f"--port={port}: {error}; --port=0 takes a free port") from error
    stop = threading.Event()
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"open {server.address} (Ctrl-C ends the audit; every judgement is saved)", flush=True)
        stop.wait()
        server.shutdown()
        with server.lock:  # a judgement that is being saved
            pass
    for name, handler in before.items():
        signal.signal(name, handler)


def _write_figures(folder: Path, inputs: "Inputs", items: "list[Item]", judgements: "Judgements") -> None:
    from etils import epath

    from seqgpt_jax.auditing.figures import figures, summary
    from seqgpt_jax.io.storage import write

    found = figures(items, judgements, inputs)
    write(epath.Path(folder / "audit.json"), _json(found))
    print(summary(found))
    print(f"written: {folder / 'audit.json'}")
    short = {name: value for name, value in found.items() if name != "wrong"}
    for path in {Path(name).parent / "manifest.json": None for name in inputs.checksums}:
        if (manifest := _manifest(path, inputs)) is not None:
            write(epath.Path(path), _json(manifest | {"audit": short}))
            print(f"written: “audit” in {path}")


def _manifest(path: Path, inputs: "Inputs") -> dict[str, Any] | None:
    """The manifest of a folder, where it lists an input there with the checksum that this has."""
    from seqgpt_jax.io.file_hash import files_hash

    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        listed = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    here = [Path(name) for name in inputs.checksums if Path(name).parent == path.parent]
    stale = [one for one in here if one.name in listed and listed[one.name] != files_hash([one])]
    if stale:
        print(f"{path} is not changed: it lists another {stale[0].name} (was it edited?)")
    return manifest if not stale and any(one.name in listed for one in here) else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogateescape")


def _sample(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < 1 or (value >= 1 and value.is_integer())):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a share between 0 and 1 nor a number of records")
    return value


if __name__ == "__main__":
    command_line.run(main)
