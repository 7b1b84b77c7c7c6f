"""Evaluation subset: the instances of each task that are asked, the same ones on every machine.

SeqGPT (section 3.1) samples 48 records from each evaluation set's splits. The choice here is by
the smallest stable hashes, as for quotas (`seqgpt_jax.data.prepare.quota`): a larger number keeps every
instance that a smaller one chose, and neither order nor other tasks matter.
"""

from collections.abc import Sequence

from seqgpt_jax.data.prepare.quota import QuotaCount
from seqgpt_jax.data.store import EvalRecord


def sample(stores: Sequence[Sequence[EvalRecord]], instances: int | None, seed: int) -> list[list[EvalRecord]]:
    """The records of at most `instances` instances of each task, in their order, for each store.

    The splits of a task, each of which is a store, are one population. All chunks of an instance are chosen together.

    Args:
      stores: each of one split; an `EvalStore` is such a sequence.
      instances: of each task; None for all.
      seed: another seed chooses other instances.

    Raises:
      ValueError: `instances` is below 1.
    """
    if instances is None:
        return [[store[number] for number in range(len(store))] for store in stores]
    # Two passes, so that a large store is never in memory as a whole.
    keys = [[(record.task, record.instance) for record in (store[n] for n in range(len(store)))] for store in stores]
    counts: dict[str, QuotaCount] = {}
    for task, instance in dict.fromkeys(key for of_store in keys for key in of_store):
        counts.setdefault(task, QuotaCount(instances, seed)).add(instance, {})
    choices = {task: count.quota() for task, count in counts.items()}
    return [
        [store[number] for number, (task, instance) in enumerate(of_store) if choices[task].keep(instance, {})]
        for store, of_store in zip(stores, keys, strict=True)
    ]
