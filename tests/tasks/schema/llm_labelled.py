"""Samples of corpora that language models have labeled: sentences of our own in the form of each data set."""

import json

from tests.tasks.schema.sample import Sample


def _asked(text: str, *questions: tuple[str, list[str]]) -> dict:
    """A conversation of UniversalNER: types that are asked of a text, with their entities."""
    turns = [f"Text: {text}", "I've read this text."]
    for kind, spans in questions:
        turns += [f"What describes {kind} in the text?", json.dumps(spans)]
    conversation = [{"from": ("human", "gpt")[k % 2], "value": turn} for k, turn in enumerate(turns)]
    return {"id": "ner_0", "conversations": conversation}


_TEXT = "Mira Holt repairs cellos in Tampere."
_BY_TYPE = [
    _asked(_TEXT, ("PERSON", ["Mira Holt"]), ("musical_instrument", ["cellos"]), ("date", [])),
    _asked("It rained.", ("location", [])),
    _asked("Well."),
]
_BY_DEFINITION = [_asked(_TEXT, ("A city in Finland", ["Tampere"]), ("An instrument with strings", ["violins"]))]

SAMPLES: dict[str, Sample] = {
    "pile_ner_type": Sample(
        {"train.json": json.dumps(_BY_TYPE)},
        {
            "train": (
                (_TEXT, {"person": ("Mira Holt",), "musical instrument": ("cellos",)}),
                ("It rained.", {}),
                ("Well.", {}),
            )
        },
    ),
    "pile_ner_definition": Sample(
        {"train.json": json.dumps(_BY_DEFINITION)},
        {"train": (None, (_TEXT, {"A city in Finland": ("Tampere",)}))},
    ),
}
