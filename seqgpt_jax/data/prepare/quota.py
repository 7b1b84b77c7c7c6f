"""Quota: a limit on the instances of each (task, label), applied by a stable hash.

SeqGPT (AAAI 2024, section 2.3) balances its data sets by a quota for every pair of data set and
label; pairs with fewer instances are used whole and nothing is repeated. The choice here is
*bottom-k*: a pair keeps the `limit` instances with the smallest hashes. So it is exact, does not
depend on the order or sharding of the data, and a larger quota keeps all that a smaller one kept.

Instances with several labels: the unit is the pair. A label that is over its quota in an instance
is not asked there, and the instance stays while one of its labels does. No label ever exceeds its
quota, and none falls below min(count, quota) because of its neighbours. Instances without any gold
label count as one label of their own, `NO_LABEL`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace

NO_LABEL = ""


def stable_hash(*parts: object) -> int:
    """64 bits that depend on the parts alone: the same in every process, machine and year."""
    joined = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=8).digest(), "big")


def quota_labels(gold: Mapping[str, object]) -> Iterable[str]:
    """The labels an instance counts under."""
    return gold.keys() or (NO_LABEL,)


@dataclass(frozen=True)
class Quota:
    """Decides which labels of an instance are within their quotas.

    Attributes:
      seed: another seed keeps other instances.
      largest: label -> the largest hash that is kept; a label that is not in it is always kept.
    """

    seed: int
    largest: Mapping[str, int] = field(default_factory=dict)

    def keep(self, id: str, gold: Mapping[str, object]) -> tuple[str, ...]:
        """The labels of this instance that are within their quotas; () drops the instance."""
        if not self.largest:
            return tuple(quota_labels(gold))
        hashed = stable_hash(self.seed, "quota", id)
        return tuple(label for label in quota_labels(gold) if hashed <= self.largest.get(label, hashed))


@dataclass
class QuotaCount:
    """Counts the pairs of one task; memory grows with its labels and the limit, not with its instances.

    Args:
      limit: instances for each label, or None for no limit.
      seed: another seed keeps other instances.

    >>> count = QuotaCount(limit=2, seed=0)
    >>> for i in range(5):
    ...     count.add(f"id{i}", {"person": ()})
    >>> sum(bool(count.quota().keep(f"id{i}", {"person": ()})) for i in range(5))
    2
    """

    limit: int | None
    seed: int
    counts: Counter = field(default_factory=Counter)
    # For each label the `limit` smallest hashes, negated: heapq keeps the smallest on top.
    _smallest: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"quota must be at least 1 or None, not {self.limit}")

    def add(self, id: str, gold: Mapping[str, object]) -> None:
        """Counts one instance under each of its labels."""
        hashed = -stable_hash(self.seed, "quota", id) if self.limit is not None else 0
        for label in quota_labels(gold):
            self.counts[label] += 1
            if self.limit is None:
                continue
            heap = self._smallest.setdefault(label, [])
            if len(heap) < self.limit:
                heappush(heap, hashed)
            elif hashed > heap[0]:
                heapreplace(heap, hashed)

    def quota(self) -> Quota:
        """The quota of the instances counted so far."""
        full = {label: -heap[0] for label, heap in self._smallest.items() if self.counts[label] > len(heap)}
        return Quota(self.seed, full)


@dataclass
class SizeLimit:
    """Chooses the instances with the smallest hashes that together have at most a size; at least one.

    The hashes are those of `QuotaCount`, so of two limits on the same instances the stricter one decides.

    Args:
      limit: of the sum of sizes.
      seed: another seed keeps other instances.

    >>> limit = SizeLimit(limit=10, seed=0)
    >>> for i in range(5):
    ...     limit.add(f"id{i}", 4)
    >>> sum(bool(limit.quota().keep(f"id{i}", {})) for i in range(5))
    2
    """

    limit: int
    seed: int
    # (hash, size) of what is kept, hashes negated: heapq keeps the smallest on top.
    _kept: list[tuple[int, int]] = field(default_factory=list)
    _total: int = 0
    # The smallest hash that was left out: nothing above it is kept, however small it is.
    _bound: int | None = None

    def add(self, id: str, size: int) -> None:
        """Counts one instance."""
        hashed = stable_hash(self.seed, "quota", id)
        if self._bound is not None and hashed >= self._bound:
            return
        heappush(self._kept, (-hashed, size))
        self._total += size
        while self._total > self.limit and len(self._kept) > 1:
            largest, size = heappop(self._kept)
            self._total, self._bound = self._total - size, -largest

    def quota(self) -> Quota:
        """The quota of the instances counted so far."""
        return Quota(self.seed, {NO_LABEL: -self._kept[0][0]} if self._bound is not None else {})
