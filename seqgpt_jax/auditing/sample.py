"""Stratified sample of own data for an audit: records by language and family, each with its single answers."""

import hashlib
import heapq
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from seqgpt_jax.atomic import Atom, Instance, clean_text
from seqgpt_jax.atomic.languages import language_of
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.tasks.own import Form
from seqgpt_jax.tasks.readers import own

LEAST_RECORDS = 10
"""Records of a stratum that are in the sample where it has them, however small the share."""


class InputError(ValueError):
    """The data cannot be audited: a record is bad, or there is none."""


class Stratum(NamedTuple):
    """Records of one language and family.

    Attributes:
      language: "en" or "zh".
      family: one of `atomic.FAMILIES`.
      atom: its atomic task.
    """

    language: str
    family: str
    atom: Atom

    def __str__(self) -> str:
        return f"{self.language} {self.family}"


class Answer(NamedTuple):
    """One answer that a person judges.

    Attributes:
      label: that fits, or the query of the span; "" says that nothing fits or is found.
      span: of the text; "" in a classification.
    """

    label: str
    span: str = ""


@dataclass(frozen=True)
class Item:
    """A record of the sample.

    Attributes:
      key: unique in its audit, and the same whatever the size of the sample.
      place: file and line.
      stratum: of the record.
      text: as a prompt holds it.
      answers: at least one.
      labels: its own candidates, empty where there are none.
    """

    key: str
    place: str
    stratum: Stratum
    text: str
    answers: tuple[Answer, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """What was counted in the data.

    Attributes:
      checksums: file, as it was named -> SHA-256 of its content.
      records: of each stratum.
      answers: of each stratum.
      skipped: reason -> records that the file itself excludes.
    """

    checksums: dict[str, str]
    records: Counter[Stratum]
    answers: Counter[Stratum]
    skipped: Counter[str]


def count_inputs(paths: Sequence[Path], form: Form, progress: Progress = no_progress) -> Inputs:
    """Reads all records once.

    Raises:
      InputError: a record is bad, or there is none.
      ValueError, RecordError: nothing of a file can be read.
    """
    checksums = {str(path): _checksum(path) for path in paths}
    if len(set(checksums.values())) < len(paths):
        raise InputError(f"{', '.join(map(str, paths))}: two of them are the same file: give it once")
    found = Inputs(checksums, Counter(), Counter(), Counter())
    for number, item in enumerate(_items(paths, form, found.skipped), start=1):
        found.records[item.stratum] += 1
        found.answers[item.stratum] += len(item.answers)
        progress("records", number, 0)
    if not found.records:
        raise InputError(f"{', '.join(map(str, paths))}: no record to audit")
    return found


def sample_sizes(records: Counter[Stratum], sample: float) -> dict[Stratum, int]:
    """Records of each stratum that are sampled.

    Args:
      records: of each stratum.
      sample: a share below 1, or a number of records, of which each stratum gets its share. `LEAST_RECORDS` of each
        stratum are taken in any case, and all where it has fewer.
    """
    share = sample if sample < 1 else sample / records.total()
    sizes = {stratum: max(math.ceil(share * number - 1e-9), LEAST_RECORDS) for stratum, number in records.items()}
    return {stratum: min(size, records[stratum]) for stratum, size in sorted(sizes.items())}


def stratified_sample(
    paths: Sequence[Path], form: Form, sizes: dict[Stratum, int], seed: int, progress: Progress = no_progress
) -> list[Item]:
    """The sample, strata one after the other.

    A larger sample with the same seed has all records of a smaller one (bottom-k of a stable hash).
    """
    heaps: dict[Stratum, list[tuple[int, int, Item]]] = defaultdict(list)
    for number, item in enumerate(_items(paths, form, Counter()), start=1):
        entry = (-stable_hash(seed, item.key), -number, item)
        heap = heaps[item.stratum]
        if len(heap) < sizes.get(item.stratum, 0):
            heapq.heappush(heap, entry)
        elif heap and entry > heap[0]:
            heapq.heapreplace(heap, entry)
        progress("records", number, 0)
    return [item for stratum in sorted(heaps) for *_, item in sorted(heaps[stratum], key=lambda one: -one[0])]


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _items(paths: Sequence[Path], form: Form, skipped: Counter[str]) -> Iterator[Item]:
    for path in paths:
        # Names of files may change, their content may not.
        content = _checksum(path)
        for place, checked in enumerate(form.checked(path)):
            if checked.fault:
                raise InputError(
                    f"{checked.path}:{checked.line}: {checked.fault} (`python -m seqgpt_jax.validate {path}` lists all)"
                )
            if checked.skipped:
                skipped[checked.skipped.reason] += 1
            elif checked.instance:
                family = own.family_of(checked.value)
                yield _item(checked.instance, family, f"{checked.path}:{checked.line}", f"{content}:{place}")


def _item(instance: Instance, family: str, place: str, number: str) -> Item:
    text = clean_text(instance.text)
    if instance.atom == "cls":
        answers = [Answer(label) for label in instance.gold]
    else:
        answers = [Answer(label, clean_text(span)) for label, spans in instance.gold.items() for span in spans]
    content = json.dumps([number, text, answers], ensure_ascii=True)
    return Item(
        key=hashlib.sha256(content.encode()).hexdigest()[:16],
        place=place,
        stratum=Stratum(language_of(instance.source_text or text), family, instance.atom),
        text=text,
        answers=tuple(answers) or (Answer(""),),
        labels=instance.labels,
    )
