"""Perturbations of evaluation instances: the same question in another form, with the answer that is right then.

Spans stay spans of the text. Labels that are added come from a list of things that hardly any text is about
(`wordings.UNRELATED`), the same for all data sets. All draws depend on the instance and the seed alone.
"""

import functools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from opencc import OpenCC

from seqgpt_jax.atomic import TAB
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.data.store import EvalRecord
from seqgpt_jax.evaluation.instances import EvalInstance, target
from seqgpt_jax.evaluation.robustness.wordings import INJECTED_LABEL, INJECTED_NONE, NEUTRAL, SYNONYMS, UNRELATED

_LONG_TEXT = 2000
_TYPO_WORDS = 10
_TYPO_CHARACTERS = 20
_WORD = re.compile(r"[A-Za-z]{4,}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
NEGATIVES_ONLY = "negatives_only"
_NEGATIVES = 8


class Perturbation(NamedTuple):
    """One way to ask the same in another form.

    Attributes:
      description: what is changed, for tables.
      apply: makes another instance of one; None where there is nothing to change, or where it would spoil the gold.
    """

    description: str
    apply: Callable[[EvalInstance, random.Random], EvalInstance | None]


@dataclass(frozen=True, slots=True)
class Perturbed:
    """An instance after a perturbation.

    Attributes:
      asked: as the model is asked.
      scored: what the answer is compared with: of an extraction without the labels that were added.
    """

    asked: EvalInstance
    scored: EvalInstance


def perturb(name: str, instances: Sequence[EvalInstance], seed: int) -> list[Perturbed]:
    """The instances that a perturbation changes, in their order; it leaves out what it has nothing to change of.

    Args:
      name: of `PERTURBATIONS`.
      instances: as evaluation asks them.
      seed: of the draws.
    """
    found = []
    for one in instances:
        rng = random.Random(stable_hash(seed, name, one.record.instance))
        asked = PERTURBATIONS[name].apply(one, rng)
        if asked is not None and asked.question != one.question:
            added = name.startswith("labels_") and one.record.atom == "ext"
            found.append(Perturbed(asked, one if added else asked))
    return found


def _unrelated(record: EvalRecord, number: int, rng: random.Random) -> list[str]:
    """At most `number` labels that the text is not about; none that shares a word with a label of the record."""
    words = _words(record.labels)
    pool = [label for label in UNRELATED.get(record.language, ()) if words.isdisjoint(_words([label]))]
    return rng.sample(pool, min(number, len(pool)))


def _words(labels: Iterable[str]) -> set[str]:
    """The words of labels, of Chinese all pairs of characters."""
    folded = [label.casefold() for label in labels]
    words = {word for label in folded for word in re.findall(r"[a-z0-9]+", label)}
    chinese = (part for label in folded for part in re.findall(r"[^\x00-\x7f]+", label))
    return words | {part[i : i + 2] for part in chinese for i in range(max(len(part) - 1, 1))}


def _changed(instance: EvalInstance, **fields: Any) -> EvalInstance:
    """The instance with other fields of its record, and the target that goes with them."""
    record = replace(instance.record, **fields)
    return replace(instance, record=replace(record, target=target(record.atom, record.labels, record.answers)))


def _renamed(instance: EvalInstance, names: Sequence[str]) -> EvalInstance | None:
    """The instance with these labels in place of its own, in their order; None where two would be alike."""
    record = instance.record
    if len({name.casefold() for name in names}) < len(names):
        return None
    if record.atom == "ext":
        return _changed(instance, labels=tuple(names))
    new = dict(zip(record.labels, names, strict=True))
    return _changed(instance, labels=tuple(names), answers=tuple(new[label] for label in record.answers))


def _in_order(instance: EvalInstance, order: Sequence[int]) -> EvalInstance:
    record = instance.record
    labels = tuple(record.labels[i] for i in order)
    if record.atom == "ext":
        return _changed(instance, labels=labels, answers=tuple(record.answers[i] for i in order))
    return _changed(instance, labels=labels, answers=tuple(label for label in labels if label in record.answers))


def _label_order(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    order = [*range(len(instance.record.labels))]
    rng.shuffle(order)
    if order == sorted(order):
        order.reverse()
    return _in_order(instance, order)


def _label_case(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    del rng
    labels = instance.record.labels
    return _renamed(instance, [label.lower() if label.isupper() else label.upper() for label in labels])


def _label_synonyms(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    del rng
    labels = instance.record.labels
    names = [SYNONYMS.get(label.casefold(), label) for label in labels]
    # A name that another label of the question had: what is right would depend on who reads it.
    for label, name in zip(labels, names, strict=True):
        if any(name.casefold() == other.casefold() for other in labels if other != label):
            return None
    return _renamed(instance, names)


def _more_labels(instance: EvalInstance, rng: random.Random, number: int) -> EvalInstance | None:
    record = instance.record
    if len(record.labels) >= number:
        return None
    drawn = _unrelated(record, number - len(record.labels), rng)
    if len(record.labels) + len(drawn) < number:  # another number would be another test
        return None
    labels, gold = record.labels + tuple(drawn), record.answers
    if record.atom == "ext":
        gold += ((),) * len(drawn)
    order = [*range(len(labels))]
    rng.shuffle(order)
    longer = _changed(instance, labels=labels, answers=gold)
    return replace(_in_order(longer, order), candidates=len(labels))


def _negatives_only(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    record = instance.record
    if not (drawn := _unrelated(record, min(len(record.labels), _NEGATIVES), rng)):
        return None
    nothing: tuple = () if record.atom == "cls" else ((),) * len(drawn)
    asked = _changed(instance, labels=tuple(drawn), answers=nothing)
    choose = "one_or_none" if instance.choose == "one" else instance.choose
    return replace(asked, choose=choose, candidates=len(drawn))


def _typos(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    text = instance.record.text
    protected = _protected(instance.record)
    if instance.record.language == "zh":
        places = [match.start() for match in _HAN.finditer(text) if not protected[match.start()]]
        for place in sorted(rng.sample(places, -(-len(places) // _TYPO_CHARACTERS)), reverse=True):
            text = text[:place] + text[place] + text[place:]
    else:
        words = [match.span() for match in _WORD.finditer(text) if not any(protected[slice(*match.span())])]
        for start, end in rng.sample(words, -(-len(words) // _TYPO_WORDS)):
            place = rng.randrange(start, end - 1)
            text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    changed = _changed(instance, text=text)
    return changed if _spans_stand(changed.record) else None


def _traditional_chinese(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    del rng
    record = instance.record
    if record.language != "zh":
        return None
    convert = _to_traditional().convert
    answers = record.answers
    if record.atom == "ext":
        # Converted where they stand: words around a character decide what becomes of it.
        text = convert(record.text)
        if len(text) != len(record.text):
            return None
        places = [[(span, record.text.find(span)) for span in spans] for spans in record.answers]
        answers = tuple(tuple(text[start : start + len(span)] for span, start in spans) for spans in places)
    return _changed(instance, text=convert(record.text), answers=answers)


@functools.cache
def _to_traditional() -> OpenCC:
    return OpenCC("s2t")


def _long_text(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    record = instance.record
    if TAB in record.text or record.language not in NEUTRAL:
        return None  # two texts are compared as they are
    space = "" if record.language == "zh" else " "
    parts = [space.join(_neutral(record.language, rng)) for _ in range(2)]
    return _changed(instance, text=space.join((parts[0], record.text, parts[1])))


def _neutral(language: str, rng: random.Random) -> list[str]:
    """Sentences of together about as many characters as a long text has on either side."""
    found: list[str] = []
    while True:
        for sentence in rng.sample(NEUTRAL[language], len(NEUTRAL[language])):
            found.append(sentence)
            if sum(map(len, found)) >= _LONG_TEXT:
                return found


def _injection(instance: EvalInstance, rng: random.Random) -> EvalInstance | None:
    record = instance.record
    if record.language not in NEUTRAL:
        return None
    if record.atom == "ext":
        if not any(record.answers):
            return None  # the instruction would be right
        instruction = INJECTED_NONE[record.language]
    else:
        wrong = [label for label in record.labels if label not in record.answers]
        if not wrong:
            return None
        instruction = INJECTED_LABEL[record.language].format(label=rng.choice(wrong))
    return _changed(instance, text=record.text + ("" if record.language == "zh" else " ") + instruction)


def _protected(record: EvalRecord) -> list[bool]:
    """Of each character of the text: whether a gold span or a word of a label covers it."""
    kept = [False] * len(record.text)
    spans = [span for spans in record.answers for span in spans] if record.atom == "ext" else []
    for part in {*spans, *(word for label in record.labels for word in label.split())}:
        start = record.text.find(part)
        while part and start >= 0:
            kept[start : start + len(part)] = [True] * len(part)
            start = record.text.find(part, start + 1)
    return kept


def _spans_stand(record: EvalRecord) -> bool:
    return record.atom == "cls" or all(span in record.text for spans in record.answers for span in spans)


PERTURBATIONS: Mapping[str, Perturbation] = {
    "label_order": Perturbation("the labels in another order", _label_order),
    "label_case": Perturbation("labels in capitals, or in small letters where they are capitals", _label_case),
    "label_synonyms": Perturbation("labels by another common name, where they have one", _label_synonyms),
    "labels_25": Perturbation("25 labels, with unrelated ones", partial(_more_labels, number=25)),
    "labels_100": Perturbation("100 labels, with unrelated ones", partial(_more_labels, number=100)),
    NEGATIVES_ONLY: Perturbation("unrelated labels alone", _negatives_only),
    "typos": Perturbation(
        "one English word in ten has two letters swapped, one Chinese character in twenty is doubled", _typos
    ),
    "traditional_chinese": Perturbation("the text in traditional characters", _traditional_chinese),
    "long_text": Perturbation(
        "the text between neutral sentences, 2,000 characters before it and after it", _long_text
    ),
    "injection": Perturbation("an instruction to the model at the end of the text", _injection),
}
