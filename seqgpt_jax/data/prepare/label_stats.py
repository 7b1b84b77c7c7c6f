"""The first pass over a task: its labels in all splits, and the quotas of the split that is prepared."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgpack

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.quota import NO_LABEL, Quota, QuotaCount, quota_labels
from seqgpt_jax.data.prepare.sampling import LabelSet
from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec


@dataclass
class Drops:
    """What was lost, by reason: how many, and the first of each kind."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, id: str, detail: str) -> None:
        """Counts one loss."""
        self.merge({reason: 1}, {reason: f"{id}: {detail}"})

    def merge(self, counts: Mapping[str, int], samples: Mapping[str, str]) -> None:
        """Adds later losses to these."""
        for reason, count in counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + count
            self.samples.setdefault(reason, samples[reason])


@dataclass(frozen=True)
class LabelStats:
    """What the first pass over a task has found.

    Attributes:
      label_set: the labels of all splits, with their counts.
      quota: which (instance, label) pairs of the prepared split stay.
      sample: which instances of those stay, where `max_instances` limits them.
      instances, characters: of the prepared split, before the quota.
      label_counts: instances of each label in the prepared split, before the quota.
      whole: the quota is on instances, not on their labels (see `seqgpt_jax.data.prepare.quota`).
      drops: what the reader passed over there, and what leaked.
    """

    label_set: LabelSet
    quota: Quota
    sample: Quota
    instances: int
    characters: int
    label_counts: dict[str, int]
    whole: bool
    drops: Drops

    def packed(self) -> bytes:
        """As msgpack, for a preparation that is interrupted."""
        fields = {
            "labels": dict(zip(self.label_set.labels, self.label_set.counts, strict=True)),
            "exclusive": self.label_set.exclusive,
            "quota": asdict(self.quota),
            "sample": asdict(self.sample),
            "drops": asdict(self.drops),
        }
        plain = {name: getattr(self, name) for name in ("instances", "characters", "label_counts", "whole")}
        return msgpack.packb(fields | plain)

    @classmethod
    def unpacked(cls, packed: bytes) -> "LabelStats":
        """The inverse of `packed`."""
        fields: dict[str, Any] = msgpack.unpackb(packed)
        label_set = LabelSet.of(fields.pop("labels"), fields.pop("exclusive"))
        quota, sample, drops = Quota(**fields.pop("quota")), Quota(**fields.pop("sample")), Drops(**fields.pop("drops"))
        return cls(label_set=label_set, quota=quota, sample=sample, drops=drops, **fields)

    def keep(self, instance: Instance) -> tuple[str, ...]:
        """The labels of this instance that may be asked; () where it stays out."""
        kept = self.quota.keep(instance.id, {} if self.whole else instance.gold)
        if not kept or not self.sample.keep(instance.id, {}):
            return ()
        return tuple(quota_labels(instance.gold)) if self.whole else kept


def scan(spec: TaskSpec, config: PrepareConfig, leaks: Mapping[str, str] | None = None) -> LabelStats:
    """Reads every split of a task once, the prepared one twice where `max_instances` is set."""
    labels = QuotaCount(None, config.seed)
    quota = QuotaCount(config.quota if config.training else None, config.seed)
    instances = characters = 0
    whole, drops = spec.family == "MRC", Drops()
    for split in spec.splits:
        prepared = split == config.split
        for item in instances_of(spec, split, config, leaks if prepared else None):
            if isinstance(item, Skipped):
                if prepared:
                    drops.add(item.reason, item.id, item.detail)
                continue
            if not item.labels:
                labels.add(item.id, item.gold)
            if prepared:
                instances += 1
                characters += len(item.text)
                quota.add(item.id, {} if whole else item.gold)
    kept, sample = quota.quota(), QuotaCount(config.max_instances, config.seed)
    if config.max_instances is not None:
        for item in instances_of(spec, config.split, config, leaks):
            # Of what the quotas keep: a choice before them would starve the rare labels.
            if not isinstance(item, Skipped) and kept.keep(item.id, {} if whole else item.gold):
                sample.add(item.id, {})
    return LabelStats(
        label_set=LabelSet.of(labels.counts, spec.exclusive),
        quota=kept,
        sample=sample.quota(),
        instances=instances,
        characters=characters,
        label_counts={label: count for label, count in sorted(quota.counts.items()) if label != NO_LABEL},
        whole=whole,
        drops=drops,
    )


def instances_of(
    spec: TaskSpec, split: str, config: PrepareConfig, leaks: Mapping[str, str] | None = None
) -> Iterator[Instance | Skipped]:
    """The instances of one split; those whose ids are in `leaks` (id -> what it leaks) are passed over."""
    for item in read_instances(spec, split, config.data_folder(), config.bad_records):
        if leaks and item.id in leaks and isinstance(item, Instance):
            item = Skipped(item.id, "leak", leaks[item.id])
        yield item
