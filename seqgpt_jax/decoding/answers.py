"""Answers to questions: compose the prompts, generate, read the completions, merge the chunks.

A classification whose labels do not fit into one prompt is asked in rounds. Each chunk of labels is answered by
itself; the labels chosen there are asked together once more, in chunks again while they do not fit, and that answer
counts. No further round is needed where no more than one chunk has an answer.

A text that does not fit into a prompt is asked about in overlapping windows. An extraction has the spans of all of
them; a label fits where it fits a window, and of labels that exclude each other the one with the highest mean
probability.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seqgpt_jax.atomic import NONE, read_answer
from seqgpt_jax.decoding.compared_labels import Compared, on_one_scale, shares_of
from seqgpt_jax.decoding.completion import Completion, Generator, Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import ComposedQuestion, Question, compose_windows, prompts_of
from seqgpt_jax.decoding.spans import Label, Span, locate, merge_spans
from seqgpt_jax.io.progress import Progress, no_progress

# Has a logarithm that JSON can write.
_LEAST_SHARE = 1e-30


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Attributes:
      question: as it was asked.
      answers: "cls": the fitting labels; "ext": every label with its spans. Labels are spelled as
        the question spells them; spans are spelled as the cleaned text is.
      found: "cls": the fitting labels with their scores; "ext": every label with its spans, their places in the
        question's text, and scores. A span that is not in the text, as free decoding writes some, is not there.
      prompts, completions: what the model was asked and what it wrote, in all rounds.
      well_formed: False where a completion broke the contract and was read leniently.
      label_scores: label -> its log-probability in nats (of windows: that of their mean), and `None` -> that of "no
        label fits" where it could be chosen; labels of several prompts are on one scale (`compared_labels`). None
        where labels were not compared by their probabilities.
      label_probabilities: label -> its probability among all labels (and `None`). None as above.
    """

    question: Question
    answers: list[str] | dict[str, list[str]]
    found: tuple[Label, ...] | dict[str, tuple[Span, ...]]
    prompts: tuple[Prompt, ...]
    completions: tuple[Completion, ...]
    well_formed: bool
    label_scores: Mapping[str, float] | None = None
    label_probabilities: Mapping[str, float] | None = None

    @property
    def output(self) -> str:
        """The text of all completions, one after the other."""
        return "".join(completion.text for completion in self.completions)

    @property
    def truncated(self) -> int:
        """Most tokens that the text lost at its left end in a prompt of the question."""
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
    """Answers to all questions, in their order; all prompts of a round go to the generator in one call.

    Args:
      generator: an `Engine`, or whatever else completes prompts; its limits say how it is asked.
      questions: any number of them.
      progress: called as prompts get done, in each round.

    Raises:
      ContractError, TooManyPromptsError: see `compose_windows`; nothing has been generated then.
    """
    limits = generator.limits
    windows, prompts = [], 0
    for question in questions:
        windows.append(compose_windows(question, limits))
        prompts += sum(len(composed.prompts) for _, composed in windows[-1])
        limits.check_number(prompts)
    states = [_Rounds(composed) for of_question in windows for _, composed in of_question]
    while asking := [state for state in states if state.next_prompts]:
        completions = iter(
            generator.generate([prompt for state in asking for prompt in state.next_prompts], progress=progress)
        )
        for state in asking:
            state.read([next(completions) for _ in state.next_prompts], limits)
    answers = iter([state.answer() for state in states])
    return [
        _merged(question, [(start, next(answers)) for start, _ in of_question])
        for question, of_question in zip(questions, windows, strict=True)
    ]


