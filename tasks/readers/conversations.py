"""UniversalNER's form: a conversation about one text, in which each question asks for the entities of one type.

    human  Text: In May it rained.                     文本： 五月下雨。
    gpt    I've read this text.                        我已读完这段文本。
    human  What describes month in the text?           文本中属于"月份"的实体有哪些？
    gpt    ["May"]                                     ["五月"]

Pile-NER, Sky-NER and the test sets of UniversalNER have it. Types without an entity in the text are asked too (`[]`).
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import Skipped
from seqgpt_jax.tasks.readers.answers import answers_in_text
from seqgpt_jax.tasks.readers.names import verbatim
from seqgpt_jax.tasks.readers.record import Build, Record

_TEXT = re.compile(r"(?:Text:|文本：) ?(.*)", re.DOTALL)
_QUESTION = re.compile(r'What describes "?(.*?)"? in the text\?|文本中属于"(.*)"的实体有哪些？', re.DOTALL)


def conversation(name: Callable[[str], str] = verbatim) -> Build:
    """NER: the types that were asked of one text, with the model's answers.

    Args:
      name: the words of a type; answers of types that become one are joined.

    A type with an answer that is no list of strings, or no words of the text, is left out, and counted.

    Raises (as the error of a record):
      ValueError: the turns are not those of the form.
    """

    def build(record: Record) -> Iterator[Instance | Skipped]:
        turns = record.value["conversations"]
        if [turn["from"] for turn in turns] != ["human", "gpt"] * (len(turns) // 2) or not turns:
            raise ValueError(f"turns of human and gpt in pairs were expected, found {len(turns)} turns")
        text = _group(_TEXT, turns[0]["value"])
        answers: dict[str, list[str]] = {}
        broken: set[str] = set()
        for number, (question, answer) in enumerate(zip(turns[2::2], turns[3::2], strict=True)):
            kind = name(_group(_QUESTION, question["value"].strip()).strip())
            spans = _spans(answer["value"])
            if not kind:
                yield Skipped(f"{record.id}/question{number}", "empty_label", "a question names no type")
            elif spans is None:
                broken.add(kind)
                detail = f"the answer for {kind!r} is no list of strings"
                yield Skipped(f"{record.id}/question{number}", "broken_answer", detail)
            else:
                answers.setdefault(kind, []).extend(spans)
        whole = {kind: spans for kind, spans in answers.items() if kind not in broken}
        yield from answers_in_text(record.id, text, whole)
        if len(turns) == 2:
            yield Skipped(record.id, "no_question", "no entity was found in the text, and nothing is asked of it")

    return build


def _group(pattern: re.Pattern[str], turn: str) -> str:
    """What a turn of this form holds."""
    found = pattern.fullmatch(turn)
    if found is None:
        raise ValueError(f"a turn of the form {pattern.pattern} was expected, found {turn[:80]!r}")
    return next(group for group in found.groups() if group is not None)


def _spans(answer: str) -> Sequence[str] | None:
    """The list that an answer is; None where it is none (a quotation mark within a span breaks it, say)."""
    try:
        found = json.loads(answer)
    except json.JSONDecodeError:
        return None
    if not isinstance(found, list) or not all(isinstance(span, str) for span in found):
        return None
    # An empty string is no answer.
    return [span for span in found if span.strip()]
