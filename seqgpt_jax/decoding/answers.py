"""From a request (a text and somebody's own labels) to its answer: clean, chunk, ask, read, merge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from seqgpt_jax.atomic import Atom, ContractError, Template, chunk_queries, clean_text, parse_answer, recover_answer

Progress = Callable[[int, int], None]


class Generator(Protocol):
    """What `answer` needs of an engine."""

    def generate(self, prompts: Sequence[str], progress: Progress | None = None) -> list[str]:
        """The text that follows each prompt."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One question: which of `labels` fit `text` ("cls"), or which spans of it fit each ("ext")."""

    text: str
    atom: Atom
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said about one request.

    Attributes:
      request: the question.
      answers: "cls": the fitting labels; "ext": every label with its spans. Labels are spelled as
        the request spells them; spans are spelled as the cleaned text is.
      outputs: the model's own words, one for each prompt that the request took.
      well_formed: False where some output broke the contract and was read leniently.
    """

    request: Request
    answers: list[str] | dict[str, list[str]]
    outputs: tuple[str, ...]
    well_formed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A request in the form of the contract.

    Attributes:
      request: the question as it was asked.
      own: cleaned label -> the label as the request spells it, in the request's order.
      chunks: the cleaned labels of each prompt.
      prompts: one for each chunk.
    """

    request: Request
    own: dict[str, str]
    chunks: tuple[tuple[str, ...], ...]
    prompts: tuple[str, ...]


def compose(request: Request, template: Template, max_queries: int = 6) -> Question:
    """The prompts of a request; a classification is one prompt, queries go in even chunks.

    Raises:
      ContractError: the text is empty, there is no label, a label is empty, two labels are written
        alike in a prompt, or a classification has but one label, which holds the separator (a list
        in one string).
    """
    text = clean_text(request.text)
    if not text.strip():
        raise ContractError("the text is empty")
    own: dict[str, str] = {}
    for label in request.labels:
        clean = template.clean_label(label)
        if clean in own:
            raise ContractError(f"labels {own[clean]!r} and {label!r} are written alike in a prompt: leave one out")
        own[clean] = label
    if request.atom == "cls" and len(own) == 1 and template.separator.strip() in request.labels[0]:
        raise ContractError(
            f"the one label {request.labels[0]!r} holds the separator {template.separator!r}: give each label by itself"
        )
    chunks = chunk_queries(tuple(own), max_queries) if request.atom == "ext" else [tuple(own)]
    # A request without labels has no chunk: one empty prompt lets the template refuse it.
    prompts = tuple(template.prompt(request.atom, text, chunk) for chunk in chunks or [()])
    return Question(request, own, tuple(chunks), prompts)


def read(question: Question, outputs: Sequence[str]) -> Answer:
    """The answer that one output for each prompt of `question` makes."""
    request = question.request
    well_formed = True
    found: list[tuple] = []
    for chunk, output in zip(question.chunks, outputs, strict=True):
        try:
            found.append(parse_answer(request.atom, chunk, output))
        except ContractError:
            well_formed = False
            found.append(recover_answer(request.atom, chunk, output))
    if request.atom == "cls":
        (labels,) = found
        answers: list[str] | dict[str, list[str]] = [question.own[label] for label in labels]
    else:
        pairs = (
            pair for chunk, spans in zip(question.chunks, found, strict=True) for pair in zip(chunk, spans, strict=True)
        )
        answers = {question.own[label]: list(spans) for label, spans in pairs}
    return Answer(request, answers, tuple(outputs), well_formed)


def answer(
    engine: Generator,
    requests: Sequence[Request],
    template: Template,
    max_queries: int = 6,
    progress: Progress | None = None,
) -> list[Answer]:
    """Answers to all requests, in their order; all prompts go to the engine in one call.

    Args:
      engine: generates text.
      requests: the questions.
      template: the one that the model was trained with.
      max_queries: most queries in one extraction prompt.
      progress: called with (prompts done, prompts in all).

    Raises:
      ContractError: see `compose`; nothing has been generated then.
    """
    return answer_questions(engine, [compose(request, template, max_queries) for request in requests], progress)


def answer_questions(
    engine: Generator, questions: Sequence[Question], progress: Progress | None = None
) -> list[Answer]:
    """As `answer`, for requests that were composed before."""
    outputs = engine.generate([prompt for question in questions for prompt in question.prompts], progress=progress)
    rest = iter(outputs)
    return [read(question, [next(rest) for _ in question.prompts]) for question in questions]
