"""Questions with answers in their passage: SQuAD's articles, its rows on the hubs, and MRQA's lines."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.readers.cleaning import without_markers
from seqgpt_jax.tasks.readers.jsonl import load_json
from seqgpt_jax.tasks.readers.record import Build, Record, Records, each_file


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
    of them gave counts (the first of equals). No answer, or an empty one, means unanswerable.
    """
    for question in record.value["qas"]:
        id = f"{record.path.name}:{question['id']}"
        if not question["question"].strip():
            yield Skipped(id, "empty_question")
            continue
        answers = most_given(answer["text"] for answer in question["answers"])
        yield families.reading(id, record.value["context"], question["question"], answers)


def question_rows(
    passage: Callable[[dict], str] = lambda row: row["context"],
    *,
    all_answers: bool = False,
    applies: Callable[[dict], bool] = lambda row: True,
) -> Build:
    """MRC out of rows with `question` and `answers` (a list `text`): one question a row.

    Args:
      passage: takes the passage out of a row.
      all_answers: whether the answers are spans to find together; otherwise they are alternatives.
      applies: which rows are meant; the others are counted as "other_language".
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        row = record.value
        if not applies(row):
            yield Skipped(record.id, "other_language")
            return
        if not row["question"].strip():
            yield Skipped(record.id, "empty_question")
            return
        texts = row["answers"]["text"]
        answers = [text for text in texts if text] if all_answers else most_given(texts)
        yield families.reading(record.id, passage(row), row["question"], answers)

    return in_passage(build)


def mrqa_questions(record: Record) -> Iterator[Instance | Skipped]:
    """MRC out of an MRQA line: a passage and its questions; the header line gives none.

    `detected_answers` are spellings of one answer that stand in the passage: the first counts, at its
    first place. Its own `text` may differ from the characters there, which `char_spans` names (the last
    one is part of a span).
    """
    if "header" in record.value:
        return
    context = record.value["context"]
    passage = without_markers(context)
    for question in record.value["qas"]:
        id = f"{record.path.name}:{question['qid']}"
        if not question["detected_answers"]:
            yield Skipped(id, "answer_not_in_passage", f"none of {question['answers']} was detected")
            continue
        start, last = question["detected_answers"][0]["char_spans"][0]
        yield families.reading(id, passage, question["question"], [without_markers(context[start : last + 1])])


def in_passage(build: Build) -> Build:
    """`build`, but a question with an answer that its passage does not hold (yes, a sum) is skipped and counted."""

    def read(record: Record) -> Iterator[Instance | Skipped]:
        for item in build(record):
            yield _checked(item) if isinstance(item, Instance) else item

    return read


def _checked(instance: Instance) -> Instance | Skipped:
    strange = [span for spans in instance.gold.values() for span in spans if span.strip() not in instance.text]
    return Skipped(instance.id, "answer_not_in_passage", f"answer {strange[0]!r}") if strange else instance


def most_given(answers: Iterable[str]) -> list[str]:
    """The answer that most annotators gave (the first of equals), in a list; [] where that is none."""
    return [text for text, _ in Counter(answers).most_common(1) if text]


def first_question(passage: dict) -> str:
    """The split key of a passage: translations of a data set share their question ids."""
    return passage["qas"][0]["id"]
