"""Even chunks of labels or queries: no more of them in one prompt than its limits of number and tokens allow."""

import itertools
from collections.abc import Sequence


def chunk_labels(
    labels: Sequence[str], at_most: int, tokens: Sequence[int] | None = None, budget: int | None = None
) -> list[tuple[str, ...]]:
    """Consecutive chunks of nearly equal size, as few as the limits allow.

    Seven queries with `at_most=6` become 4 + 3, not 6 + 1: fewer queries in a prompt raise recall
    (SeqGPT's released inference script, which calls `numpy.array_split`).

    Args:
      labels: the labels of a classification or the queries of an extraction.
      at_most: most labels in one chunk.
      tokens: what each label costs of `budget`; None where tokens do not count.
      budget: most tokens in one chunk. A label that costs more by itself gets a chunk of its own: whether it can be
        asked at all is for the caller to say.

    >>> [len(chunk) for chunk in chunk_labels(tuple("abcdefg"), at_most=6)]
    [4, 3]
    >>> chunk_labels(("a", "long label", "b"), at_most=6, tokens=[1, 9, 1], budget=10)
    [('a', 'long label'), ('b',)]
    """
    if at_most < 1:
        raise ValueError(f"at_most must be at least 1, not {at_most}")
    costs = [0] * len(labels) if tokens is None else tokens
    limit = sum(costs) if budget is None else budget
    filled = _filled_bounds(costs, at_most, limit)
    even = _even_bounds(len(labels), len(filled))
    fits = all(end - start <= 1 or sum(costs[start:end]) <= limit for start, end in even)
    return [tuple(labels[start:end]) for start, end in (even if fits else filled)]


def label_budget(text_tokens: int, max_prompt_tokens: int) -> int:
    """Tokens of a prompt that its labels may take: what the text leaves, but no less than half of the prompt.

    A text that is longer than the other half is cut into windows or truncated; its labels never are. The control
    words of a template take less than the eighth that is set aside for them in short prompts.
    """
    control = min(16, max_prompt_tokens // 8)
    return max(max_prompt_tokens - control - min(text_tokens, max_prompt_tokens // 2 - control), 1)


def _filled_bounds(costs: Sequence[int], at_most: int, limit: int) -> list[tuple[int, int]]:
    """Chunks filled one after the other: the fewest that the limits allow."""
    bounds, start, spent = [], 0, 0
    for number, cost in enumerate(costs):
        if number > start and (number - start == at_most or spent + cost > limit):
            bounds.append((start, number))
            start, spent = number, 0
        spent += cost
    return [*bounds, (start, len(costs))] if costs else []


def _even_bounds(number: int, chunks: int) -> list[tuple[int, int]]:
    size, longer = divmod(number, max(chunks, 1))
    return list(itertools.pairwise(i * size + min(i, longer) for i in range(chunks + 1)))
