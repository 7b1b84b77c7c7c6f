"""Validation of own data files: every bad record with its line and how to fix it, then a summary of each file.

    python -m seqgpt_jax.validate tickets.jsonl
    python -m seqgpt_jax.validate train.csv test.csv --max_shown=0        # all findings, not the first 100
    python -m seqgpt_jax.validate tickets.jsonl --json > findings.json

docs/own_data.md has the formats. Exit code 0 means that `prepare` reads every record, 1 that some are bad.
Repetitions and contradictions, which are looked for across all files, are warnings.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .csv or .tsv")
    parser.add_argument("--json", action="store_true", help="write one JSON object with all findings instead of text")
    parser.add_argument(
        "--max_shown", type=int, default=100, help="findings of each file that are printed, 0 for all (default 100)"
    )
    args = parser.parse_args(argv)

    from seqgpt_jax.console.file_summary import print_file_summary
    from seqgpt_jax.tasks.checking import Check, FileSummary

    check, summaries, findings = Check(), [], []
    for path in args.files:
        summary, shown = FileSummary(path), 0
        for finding in check.file(path, summary):
            shown += 1
            if args.json:
                findings.append(finding)
            elif not args.max_shown or shown <= args.max_shown:
                print(finding)
        if not args.json and args.max_shown and shown > args.max_shown:
            print(f"{path}: … and {shown - args.max_shown:,} findings more: --max_shown=0 prints all")
        summaries.append(summary)
    if args.json:
        rows = [
            {"file": str(f.path), "line": f.line, "kind": f.kind, "reason": f.reason, "detail": f.detail}
            for f in findings
        ]
        files = [summary.as_json() for summary in summaries]
        print(json.dumps({"findings": rows, "files": files}, ensure_ascii=False, indent=1))
    else:
        for summary in summaries:
            print_file_summary(summary)
    return 1 if any(summary.bad for summary in summaries) else 0


if __name__ == "__main__":
    command_line.run(main)
