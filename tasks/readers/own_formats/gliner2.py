"""Training data of GLiNER2: a text and an object of entities, classifications and relations."""

from collections.abc import Iterator

from seqgpt_jax.tasks.readers.own_formats.items import Fields, Remark


def fits(record: Fields) -> bool:
    """Whether a record is GLiNER2's."""
    return isinstance(record.get("input"), str) and isinstance(record.get("output"), dict)


def convert(record: Fields) -> Iterator[Fields | Remark]:
    """Entities by type, each classification with its own labels, relations with head and tail."""
    text, output = record["input"], record["output"]
    read = ("entities", "classifications", "relations")
    if not any(name in output for name in read):
        raise ValueError(f"output has {', '.join(output) or 'nothing'}; what is read are {', '.join(read)}")
    if unread := [name for name in output if name not in read]:
        yield Remark("unread_field", f"{', '.join(unread)} of output is not read; what is read are {', '.join(read)}")
    if "entities" in output:
        yield {"text": text, "task": "ext", "answers": output["entities"]}
    for question in output.get("classifications", ()):
        answers = question["true_label"]
        yield {"text": text, "task": "cls", "answers": answers, "labels": question["labels"]}
    found: dict[tuple[str, str], list[str]] = {}
    for item in output.get("relations", ()):
        for name, ends in item.items():
            found.setdefault((ends["head"], ends["tail"]), []).append(name)
    for (head, tail), names in found.items():
        yield {"text": text, "head": head, "tail": tail, "relation": names}
