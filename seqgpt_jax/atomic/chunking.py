"""Even chunks of queries, as the released inference script makes them."""

import itertools


def chunk_queries(queries: tuple[str, ...], at_most: int = 6) -> list[tuple[str, ...]]:
    """Consecutive chunks of nearly equal size, none larger than `at_most`.

    Seven queries with `at_most=6` become 4 + 3, not 6 + 1: fewer queries in a prompt raise recall
    (SeqGPT's released inference script, which calls `numpy.array_split`).

    >>> [len(chunk) for chunk in chunk_queries(tuple("abcdefg"))]
    [4, 3]
    """
    if at_most < 1:
        raise ValueError(f"at_most must be at least 1, not {at_most}")
    chunks = -(-len(queries) // at_most)
    if not chunks:
        return []
    size, longer = divmod(len(queries), chunks)
    starts = [i * size + min(i, longer) for i in range(chunks + 1)]
    return [queries[start:end] for start, end in itertools.pairwise(starts)]
