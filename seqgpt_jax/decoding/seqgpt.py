"""Python interface of a trained model: classification, extraction, relations and events of texts.

from seqgpt_jax import SeqGPT

model = SeqGPT.load("runs/ft")
model.extract("Ada met Bob in Turin.", ["person", "city"]).spans["city"]
model.classify("Where is my parcel?", ["delivery", "refund"], choose="one").labels
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal, overload

from seqgpt_jax.atomic import NONE, Atom, ContractError, clean_text
from seqgpt_jax.decoding import pipelines
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.completion import Choice, Generator
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import load_for
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.fill import fill
from seqgpt_jax.decoding.questions import Question, check_label_list, compose
from seqgpt_jax.decoding.results import Classified, Extracted
from seqgpt_jax.decoding.schema import Schema
from seqgpt_jax.io.progress import Progress, no_progress

Labels = Sequence[str] | Mapping[str, str]
"""Labels, or each with the description that is asked in its place."""
# Batches of prompts that are sorted by length together while an iterator is answered.
_BATCHES = 16


class SeqGPT:
    """A model that answers questions about texts, for labels of any kind.

    Each method takes one text, a sequence of them or an iterator, and returns one result, a list or an iterator; of an
    iterator only a few hundred texts are held at a time. `labels` are one set for all texts, or a list with a set for
    each text of a sequence. A mapping asks the description of each label in its place: `{"person": "names of people"}`.

    A text that is longer than a prompt is read in overlapping windows, and labels that do not fit into one prompt are
    asked in several.
    """

    def __init__(self, generator: Generator, progress: Progress = no_progress, *, stream_size: int = 256) -> None:
        """Answers with what `generator` writes, usually an `Engine`; `load` makes one of a folder.

        Args:
          generator: completes prompts.
          progress: called with ("prompts", done, of all) as they get done.
          stream_size: texts of an iterator that are answered together.
        """
        self._generator = generator
        self._progress = progress
        self._stream_size = stream_size

    @classmethod
    def load(
        cls,
        path: str,
        *,
        step: int | Literal["best"] | None = None,
        num_beams: int = 4,
        batch_size: int = 16,
        max_new_tokens: int | None = None,
        contextual_calibration: bool = False,
        devices: int = 1,
        weight_dtype: Literal["int8"] | None = None,
        progress: Progress = no_progress,
    ) -> "SeqGPT":
        """The model in a folder.

        Args:
          path: a run folder (gs://… too), or a Hugging Face folder as `export` and `import_hf` write it.
          step: of a run: the checkpoint, "best" for that with the lowest validation loss; None takes the last one.
          num_beams: beams of the search; 1 is greedy.
          batch_size: prompts that are answered at once.
          max_new_tokens: most tokens of an answer; None takes the model's own limit.
          contextual_calibration: divides the probability of each label of `choose="one"` or `"one_or_none"` by that
            after no text, which can help with labels that the model was not trained on (`DecodeConfig`).
          devices: chips of this host that the model is split over (`DecodeConfig`).
          weight_dtype: "int8" for kernels of half the size of bfloat16, and answers that may differ (`DecodeConfig`).
          progress: called with ("prompts", done, of all) as they get done.

        Raises:
          ValueError: there are not so many devices, or they divide none of the model's sizes.
          LoadingError, WeightsError, TokenizerError: see `seqgpt_jax.io.model_folder.load`.
        """
        config = DecodeConfig(
            num_beams=num_beams,
            batch_size=batch_size,
            max_new_tokens=max_new_tokens,
            contextual_calibration=contextual_calibration,
            devices=devices,
            weight_dtype=weight_dtype,
        )
        engine = Engine.of(load_for(config, path, step=step), config)
        return cls(engine, progress, stream_size=_BATCHES * batch_size)

    @overload
    def extract(self, texts: str, labels: Labels, *, threshold: float = 0.0) -> Extracted: ...
    @overload
    def extract(
        self, texts: Sequence[str], labels: Labels | Sequence[Labels], *, threshold: float = 0.0
    ) -> list[Extracted]: ...
    @overload
    def extract(self, texts: Iterator[str], labels: Labels, *, threshold: float = 0.0) -> Iterator[Extracted]: ...

    def extract(self, texts: Any, labels: Any, *, threshold: float = 0.0) -> Any:
        """The spans of each label, with their places in the text and their scores.

        Args:
          texts: one or many.
          labels: what to find: entity types, slots, questions.
          threshold: spans with a lower score are left out, and those whose score is not known.

        Raises:
          ContractError: a text is empty, or a label cannot be asked; the message has the number of the text.
        """

        def ask(texts: Sequence[str], labels: Sequence[Labels]) -> list[Extracted]:
            answers = self._answers("ext", texts, labels, "any")
            pairs = zip(answers, map(_names, labels), strict=True)
            return [Extracted.of(found, names, threshold) for found, names in pairs]

        return self._each_with_labels(texts, labels, ask)

    @overload
    def answer(self, texts: str, questions: str | Sequence[str]) -> Extracted: ...
    @overload
    def answer(
        self, texts: Sequence[str], questions: str | Sequence[str] | Sequence[Sequence[str]]
    ) -> list[Extracted]: ...
    @overload
    def answer(self, texts: Iterator[str], questions: str | Sequence[str]) -> Iterator[Extracted]: ...

    def answer(self, texts: Any, questions: Any) -> Any:
        """Extractive reading: the parts of each text that answer each question; none where it does not say.

        As `extract`, with questions for labels.
        """
        return self.extract(texts, [questions] if isinstance(questions, str) else questions)

    @overload
    def classify(self, texts: str, labels: Labels, *, choose: Choice = "any", threshold: float = 0.0) -> Classified: ...
    @overload
    def classify(
        self, texts: Sequence[str], labels: Labels | Sequence[Labels], *, choose: Choice = "any", threshold: float = 0.0
    ) -> list[Classified]: ...
    @overload
    def classify(
        self, texts: Iterator[str], labels: Labels, *, choose: Choice = "any", threshold: float = 0.0
    ) -> Iterator[Classified]: ...

    def classify(self, texts: Any, labels: Any, *, choose: Choice = "any", threshold: float = 0.0) -> Any:
        """The labels that fit.

        Args:
          texts: one or many. Two texts, such as a premise and a hypothesis, are one with a TAB between them.
          labels: candidates.
          choose: "any" number of labels, exactly "one", or "one_or_none". The latter two compare the exact
            probabilities of all labels, which the result has then.
          threshold: labels with a lower score are left out.

        Raises:
          ContractError: a text is empty, or a label cannot be asked; the message has the number of the text.
        """

        def ask(texts: Sequence[str], labels: Sequence[Labels]) -> list[Classified]:
            if any(isinstance(of_text, Mapping) and NONE in of_text for of_text in labels):
                raise ContractError(f"a label is called {NONE!r}, as the answer that no label fits: call it otherwise")
            answers = self._answers("cls", texts, labels, choose)
            return [
                Classified.of(found, _names(asked), threshold) for found, asked in zip(answers, labels, strict=True)
            ]

        return self._each_with_labels(texts, labels, ask)

    def relations(
        self, texts: Any, schema: Mapping[str, tuple[str, str]], *, language: Literal["en", "zh"] | None = None
    ) -> Any:
        """Relations between spans: those of the types in the schema first, then the relation of each pair.

        Args:
          texts: one, a sequence or an iterator; the result is a `Relations`, a list or an iterator of them.
          schema: relation -> (type of its head, type of its tail), such as `{"born in": ("person", "city")}`.
          language: of the questions; None takes that of each text.

        Raises:
          ContractError: a text is empty, or a type or relation cannot be asked.
        """
        pipelines.check_relations(schema, language, self._generator.limits)
        ask = partial(pipelines.relations, self._generator, schema=schema, language=language, progress=self._progress)
        return self._each(texts, ask)

    def events(
        self, texts: Any, schema: Mapping[str, Sequence[str]], *, language: Literal["en", "zh"] | None = None
    ) -> Any:
        """Events: the triggers of each event type first, then the arguments of each of them.

        Args:
          texts: one, a sequence or an iterator; the result is an `Events`, a list or an iterator of them.
          schema: event type -> its roles, such as `{"attack": ["attacker", "target"]}`.
          language: of the queries; None takes that of each text.

        Raises:
          ContractError: a text is empty, or a type or role cannot be asked.
        """
        pipelines.check_events(schema, language, self._generator.limits)
        ask = partial(pipelines.events, self._generator, schema=schema, language=language, progress=self._progress)
        return self._each(texts, ask)

    def fill(self, texts: Any, schema: Any, *, language: Literal["en", "zh"] | None = None) -> Any:
        """An object of a schema for each text, filled with what the text says.

        Strings, numbers and lists of them are extracted; Enum and Literal are classified; nested objects are relations
        (a list of objects with two fields) or events. A field is asked by its description, or by its name.

        Args:
          texts: one, a sequence or an iterator; the result is a `Filled`, a list or an iterator of them.
          schema: a dataclass or a pydantic model (both need pydantic), or a JSON schema.
          language: of the questions about relations and events; None takes that of each text.

        Raises:
          ContractError: a text is empty, or a field cannot be asked; it is named.
        """
        ask = partial(fill, self._generator, schema=Schema(schema), language=language, progress=self._progress)
        return self._each(texts, ask)

    def _answers(self, atom: Atom, texts: Sequence[str], labels: Sequence[Labels], choose: Choice) -> list[Answer]:
        asked = [of_text.values() if isinstance(of_text, Mapping) else of_text for of_text in labels]
        questions = [
            Question(text, atom, of_text if isinstance(of_text, str) else tuple(of_text), choose)
            for text, of_text in zip(texts, asked, strict=True)
        ]
        limits = self._generator.limits

        try:
            for question, of_text in zip(questions, labels, strict=True):
                # A description may be a sentence.
                if not isinstance(of_text, Mapping):
                    check_label_list(question, limits)
            return answer(self._generator, questions, self._progress)
        except ContractError:
            # Found by asking for the prompts of each: nothing has been generated.
            for number, (question, of_text) in enumerate(zip(questions, labels, strict=True)):
                try:
                    if not isinstance(of_text, Mapping):
                        check_label_list(question, limits)
                    compose(question, limits)
                except ContractError as error:
                    raise _TextError(number, str(error)) from error
            raise

    def _each_with_labels(
        self, texts: Any, labels: Any, ask: Callable[[Sequence[str], Sequence[Labels]], list[Any]]
    ) -> Any:
        if not isinstance(labels, Sequence | Mapping):
            labels = tuple(labels)
        of_each = isinstance(labels, Sequence) and labels and not isinstance(labels[0], str)
        if not of_each:
            return self._each(texts, lambda batch: ask(batch, [labels] * len(batch)))
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise TypeError("several label sets need a sequence of texts, one for each")
        if len(labels) != len(texts):
            raise ValueError(f"{len(labels)} label sets for {len(texts)} texts: give one for each, or one for all")
        return self._each(texts, lambda batch: ask(batch, labels))

    def _each(self, texts: Any, ask: Callable[[Sequence[str]], list[Any]]) -> Any:
        """`ask` of one text, of a sequence at once, or of an iterator in batches."""
        if isinstance(texts, str):
            return ask([texts])[0]
        if isinstance(texts, Sequence):
            return ask(_checked(texts)) if texts else []
        if not isinstance(texts, Iterable):
            raise TypeError(f"texts are a string, a sequence or an iterator of strings, not {texts!r}")
        return self._stream(iter(texts), ask)

    def _stream(self, texts: Iterator[str], ask: Callable[[Sequence[str]], list[Any]]) -> Iterator[Any]:
        first = 0
        while batch := list(islice(texts, self._stream_size)):
            try:
                found = ask(_checked(batch, first))
            except _TextError as error:
                raise _TextError(first + error.number, error.reason) from error
            yield from found
            first += len(batch)


class _TextError(ContractError):
    """One of several texts cannot be asked."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"text {number}: {reason}")
        self.number, self.reason = number, reason


def _checked(texts: Sequence[str], first: int = 0) -> Sequence[str]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {first + number} is not a string: {text!r}")
        if not clean_text(text).strip():
            raise _TextError(number, "the text is empty")
    return texts


def _names(labels: Labels) -> dict[str, str] | None:
    """What was asked -> the name of the label, where descriptions were asked; no two are asked alike."""
    return {description: name for name, description in labels.items()} if isinstance(labels, Mapping) else None
