"""Evaluation records and a small real store for the tests of this folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from etils import epath

from seqgpt_jax.atomic import TEMPLATES, Classification, Extraction
from seqgpt_jax.data.store import EvalRecord, EvalStore, StoreWriter, eval_fields
from seqgpt_jax.evaluation.predictions import Prediction, read_predictions


def record(id: str, example: Classification | Extraction, family: str = "NER", language: str = "en") -> EvalRecord:
    """`id` is `task/split/name#chunk`, as `prepare` writes it."""
    prompt, target = TEMPLATES["chinese"].render(example)
    return EvalRecord(
        id=id,
        task=id.split("/")[0],
        family=family,
        language=language,
        atom=example.atom,
        text=example.text,
        labels=example.labels,
        answers=example.answers,
        prompt=prompt,
        target=target,
        prompt_ids=[5],
    )


def choice(id: str, answer: str, family: str = "SA", language: str = "en", text: str = "a text") -> EvalRecord:
    return record(id, Classification(text, ("positive", "negative"), (answer,)), family, language)


def spans(id: str, answers: dict[str, tuple[str, ...]], family: str = "NER", language: str = "en") -> EvalRecord:
    return record(id, Extraction("a text", tuple(answers), tuple(answers.values())), family, language)


def predict(record: EvalRecord, output: str, mixture: str = "") -> Prediction:
    """The prediction of a model that completes the record's prompt with `output`."""
    (prediction,) = read_predictions([(record, output)])
    return dataclasses.replace(prediction, instance=dataclasses.replace(prediction.instance, mixture=mixture))


def write_store(
    folder: Path, records: list[EvalRecord], mixture: str = "mix", template: str = "chinese", **facts: Any
) -> EvalStore:
    """A finished store of these records, `facts` in its manifest."""
    writer = StoreWriter(epath.Path(folder))
    writer.write_shard(
        "epoch-0000/examples-all", [eval_fields(item) for item in records], np.ones((len(records), 2)), {}
    )
    settings = {"template": template}
    manifest = {"name": folder.name, "mixture": mixture, "kind": "eval", "settings": settings, **facts}
    writer.finish([[(0, "epoch-0000/examples-all")]], manifest)
    return EvalStore(folder)


def two_data_sets() -> list[EvalRecord]:
    """Perfectly answerable records: two data sets of two languages, one with two atomic tasks."""
    return [
        *(choice(f"reviews/test/{i}#0", ("positive", "negative")[i % 2]) for i in range(6)),
        *(spans(f"facts.spans/test/{i}#0", {"人": ("李雷",), "地": ()}, "RE", "zh") for i in range(3)),
        *(spans(f"facts.spans/test/{i}#1", {"公司": ("甲", "乙")}, "RE", "zh") for i in range(3)),
        *(choice(f"facts.typing/test/{i}#0", "negative", "RE", "zh") for i in range(3)),
    ]
