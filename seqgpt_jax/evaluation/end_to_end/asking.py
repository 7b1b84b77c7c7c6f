"""Whole texts asked for relations and events, as `SeqGPT.relations` and `SeqGPT.events` ask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import ContractError, clean_text
from seqgpt_jax.decoding import pipelines
from seqgpt_jax.decoding.completion import Generator
from seqgpt_jax.decoding.results import Events, Relations
from seqgpt_jax.evaluation.end_to_end.gold import GoldData, GoldText, Units, event_units
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class EndToEndPrediction:
    """The units that a model found in a text, beside the gold ones.

    Attributes:
      gold: the text.
      units: metric -> predicted units.
      not_asked: pairs of spans that were not asked about; see `Relations`.
      refusal: why the text could not be asked; it counts as answered with nothing.
    """

    gold: GoldText
    units: Units
    not_asked: int = 0
    refusal: str = ""


def ask(generator: Generator, data: GoldData, progress: Progress = no_progress) -> list[EndToEndPrediction]:
    """What a model finds in the texts of a data set, in their order."""
    if data.family == "RE":

        def relations(texts: Sequence[str]) -> list[Relations]:
            return pipelines.relations(generator, texts, data.schema, data.language, progress)

        return _ask(data, relations, data.texts)

    def events(texts: Sequence[str]) -> list[Events]:
        return pipelines.events(generator, texts, data.schema, data.language, progress)

    return _ask(data, events, data.texts)


def _ask(
    data: GoldData, found: Callable[[Sequence[str]], Sequence[Relations | Events]], texts: Sequence[GoldText]
) -> list[EndToEndPrediction]:
    """All texts in one call; where one is refused, in halves."""
    try:
        answers = found([one.text for one in texts])
    except ContractError as error:
        if len(texts) == 1:
            nothing: Units = dict.fromkeys(texts[0].units, frozenset())
            return [EndToEndPrediction(texts[0], nothing, refusal=str(error))]
        middle = len(texts) // 2
        return [*_ask(data, found, texts[:middle]), *_ask(data, found, texts[middle:])]
    return [
        EndToEndPrediction(one, _relation_units(given, data), given.not_asked)
        if isinstance(given, Relations)
        else EndToEndPrediction(one, _event_units(given, one))
        for one, given in zip(texts, answers, strict=True)
    ]


def _relation_units(given: Relations, data: GoldData) -> Units:
    strict, boundary = set(), set()
    for one in given.relations:
        head, tail = clean_text(one.head.text), clean_text(one.tail.text)
        head_type, tail_type = data.schema[one.label]
        strict.add((head, head_type, one.label, tail, tail_type))
        boundary.add((head, one.label, tail))
    return {"relation_strict": frozenset(strict), "relation_boundary": frozenset(boundary)}


def _event_units(given: Events, gold: GoldText) -> Units:
    triggers = {(event.label, clean_text(span.text)) for event in given.events for span in event.triggers}
    arguments = {
        (event.label, role, clean_text(span.text))
        for event in given.events
        for role, spans in event.arguments.items()
        for span in spans
    }
    return event_units(triggers, arguments, "argument_classification" in gold.units)
