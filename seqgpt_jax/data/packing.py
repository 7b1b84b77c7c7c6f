"""Packing plan: which examples share a row, computed from their lengths alone.

Pure NumPy and Python, equal on every host. A row holds whole examples one after another; segment
ids and positions that restart keep them apart in the model.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PackingPlan:
    """Rows of example numbers, one after the other.

    Attributes:
      examples: int64 [number of examples], the example numbers row after row.
      starts: int64 [rows + 1]; row r holds `examples[starts[r]:starts[r + 1]]`.
    """

    examples: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, number: int) -> np.ndarray:
        """The example numbers of one row."""
        return self.examples[self.starts[number] : self.starts[number + 1]]


def plan_packing(
    tokens: np.ndarray, targets: np.ndarray, *, length: int, target_capacity: int, seed: tuple[int, ...]
) -> PackingPlan:
    """Best-fit decreasing: every example goes to the fullest row that still has room for it.

    Args:
      tokens: int [examples], input tokens of each example, at most `length`.
      targets: int [examples], target tokens of each example, at most `target_capacity`.
      length: input tokens of a row.
      target_capacity: target tokens of a row.
      seed: of the order among examples of one length and of the order of the rows.

    Returns:
      A plan that holds every example exactly once.

    Raises:
      ValueError: an example is too long for a row.
    """
    tokens, targets = np.asarray(tokens, np.int64), np.asarray(targets, np.int64)
    if len(tokens) and (tokens.max() > length or targets.max() > target_capacity):
        number = int(np.argmax(np.maximum(tokens / length, targets / target_capacity)))
        raise ValueError(
            f"example {number} has {tokens[number]} tokens and {targets[number]} targets; a row takes {length} and "
            f"{target_capacity}: raise the length of the rows or lower Prepare.max_prompt_tokens"
        )
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    order = rng.permutation(len(tokens))
    order = order[np.argsort(-tokens[order], kind="stable")]

    rows: list[list[int]] = []
    targets_left: list[int] = []
    # rows_with[r] lists the rows that have room for r more tokens; bit r of `present` says whether any does.
    rows_with: list[list[int]] = [[] for _ in range(length + 1)]
    present = 0
    for example, size, target_size in zip(order.tolist(), tokens[order].tolist(), targets[order].tolist(), strict=True):
        row = -1
        candidates = present >> size << size
        while candidates and row < 0:
            room = (candidates & -candidates).bit_length() - 1
            candidates &= candidates - 1
            # Only the last row of a bucket is tried: a search through all would make packing quadratic.
            if targets_left[rows_with[room][-1]] >= target_size:
                row = rows_with[room].pop()
                if not rows_with[room]:
                    present ^= 1 << room
        if row < 0:
            row, room = len(rows), length
            rows.append([])
            targets_left.append(target_capacity)
        rows[row].append(example)
        targets_left[row] -= target_size
        rows_with[room - size].append(row)
        present |= 1 << (room - size)

    rows = [rows[number] for number in rng.permutation(len(rows))]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)
    return PackingPlan(np.array([example for row in rows for example in row], np.int64), starts)


def default_target_capacity(tokens: np.ndarray, targets: np.ndarray, length: int) -> int:
    """Half more than the average row needs, and room for the longest target; a multiple of 8."""
    if not len(tokens):
        return 8
    average = length * float(np.sum(targets)) / max(float(np.sum(tokens)), 1.0)
    capacity = max(int(np.max(targets)), min(int(average * 3 / 2) + 1, length))
    return -(-capacity // 8) * 8
