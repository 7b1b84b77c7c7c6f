"""Label statistics of a task: its label set over all splits, and the quotas of the split that is prepared."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgpack

from seqgpt_jax.atomic import NONE, Instance, Template
from seqgpt_jax.atomic.families import unique
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.quota import NO_LABEL, Quota, QuotaCount, SizeLimit, quota_labels
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec

# A token has about as many, in English (letters) as in Chinese (three bytes a character).
_TOKEN_BYTES = 4
Items = Iterable[Instance | Skipped]
"""The instances of a split, and what its reader skipped."""


@dataclass
class DropCounts:
    """What was dropped, by reason: how many, and the first of each kind."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, id: str, detail: str) -> None:
        """Counts one drop."""
        self.merge({reason: 1}, {reason: f"{id}: {detail}"})

    def merge(self, counts: Mapping[str, int], samples: Mapping[str, str]) -> None:
        """Adds later drops to these."""
        for reason, count in counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + count
            self.samples.setdefault(reason, samples[reason])


@dataclass(frozen=True)
class LabelStats:
    """Label statistics of one task.

    Attributes:
      label_set: the labels of all splits, with the numbers of their answers: an extraction's spans, one for a
        classification. Instances that bring their own `labels` add none.
      quota: which (instance, label) pairs of the prepared split stay.
      sample: which instances of those stay, where `max_instances` limits them.
      instances, characters: of the prepared split, before the quota.
      label_counts: instances of each label in the prepared split, before the quota.
      quota_per_instance: the quota is on instances, not on their labels (see `seqgpt_jax.data.prepare.quota`).
      drops: what the reader skipped there, and what leaked.
      choose: how many labels the instances of all splits have: "one", "one_or_none" or "any" number.
      within_quota: instances that may be asked; None where no mixing needs their number.
    """

    label_set: LabelSet
    quota: Quota
    sample: Quota
    instances: int
    characters: int
    label_counts: dict[str, int]
    quota_per_instance: bool
    drops: DropCounts
    choose: str = "any"
    within_quota: int | None = None

    def packed(self) -> bytes:
        """As msgpack."""
        fields = {
            "labels": dict(zip(self.label_set.labels, self.label_set.counts, strict=True)),
            "exclusive": self.label_set.exclusive,
            "quota": asdict(self.quota),
            "sample": asdict(self.sample),
            "drops": asdict(self.drops),
        }
        plain = ("instances", "characters", "label_counts", "quota_per_instance", "choose", "within_quota")
        return msgpack.packb(fields | {name: getattr(self, name) for name in plain})

    @classmethod
    def unpacked(cls, packed: bytes) -> "LabelStats":
        """The inverse of `packed`."""
        fields: dict[str, Any] = msgpack.unpackb(packed)
        return cls(
            label_set=LabelSet.of(fields.pop("labels"), fields.pop("exclusive")),
            quota=Quota(**fields.pop("quota")),
            sample=Quota(**fields.pop("sample")),
            drops=DropCounts(**fields.pop("drops")),
            **fields,
        )

    def labels_within_quota(self, instance: Instance) -> tuple[str, ...]:
        """The labels of this instance that may be asked; () where it is over the quotas."""
        labels = self.quota.keep(instance.id, {} if self.quota_per_instance else instance.gold)
        if not labels or not self.sample.keep(instance.id, {}):
            return ()
        return tuple(quota_labels(instance.gold)) if self.quota_per_instance else labels


def with_clean_labels(items: Items, template: Template) -> Items:
    """The items, with labels as prompts hold them.

    Two labels of a data set that a prompt writes alike (`a，b` and `a,b`) become one. An instance with the class
    `None`, which an answer cannot tell from "no label fits", becomes a skipped one: it is counted, and the class is
    asked of no other instance.
    """
    for item in items:
        yield _with_clean_labels(item, template) if isinstance(item, Instance) else item


def _with_clean_labels(instance: Instance, template: Template) -> Instance | Skipped:
    clean = {label: template.clean_label(label) for label in (*instance.gold, *instance.labels)}
    if instance.atom == "cls" and NONE in clean.values():
        return Skipped(
            instance.id, "label_none", f"{NONE!r} says that no label fits: its reader has to rename the class"
        )
    if "" in clean.values():
        return Skipped(instance.id, "unusable_label", "a label is empty: no prompt can ask it")
    if all(label == cleaned for label, cleaned in clean.items()):
        return instance
    labels = tuple(clean[label] for label in instance.labels)
    if len(set(labels)) < len(labels):
        return Skipped(
            instance.id, "unusable_label", f"a prompt writes some of its candidates alike: {instance.labels}"
        )
    gold: dict[str, tuple[str, ...]] = {}
    for label, spans in instance.gold.items():
        gold[clean[label]] = unique((*gold.get(clean[label], ()), *spans))
    return replace(instance, gold=gold, labels=labels)


