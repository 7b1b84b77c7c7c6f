"""Validation of a chat model's answer to a passage: repairs that are safe, else a reason to reject it.

Repairs, each counted by its name:

    json_cut_out        the JSON object is taken out of a code fence, or of words and thoughts around it: the last one
                        with the field that was asked for
    span_trimmed        outer spaces, quotes and full stops of a span go, where only then it is in the text
    span_respelled      a span that is in the text but for case or width becomes what the text has there
    span_dropped        a span that is not in the text goes, where at least half of the spans of the answer are
    label_normalized    outer marks go, `_` and several spaces become a space, English loses capitals but acronyms
    label_dropped       an empty, too long or repeated label goes, or one that is not of the user's list; others stay

An answer is rejected with one of `REASONS`. Nothing else is changed or guessed.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from seqgpt_jax.atomic import NONE, clean_text, families
from seqgpt_jax.atomic.languages import language_of
from seqgpt_jax.synthesis.config import plain
from seqgpt_jax.synthesis.passages import Passage
from seqgpt_jax.tasks.readers.own import Fault, check_contract

REASONS = {
    "refused_request": "the endpoint refused the request",
    "refusal": "the model declined to answer",
    "cut_off": "the answer was cut off by the limit of tokens",
    "not_json": "the answer is not a JSON object",
    "wrong_form": "the JSON does not have the fields that were asked for",
    "no_labels": "no usable label is in the answer",
    "label_is_text": "a label repeats more than half of the text",
    "span_not_in_text": "most spans are not in the text as it is written",
    "wrong_language": "the labels are not in the language of the text",
    "prompt_format": "the labels or spans cannot stand in a prompt",
}
"""Reason -> what it means, as a rejected model hears it too."""

_LONGEST_LABEL = {"en": 60, "zh": 24}
_REFUSAL = re.compile(
    r"\b(I'?m sorry|I am sorry|I can(?:no|')t|I am unable|I'm unable|as an AI)\b"
    r"|抱歉|对不起|作为一个?(?:AI|人工智能|语言模型)|无法(?:回答|提供|满足|完成)",
    re.IGNORECASE,
)
_OUTER = " \t\"'“”‘’「」『』`*.。,，;；:："
_SPACES = re.compile(r"[\s_]+")
_CAPITALS = re.compile(r"[A-Z][a-z]*[A-Z]")
_DECODER = json.JSONDecoder()
_FIELDS = {"CLS": "labels", "ET": "mentions", "NER": "entities"}
# A model that thinks aloud says so before its answer.
_THOUGHT = re.compile(r"\A\s*<think>.*?(</think>|$)", re.DOTALL)


class Rejected(ValueError):
    """An answer that cannot be used, with one of `REASONS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{REASONS[reason]}{f' ({detail})' if detail else ''}")
        self.reason = reason


@dataclass
class Accepted:
    """An answer that can be used.

    Attributes:
      records: of own data, without id.
      labels: distinct labels in it.
      repairs: name -> how often.
    """

    records: list[dict[str, Any]]
    labels: list[str]
    repairs: Counter[str] = field(default_factory=Counter)


def validated(
    passage: Passage, answer: str, *, finished: bool = True, refused: bool = False, only: Collection[str] | None = None
) -> Accepted:
    """The records that an answer gives.

    Args:
      passage: what was asked about.
      answer: the text of the answer.
      finished: False where a limit of tokens cut it off.
      refused: the endpoint itself says that the model declined.
      only: the user's labels; None where the model invents them.

    Raises:
      Rejected: it cannot be used.
    """
    if refused:
        raise Rejected("refusal")
    repairs = Counter[str]()
    value = _object(answer, _FIELDS[passage.task], finished, repairs)
    checker = _Checker(passage, {plain(label): label for label in only} if only else None, repairs)
    records = {"CLS": checker.classification, "ET": checker.typing, "NER": checker.extraction}[passage.task](value)
    labels = checker.labels
    if not records:
        raise Rejected("no_labels")
    if only is None and language_of(" ".join(labels)) != passage.language:
        raise Rejected("wrong_language", ", ".join(labels[:3]))
    return Accepted(records, labels, repairs)


def normalized_label(label: str, language: str) -> str:
    """A label as the data has it.

    >>> normalized_label(" Video_Game  Console. ", "en"), normalized_label("EU Treaty", "en")
    ('video game console', 'EU treaty')
    """
    label = _SPACES.sub(" ", clean_text(unicodedata.normalize("NFKC", label))).strip(_OUTER)
    if language == "en":
        words = (word if word.isupper() or _CAPITALS.search(word) else word.lower() for word in label.split(" "))
        label = " ".join(words)
    return label


def _object(answer: str, field: str, finished: bool, repairs: Counter[str]) -> dict[str, Any]:
    text = _THOUGHT.sub("", answer).strip()
    try:
        value = json.loads(text)
        repairs.update(["json_cut_out"] if text != answer.strip() else [])
    except (ValueError, RecursionError):
        objects = list(_objects(text))
        asked_for = [one for one in objects if field in one]
        if not (asked_for or finished):
            raise Rejected("cut_off") from None
        if not objects:
            raise Rejected("refusal" if _REFUSAL.search(text[:300]) else "not_json", text[:60]) from None
        value = (asked_for or objects)[-1]
        repairs["json_cut_out"] += 1
    if not isinstance(value, dict):
        raise Rejected("not_json", f"it is {type(value).__name__}")
    return value


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text that are in no other one."""
    start = text.find("{")
    while start >= 0:
        try:
            value, end = _DECODER.raw_decode(text, start)
            yield value
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)


class _Checker:
    """Labels and spans of one answer."""

    def __init__(self, passage: Passage, only: dict[str, str] | None, repairs: Counter[str]) -> None:
        self._passage, self._only, self._repairs = passage, only, repairs
        self._folded = ""
        self._spans = self._lost = 0
        self._seen: dict[str, None] = {}

    @property
    def labels(self) -> list[str]:
        return list(self._seen)

    def classification(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        labels = self._labels(_list(value, "labels"))
        if not labels:
            return []
        text = self._passage.text
        _check(families.classification("", text, labels, self._only.values() if self._only else ()))
        return [self._with_list({"text": text, "task": "cls", "answers": labels})]

    def typing(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        types: dict[str, list[str]] = {}
        for item in _list(value, "mentions"):
            if not isinstance(item, dict) or not isinstance(item.get("mention"), str):
                raise Rejected("wrong_form", "a mention is not an object with mention and types")
            labels = self._labels(_list(item, "types"))
            if (span := self._span(item["mention"])) and labels:
                types.setdefault(span, []).extend(label for label in labels if label not in types.get(span, ()))
        self._check_lost()
        text, language, found = self._passage.text, self._passage.language, []
        for mention, labels in types.items():
            _check(families.entity_typing("", text, mention, labels, language))
            found.append(self._with_list({"text": text, "mention": mention, "answers": labels}))
        return found

    def extraction(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        answers: dict[str, list[str]] = {}
        for item in _list(value, "entities"):
            if not isinstance(item, dict) or not isinstance(item.get("type"), str):
                raise Rejected("wrong_form", "an entity is not an object with type and mentions")
            labels = self._labels([item["type"]])
            spans = [span for given in _list(item, "mentions") if (span := self._span(given))]
            if labels and spans:
                known = answers.setdefault(labels[0], [])
                known += [span for span in dict.fromkeys(spans) if span not in known]
        self._check_lost()
        text = self._passage.text
        if not answers:
            return []
        pairs = [(label, span) for label, spans in answers.items() for span in spans]
        _check(families.spans_by_label("", text, pairs))
        return [self._with_list({"text": text, "task": "ext", "answers": answers})]

    def _with_list(self, record: dict[str, Any]) -> dict[str, Any]:
        return record | ({"labels": [*self._only.values()]} if self._only else {})

    def _labels(self, given: Iterable[Any]) -> list[str]:
        """The usable labels among these, without repetitions."""
        found: dict[str, None] = {}
        for label in given:
            if not isinstance(label, str):
                raise Rejected("wrong_form", f"a label is {type(label).__name__}")
            clean = normalized_label(label, self._passage.language)
            if self._only is not None:
                clean = self._only.get(plain(label.strip()), "")
            elif 2 * len(clean) > len(self._passage.text) and plain(clean) in plain(self._passage.text):
                raise Rejected("label_is_text", clean[:60])
            # The user's own labels may be as long as they want.
            too_long = self._only is None and len(clean) > _LONGEST_LABEL[self._passage.language]
            if not clean or clean == NONE or too_long or clean in found:
                self._repairs["label_dropped"] += 1
                continue
            if clean != label:
                self._repairs["label_normalized"] += 1
            found[clean] = self._seen[clean] = None
        return list(found)

    def _span(self, given: Any) -> str | None:
        """The span as the text has it; None where it is not there."""
        if not isinstance(given, str):
            raise Rejected("wrong_form", f"a span is {type(given).__name__}")
        self._spans += 1
        text = self._passage.text
        span = clean_text(given)
        if span in text and span == span.strip() and span and span != NONE:
            return span
        tidy = _SPACES.sub(" ", span).strip(_OUTER) if span.strip() not in text else span.strip()
        if tidy and tidy in text and tidy != NONE:
            self._repairs["span_trimmed"] += 1
            return tidy
        if not self._folded:
            self._folded = "".join(map(_one_for_one, text))
        place = self._folded.find("".join(map(_one_for_one, tidy))) if tidy else -1
        if place >= 0 and (found := text[place : place + len(tidy)].strip()) and found != NONE:
            self._repairs["span_respelled"] += 1
            return found
        self._lost += 1
        return None

    def _check_lost(self) -> None:
        if self._lost * 2 > self._spans:
            raise Rejected("span_not_in_text", f"{self._lost} of {self._spans}")
        self._repairs.update({"span_dropped": self._lost} if self._lost else {})


def _one_for_one(character: str) -> str:
    """A character without case and width, as one character, so that places stay."""
    folded = plain(character)
    return folded if len(folded) == 1 else character


def _list(value: dict[str, Any], name: str) -> list[Any]:
    if not isinstance(found := value.get(name), list):
        raise Rejected("wrong_form", f"no list {name!r}")
    return found


def _check(instance: Any) -> None:
    try:
        check_contract(instance)
    except Fault as error:
        raise Rejected("prompt_format", str(error)) from error
