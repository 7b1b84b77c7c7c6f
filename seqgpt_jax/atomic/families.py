"""The ten families of language understanding, reduced to the two atomic tasks.

    CLS SA ID   a text                       -> its labels                           cls
    NLI         premise ⇥ hypothesis         -> their relation                       cls
    ET          a mention in a sentence      -> its types                            cls
    MRC         a passage and a question     -> spans (extractive)                   ext
                                             -> one of the options (multiple choice) cls
    NER SF      a text                       -> the spans of each type or slot       ext
    RE          spans: entities by type (ext); typing: the relation of a pair        cls
    EE          triggers (ext); typing: the event of a trigger (cls); arguments      ext

Wording of the questions: ET, EE and RE follow figure 2 of the SeqGPT paper and the demo of its
released code, the missing language by analogy.
"""

from collections.abc import Iterable

from seqgpt_jax.atomic.examples import Instance

FAMILIES = ("CLS", "SA", "ID", "NLI", "ET", "MRC", "NER", "SF", "RE", "EE")
LANGUAGES = ("en", "zh")
# Characters of a trigger in a query, each of which is written twice: in the prompt and in the answer.
_LONGEST_NAME = 60


def classification(id: str, text: str, answers: Iterable[str], labels: Iterable[str] = ()) -> Instance:
    """CLS, SA and ID: a text with one or several labels."""
    return Instance(id=id, atom="cls", text=text, gold=dict.fromkeys(unique(answers), ()), labels=unique(labels))


def _question(id: str, question: str, sentence: str, mentions: tuple[str, ...], answers: Iterable[str]) -> Instance:
    """A classification whose text is a question about spans of a sentence."""
    gold = dict.fromkeys(unique(answers), ())
    return Instance(id=id, atom="cls", text=question, gold=gold, source_text=sentence, mentions=mentions)


def inference(id: str, premise: str, hypothesis: str, label: str) -> Instance:
    """NLI and other sentence pairs, joined by a TAB."""
    return classification(id, f"{premise}\t{hypothesis}", [label])


def entity_typing(id: str, sentence: str, mention: str, types: Iterable[str], language: str) -> Instance:
    """ET: the types of one mention."""
    if language == "zh":
        return _question(id, f"{sentence}中{mention}的实体类型是什么？", sentence, (mention,), types)
    return _question(id, f"what is the entity type of {mention} in {sentence}?", sentence, (mention,), types)


def reading(id: str, passage: str, question: str, answers: Iterable[str]) -> Instance:
    """MRC with spans: the question is the one query; no answers means unanswerable."""
    return Instance(id=id, atom="ext", text=passage, gold={question: unique(answers)}, labels=(question,))


def multiple_choice(id: str, passage: str, question: str, options: Iterable[str], answer: str) -> Instance:
    """MRC with options: passage ⇥ question, the options are the labels."""
    return classification(id, f"{passage}\t{question}", [answer], options)


def spans_by_label(id: str, text: str, spans: Iterable[tuple[str, str]], labels: Iterable[str] = ()) -> Instance:
    """NER, SF, and the span steps of RE and EE: (label, span) pairs in text order."""
    gold: dict[str, list[str]] = {}
    for label, span in spans:
        gold.setdefault(label, []).append(span)
    return Instance(
        id=id, atom="ext", text=text, gold={label: unique(found) for label, found in gold.items()}, labels=tuple(labels)
    )


def relation_typing(id: str, sentence: str, head: str, tail: str, relations: Iterable[str], language: str) -> Instance:
    """RE, second step: the relation between two spans."""
    if language == "zh":
        return _question(id, f"{sentence}中{head}和{tail}的关系是什么？", sentence, (head, tail), relations)
    return _question(
        id, f"what is the relation between {head} and {tail} in {sentence}?", sentence, (head, tail), relations
    )


def event_query(event_type: str, language: str) -> str:
    """EE, first step: the query that asks for the triggers of one event type."""
    return f"{event_type}事件" if language == "zh" else f"{event_type} event"


def event_triggers(id: str, sentence: str, triggers: Iterable[tuple[str, str]], language: str) -> Instance:
    """EE, first step: (event type, trigger) pairs."""
    return spans_by_label(id, sentence, ((event_query(kind, language), trigger) for kind, trigger in triggers))


def event_typing(id: str, sentence: str, trigger: str, event_types: Iterable[str], language: str) -> Instance:
    """EE, second step: the event type of a trigger."""
    if language == "zh":
        return _question(id, f"{sentence}中{trigger}的事件类型是什么？", sentence, (trigger,), event_types)
    return _question(id, f"what is the event type of {trigger} in {sentence}?", sentence, (trigger,), event_types)


def argument_query(role: str, event_type: str, language: str, trigger: str = "") -> str:
    """EE, third step: the query that asks for one role of an event.

    Two events of one text share roles, so the query says which event it asks of: by its type, and by its trigger where
    the text has several of the type.

    >>> argument_query("attacker", "data breach", "en")
    'attacker of the data breach event'
    >>> argument_query("裁员方", "裁员", "zh", trigger="裁掉")
    '裁员事件“裁掉”的裁员方'
    """
    event = event_query(event_type, language) + (f"“{trigger}”" if trigger and language == "zh" else "")
    if language == "zh":
        return f"{event}的{role}"
    return f"{role} of the {event}" + (f' "{trigger}"' if trigger else "")


def event_arguments(
    id: str,
    sentence: str,
    event_type: str,
    arguments: Iterable[tuple[str, str]],
    roles: Iterable[str],
    language: str,
    trigger: str = "",
) -> Instance:
    """EE, third step: (role, span) pairs of the events of one type, or of those of them with one trigger.

    `roles` are those of the event type, asked together.
    """

    def query(role: str) -> str:
        return argument_query(role, event_type, language, trigger)

    return spans_by_label(id, sentence, ((query(role), span) for role, span in arguments), map(query, roles))


def by_trigger(triggers: Iterable[str]) -> dict[str, str]:
    """EE, third step: each different trigger of one event type in a text -> what its queries name it by.

    A trigger that is a long passage is named by its beginning.

    >>> by_trigger(["sued", "sued"]), by_trigger(["sued", "charged"])
    ({'sued': ''}, {'sued': 'sued', 'charged': 'charged'})
    """
    different = unique(triggers)
    return {trigger: trigger[:_LONGEST_NAME].strip() if len(different) > 1 else "" for trigger in different}


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """The items without repetitions, in their first order (an answer lists a string once).

    Raises:
      TypeError: one string was given instead of a list of them; its letters would become the items.
    """
    if isinstance(items, str):
        raise TypeError(f"a list of strings was expected, not the one string {items!r}: write [{items!r}]")
    return tuple(dict.fromkeys(items))
