"""Checks files of own data: every bad record with its line and what to mend, then what the files hold.

    python -m seqgpt_jax.validate tickets.jsonl
    python -m seqgpt_jax.validate train.csv test.csv --max_shown=0        # all findings, not the first 100
    python -m seqgpt_jax.validate tickets.jsonl --json > findings.json

The formats stand in docs/own_data.md. Exit code 0 says that `prepare` reads every record, 1 that some are bad.
Repetitions and contradictions are warnings; they are looked for across all the files.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.tasks.checking import FileSummary


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .csv or .tsv")
    parser.add_argument("--json", action="store_true", help="write one JSON object with all findings instead of text")
    parser.add_argument(
        "--max_shown", type=int, default=100, help="findings of each file that are printed, 0 for all (default 100)"
    )
    args = parser.parse_args(argv)

    from seqgpt_jax.tasks.checking import Check, FileSummary

    check, summaries, found = Check(), [], []
    for path in args.files:
        summary, shown = FileSummary(path), 0
        for finding in check.file(path, summary):
            shown += 1
            if args.json:
                found.append(finding)
            elif not args.max_shown or shown <= args.max_shown:
                print(finding)
        if not args.json and args.max_shown and shown > args.max_shown:
            print(f"{path}: … and {shown - args.max_shown:,} findings more: --max_shown=0 prints all")
        summaries.append(summary)
    if args.json:
        rows = [
            {"file": str(f.path), "line": f.line, "kind": f.kind, "reason": f.reason, "detail": f.detail} for f in found
        ]
        files = [summary.as_json() for summary in summaries]
        print(json.dumps({"findings": rows, "files": files}, ensure_ascii=False, indent=1))
    else:
        for summary in summaries:
            print_summary(summary)
    return 1 if any(summary.bad for summary in summaries) else 0


def print_summary(summary: "FileSummary") -> None:
    """What a file holds, in a few lines."""
    bad = ", ".join(f"{count:,} {reason}" for reason, count in summary.bad.most_common())
    warnings = ", ".join(f"{count:,} {reason}" for reason, count in summary.warnings.most_common())
    print(f"\n{summary.path}: {summary.records:,} records, {summary.good:,} good, {summary.bad.total():,} bad")
    rows = {
        "bad": bad,
        "warnings": warnings,
        "language": summary.language,
        "by hash": ", ".join(f"{split} {count:,}" for split, count in summary.splits.items()) if summary.good else "",
        "text length": ", ".join(f"{percent}% {length:,}" for percent, length in summary.percentiles().items()),
    }
    for atom, counts in summary.labels.items():
        most = ", ".join(f"{label} {count:,}" for label, count in counts.most_common(20))
        more = f" … and {len(counts) - 20:,} more" if len(counts) > 20 else ""
        rows[f"{len(counts):,} {atom} labels"] = most + more
    for title, row in rows.items():
        if row:
            print(f"  {title}: {row}")


if __name__ == "__main__":
    command_line.run(main)
