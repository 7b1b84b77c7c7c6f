"""Passages: texts cut at sentence ends, cleaned, in a known language, each once, with the task that is asked."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from seqgpt_jax.atomic import clean_text
from seqgpt_jax.data.prepare.decontamination import SeenTexts
from seqgpt_jax.data.prepare.quota import stable_hash
from seqgpt_jax.data.prepare.windows import SENTENCE_END
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.io.json_line import json_line
from seqgpt_jax.synthesis.config import TASKS, SynthesizeConfig
from seqgpt_jax.synthesis.inputs import Text
from seqgpt_jax.tasks.readers.cleaning import visible

_TOKEN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff]+|[^\w\s]|_")
_SPACES = re.compile(r"\s+")
_SHOWN_ERRORS = 3

Tokens = Callable[[str], list[int]]
"""A text -> where each of its tokens begins, in characters."""


class Passage(NamedTuple):
    """A passage that is asked about.

    Attributes:
      id: of its text, and its number in it.
      text: one line.
      language: "en" or "zh".
      tokens: how many it has.
      task: "CLS", "ET" or "NER".
    """

    id: str
    text: str
    language: str
    tokens: int
    task: str


@dataclass
class PassageCounts:
    """What became of the input.

    Attributes:
      texts: read.
      passages: kept.
      dropped: reason -> passages (of "unreadable": records).
      errors: the first records that could not be read.
    """

    texts: int
    passages: int
    dropped: dict[str, int]
    errors: list[str]


def word_starts(text: str) -> list[int]:
    """Where words, marks and Chinese characters begin: tokens without a tokenizer.

    >>> word_starts("Ada, 你好")
    [0, 3, 5, 6]
    """
    return [match.start() for match in _TOKEN.finditer(text)]


def token_starts(name: str) -> Tokens:
    """The tokens of a tokenizer's folder or hub name, or of `word_starts` for ""."""
    if not name:
        return word_starts
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)

    def starts(text: str) -> list[int]:
        offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return [start for start, _ in offsets]

    return starts


def pieces(text: str, limit: int, tokens: Tokens) -> Iterator[tuple[str, int]]:
    """(piece, its tokens): sentences, as many as fit into `limit` tokens; a longer one is cut between tokens.

    >>> [piece for piece, _ in pieces("One two. Three four. Five.", 6, word_starts)]
    ['One two. Three four.', 'Five.']
    """
    starts = tokens(text)
    first = 0  # the first token of the piece
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    number = 0
    while first < len(starts):
        if len(starts) - first <= limit:
            end = len(starts)
        else:
            full = starts[first + limit]
            while number < len(ends) and ends[number] <= full:
                number += 1
            sentence = ends[number - 1] if number and ends[number - 1] > starts[first] else 0
            end = first + limit
            while sentence and starts[end - 1] >= sentence:
                end -= 1
            if not sentence:
                space = next((at for at in range(end, first, -1) if text[starts[at] - 1].isspace()), 0)
                end = space or end
        begin = starts[first] if first else 0
        piece = text[begin : starts[end] if end < len(starts) else len(text)].strip()
        if piece:
            yield piece, end - first
        first = end


def language_of_passage(text: str) -> str:
    """The language that `py3langid` hears, such as "en"."""
    import py3langid

    return py3langid.classify(text)[0]


def chosen_task(text: str, shares: Mapping[str, float], seed: int) -> str:
    """The task of a text: a function of the text and the seed alone, with these shares over many texts."""
    place = stable_hash(seed, text) / 2**64 * sum(shares.values())
    for task in TASKS:
        place -= shares.get(task, 0)
        if place < 0:
            return task
    return next(task for task in reversed(TASKS) if shares.get(task))


def passages(texts: Iterable[Text | RecordError], config: SynthesizeConfig, counts: PassageCounts) -> Iterator[Passage]:
    """The passages of the texts, in their order; `counts` is filled while they are read."""
    tokens, seen, dropped = token_starts(config.tokenizer), SeenTexts(), Counter[str]()
    try:
        for text in texts:
            if isinstance(text, RecordError):
                dropped["unreadable"] += 1
                if len(counts.errors) < _SHOWN_ERRORS:
                    counts.errors.append(str(text))
                continue
            counts.texts += 1
            # Line breaks end sentences: they are kept until the text is cut.
            for number, (piece, size) in enumerate(pieces(visible(text.text), config.max_tokens, tokens)):
                clean = _SPACES.sub(" ", clean_text(piece)).strip()
                if size < config.min_tokens:
                    dropped["too_short"] += 1
                elif (language := language_of_passage(clean)) not in config.languages:
                    dropped["other_language"] += 1
                elif seen.seen(clean):
                    dropped["duplicate"] += 1
                else:
                    counts.passages += 1
                    task = chosen_task(clean, config.shares[language], config.seed)
                    yield Passage(f"{text.id}#{number}", clean, language, size, task)
                    if counts.passages == config.passages:
                        return
    finally:
        counts.dropped = dict(sorted(dropped.items()))


def write_passages(found: Iterable[Passage], path: Path, about: Mapping[str, object], counts: PassageCounts) -> None:
    """Writes passages, one a line, and beside them `about` and the counts; a kill leaves nothing that is used."""
    part = path.with_suffix(".part")
    path.with_suffix(".json").unlink(missing_ok=True)
    with part.open("w", encoding="utf-8") as file:
        for passage in found:
            file.write(json_line(passage._asdict()))
    part.replace(path)
    record = {"about": about, "counts": asdict(counts)}
    part.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path.with_suffix(".json"))


def read_counts(path: Path, about: Mapping[str, object]) -> PassageCounts | None:
    """The counts of passages that were written with the same `about`; None where there are none."""
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    same = path.exists() and record["about"] == json.loads(json.dumps(about))
    return PassageCounts(**record["counts"]) if same else None


def read_passages(path: Path) -> Iterator[Passage]:
    """The passages of a file, one at a time."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield Passage(**json.loads(line))
