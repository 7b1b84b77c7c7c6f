"""A stable split for data sets that have none (or lack one part of it)."""

import math
from collections.abc import Mapping
from hashlib import blake2b

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def hash_split(key: str, shares: Mapping[str, float]) -> str:
    """The split `key` falls into: a pure function of the two, the same on any machine.

    What shares a key (the questions of a passage, the mentions of a sentence) shares a split, so
    splits stay disjoint in what the key names.

    >>> [hash_split(key, {"train": 0.5, "test": 0.5}) for key in ("a", "b", "c", "d")]
    ['train', 'test', 'train', 'test']

    Raises:
      ValueError: the shares do not add up to 1.
    """
    if not math.isclose(sum(shares.values()), 1.0):
        raise ValueError(f"shares must add up to 1, not {sum(shares.values())}: {dict(shares)}")
    # Half characters, as broken JSON escapes give them, are as good as others here.
    point = int.from_bytes(blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest(), "big") / 2**64
    edge = 0.0
    for split, share in shares.items():
        edge += share
        if point < edge:
            return split
    return split  # the edges add up to a hair less than 1
