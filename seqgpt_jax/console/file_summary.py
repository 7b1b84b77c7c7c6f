"""Summary of an own data file on the terminal."""

from seqgpt_jax.tasks.checking import FileSummary


def print_file_summary(summary: FileSummary) -> None:
    """Prints counts, splits, text lengths and labels of a file, in a few lines."""
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