class _Rounds:
    """One question on its way: what was asked so far, and what is asked next.

    Attributes:
      next_prompts: of the next round; empty when the answer is known.
    """

    def __init__(self, composed: ComposedQuestion) -> None:
        self._composed = composed
        self._prompts: list[Prompt] = []
        self._completions: list[Completion] = []
        self._well_formed = True
        self._last_round: list[tuple[Prompt, Completion, tuple, tuple]] = []
        self._compared: list[list[Compared]] = []
        self.next_prompts = composed.prompts

    def read(self, completions: Sequence[Completion], limits: PromptLimits) -> None:
        """Takes the completions of `next_prompts`, and sets the prompts of the next round."""
        self._last_round = []
        for prompt, completion in zip(self.next_prompts, completions, strict=True):
            value, well_formed = read_answer(prompt.atom, prompt.labels, completion.text)
            if prompt.choose != "any":
                # Free decoding may write more than one.
                value = value[:1]
            self._last_round.append((prompt, completion, value, _scores_of(prompt, completion, value)))
            self._well_formed &= well_formed
        if all(completion.label_scores is not None for completion in completions):
            self._compared.append(
                [(value[0] if value else None, one.label_scores or {}) for _, one, value, _ in self._last_round]
            )
        self._prompts += self.next_prompts
        self._completions += completions
        self.next_prompts = ()
        if finalists := self._finalists():
            question = self._composed.question
            self.next_prompts = prompts_of(question, self._composed.text.clean, finalists, limits)

    def _finalists(self) -> tuple[str, ...]:
        """The labels to ask once more; none where the last round has the answer."""
        chosen = [value for _, _, value, _ in self._last_round if value]
        if self._composed.question.atom == "ext" or len(chosen) < 2:
            return ()
        found = {label for value in chosen for label in value}
        asked = {label for prompt, *_ in self._last_round for label in prompt.labels}
        # A round that rules nothing out would be asked again for ever.
        return () if found == asked else tuple(label for label in self._composed.spellings if label in found)

    def answer(self) -> Answer:
        """The answer, after the last round."""
        question, spellings = self._composed.question, self._composed.spellings
        scores, probabilities = self._scores()
        if question.atom == "ext":
            values = {
                spellings[label]: (spans, of_spans)
                for prompt, _, value, of_values in self._last_round
                for label, spans, of_spans in zip(prompt.labels, value, of_values, strict=True)
            }
            answers: list[str] | dict[str, list[str]] = {label: list(spans) for label, (spans, _) in values.items()}
            found = {label: locate(self._composed.text, *value) for label, value in values.items()}
        else:
            chosen = [
                pair for _, _, value, of_values in self._last_round for pair in zip(value, of_values, strict=True)
            ]
            if question.choose != "any" and len(chosen) > 1:
                # Labels so long that each fills a prompt: only their own probabilities are left to compare.
                chosen = [max(chosen, key=lambda pair: (scores or {}).get(spellings[pair[0]], 0.0))]
            answers = [spellings[label] for label, _ in chosen]
            shares = probabilities or {}
            found = tuple(Label(spellings[label], shares.get(spellings[label], score)) for label, score in chosen)
        return Answer(
            question,
            answers,
            found,
            tuple(self._prompts),
            tuple(self._completions),
            self._well_formed,
            scores,
            probabilities,
        )

    def _scores(self) -> tuple[dict[str, float] | None, dict[str, float] | None]:
        """(log-probabilities, probabilities), by labels in the question's spelling."""
        if not self._compared:
            return None, None
        scores = on_one_scale(self._compared)
        order = [label for label in (*self._composed.spellings, NONE) if label in scores]
        spelled = {self._spelled(label): scores[label] for label in order}
        return spelled, shares_of(spelled)

    def _spelled(self, label: str) -> str:
        return self._composed.spellings.get(label, label)


def _scores_of(prompt: Prompt, completion: Completion, value: tuple) -> tuple:
    """The scores of what was read from a completion, in the form of `value`; None for each that is not known."""
    scores = completion.value_scores
    if prompt.atom == "ext":
        known = scores is not None and [len(spans) for spans in value] == [len(line) for line in scores]
        return scores if known else tuple((None,) * len(spans) for spans in value)
    if completion.label_scores is not None:
        shares = shares_of(completion.label_scores)
        return tuple(shares.get(label) for label in value)
    return scores[0] if scores is not None and len(scores[0]) == len(value) else (None,) * len(value)


def _merged(question: Question, windows: Sequence[tuple[int, Answer]]) -> Answer:
    """The answer to a question, of those about the windows of its text with the places where they begin."""
    answers = [answer for _, answer in windows]
    if answers[0].question is question:  # the whole text
        return answers[0]
    joined = {
        "question": question,
        "prompts": tuple(prompt for answer in answers for prompt in answer.prompts),
        "completions": tuple(completion for answer in answers for completion in answer.completions),
        "well_formed": all(answer.well_formed for answer in answers),
    }
    if question.atom == "ext":
        values = {
            label: list(dict.fromkeys(span for answer in answers for span in answer.answers[label]))
            for label in question.labels
        }
        found = merge_spans([(start, answer.found) for start, answer in windows])
        return replace(answers[0], answers=values, found=found, **joined)
    if question.choose == "any":
        best: dict[str, Label] = {}
        for label in (label for answer in answers for label in answer.found):
            best[label.label] = max(best.get(label.label, label), label, key=lambda one: one.score or 0.0)
        labels = [label for label in question.labels if label in best]
        return replace(answers[0], answers=labels, found=tuple(best[label] for label in labels), **joined)
    sums = _sums([answer.label_probabilities or {} for answer in answers])
    if sums:
        total = sum(sums.values())
        shares = {label: share / total for label, share in sums.items()}
        # Of the mean: so the chosen label has the highest score here too.
        scores = {label: math.log(max(share, _LEAST_SHARE)) for label, share in shares.items()}
        best_label = max(shares, key=lambda label: shares[label])
        chosen = [] if best_label == NONE and question.choose == "one_or_none" else [best_label]
    else:
        counts = Counter(label for answer in answers for label in answer.answers)
        chosen = [label for label, _ in counts.most_common(1)]
        scores = shares = None
    found = tuple(Label(label, (shares or {}).get(label)) for label in chosen)
    return replace(answers[0], answers=chosen, found=found, label_scores=scores, label_probabilities=shares, **joined)


def _sums(windows: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """The sum of each label over the windows that compared it; None where none did."""
    labels = dict.fromkeys(label for window in windows for label in window)
    return {label: sum(window.get(label, 0.0) for window in windows) for label in labels} or None
