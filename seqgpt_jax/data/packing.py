"""Packing plan: which examples share a row, computed from their lengths alone.

Pure NumPy and Python, equal on every host. A row holds whole examples one after another; segment
ids and positions that restart keep them apart in the model.

A row has two capacities: input tokens (its length) and targets, whose logits cost vocabulary times width each, fillers
included. Short examples have a larger share of targets than long ones, so rows that are filled by length alone run out
of one capacity or the other. Here every row takes targets and tokens in the proportion of all data, so that little more
capacity than the average row needs is enough: benchmarks/results/packing.md.
"""

from dataclasses import dataclass

import numpy as np

# Which examples are in the batch of a step: raised when that changes, so that no run resumes in other batches.
PACKING_VERSION = 2
# Lengths that are tried for one place of a row before the row counts as full; bounds the time of planning.
_TRIED_LENGTHS = 8
# Examples from which the capacity for targets is chosen, in a second or two.
_SAMPLE = 50_000


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
    """Rows filled one by one, each time with the longest example that fits, from one of two piles.

    One pile holds the examples with a larger share of targets than all data, the other one the rest. A row takes from
    the first pile while its own share is below that of all data, else from the second; from the other pile where the
    chosen one has nothing that fits. Where that leaves more than a hundredth of the tokens empty, as it may in rows of
    two or three examples, the plan from one pile is made too, and the one with fewer rows is taken.

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
    many_targets = (targets * tokens.sum() > targets.sum() * tokens)[order]
    two_piles = (order[~many_targets], order[many_targets])
    rows = _fill_rows(two_piles, tokens, targets, length, target_capacity)
    if tokens.sum() < 0.99 * length * len(rows):
        rows = min(rows, _fill_rows((order, order[:0]), tokens, targets, length, target_capacity), key=len)

    rows = [rows[number] for number in rng.permutation(len(rows))]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)
    return PackingPlan(np.array([example for row in rows for example in row], np.int64), starts)


def _fill_rows(
    examples: tuple[np.ndarray, np.ndarray], tokens: np.ndarray, targets: np.ndarray, length: int, target_capacity: int
) -> list[list[int]]:
    """The rows of examples from two piles: those with fewer targets than the average, and those with more."""
    piles = tuple(_Pile(tokens, pile, length) for pile in examples)
    all_tokens, all_targets, targets_of = int(tokens.sum()), int(targets.sum()), targets.tolist()
    rows: list[list[int]] = []
    while piles[0].lengths or piles[1].lengths:
        row: list[int] = []
        room, targets_left = length, target_capacity
        # The longest example of all first: it is the hardest to place.
        take_many = piles[1].lengths > piles[0].lengths
        while (found := _longest_fitting(piles, take_many, room, targets_left, targets_of)) is not None:
            pile, size = found
            example = pile.take(size)
            row.append(example)
            room, targets_left = room - size, targets_left - targets_of[example]
            take_many = (target_capacity - targets_left) * all_tokens < (length - room) * all_targets
        rows.append(row)
    return rows


def default_target_capacity(tokens: np.ndarray, targets: np.ndarray, length: int) -> int:
    """The capacity that makes an epoch cheapest: a small one leaves tokens empty, a large one computes filler targets.

    A target is counted like an input token: in BLOOMZ-560m its logits take 257 million multiplications and the blocks
    302 million for each token. For larger models targets are cheaper, but then a tight capacity costs little too. The
    candidates are 1.25, 1.25², …, 1.25⁷ times what the average row needs.

    Args:
      tokens, targets, length: as in `plan_packing`; long lists are thinned out.

    Returns:
      A multiple of 8, at least the longest target.
    """
    if not len(tokens):
        return 8
    longest = int(np.max(targets))
    stride = -(-len(tokens) // _SAMPLE)
    tokens, targets = np.asarray(tokens)[::stride], np.asarray(targets)[::stride]
    average = length * float(np.sum(targets)) / max(float(np.sum(tokens)), 1.0)

    def cost(capacity: int) -> int:
        plan = plan_packing(tokens, targets, length=length, target_capacity=capacity, seed=(0,))
        return len(plan) * (length + capacity)

    candidates = (max(longest, min(int(average * 1.25**n) + 1, length)) for n in range(1, 8))
    capacities = dict.fromkeys(-(-candidate // 8) * 8 for candidate in candidates)
    return min(capacities, key=cost)


class _Pile:
    """Examples that wait for a row, by length.

    Attributes:
      lengths: bit n is set where an example of n tokens waits.
    """

    def __init__(self, tokens: np.ndarray, examples: np.ndarray, length: int) -> None:
        self.lengths = 0
        self._by_length: list[list[int]] = [[] for _ in range(length + 1)]
        for example, size in zip(examples.tolist(), tokens[examples].tolist(), strict=True):
            self._by_length[size].append(example)
        for size, waiting in enumerate(self._by_length):
            self.lengths |= bool(waiting) << size

    def next(self, size: int) -> int:
        """The number of the example of this length that `take` takes."""
        return self._by_length[size][-1]

    def take(self, size: int) -> int:
        """Takes one example of this length off the pile."""
        example = self._by_length[size].pop()
        if not self._by_length[size]:
            self.lengths ^= 1 << size
        return example


def _longest_fitting(
    piles: tuple[_Pile, ...], take_many: bool, room: int, targets_left: int, targets_of: list[int]
) -> tuple[_Pile, int] | None:
    """(pile, length) of the example that a row with this much room takes next; None where it is full."""
    for pile in (piles[take_many], piles[not take_many]):
        fitting = pile.lengths & ((2 << room) - 1)
        for _ in range(_TRIED_LENGTHS):
            if not fitting:
                break
            size = fitting.bit_length() - 1
            if targets_of[pile.next(size)] <= targets_left:
                return pile, size
            fitting ^= 1 << size
    return None
