"""CoNLL files of users: a token and its tag on each line, in any of the usual schemes and layouts."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.conll import TAG_PREFIXES, tagged_spans
from seqgpt_jax.tasks.readers.lines import WrongEncoding
from seqgpt_jax.tasks.readers.own_formats.encodings import text_lines
from seqgpt_jax.tasks.readers.own_formats.items import Item, Note, Remark
from seqgpt_jax.tasks.readers.own_formats.tokens import token_extraction
from seqgpt_jax.tasks.readers.record import Record

_SAMPLE = 200
_TAGGED_SHARE = 0.9
_DOCUMENT = "-DOCSTART-"
# spaCy writes it where it is not known whether a token is part of a span.
_UNKNOWN = "-"


def fits(path: Path) -> bool:
    """Whether nearly all lines that are not blank end in a tag, and one of them opens a span."""
    lines = [line for _, line in itertools.islice(text_lines(path), _SAMPLE) if isinstance(line, str) and line.strip()]
    rows = [row for line in lines if (row := _row(line)) is not None]
    tags = [row[1] for row in rows if row[1]]
    tagged = sum(map(_is_tag, tags))
    return tagged > 1 and tagged >= _TAGGED_SHARE * len(rows) and len({*tags} - {"O"}) > 0


def records(path: Path) -> Iterator[Item]:
    """One extraction record for each sentence: lines up to a blank one or `-DOCSTART-`.

    The first column is the token, the last one the tag. A line without token (only white space before the tag) is a
    space. Lines that start with `#` and end in no tag are comments.
    """
    start, rows, broken = 0, [], None
    for number, line in itertools.chain(text_lines(path), [(0, "")]):
        if isinstance(line, WrongEncoding):
            broken = broken or line
            continue
        row = _row(line) if line.strip() else None
        if row is not None:
            if not _is_tag(row[1]):
                problem = f"{row[1]!r} is no tag; a tag is O, or one of {', '.join(TAG_PREFIXES)}, - and a label"
                broken = broken or RecordError(path, number, f"{problem}: {line!r}")
            start = start if rows else number
            rows.append(row)
        elif line.strip() and not line.startswith(_DOCUMENT):
            continue  # a comment
        elif rows or broken:
            yield broken or _sentence(path, start, rows)
            if not broken and any(tag == _UNKNOWN for _, tag in rows):
                yield Note(path, start, Remark("unknown_tag", "tag '-' (not known) is read as O"))
            rows, broken = [], None


def _row(line: str) -> tuple[str, str] | None:
    """(token, tag) of a line, or None where it is a comment or starts a document."""
    line = line.rstrip()
    if line.startswith(_DOCUMENT):
        return None
    cells = line.split("\t") if "\t" in line.strip() else line.split()
    token, tag = (cells[0].strip(), cells[-1].strip()) if len(cells) > 1 else ("", cells[0].strip())
    if len(cells) == 1 and not line[0].isspace():
        token, tag = cells[0], ""  # a token alone
    if line.startswith("#") and not _is_tag(tag):
        return None
    return token or " ", tag


def _is_tag(tag: str) -> bool:
    prefix, _, label = tag.partition("-")
    return tag in ("O", _UNKNOWN) or (prefix in TAG_PREFIXES and bool(label))


def _sentence(path: Path, start: int, rows: list[tuple[str, str]]) -> Record:
    spans = tagged_spans(["O" if tag == _UNKNOWN else tag for _, tag in rows])
    return Record(path, start, token_extraction([token for token, _ in rows], spans))