def choice_of(numbers: Collection[int]) -> str:
    """How many labels a classification is to be answered with, by the numbers of labels that its instances have.

    >>> choice_of({1}), choice_of({0, 1}), choice_of({0, 1, 2})
    ('one', 'one_or_none', 'any')
    """
    if not numbers or max(numbers) != 1:
        return "any"
    return "one_or_none" if 0 in numbers else "one"


def _sample(instances: Iterable[Instance], config: PrepareConfig, max_bytes: int | None) -> Quota:
    """Which of these stay within `config.max_instances` and a number of bytes: the stricter of two bottom-k choices."""
    count = QuotaCount(config.max_instances, config.seed)
    size = None if max_bytes is None else SizeLimit(max_bytes, config.seed)
    for item in instances:
        count.add(item.id, {})
        if size is not None:
            size.add(item.id, _text_bytes(item, config.max_prompt_tokens))
    quotas = [count.quota(), *([] if size is None else [size.quota()])]
    largest = [quota.largest[NO_LABEL] for quota in quotas if quota.largest]
    return Quota(config.seed, {NO_LABEL: min(largest)} if largest else {})


def _text_bytes(instance: Instance, max_prompt_tokens: int) -> int:
    """Bytes of text that are trained on, of a classification no more than about what its one prompt can hold."""
    size = len(instance.text.encode(errors="surrogatepass"))
    return min(size, _TOKEN_BYTES * max_prompt_tokens) if instance.atom == "cls" else size


def collect_label_stats(
    spec: TaskSpec, config: PrepareConfig, read: Callable[[str], Items], share: float = 1.0
) -> LabelStats:
    """Goes through every split of a task once, the prepared one again for limits of its size and for `mixing`.

    Args:
      spec: the task.
      config: the settings.
      read: split -> its items; called anew for each pass.
      share: of the task in what `config.max_text_bytes` gives to its data set.
    """
    frequencies: Counter[str] = Counter()
    quota = QuotaCount(config.quota if config.training else None, config.seed)
    instances = characters = 0
    # The labels of reading are questions, each of which occurs once: a quota for each of them would limit nothing.
    per_instance, drops = spec.family == "MRC", DropCounts()
    answers: set[int] = set()
    for split in spec.splits:
        prepared = split == config.split
        for item in read(split):
            if isinstance(item, Skipped):
                if prepared:
                    drops.add(item.reason, item.id, item.detail)
                continue
            answers.add(min(len(item.gold), 2))
            # Candidates of one instance say nothing about the others: they must not become negatives there.
            if not item.labels:
                frequencies.update({label: max(len(spans), 1) for label, spans in item.gold.items()})
            if prepared:
                instances += 1
                characters += len(item.text)
                quota.add(item.id, {} if per_instance else item.gold)
    within_quota, sample = quota.quota(), Quota(config.seed)
    limits_text = config.training and config.max_text_bytes is not None
    if config.max_instances is not None or limits_text:
        # Sampled from what the quotas keep: a sample taken before them would starve the rare labels.
        kept = (
            item
            for item in read(config.split)
            if not isinstance(item, Skipped) and within_quota.keep(item.id, {} if per_instance else item.gold)
        )
        sample = _sample(kept, config, int(config.max_text_bytes * share) if limits_text else None)
    stats = LabelStats(
        label_set=LabelSet.of(frequencies, spec.exclusive),
        quota=within_quota,
        sample=sample,
        instances=instances,
        characters=characters,
        label_counts={label: count for label, count in sorted(quota.counts.items()) if label != NO_LABEL},
        quota_per_instance=per_instance,
        drops=drops,
        choose="any" if spec.atom == "ext" else choice_of(answers),
    )
    if not config.sets_rates:
        return stats
    items = (item for item in read(config.split) if not isinstance(item, Skipped))
    return replace(stats, within_quota=sum(bool(stats.labels_within_quota(item)) for item in items))


def no_negatives(config: PrepareConfig, specs: Sequence[TaskSpec], stats: Sequence[LabelStats]) -> str | None:
    """What is wrong with a number of negative queries that no task draws; None where all is well."""
    if not config.training or not config.min_negative_queries:
        return None
    if any(spec.atom == "ext" and of_task.label_set.labels for spec, of_task in zip(specs, stats, strict=True)):
        return None
    return (
        f"Prepare.min_negative_queries = {config.min_negative_queries} applies to no task of {config.mixture}: "
        "negative queries are added to extractions that do not bring the labels they are asked "
        "(those of Pile-NER do: their negatives are in the data); leave it out"
    )
