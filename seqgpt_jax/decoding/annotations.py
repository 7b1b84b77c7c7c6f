"""Answers as pre-annotations, which a person corrects in Label Studio or doccano."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from seqgpt_jax.io.json_line import json_line, with_characters


def doccano_line(record: Mapping[str, Any]) -> dict[str, Any]:
    """A line for doccano: `{"text": …, "label": [[start, end, label], …]}`, or a list of labels.

    Args:
      record: a line of an answers file.
    """
    found = record["found"]
    if isinstance(found, dict):
        spans = [[span["start"], span["end"], label] for label, of_label in found.items() for span in of_label]
        return {"text": record["text"], "label": sorted(spans)}
    return {"text": record["text"], "label": [one["label"] for one in found]}


def label_studio_task(record: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A task for Label Studio with a prediction.

    Args:
      record: a line of an answers file.
      model: name of the model that answered.
    """
    found, result = record["found"], []
    if isinstance(found, dict):
        for label, spans in found.items():
            for span in spans:
                value = {"start": span["start"], "end": span["end"], "text": span["text"], "labels": [label]}
                made = {"from_name": "span", "to_name": "text", "type": "labels", "value": value}
                result.append(made | {"id": f"s{len(result)}"} | _score(span))
    elif found:
        value = {"choices": [one["label"] for one in found]}
        result.append({"id": "c0", "from_name": "label", "to_name": "text", "type": "choices", "value": value})
    # The least sure answer is that which a person should look at.
    scored = found if isinstance(found, list) else [span for spans in found.values() for span in spans]
    prediction = {"model_version": model, "result": result}
    if scores := [one["score"] for one in scored if one["score"] is not None]:
        prediction["score"] = min(scores)
    return {"data": {"text": record["text"]}, "predictions": [prediction]}


def label_studio_config(records: Iterable[Mapping[str, Any]]) -> str:
    """The labeling configuration (XML) for these records."""
    labels: dict[str, dict[str, None]] = {"Labels": {}, "Choices": {}}
    for record in records:
        labels["Labels" if record["task"] == "ext" else "Choices"].update(dict.fromkeys(record["labels"]))
    parts = []
    if spans := labels["Labels"]:
        parts.append(f'<Labels name="span" toName="text">{_elements("Label", [*spans])}</Labels>')
    parts.append('<Text name="text" value="$text"/>')
    if choices := labels["Choices"]:
        shown = _elements("Choice", [*choices])
        parts.append(f'<Choices name="label" toName="text" choice="multiple">{shown}</Choices>')
    return f"<View>{''.join(parts)}</View>"


def write_label_studio(tasks: Sequence[Mapping[str, Any]], records: Iterable[Mapping[str, Any]], path: Path) -> Path:
    """Writes tasks, and beside them the labeling configuration for their records; returns the file of that."""
    path.write_text(json_line(tasks, indent=1), encoding="utf-8")
    config = path.with_suffix(".xml")
    config.write_text(with_characters(label_studio_config(records)) + "\n", encoding="utf-8")
    return config


def _elements(name: str, values: Sequence[str]) -> str:
    return "".join(f"<{name} value={quoteattr(value)}/>" for value in values)


def _score(span: Mapping[str, Any]) -> dict[str, float]:
    return {} if span["score"] is None else {"score": span["score"]}
