"""The pre-training tasks: every text with its own fine labels, as a large language model would give them.

A concept has several names (`mountain lake`, `lake`) and wider types (`body of water`). CLS and ET
ask for one name and the wider types; NER asks for each span by one name, or sometimes by a wider type.
"""

import re
from dataclasses import dataclass

from seqgpt_jax.atomic import families
from seqgpt_jax.tasks.quickstart.generator import Draft, Drafter, clause, templates
from seqgpt_jax.tasks.quickstart.grammar import Writer, phrases

_NAME_SHARE = 0.75
_TWO_SENTENCES_SHARE = 0.5


@dataclass(frozen=True)
class Concept:
    """One line of a concept table: its labels, and templates of its members and of what they do."""

    names: tuple[str, ...]
    wider: tuple[str, ...]
    members: tuple[str, ...]
    cues: tuple[str, ...] = ()


def concepts(table: str, separator: str = ",") -> tuple[Concept, ...]:
    """The concepts of a table, one a line: `names > wider > members > cues`; indented lines go on with the last.

    Raises:
      ValueError: a line has no wider types or no members.
    """
    found = []
    for line in re.sub(r"\n +", " ", table.strip()).splitlines():
        columns = [column.strip() for column in line.split(">")]
        if len(columns) not in (3, 4) or not all(columns):
            raise ValueError(f"expected `names > wider > members` or one more column, found {line!r}")
        names, wider, members, *cues = columns
        found.append(
            Concept(
                phrases(names, ";"),
                phrases(wider, ";"),
                phrases(members, separator),
                phrases(cues[0], "|") if cues else (),
            )
        )
    return tuple(found)


def classification(topics: str, topic_sentences: str, situations: str) -> Drafter:
    """PT CLS: topics by their phrases, and situations by their sentences."""
    frames = templates(topic_sentences)
    by_topic, by_situation = concepts(topics), concepts(situations, "|")

    def draft(writer: Writer) -> Draft:
        if writer.chance.random() < 0.5:
            concept = writer.choose(by_topic)
            words = list(concept.members)
            writer.chance.shuffle(words)
            text = writer.choose(frames)
            while "{w}" in text or "{W}" in text:
                word = words.pop()
                here = "{W}" if "{W}" in text else "{w}"
                text = text.replace(here, word[0].upper() + word[1:] if here == "{W}" else word, 1)
        else:
            concept = writer.choose(by_situation)
            text = writer.write(writer.choose(concept.members))
        labels = (writer.choose(concept.names), *concept.wider)
        return Draft(text, {"": lambda id: families.classification(id, text, labels)})

    return draft


class _Mentions:
    """Writes sentences about members of concepts."""

    def __init__(self, groups: dict[str, tuple[str, str]]) -> None:
        self.groups = tuple((templates(frames), concepts(table)) for frames, table in groups.values())

    def write(self, writer: Writer) -> tuple[str, str, str, Concept]:
        """(sentence, mention, its name, its concept)."""
        frames, table = writer.choose(self.groups)
        concept = writer.choose(table)
        name = writer.choose(concept.names)
        frame = writer.choose(frames)
        if "{cue}" in frame:
            frame = frame.replace("{cue}", writer.choose(concept.cues))
        frame = frame.replace("{role}", name).replace("<x>", f"<x:={writer.choose(concept.members)}>")
        start = len(writer.spans)
        sentence = writer.write(frame)
        return sentence, writer.spans[start][1], name, concept


def entity_typing(groups: dict[str, tuple[str, str]], language: str) -> Drafter:
    """PT ET: one name of the mention and its wider types."""
    mentions = _Mentions(groups)

    def draft(writer: Writer) -> Draft:
        sentence, mention, name, concept = mentions.write(writer)
        labels = (name, *concept.wider)
        return Draft(sentence, {"": lambda id: families.entity_typing(id, clause(sentence), mention, labels, language)})

    return draft


def entities(groups: dict[str, tuple[str, str]], joint: str) -> Drafter:
    """PT NER: one or two sentences (with `joint` between them), each mention under a label of its own."""
    mentions = _Mentions(groups)

    def draft(writer: Writer) -> Draft:
        sentences, found = [], []
        for _ in range(2 if writer.chance.random() < _TWO_SENTENCES_SHARE else 1):
            sentence, mention, name, concept = mentions.write(writer)
            sentences.append(sentence)
            label = name if writer.chance.random() < _NAME_SHARE else writer.choose(concept.wider)
            found.append((label, mention))
        text = joint.join(sentences)
        return Draft(text, {"": lambda id: families.spans_by_label(id, text, found)})

    return draft
