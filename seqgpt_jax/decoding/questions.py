"""Questions of users, and the prompts that ask them."""

from dataclasses import dataclass
from typing import Literal

from seqgpt_jax.atomic import Atom, ContractError, chunk_labels, clean_text, find_template
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.io.contract import ModelContract

Choice = Literal["any", "one", "one_or_none"]


@dataclass(frozen=True, slots=True)
class Question:
    """Which of `labels` fit `text` ("cls"), or which spans of it fit each of them ("ext"), in any spelling.

    Attributes:
      text, atom, labels: what is asked.
      choose: how many labels of a classification may fit.
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
      spellings: label as it is written in the prompts -> label as the question spells it, in the question's order.
      prompts: each asks a chunk of the labels; together they ask all of them, in order.
    """

    question: Question
    spellings: dict[str, str]
    prompts: tuple[Prompt, ...]


def compose(question: Question, contract: ModelContract) -> ComposedQuestion:
    """The prompts of a question: one for a classification, one for each chunk of queries for an extraction.

    Raises:
      ContractError: the contract's template is not known, the text is empty, there is no label, a label is
        empty, two labels are written alike in a prompt, or a classification has but one label, which holds
        the separator (a list in one string).
    """
    template, text = find_template(contract.template), clean_text(question.text)
    if not text.strip():
        raise ContractError("the text is empty")
    spellings: dict[str, str] = {}
    for label in question.labels:
        clean = template.clean_label(label)
        if clean in spellings:
            raise ContractError(
                f"labels {spellings[clean]!r} and {label!r} are written alike in a prompt: leave one out"
            )
        spellings[clean] = label
    atom = question.atom
    if atom == "cls" and len(spellings) == 1 and template.separator.strip() in question.labels[0]:
        raise ContractError(
            f"the one label {question.labels[0]!r} holds the separator {template.separator!r}: "
            "give each label by itself"
        )
    chunks = chunk_labels(tuple(spellings), contract.max_queries) if atom == "ext" else [tuple(spellings)]
    # A question without labels has no chunk: one empty prompt lets the template refuse it.
    prompts = tuple(Prompt(atom, chunk, template.prompt(atom, text, chunk)) for chunk in chunks or [()])
    return ComposedQuestion(question, spellings, prompts)
