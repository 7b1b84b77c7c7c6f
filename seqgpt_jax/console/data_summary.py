"""Summary of a checked data set on the terminal: findings by kind, labels, and what to do next."""

from collections.abc import Sequence

from seqgpt_jax.data.raw.task_spec import SPLITS
from seqgpt_jax.tasks.validation.findings import DataSummary, Finding

_LABELS = 20


def print_data_summary(
    summary: DataSummary, findings: Sequence[Finding], max_shown: int = 3, *, steps: bool = True
) -> None:
    """Prints one page about a data set.

    Args:
      summary: what it holds.
      findings: all of them, in order.
      max_shown: findings of each kind that are printed, 0 for all.
      steps: whether what to do is printed.
    """
    print(f"{summary.name}: {summary.records:,} records, {summary.good:,} good, {summary.bad.total():,} bad")
    _print_findings(findings, max_shown)
    rows = {
        "language": summary.language,
        "splits": ", ".join(f"{split} {count:,}" for split, count in summary.splits.items()) if summary.good else "",
        "leaks": f"{summary.warnings['leak']:,} training texts are, exactly or nearly, in validation or test too"
        if summary.good
        else "",
        "text length": ", ".join(f"{percent}% {length:,}" for percent, length in summary.percentiles().items()),
    }
    if summary.good:
        rows["too long"] = f"{summary.long_texts:,} of {summary.good:,} texts for {summary.prompt}"
    for title, row in rows.items():
        if row:
            print(f"  {title}: {row}")
    for atom in summary.labels:
        _print_labels(summary, atom)
    if not steps:
        return
    print("what to do:")
    for number, step in enumerate(summary.advice, start=1):
        print(f"  {number}. {step}")
    print()


def _print_findings(findings: Sequence[Finding], max_shown: int) -> None:
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.kind, finding.reason), []).append(finding)
    for (kind, reason), found in sorted(kinds.items(), key=lambda item: (item[0][0], item[0][1] != "offsets", item[0])):
        print(f"  {len(found):,} × {kind}: {reason}")
        for finding in found[: max_shown or None]:
            print(f"    {finding}")
        if max_shown and len(found) > max_shown:
            lines = ", ".join(str(finding.line) for finding in found[max_shown : max_shown + 10])
            more = ", …" if len(found) > max_shown + 10 else ""
            print(f"    … and {len(found) - max_shown:,} more, at {lines}{more} (--max_shown=0 prints all)")


def _print_labels(summary: DataSummary, atom: str) -> None:
    counts = summary.label_counts(atom)
    used = [split for split in SPLITS if summary.splits[split]]
    print(f"  {len(counts):,} {atom} labels:")
    width = max([*(len(label) for label, _ in counts.most_common(_LABELS)), 5])
    for label, count in counts.most_common(_LABELS):
        by_split = ", ".join(f"{split} {summary.labels[atom][label][split]:,}" for split in used)
        print(f"    {label:{min(width, 40)}} {count:>7,}   {by_split}")
    if len(counts) > _LABELS:
        print(f"    … and {len(counts) - _LABELS:,} more")
