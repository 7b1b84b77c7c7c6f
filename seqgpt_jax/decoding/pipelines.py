"""Relations and events in several questions: spans first, then what is between them.

The questions are those that the families RE and EE are trained on (`seqgpt_jax.atomic.families`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import LANGUAGES, ContractError, OriginalText
from seqgpt_jax.atomic.families import argument_query, by_trigger, event_query, relation_typing
from seqgpt_jax.atomic.languages import language_of
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.completion import Generator
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import Question, compose
from seqgpt_jax.decoding.results import Event, Events, Extracted, Relation, Relations
from seqgpt_jax.decoding.spans import Span
from seqgpt_jax.io.progress import Progress, no_progress

RelationSchema = Mapping[str, tuple[str, str]]
EventSchema = Mapping[str, Sequence[str]]
# Pairs of spans of one text that are asked; each is a question.
MAX_PAIRS = 2000


class _Lost:
    """What the answers about each text lost, over all rounds."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        """Of the first round: one answer about each text."""
        self._answers = [[one] for one in answers]

    def add(self, text: int, answer: Answer) -> None:
        """A further answer about a text."""
        self._answers[text].append(answer)

    def of_texts(self) -> list[tuple[int, bool]]:
        """(most tokens of the text that were not read, whether an answer is unfinished) of each text."""
        return [(max(a.truncated for a in one), not all(a.finished for a in one)) for one in self._answers]


def check_relations(schema: RelationSchema, language: str | None, limits: PromptLimits) -> None:
    """Raises ContractError for a relation that no text can be asked for, before anything is asked."""
    _check_language(language)
    if not schema:
        raise ContractError('the schema is empty: give relations, such as {"born in": ("person", "city")}')
    for label, types in schema.items():
        if isinstance(types, str) or len(tuple(types)) != 2:
            raise ContractError(f"relation {label!r} needs the type of its head and of its tail, not {types!r}")
    compose(Question("text", "ext", _types(schema)), limits)
    compose(Question("text", "cls", tuple(schema)), limits)


def check_events(schema: EventSchema, language: str | None, limits: PromptLimits) -> None:
    """Raises ContractError for an event type or role that no text can be asked for, before anything is asked."""
    _check_language(language)
    if not schema:
        raise ContractError('the schema is empty: give event types, such as {"attack": ["attacker", "target"]}')
    for label, roles in schema.items():
        if isinstance(roles, str):
            raise ContractError(f"event type {label!r} needs a list of roles, not the one string {roles!r}")
    if language is not None:
        _check_event_queries(schema, language, limits)
        return
    refusals = []
    for asked in LANGUAGES:
        try:
            _check_event_queries(schema, asked, limits)
        except ContractError as error:
            refusals.append(error)
    # Queries that are too long in one language may fit in the other.
    if len(refusals) == len(LANGUAGES):
        raise refusals[0]


def _check_event_queries(schema: EventSchema, language: str, limits: PromptLimits) -> None:
    compose(Question("text", "ext", tuple(event_query(label, language) for label in schema)), limits)
    for label, roles in schema.items():
        if queries := tuple(dict.fromkeys(argument_query(role, label, language) for role in roles)):
            compose(Question("text", "ext", queries), limits)


def _check_language(language: str | None) -> None:
    if language is not None and language not in LANGUAGES:
        raise ContractError(
            f"language must be {' or '.join(LANGUAGES)}, or None for that of each text, not {language!r}"
        )


def _types(schema: RelationSchema) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for pair in schema.values() for kind in pair))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two spans of a text, and the relations that their types allow."""

    text: int
    head: Span
    tail: Span
    labels: tuple[str, ...]


def relations(
    generator: Generator,
    texts: Sequence[str],
    schema: RelationSchema,
    language: str | None = None,
    progress: Progress = no_progress,
) -> list[Relations]:
    """The relations of each text; see `SeqGPT.relations`.

    Two mentions with the same words are one span here: the question about a pair names it by its words.
    """
    found = answer(generator, [Question(text, "ext", _types(schema)) for text in texts], progress)
    lost = _Lost(found)
    pairs, questions, not_asked = [], [], [0] * len(texts)
    for number, one in enumerate(found):
        of_text = _pairs(number, one.found, schema)
        not_asked[number] = max(len(of_text) - MAX_PAIRS, 0)
        clean = OriginalText.of(texts[number]).clean
        for pair in of_text[:MAX_PAIRS]:
            question = _relation_question(generator, clean, pair, language)
            if question is None:
                not_asked[number] += 1
            else:
                pairs.append(pair)
                questions.append(question)
                generator.limits.check_number(len(questions))
    typed: list[list[Relation]] = [[] for _ in texts]
    for pair, one in zip(pairs, answer(generator, questions, progress) if questions else [], strict=True):
        lost.add(pair.text, one)
        typed[pair.text] += [Relation(pair.head, label.label, pair.tail, label.score) for label in one.found]
    for of_text in typed:
        of_text.sort(key=lambda r: (r.head.start, r.tail.start))
    return [
        Relations(text, one.found, tuple(of_text), missed, *of_answers)
        for text, one, of_text, missed, of_answers in zip(texts, found, typed, not_asked, lost.of_texts(), strict=True)
    ]


