"""Evaluation subset: the instances of each task that are asked, the same ones on every machine.

SeqGPT (section 3.1) samples 48 records from each evaluation set's splits. The choice here is by
the smallest stable hashes, as for quotas (`seqgpt_jax.data.prepare.quota`): a larger number keeps every
instance that a smaller one chose, and neither order nor other tasks matter.
"""

from collections.abc import Sequence

from seqgpt_jax.data.prepare.quota import QuotaCount
from seqgpt_jax.data.store import EvalRecord


def sample(records: Sequence[EvalRecord], instances: int | None, seed: int) -> list[EvalRecord]:
    """The records of at most `instances` instances of each task, in their order.

    All chunks of an instance are chosen together.

    Args:
      records: of one split; an `EvalStore` is such a sequence.
      instances: of each task; None for all.
      seed: another seed chooses other instances.

    Raises:
      ValueError: `instances` is below 1.
    """
    if instances is None:
        return [records[number] for number in range(len(records))]
    # Two passes, so that a large store is never in memory as a whole.
    keys = [(record.task, record.instance) for record in (records[number] for number in range(len(records)))]
    counts: dict[str, QuotaCount] = {}
    for task, instance in dict.fromkeys(keys):
        counts.setdefault(task, QuotaCount(instances, seed)).add(instance, {})
    choices = {task: count.quota() for task, count in counts.items()}
    return [records[number] for number, (task, instance) in enumerate(keys) if choices[task].keep(instance, {})]
