"""Label accuracy of audited data, by stratum and in all, with 95 % intervals and the goals of SeqGPT's authors."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Any

from seqgpt_jax.auditing.judgements import Judgements
from seqgpt_jax.auditing.sample import Inputs, Item, Stratum
from seqgpt_jax.evaluation.intervals import wilson

GOALS = {"cls": 0.80, "ext": 0.75}
"""Atomic task -> the least label accuracy, as SeqGPT's authors report it of 1 % of their data."""
_NAMES = {"cls": "classification", "ext": "extraction"}
_Z = NormalDist().inv_cdf(0.975)


def figures(items: Sequence[Item], judgements: Judgements, inputs: Inputs) -> dict[str, Any]:
    """All figures as JSON.

    "strata" has a row for each; "all" one for each atomic task, in which a stratum has the weight of its answers in the
    data, and which has an accuracy once every stratum of it has a judgement. Unsure answers are counted, but are
    neither right nor wrong.
    """
    by_stratum: dict[Stratum, list[Item]] = defaultdict(list)
    for item in items:
        by_stratum[item.stratum].append(item)
    strata = [_row(stratum, members, judgements, inputs) for stratum, members in by_stratum.items()]
    totals = [_total(atom, [row for row in strata if row["task"] == atom]) for atom in GOALS]
    known = {(item.key, answer) for item in items for answer in item.answers}
    return {
        "inputs": inputs.checksums,
        "skipped": dict(inputs.skipped),
        "records": inputs.records.total(),
        "sampled": len(items),
        "answers": len(known),
        "judged": sum(place in known for place in judgements.verdicts),
        "judged_outside_of_the_sample": sum(place not in known for place in judgements.verdicts),
        "strata": strata,
        "all": [row for row in totals if row],
        "wrong": _wrong(items, judgements),
    }


def accuracy(records: Iterable[tuple[int, int]]) -> tuple[float, float, float] | None:
    """Label accuracy and both ends of its 95 % interval; None of no judged answer.

    Answers of one record are often right or wrong together. Wilson's interval is therefore of as many independent
    answers as have the same variance (Kish's effective size, with the variance of a ratio of sums over records), at
    most all, and where all or none are right of as many as there are records.

    Args:
      records: (right answers, right and wrong answers) of each.

    >>> [round(value, 3) for value in accuracy([(1, 1)] * 8 + [(0, 1)] * 2)], [round(end, 3) for end in wilson(8, 10)]
    ([0.8, 0.49, 0.943], [0.49, 0.943])
    >>> accuracy([(5, 5), (5, 5)]) == (1.0, *wilson(2, 2))
    True
    """
    cases = [(right, number) for right, number in records if number]
    if not cases:
        return None
    right, number = (sum(column) for column in zip(*cases, strict=True))
    share = right / number
    size = float(len(cases))
    if 0 < right < number and len(cases) > 1:
        residuals = sum((r - share * n) ** 2 for r, n in cases)
        if residuals:
            size = min(share * (1 - share) * number**2 / residuals, number)
    return share, *wilson(share * size, size)


def _row(stratum: Stratum, items: Sequence[Item], judgements: Judgements, inputs: Inputs) -> dict[str, Any]:
    verdicts = [[judgements.verdicts.get((item.key, answer)) for answer in item.answers] for item in items]
    counts = {name: sum(of.count(name) for of in verdicts) for name in ("right", "wrong", "unsure", None)}
    missing = [judgements.missing[item.key] for item in items if item.key in judgements.missing]
    row = {
        "language": stratum.language,
        "family": stratum.family,
        "task": stratum.atom,
        "records": inputs.records[stratum],
        "data_answers": inputs.answers[stratum],
        "sampled": len(items),
        "judged_records": sum(any(of) for of in verdicts),
        "left": counts[None],
        **{name: counts[name] for name in ("right", "wrong", "unsure")},
        # Only a corrector says so: None where none has.
        "missing": sum(missing) if missing else None,
    }
    found = accuracy((of.count("right"), of.count("right") + of.count("wrong")) for of in verdicts)
    return row | _against_goal(found, GOALS[stratum.atom])


def _total(atom: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if not rows:
        return None
    total = {"task": atom, "name": _NAMES[atom]}
    total |= {name: sum(row[name] for row in rows) for name in ("records", "sampled", "left", "right", "wrong")}
    found = None
    if all(row["accuracy"] is not None for row in rows):
        size = sum(row["data_answers"] for row in rows)
        weights = [row["data_answers"] / size for row in rows]
        pairs = [*zip(weights, rows, strict=True)]
        share = sum(weight * row["accuracy"] for weight, row in pairs)
        # Each end lies as far off as the ends of independent strata do together (MOVER, Zou and Donner 2008).
        low = share - math.hypot(*(weight * (row["accuracy"] - row["interval"][0]) for weight, row in pairs))
        high = share + math.hypot(*(weight * (row["interval"][1] - row["accuracy"]) for weight, row in pairs))
        found = share, max(0.0, low), min(1.0, high)
    return total | _against_goal(found, GOALS[atom])


def _against_goal(found: tuple[float, float, float] | None, goal: float) -> dict[str, Any]:
    if found is None:
        return {"accuracy": None, "interval": None, "goal": goal, "verdict": "not judged"}
    share, low, high = found
    verdict = "reached" if low >= goal else "missed" if high < goal else "open"
    return {"accuracy": share, "interval": [low, high], "goal": goal, "verdict": verdict}


def _wrong(items: Sequence[Item], judgements: Judgements) -> list[dict[str, str]]:
    return [
        {"place": item.place, "label": answer.label, "span": answer.span}
        for item in items
        for answer in item.answers
        if judgements.verdicts.get((item.key, answer)) == "wrong"
    ]


def summary(found: dict[str, Any]) -> str:
    """The figures as lines for a terminal."""
    rows = [("", "records", "sampled", "right", "wrong", "unsure", "left", "accuracy", "95 %", "goal", "")]
    for row in found["strata"]:
        rows.append((f"{row['language']} {row['family']}", *_numbers(row)))
    rows += [(f"all {row['name']}", *_numbers(row)) for row in found["all"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place in (0, 10) else cell.rjust(width) for place, (cell, width) in pairs
        ).rstrip()
        for row in rows
        for pairs in [enumerate(zip(row, widths, strict=True))]
    ]
    lines.append(f"{found['judged']:,} of {found['answers']:,} answers of {found['sampled']:,} records are judged")
    if outside := found["judged_outside_of_the_sample"]:
        lines.append(f"{outside:,} judgements are of records outside of this sample and count nowhere")
    if missing := [row for row in found["strata"] if row["missing"] is not None]:
        lines.append(f"answers that correctors added: {sum(row['missing'] for row in missing):,}")
    if found["skipped"]:
        shown = ", ".join(f"{number:,} {reason}" for reason, number in found["skipped"].items())
        lines.append(f"left out by the files themselves: {shown}")
    return "\n".join(lines)


def _numbers(row: dict[str, Any]) -> tuple[str, ...]:
    counts = [f"{row[name]:,}" if name in row else "" for name in ("records", "sampled", "right", "wrong", "unsure")]
    interval = "" if row["interval"] is None else "{:.1%} – {:.1%}".format(*row["interval"])
    share = "" if row["accuracy"] is None else f"{row['accuracy']:.1%}"
    return (*counts, f"{row['left']:,}", share, interval, f"{row['goal']:.0%}", row["verdict"])
