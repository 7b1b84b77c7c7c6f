"""EE in English: encyclopedia sentences (MAVEN), news of cyber security (CASIE), medical abstracts (PHEE)."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from seqgpt_jax.data.raw.sources import FilePattern, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.events.steps import (
    Argument,
    Event,
    EventText,
    arguments,
    arguments_of_files,
    same,
    step_tasks,
    with_training_files,
)
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.documents import json_folder, parts
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

# The query of a type is "{type} event".
MAVEN_NAMES = {"Social_event": "social gathering"}
CASIE_TYPES = {
    "Databreach": "data breach",
    "DiscoverVulnerability": "vulnerability discovery",
    "PatchVulnerability": "vulnerability patch",
    "Phishing": "phishing",
    "Ransom": "ransom",
}
CASIE_ROLES = {
    "data breach": (
        *("attacker", "attack pattern", "victim", "number of victims", "compromised data", "number of data"),
        *("damage amount", "tool", "purpose", "time", "place"),
    ),
    "vulnerability discovery": (
        *("discoverer", "vulnerability", "CVE", "capabilities", "vulnerable system", "vulnerable system version"),
        *("vulnerable system owner", "supported platform", "time"),
    ),
    "vulnerability patch": (
        *("releaser", "patch", "patch number", "vulnerability", "CVE", "issues addressed", "vulnerable system"),
        *("vulnerable system version", "supported platform", "time"),
    ),
    "phishing": (
        *("attacker", "attack pattern", "victim", "trusted entity", "tool", "purpose", "damage amount"),
        *("time", "place"),
    ),
    "ransom": (
        *("attacker", "attack pattern", "victim", "damage amount", "price", "payment method", "tool"),
        *("time", "place"),
    ),
}
_CASIE_ROLE_NAMES = {"CVE": "CVE", "Number-of-Victim": "number of victims"}
# Where a sentence ends: a mark, perhaps quotes, space and a capital; or the end of a paragraph, which
# the files show as several spaces. After a title it goes on.
_SENTENCE_END = re.compile(r"""(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<=[.!?])["”’)]*\s+(?=["“‘(]*[A-Z0-9])|\s{2,}""")
PHEE_TYPES = {"Adverse_event": "adverse effect", "Potential_therapeutic_event": "potential therapeutic effect"}
PHEE_ROLES = {
    "Subject": "subject",
    "Subject.Age": "age",
    "Subject.Disorder": "disorder of the subject",
    "Subject.Gender": "gender",
    "Subject.Population": "population",
    "Subject.Race": "race",
    "Treatment": "treatment",
    "Treatment.Disorder": "treated disorder",
    "Treatment.Dosage": "dosage",
    "Treatment.Drug": "drug",
    "Treatment.Duration": "duration",
    "Treatment.Freq": "frequency",
    "Treatment.Route": "route",
    "Treatment.Time_elapsed": "time elapsed",
    "Effect": "effect",
}


def maven(row: dict) -> EventText:
    """MAVEN: tokens, and events that name them by place.

    Raises:
      ValueError: the tokens there are not the trigger.
    """
    events, words = [], Words.english(row["tokens"])
    for event in sorted(row["events"], key=lambda event: event["start"]):
        trigger = " ".join(row["tokens"][event["start"] : event["end"]])
        if trigger != event["text"]:
            raise ValueError(f"tokens {event['start']} to {event['end']} are {trigger!r}, not {event['text']!r}")
        kind = MAVEN_NAMES.get(event["event_type"]) or spelled_out(event["event_type"])
        events.append(Event(kind, words.span(event["start"], event["end"])))
    return EventText(words.text, events)


def casie_sentences(document: dict) -> Iterator[EventText]:
    """CASIE: the sentences of a document, each with the events whose triggers stand in it.

    Whole documents would ask for the types of one and the same trigger far apart; 95 of 100
    arguments stand beside their trigger, the others are counted.
    """
    content = document["content"]
    cuts = _sentence_cuts(document)
    events: dict[int, list[tuple[int, Event]]] = {}
    for hopper in document["cyberevent"]["hopper"]:
        for event in hopper["events"]:
            start, trigger = _casie_span(content, event["nugget"])
            sentence = bisect_right(cuts, start) - 1
            here: list[tuple[int, Argument]] = []
            elsewhere: list[Argument] = []
            for argument in event.get("argument", ()):
                place, span = _casie_span(content, argument)
                code = argument["role"]["type"]
                pair = (_CASIE_ROLE_NAMES.get(code) or spelled_out(code), span)
                if bisect_right(cuts, place) - 1 == sentence:
                    here.append((place, pair))
                else:
                    elsewhere.append(pair)
            kind = named(CASIE_TYPES)(event["subtype"])
            found = Event(kind, trigger, [pair for _, pair in sorted(here)], elsewhere)
            events.setdefault(sentence, []).append((start, found))
    for sentence, (start, end) in enumerate(pairwise(cuts)):
        text = content[start:end].replace("</text>", "").strip()
        if text:
            ordered = sorted(events.get(sentence, []), key=lambda placed: placed[0])
            yield EventText(text, [event for _, event in ordered])


def _sentence_cuts(document: dict) -> list[int]:
    """Where sentences begin, and the end of the text; none inside of an annotated span."""
    content = document["content"]
    cuts = {0, len(content), *(found.end() for found in _SENTENCE_END.finditer(content))}
    for hopper in document["cyberevent"]["hopper"]:
        for event in hopper["events"]:
            for annotated in (event["nugget"], *event.get("argument", ())):
                start, span = _casie_span(content, annotated)
                cuts -= set(range(start + 1, start + len(span)))
    return sorted(cuts)


def _casie_span(content: str, annotated: dict) -> tuple[int, str]:
    """(start, span) of an annotation: in seven of the first 150 documents all offsets are one too high.

    Raises:
      ValueError: the words are not there.
    """
    start, span = annotated["startOffset"], annotated["text"]
    for place in (start, start - 1):
        if content.startswith(span, max(place, 0)):
            return max(place, 0), span
    raise ValueError(f"characters {start} to {annotated['endOffset']} are not {span!r}")


def phee(row: dict) -> EventText:
    """PHEE: events with roles that have roles themselves; one side of a combination is no argument of its own.

    An argument in several pieces gives each of them, a trigger the first.
    """
    events = []
    for annotation in row["annotations"]:
        for event in annotation["events"]:
            trigger = _pieces(event["Trigger"])[0]
            found = [argument for role in ("Subject", "Treatment", "Effect") for argument in _phee_role(event, role)]
            events.append(
                (event["Trigger"]["start"][0][0], Event(named(PHEE_TYPES)(event["event_type"]), trigger, found))
            )
    return EventText(row["context"], [event for _, event in sorted(events, key=lambda placed: placed[0])])


def _phee_role(event: Mapping, role: str) -> Iterator[Argument]:
    if role not in event:
        return
    for piece in _pieces(event[role]):
        yield PHEE_ROLES[role], piece
    for name, part in event[role].items():
        if f"{role}.{name}" in PHEE_ROLES:
            yield from ((PHEE_ROLES[f"{role}.{name}"], piece) for piece in _pieces(part))


def _pieces(mention: Mapping) -> list[str]:
    return [piece for pieces in mention["text"] for piece in pieces]


MAVEN = github("rickltt/event_detection", "e89705552d11c51de1c60a28d52773d61161a0e8", "data/maven/{}")
CASIE_SENTENCES = parts(json_folder(), casie_sentences)
PHEE_SPLITS = {"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)}
TASKS = task_specs(
    DatasetSpec(
        "maven_ed",
        # Single sentences, and test sentences with labels, which MAVEN's own test set does not have.
        MAVEN,
        license="CC BY-SA 4.0",
        citation="Wang et al. 2020, EMNLP",
        verified="files",
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=step_tasks("en", partial(reader, json_list()), maven),
    ),
    DatasetSpec(
        "casie",
        FilePattern(
            "https://github.com/Ebiquity/CASIE/archive/2c8beef56d48e8de6599891c6a5e0e5f0d82e20c.tar.gz",
            "CASIE-2c8beef56d48e8de6599891c6a5e0e5f0d82e20c/data/{}",
        ),
        license="unknown: research",
        citation="Satyapanich et al. 2020, AAAI",
        verified="files",
        # It has no split, and all of it is for zero-shot scores.
        splits={"test": ("annotation",)},
        tasks=step_tasks(
            "en",
            partial(reader, CASIE_SENTENCES),
            same,
            reader(CASIE_SENTENCES, arguments(same, CASIE_ROLES, "en")),
            sizes=({"test": 2504}, {"test": 1351}, {"test": 1351}),
            held_out=True,
        ),
    ),
    DatasetSpec(
        "phee",
        github("ZhaoyueSun/PHEE", "12e9311e89c3d1d2db16a1a9fc93edf83ec2d9d8", "data/json/{}"),
        license="MIT",
        citation="Sun et al. 2022, EMNLP",
        splits=PHEE_SPLITS,
        tasks=step_tasks(
            "en",
            partial(reader, jsonl()),
            phee,
            arguments_of_files(jsonl(), phee, "en"),
            third_splits=with_training_files(PHEE_SPLITS),
            sizes=(
                {"train": 2898, "validation": 961, "test": 968},
                {},
                {"train": 2984, "validation": 997, "test": 1005},
            ),
        ),
    ),
)
