"""Reading comprehension as SQuAD has it: a document of articles, and rows with a context and a question."""

from collections.abc import Iterator

from seqgpt_jax.tasks.readers.own_formats.items import Fields, LeftOut
from seqgpt_jax.tasks.readers.squad import most_given


def fits(record: Fields) -> bool:
    """Whether a record is a whole SQuAD document."""
    articles = record.get("data")
    return isinstance(articles, list) and bool(articles) and all("paragraphs" in article for article in articles)


def convert(record: Fields) -> Iterator[Fields | LeftOut]:
    """One record for each question; of alternative answers, the one that most annotators gave."""
    for article in record["data"]:
        for passage in article["paragraphs"]:
            for question in passage["qas"]:
                texts = [answer["text"] for answer in question.get("answers", ())]
                yield from _question(passage["context"], question["question"], texts)


def row_fits(record: Fields) -> bool:
    """Whether a record is a row of SQuAD on a hub."""
    return {"context", "question", "answers"} <= record.keys() and "text" not in record


def convert_row(record: Fields) -> Iterator[Fields | LeftOut]:
    """The same for a row, whose `answers` are an object with a list `text`, or a list."""
    answers = record["answers"]
    texts = answers["text"] if isinstance(answers, dict) else answers
    yield from _question(record["context"], record["question"], texts)


def _question(context: str, question: str, answers: list[str]) -> Iterator[Fields | LeftOut]:
    if question.strip():
        yield {"text": context, "question": question, "answers": most_given(answers)}
    else:
        yield LeftOut("empty_question", "the question is empty")