def _pairs(number: int, spans: Mapping[str, Sequence[Span]], schema: RelationSchema) -> list[_Pair]:
    first: dict[str, dict[str, Span]] = {}
    for kind, found in spans.items():
        for span in found:
            first.setdefault(kind, {}).setdefault(span.text, span)
    # By their words: a span that is of two types has a score of each, and the pair is one question.
    pairs: dict[tuple[str, str], tuple[Span, Span, list[str]]] = {}
    for label, (head_type, tail_type) in schema.items():
        for head in first.get(head_type, {}).values():
            for tail in first.get(tail_type, {}).values():
                if head.text != tail.text:
                    pairs.setdefault((head.text, tail.text), (head, tail, []))[2].append(label)
    of_text = [_Pair(number, head, tail, tuple(labels)) for head, tail, labels in pairs.values()]
    return sorted(of_text, key=lambda pair: (pair.head.start, pair.tail.start))


def _relation_question(generator: Generator, clean: str, pair: _Pair, language: str | None) -> Question | None:
    """The question about a pair of a clean text; None where its spans are too far apart for a prompt."""
    asked = language or language_of(clean)
    head, tail = (OriginalText.of(span.text).clean for span in (pair.head, pair.tail))

    def question(sentence: str) -> Question:
        composed = relation_typing("", sentence, head, tail, (), asked)
        return Question(composed.text, "cls", pair.labels)

    part = generator.limits.part_around(clean, (head, tail), question("").text, pair.labels)
    return None if part is None else question(part)


def events(
    generator: Generator,
    texts: Sequence[str],
    schema: EventSchema,
    language: str | None = None,
    progress: Progress = no_progress,
) -> list[Events]:
    """The events of each text; see `SeqGPT.events`."""
    asked = [{event_query(label, language or language_of(text)): label for label in schema} for text in texts]
    first = [Question(text, "ext", tuple(queries)) for text, queries in zip(texts, asked, strict=True)]
    answered = answer(generator, first, progress)
    lost = _Lost(answered)
    triggers = [Extracted.of(one, queries) for one, queries in zip(answered, asked, strict=True)]
    told = [
        (n, event)
        for n, (one, of_text) in enumerate(zip(triggers, asked, strict=True))
        for event in _told(generator, one, of_text.values(), schema, language or language_of(texts[n]))
    ]
    questions = [Question(texts[n], "ext", tuple(event.roles)) for n, event in told if event.roles]
    answers = iter(answer(generator, questions, progress) if questions else [])
    found: list[list[Event]] = [[] for _ in texts]
    for n, event in told:
        arguments = {}
        if event.roles:
            lost.add(n, one := next(answers))
            arguments = Extracted.of(one, event.roles).spans
        found[n].append(Event(event.label, event.triggers, arguments))
    return [
        Events(text, tuple(of_text), *of_answers)
        for text, of_text, of_answers in zip(texts, found, lost.of_texts(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Told:
    """An event that has a trigger: its type, its triggers, which read alike, and the query of each role."""

    label: str
    triggers: tuple[Span, ...]
    roles: dict[str, str]


def _told(
    generator: Generator, found: Extracted, labels: Iterable[str], schema: EventSchema, language: str
) -> Iterator[_Told]:
    for label in labels:
        for trigger, name in by_trigger(span.text for span in found.spans[label]).items():
            triggers = tuple(span for span in found.spans[label] if span.text == trigger)
            roles = {argument_query(role, label, language, name): role for role in schema[label]}
            if name and roles and not _can_be_asked(generator, found.text, roles):
                # The trigger, which the model chose, takes too much room: its type alone is asked.
                roles = {argument_query(role, label, language): role for role in schema[label]}
            yield _Told(label, triggers, roles)


def _can_be_asked(generator: Generator, text: str, queries: Iterable[str]) -> bool:
    try:
        compose(Question(text, "ext", tuple(queries)), generator.limits)
    except ContractError:
        return False
    return True
