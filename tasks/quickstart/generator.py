"""Makes instances of every family from templates; instance `i` of a split is the same everywhere.

A sentence belongs to one split, chosen by a stable hash of the sentence itself, so no sentence of
the test split is trained on, in any task. The parts of one data set (relations: spans, then typing)
share their sentences: part `.spans` and part `.typing` have the same sentence under the same number.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.tasks.quickstart.grammar import Grammar, Writer, phrases

MakeInstance = Callable[[str], Instance]
_ATTEMPTS = 2000
# Of twenty parts of all sentences: one is tested on, one validated on, the rest is for training.
_SPLIT_OF_PART = {0: "test", 1: "test", 2: "validation"}
_PARTS = 20


@dataclass(frozen=True)
class Draft:
    """A sentence and what each part of the data set makes of it.

    Attributes:
      sentence: decides the split.
      makers: part -> the instance with a given id.
      distinct: what must differ between the instances of a split ("" for the sentence).
    """

    sentence: str
    makers: Mapping[str, MakeInstance]
    distinct: str = ""


Drafter = Callable[[Writer], Draft]


def split_of(sentence: str) -> str:
    """The only split that may hold `sentence`."""
    return _SPLIT_OF_PART.get(stable_hash("split", sentence) % _PARTS, "train")


def drafts(dataset: str, grammar: Grammar, drafter: Drafter, split: str, size: int) -> Iterator[Draft]:
    """`size` different drafts of one split.

    Raises:
      ValueError: the templates give too few different sentences.
    """
    seen: set[str] = set()
    for index in range(size):
        for attempt in range(_ATTEMPTS):
            chance = random.Random(stable_hash(dataset, split, index, attempt))
            draft = drafter(Writer(grammar, chance, training=split == "train"))
            key = draft.distinct or draft.sentence
            if split_of(draft.sentence) == split and key not in seen:
                break
        else:
            raise ValueError(
                f"{dataset}: {split} needs {size} sentences but its templates give about {index}; add more"
            )
        seen.add(key)
        yield draft


def reader(dataset: str, part: str, grammar: Grammar, drafter: Drafter, sizes: Mapping[str, int]):
    """The reader of one part of a generated data set (see `TaskSpec.read`)."""
    name = f"{dataset}.{part}" if part else dataset

    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance]:
        for index, draft in enumerate(drafts(dataset, grammar, drafter, split, sizes[split])):
            yield draft.makers[part](f"{name}:{split}:{index:06d}")

    return read


def templates(text: str) -> tuple[str, ...]:
    """The templates of a bank, apart by `|`."""
    return phrases(text, "|")


def clause(sentence: str) -> str:
    """The sentence as it stands inside a question: without its full stop."""
    return sentence.rstrip(".。")


def classification(table: Mapping[str, str]) -> Drafter:
    """CLS, SA, ID: label -> templates."""
    by_label = tuple((label, templates(text)) for label, text in table.items())

    def draft(writer: Writer) -> Draft:
        label, choices = writer.choose(by_label)
        text = writer.write(writer.choose(choices))
        return Draft(text, {"": lambda id: families.classification(id, text, [label])})

    return draft


def inference(pairs: tuple[tuple[str, str, str, str], ...], labels: tuple[str, str, str]) -> Drafter:
    """NLI: (premise, entailed, contradicting, neutral hypotheses)."""

    split = tuple((premise, tuple(map(templates, hypotheses))) for premise, *hypotheses in pairs)

    def draft(writer: Writer) -> Draft:
        premise_template, hypotheses = writer.choose(split)
        which = writer.chance.randrange(len(labels))
        premise = writer.write(premise_template)
        hypothesis = writer.write(writer.choose(hypotheses[which]))
        make = {"": lambda id: families.inference(id, premise, hypothesis, labels[which])}
        return Draft(premise, make, f"{premise}\t{hypothesis}")

    return draft


def entity_typing(table: Mapping[str, str], language: str) -> Drafter:
    """ET: type -> templates with one `<x:...>`."""
    by_type = tuple((label, templates(text)) for label, text in table.items())

    def draft(writer: Writer) -> Draft:
        label, choices = writer.choose(by_type)
        text = writer.write(writer.choose(choices))
        ((_, mention),) = writer.spans
        return Draft(text, {"": lambda id: families.entity_typing(id, clause(text), mention, [label], language)})

    return draft


def reading(passages: tuple[tuple[str, str], ...]) -> Drafter:
    """MRC: (passage, `question>slot` choices); no slot means that the passage does not say."""

    split = tuple((passage, templates(questions)) for passage, questions in passages)

    def draft(writer: Writer) -> Draft:
        passage_template, questions = writer.choose(split)
        passage = writer.write(passage_template)
        question_template, slot = writer.choose(questions).split(">")
        question = writer.write(question_template)
        answers = [writer.memory[slot]] if slot else []
        make = {"": lambda id: families.reading(id, passage, question, answers)}
        return Draft(passage, make, f"{passage}\t{question}")

    return draft


def spans(text: str) -> Drafter:
    """NER, SF: templates with labelled slots."""
    choices = templates(text)

    def draft(writer: Writer) -> Draft:
        sentence = writer.write(writer.choose(choices))
        found = tuple(writer.spans)
        return Draft(sentence, {"": lambda id: families.spans_by_label(id, sentence, found)})

    return draft


def relations(table: Mapping[str, str], language: str) -> Drafter:
    """RE: relation -> templates whose spans are `<1type:...>` (head) and `<2type:...>` (tail)."""
    by_relation = tuple((relation, templates(text)) for relation, text in table.items())

    def draft(writer: Writer) -> Draft:
        relation, choices = writer.choose(by_relation)
        sentence = writer.write(writer.choose(choices))
        found = tuple((label[1:], span) for label, span in writer.spans)
        ends = {label[0]: span for label, span in writer.spans}
        return Draft(
            sentence,
            {
                "spans": lambda id: families.spans_by_label(id, sentence, found),
                "typing": lambda id: families.relation_typing(
                    id, clause(sentence), ends["1"], ends["2"], [relation], language
                ),
            },
        )

    return draft


def events(table: Mapping[str, str], language: str) -> Drafter:
    """EE: event type -> templates with one trigger `<!:...>`; the other spans are arguments."""
    by_type = tuple((kind, templates(text), roles_of(text)) for kind, text in table.items())

    def draft(writer: Writer) -> Draft:
        kind, choices, roles = writer.choose(by_type)
        sentence = writer.write(writer.choose(choices))
        (trigger,) = (span for label, span in writer.spans if label == "!")
        arguments = tuple((label, span) for label, span in writer.spans if label != "!")
        return Draft(
            sentence,
            {
                "triggers": lambda id: families.event_triggers(id, sentence, [(kind, trigger)], language),
                "typing": lambda id: families.event_typing(id, clause(sentence), trigger, [kind], language),
                "arguments": lambda id: families.event_arguments(id, sentence, kind, arguments, roles, language),
            },
        )

    return draft


def roles_of(text: str) -> tuple[str, ...]:
    """The roles of an event type, in their order in its templates."""
    found = (piece.split(":")[0] for piece in text.split("<")[1:])
    return tuple(dict.fromkeys(role for role in found if role != "!"))
