"""Mixing rates: how many instances of each task an epoch holds.

    all             the n of a task that survive its quotas: sampling is uniform over the union (SeqGPT)
    proportional    p proportional to min(n, K)               T5's examples-proportional mixing with a limit K
    temperature     p proportional to min(n, K) ** (1 / T)    T5's temperature-scaled mixing

(T5: Raffel et al., 2020, section 3.5.2.) An epoch keeps as many instances as with "all", so that runs are equally long
and differ in their rates alone. They are realized exactly and without chance: a task that gets fewer instances than it
has keeps those with the smallest hashes, others in each epoch, a larger share keeping all that a smaller one kept; a
task that gets more repeats them, each repetition with label order and negatives of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgpack

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.prepare.quota import Quota, QuotaCount, stable_hash

MIXING = ("all", "proportional", "temperature")


def sets_rates(mixing: str, general_share: float) -> bool:
    """Whether these settings may give tasks other rates in training than what survives their quotas."""
    return mixing != "all" or general_share > 0


def mixing_weights(sizes: Sequence[int], mixing: str, temperature: float, maximum: int | None) -> list[float]:
    """The share of each task in the instances of an epoch; they sum to 1.

    Args:
      sizes: instances of each task within its quotas; at least one is positive.
      mixing: one of `MIXING`.
      temperature: T, of "temperature".
      maximum: K, of "proportional" and "temperature"; None: no limit.

    >>> mixing_weights([9000, 1000], "proportional", 2.0, None)
    [0.9, 0.1]
    >>> mixing_weights([9000, 1000], "temperature", 2.0, None)
    [0.75, 0.25]
    >>> mixing_weights([9000, 1000], "temperature", 2.0, 1000)
    [0.5, 0.5]
    """
    if mixing == "all":
        weights = [float(size) for size in sizes]
    else:
        power = 1 / temperature if mixing == "temperature" else 1.0
        weights = [min(size, maximum or size) ** power if size else 0.0 for size in sizes]
    return [weight / sum(weights) for weight in weights]


def epoch_instances(sizes: Sequence[int], shares: Sequence[float]) -> list[int]:
    """Instances of each task in an epoch of `sum(sizes)`, by largest remainders; at least 1 where a task has any.

    >>> epoch_instances([9000, 1000], [0.75, 0.25])
    [7500, 2500]
    """
    total = sum(sizes)
    exact = [share * total for share in shares]
    numbers = [max(int(number), size > 0) for number, size in zip(exact, sizes, strict=True)]
    left = total - sum(numbers)
    # The largest remainders are rounded up; where tiny tasks have got more than their share, the largest gives.
    by_remainder = sorted(
        (task for task, size in enumerate(sizes) if size), key=lambda task: int(exact[task]) - exact[task]
    )
    for task in by_remainder[: max(left, 0)]:
        numbers[task] += 1
    while (left := total - sum(numbers)) < 0:
        largest = max(range(len(sizes)), key=lambda task: numbers[task])
        numbers[largest] -= min(-left, numbers[largest] - 1)
    return numbers


def with_general_share(sizes: Sequence[int], is_general: Sequence[bool], share: float) -> list[int]:
    """Instances of each task in an epoch in which general tasks have this share, or all they have where that is less.

    Other tasks keep all their instances; general ones are taken from as evenly as their sizes allow.

    >>> with_general_share([700, 5, 9000, 400], [False, True, True, True], 0.3)
    [700, 5, 148, 147]
    """
    own = sum(size for size, general in zip(sizes, is_general, strict=True) if not general)
    left = round(own * share / (1 - share))
    numbers = list(sizes)
    # The smallest first: what they lack is taken from the larger ones.
    general = sorted((task for task, flag in enumerate(is_general) if flag), key=lambda task: (sizes[task], task))
    for done, task in enumerate(general):
        numbers[task] = min(sizes[task], left // (len(general) - done))
        left -= numbers[task]
    return numbers


@dataclass(frozen=True)
class TaskMixing:
    """How often each instance of one task comes in an epoch.

    Attributes:
      repeats: every instance comes this often.
      extra: for each epoch, which instances come once more; () where none does.
    """

    repeats: int
    extra: tuple[Quota, ...] = ()

    @classmethod
    def of(cls, ids: Iterable[str], size: int, number: int, epochs: int, seed: int) -> "TaskMixing":
        """The mixing of a task.

        Args:
          ids: of its instances within the quotas; read once.
          size: how many these are, at least 1.
          number: instances of an epoch.
          epochs: of the store.
          seed: of the choice.
        """
        repeats, rest = divmod(number, size)
        if not rest:
            return cls(repeats)
        smallest = [QuotaCount(rest, stable_hash(seed, "mixing", epoch)) for epoch in range(epochs)]
        for id in ids:
            for of_epoch in smallest:
                of_epoch.add(id, {})
        return cls(repeats, tuple(of_epoch.quota() for of_epoch in smallest))

    def packed(self) -> bytes:
        """As msgpack."""
        return msgpack.packb([self.repeats, [[quota.seed, dict(quota.largest)] for quota in self.extra]])

    @classmethod
    def unpacked(cls, packed: bytes) -> "TaskMixing":
        """The inverse of `packed`."""
        repeats, extra = msgpack.unpackb(packed)
        return cls(repeats, tuple(Quota(*quota) for quota in extra))

    def comes(self, epoch: int, id: str) -> bool:
        """Whether the instance with this id comes in an epoch at all."""
        return self.repeats > 0 or self._times(epoch, id) > 0

    def _times(self, epoch: int, id: str) -> int:
        return self.repeats + bool(self.extra and self.extra[epoch].keep(id, {}))

    def repetitions(self, instance: Instance, epoch: int) -> Iterator[Instance]:
        """The instance as often as it comes in an epoch; repetitions have ids of their own: `ID~1`, `ID~2`, …

        All chance of an example comes from its id, so each has its own label order and negatives.
        """
        for repetition in range(self._times(epoch, instance.id)):
            yield replace(instance, id=f"{instance.id}~{repetition}") if repetition else instance
