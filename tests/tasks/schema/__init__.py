"""Samples of all tasks that are `verified="schema"`: one module for each family or few families."""

from tests.tasks.schema import (
    entity_typing,
    events,
    events_zh,
    inference,
    intent,
    judgements,
    llm_labelled,
    ner_biomedical,
    ner_en,
    ner_zh,
    reading_choices,
    reading_spans,
    relations,
    relations_zh,
    sentiment,
    slots,
    topics,
)
from tests.tasks.schema.sample import Sample

SAMPLES: dict[str, Sample] = {}
SAMPLES |= ner_en.SAMPLES | ner_biomedical.SAMPLES | ner_zh.SAMPLES | slots.SAMPLES
SAMPLES |= inference.SAMPLES | entity_typing.SAMPLES | reading_spans.SAMPLES | reading_choices.SAMPLES
SAMPLES |= topics.SAMPLES | judgements.SAMPLES | sentiment.SAMPLES | intent.SAMPLES
SAMPLES |= relations.SAMPLES | relations_zh.SAMPLES | events.SAMPLES | events_zh.SAMPLES
SAMPLES |= llm_labelled.SAMPLES
