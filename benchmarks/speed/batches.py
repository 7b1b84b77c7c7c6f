"""Batches of both sides: the same sequences, padded for one, padded or packed for the other."""

import json
from pathlib import Path

import numpy as np

Sequences = list[tuple[np.ndarray, np.ndarray]]


def padded_sequences(rows: int, length: int, vocab_size: int) -> Sequences:
    """(prompt, target) of random ids: row r has `length` - 8 r tokens, 15 % of them targets."""
    rng, found = np.random.default_rng(0), []
    for row in range(rows):
        size = max(8, length - 8 * row)
        ids = rng.integers(4, vocab_size - 1, size)
        split = size - max(1, round(0.15 * size))
        found.append((ids[:split], ids[split:]))
    return found


def real_sequences(lengths: str, number: int, longest: int, vocab_size: int) -> Sequences:
    """`number` (prompt, target) of random ids with the lengths of real examples of at most `longest` tokens."""
    sizes = [one for one in json.loads(Path(lengths).read_text(encoding="utf-8")) if sum(one) - 1 <= longest]
    rng = np.random.default_rng(1)
    return [(rng.integers(4, vocab_size - 1, p), rng.integers(4, vocab_size - 1, t)) for p, t in sizes[:number]]


def ours(sequences: Sequences, length: int, rows: int, *, packed: bool) -> list[dict[str, np.ndarray]]:
    """Our batches of `rows` rows: packed as in training, or one sequence a row."""
    from seqgpt_jax.data.batches import pack
    from seqgpt_jax.data.packing import default_target_capacity, plan_packing
    from seqgpt_jax.data.store import TrainRecord

    records = [TrainRecord(str(n), 0, p.astype(np.int32), t.astype(np.int32)) for n, (p, t) in enumerate(sequences)]
    tokens = np.array([len(p) + len(t) - 1 for p, t in sequences])
    targets = np.array([len(t) for _, t in sequences])
    if packed:
        capacity = default_target_capacity(tokens, targets, length)
        plan = plan_packing(tokens, targets, length=length, target_capacity=capacity, seed=(0, 0))
        groups = [[records[n] for n in plan.row(row)] for row in range(len(plan))]
    else:
        capacity, groups = -(-int(targets.max()) // 8) * 8, [[record] for record in records]
    groups += [[]] * (-len(groups) % rows)
    packed_rows = [pack(group, length, capacity) for group in groups]
    batches = [packed_rows[start : start + rows] for start in range(0, len(packed_rows), rows)]
    return [{name: np.stack([row[name] for row in batch]) for name in batch[0]} for batch in batches]


def peer(sequences: Sequences, rows: int, pad: int) -> list[dict[str, np.ndarray]]:
    """Batches of `rows` sequences, each padded to its longest: what a data collator of `transformers` makes."""
    batches = []
    for start in range(0, len(sequences), rows):
        group = sequences[start : start + rows]
        width = max(len(p) + len(t) for p, t in group)
        ids, labels = np.full((len(group), width), pad, np.int64), np.full((len(group), width), -100, np.int64)
        mask = np.zeros((len(group), width), np.int64)
        for row, (prompt, target) in enumerate(group):
            end = len(prompt) + len(target)
            ids[row, :end] = np.concatenate([prompt, target])
            labels[row, len(prompt) : end] = target
            mask[row, :end] = 1
        batches.append({"input_ids": ids, "attention_mask": mask, "labels": labels})
    return batches


def sampled(tensor: np.ndarray) -> list[float]:
    """The norm of a tensor, and up to 64 of its elements spread over it: enough to see that two tensors are equal."""
    flat = np.asarray(tensor, np.float32).reshape(-1)
    stride = max(1, len(flat) // 63)
    return [float(np.linalg.norm(flat)), *map(float, flat[::stride])]
