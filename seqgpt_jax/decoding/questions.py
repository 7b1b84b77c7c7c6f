"""Questions of users, and the prompts that ask them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from seqgpt_jax.atomic import TAB, Atom, ContractError, OriginalText
from seqgpt_jax.decoding.completion import Choice, Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits

CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True, slots=True)
class Question:
    """Which of `labels` fit `text` ("cls"), or which spans of it fit each of them ("ext"), in any spelling.

    Attributes:
      text, atom, labels: the question.
      choose: of a classification: "any" number of labels, exactly "one", or "one_or_none". The latter two compare
        the probabilities of whole labels under constrained decoding; free decoding takes the first label written.
    """

    text: str
    atom: Atom
    labels: tuple[str, ...]
    choose: Choice = "any"

    def __post_init__(self) -> None:
        if isinstance(self.labels, str):
            raise TypeError(f"labels are a list of strings, not the one string {self.labels!r}: [{self.labels!r}]")


@dataclass(frozen=True, slots=True)
class ComposedQuestion:
    """A question in the form of the prompt contract.

    Attributes:
      question: as it was asked.
      text: as it was given, and as the prompts have it.
      spellings: label as it is written in the prompts -> label as the question spells it, in the question's order.
      prompts: each asks a chunk of the labels; together they ask all of them, in order.
    """

    question: Question
    text: OriginalText
    spellings: dict[str, str]
    prompts: tuple[Prompt, ...]


def compose(question: Question, limits: PromptLimits) -> ComposedQuestion:
    """The prompts of a question: one for each chunk of labels that fits.

    Raises:
      ContractError: the contract's template is not known, the text is empty, there is no label, a label is
        empty, two labels are written alike in a prompt, a label fits into no prompt or answer, or `choose` is not
        known or is asked of an extraction.
    """
    template, original = limits.template, OriginalText.of(question.text)
    text = original.clean
    if not text.strip():
        raise ContractError("the text is empty")
    if question.choose not in CHOICES:
        raise ContractError(f"'choose' must be one of {', '.join(CHOICES)}, not {question.choose!r}")
    atom = question.atom
    if atom == "ext" and question.choose != "any":
        raise ContractError(f"'choose' is for classifications: an extraction cannot have {question.choose!r}")
    spellings: dict[str, str] = {}
    for label in question.labels:
        clean = template.clean_label(label)
        if clean in spellings:
            raise ContractError(
                f"labels {spellings[clean]!r} and {label!r} are written alike in a prompt: leave one out"
            )
        spellings[clean] = label
    # Whatever is wrong with a label is found here, before its tokens are counted.
    template.prompt(atom, text, tuple(spellings))
    return ComposedQuestion(question, original, spellings, prompts_of(question, text, tuple(spellings), limits))


def check_label_list(question: Question, limits: PromptLimits) -> None:
    """Raises ContractError where a classification has one label that holds the separator: a list in one string."""
    separator = limits.template.separator
    if question.atom == "cls" and len(question.labels) == 1 and separator.strip() in question.labels[0]:
        raise ContractError(
            f"the one label {question.labels[0]!r} holds the separator {separator!r}: give each label by itself"
        )


def prompts_of(question: Question, text: str, labels: Sequence[str], limits: PromptLimits) -> tuple[Prompt, ...]:
    """The prompts that ask these labels (clean, of the question) of its clean text; ContractError as `compose`."""
    chunks = limits.chunks(question.atom, text, labels, written=question.choose == "any")
    return tuple(
        Prompt(question.atom, chunk, limits.template.prompt(question.atom, text, chunk), question.choose, text)
        for chunk in chunks
    )


def compose_windows(question: Question, limits: PromptLimits) -> list[tuple[int, ComposedQuestion]]:
    """The question about each window of its text, and where that begins; one where the text fits into a prompt.

    A classification of a text with a TAB is about a pair, such as a premise and a hypothesis, with two about a pair and
    a question; neither is cut. A text with more of them is a table.

    Raises:
      ContractError: as `compose`.
      TooManyPromptsError: more prompts than `limits` has.
    """
    composed = compose(question, limits)
    text = composed.text
    if question.atom == "cls" and 1 <= text.clean.count(TAB) <= 2:
        return [(0, composed)]
    written = question.choose == "any"
    bounds = limits.windows(question.atom, text.clean, tuple(composed.spellings), written=written)
    if len(bounds) == 1:
        return [(0, composed)]
    windows, prompts = [], 0
    for start, end in (text.place(start, end) for start, end in bounds if text.clean[start:end].strip()):
        windows.append((start, compose(replace(question, text=text.text[start:end]), limits)))
        prompts += len(windows[-1][1].prompts)
        limits.check_number(prompts)
    return windows
