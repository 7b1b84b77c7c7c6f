"""Page of the results: one table with every ratio, won or lost, and what is measured how."""

from collections.abc import Mapping, Sequence
from typing import Any

from interleaved import Row

_HEAD = """# Speed against `transformers` and torch

`make bench`, or `python benchmarks/speed/all.py`; each question has a script of its own beside it (`--only=NAME` runs
one). Ours and the peer run in turn, A B A B …, each time in a fresh process with the same weights, data, dtype and
cores. Numbers are medians, with the lowest and highest in parentheses. **Ratio**: how many times faster ours is, below
1.00 it loses; of memory (GB) our share of the peer's, where less is better. Goals that are missed are marked.
"""

_METHOD = """
## What is compared

- **Training step**: one padded batch, 15 % of its tokens supervised, through forward, backward, clipping and AdamW.
  *HF full logits*: the model's own loss, which is what the Trainer of `transformers` runs, with its fused AdamW.
  *HF gathered by hand*: hidden states that predict a target are selected first, the strongest form one can write with
  `transformers`. In float32 the loss and samples of all gradients are compared before anything is timed.
- **Training, real lengths**: one epoch of examples with the lengths of prepared ones; ours packs them into rows, the
  peer pads each batch to its longest. Loss and gradients of both are compared. Compiling is not counted.
- **MFU**: FLOPs that the batch needs (padding, logits without a target and recomputation are not needed) a second, as
  a share of the rate of large matrix products in the same run, the better of torch and JAX.
- **Decoding, free**: 32 tokens after 16 real prompts, batches of 16, against batched `generate`; answers are compared
  token by token. **Constrained**: ours writes answers that parse. The peer has no constraints; it writes as many tokens
  as ours and stops there, which is better than it could know. *Released way*: one prompt at a time with 4 beams, as
  SeqGPT's own script does.
- **Peak memory**: the most that was resident in a process, loading and compiling included.
- Of random weights, and of a model that was not trained for these prompts, the speed holds but not the lengths of
  constrained answers.
"""


def page(entries: Sequence[Mapping[str, Any]]) -> str:
    """The page of all stored rows."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(_machine(entry), []).append(entry)
    lines = [_HEAD]
    for machine, rows in groups.items():
        lines += [machine + "\n", "| what: against | ours | peer | ratio | goal | |", "|---|---:|---:|---:|---:|---|"]
        lines += [_line(entry) for entry in rows]
        lines.append("")
    lost = [entry["name"] for entry in entries if loses(entry)]
    lines.append(f"Slower or larger than the peer in {len(lost)} of {len(entries)} rows.")
    return "\n".join(lines) + _METHOD


def loses(entry: Mapping[str, Any]) -> bool:
    """Whether the peer is better."""
    if entry["ratio"] is None:
        return False
    return entry["ratio"] > 1 if entry["unit"] == "GB" else entry["ratio"] < 1


def _machine(entry: Mapping[str, Any]) -> str:
    machine = entry["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in machine["versions"].items())
    sets = ", ".join(machine["instruction_sets"])
    device = f", {machine['device']}" if machine["device"] != "cpu" else ""
    return (
        f"{machine['processor']} ({sets}), {machine['threads']} cores{device}, {machine['memory_gb']:.0f} GB; "
        f"{versions}; commit {entry['commit']}; load of the machine at the start {machine['load']:.1f}."
        + "".join(f" {name.capitalize()}: {machine[name]}." for name in ("weights", "data") if name in machine)
    )


def _line(entry: Mapping[str, Any]) -> str:
    row = Row(**{key: value for key, value in entry.items() if key not in ("machine", "commit")})
    spread = entry["spread"]
    cells = [_number(value, span) for value, span in ((row.ours, spread[0]), (row.peer, spread[1]))]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    goal = "" if row.goal is None else f"{'≤' if _at_most(row) else '≥'} {row.goal:g}"
    missed = " missed" if row.met() is False else ""
    return f"| {row.name} | {cells[0]} | {cells[1]} {row.unit} | {ratio} | {goal}{missed} | {row.note} |"


def _at_most(row: Row) -> bool:
    return row.unit == "GB" or (row.unit == "s" and row.ratio is None)


def _number(value: float | None, span: Sequence[float] | None) -> str:
    if value is None:
        return "–"
    text = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return text if span is None else f"{text} ({span[0]:.3g}–{span[1]:.3g})"
