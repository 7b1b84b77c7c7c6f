"""SQuAD 1.1 JSON: articles of passages of questions."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.jsonl import load_json
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


def passages() -> Records:
    """One record (`context` and `qas`) for each passage; its line is the passage's number, from 1."""

    def read_file(path: Path) -> Iterator[Record]:
        document = load_json(path)
        try:
            found = [passage for article in document["data"] for passage in article["paragraphs"]]
        except (KeyError, TypeError) as error:
            problem = f"not SQuAD: `data` has to be a list of articles with `paragraphs` ({error!r})"
            raise RecordError(path, 1, problem) from error
        for number, passage in enumerate(found, start=1):
            yield Record(path, number, passage)

    return each_file(read_file)


def questions(record: Record) -> Iterator[Instance | Skipped]:
    """MRC: one instance for each question of a passage; `id` is the question's own.

    The answers of several annotators are alternatives, not a list of spans to find: the one most
    of them gave counts (the first of equals). No answer means unanswerable.
    """
    for question in record.value["qas"]:
        id = f"{record.path.name}:{question['id']}"
        if not question["question"].strip():
            yield Skipped(id, "empty_question")
            continue
        given = Counter(answer["text"] for answer in question["answers"])
        answers = [text for text, _ in given.most_common(1)]
        yield families.reading(id, record.value["context"], question["question"], answers)


def first_question(passage: dict) -> str:
    """The split key of a passage: translations of a data set share their question ids."""
    return passage["qas"][0]["id"]
