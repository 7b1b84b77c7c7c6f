"""Answers to questions: compose the prompts, generate, read the completions, merge the chunks."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import read_answer
from seqgpt_jax.decoding.completion import Completion, Generator
from seqgpt_jax.decoding.questions import ComposedQuestion, Question, compose
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Attributes:
      question: as it was asked.
      answers: "cls": the fitting labels; "ext": every label with its spans. Labels are spelled as
        the question spells them; spans are spelled as the cleaned text is.
      completions: what the model wrote, one for each prompt that the question took.
      well_formed: False where a completion broke the contract and was read leniently.
    """

    question: Question
    answers: list[str] | dict[str, list[str]]
    completions: tuple[Completion, ...]
    well_formed: bool

    @property
    def output(self) -> str:
        """The text of all completions, one after the other."""
        return "".join(completion.text for completion in self.completions)

    @property
    def truncated(self) -> int:
        """Most tokens that a prompt of the question lost at its left end."""
        return max(completion.truncated for completion in self.completions)

    @property
    def finished(self) -> bool:
        """Whether every completion ended within the token limit."""
        return all(completion.finished for completion in self.completions)


def answer(
    generator: Generator,
    questions: Sequence[Question],
    progress: Progress = no_progress,
) -> list[Answer]:
    """Answers to all questions, in their order; all prompts go to the generator in one call.

    Args:
      generator: an `Engine`, or whatever else completes prompts; its contract says how it is asked.
      questions: any number of them.
      progress: called as prompts get done.

    Raises:
      ContractError: see `compose`; nothing has been generated then.
    """
    composed = [compose(question, generator.contract) for question in questions]
    prompts = [prompt for question in composed for prompt in question.prompts]
    completions = iter(generator.generate(prompts, progress=progress))
    return [read(question, [next(completions) for _ in question.prompts]) for question in composed]


def read(composed: ComposedQuestion, completions: Sequence[Completion]) -> Answer:
    """The answer in the completions of a question's prompts."""
    values, well_formed = [], True
    for prompt, completion in zip(composed.prompts, completions, strict=True):
        value, is_strict = read_answer(prompt.atom, prompt.labels, completion.text)
        values.append(value)
        well_formed &= is_strict
    if composed.question.atom == "cls":
        (labels,) = values
        answers: list[str] | dict[str, list[str]] = [composed.spellings[label] for label in labels]
    else:
        answers = {
            composed.spellings[label]: list(spans)
            for prompt, value in zip(composed.prompts, values, strict=True)
            for label, spans in zip(prompt.labels, value, strict=True)
        }
    return Answer(composed.question, answers, tuple(completions), well_formed)
