"""Labels that are written in several ways: each becomes the most frequent of them, by a map that is kept."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

# Other marks stay: `C#`, `C++` and `C` are three things.
_BETWEEN = re.compile(r"[\s_\-\u2010-\u2013]+")
_NO_PLURALS = {"news", "series", "species", "lens", "always"}


def form(label: str) -> str:
    """What labels that are merged have in common.

    >>> form("Video-Games") == form("video game"), form("movies") == form("movie")
    (True, True)
    >>> form("glass") == form("glas"), form("C# language") == form("C language"), form("news") == form("new")
    (False, False, False)
    """
    words = [word for word in _BETWEEN.split(label.casefold()) if word]
    return " ".join(_singular(word) for word in words)


def _singular(word: str) -> str:
    if len(word) < 4 or not word.isascii() or word in _NO_PLURALS:
        return word
    # `movies` and `stories` do not say whether they end in -ie or -y without the s.
    if len(word) > 4 and word.endswith(("ie", "ies")):
        return f"{word.removesuffix('s')[:-2]}y"
    if word.endswith(("ss", "us", "is")) or not word.endswith("s"):
        return word
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]


def label_map(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, str]]:
    """Task -> label -> the label that it becomes, of those that change.

    Args:
      counts: task -> label -> how often it is answered.
    """
    found: dict[str, dict[str, str]] = {}
    for task, labels in counts.items():
        alike: dict[str, list[str]] = defaultdict(list)
        for label in labels:
            alike[form(label) or label].append(label)
        chosen = {of_form: max(group, key=lambda label: (labels[label], label)) for of_form, group in alike.items()}
        changed = {label: chosen[key] for key, group in alike.items() for label in group if label != chosen[key]}
        if changed:
            found[task] = dict(sorted(changed.items()))
    return found


def merged(record: Mapping[str, Any], changes: Mapping[str, str]) -> dict[str, Any]:
    """The record of own data with its labels changed; spans of labels that become one are together."""
    answers = record["answers"]
    if isinstance(answers, list):
        return {**record, "answers": list(dict.fromkeys(changes.get(label, label) for label in answers))}
    spans: dict[str, list[str]] = {}
    for label, of_label in answers.items():
        known = spans.setdefault(changes.get(label, label), [])
        known += [span for span in of_label if span not in known]
    return {**record, "answers": spans}


def labels_of(record: Mapping[str, Any]) -> Counter[str]:
    """How often each label is answered in a record: once for each span."""
    answers = record["answers"]
    if isinstance(answers, list):
        return Counter(answers)
    return Counter({label: len(spans) for label, spans in answers.items()})
