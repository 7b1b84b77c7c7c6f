"""Files of brat: a text (.txt) and its annotations (.ann), a pair or a folder of them."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.own_formats.encodings import whole_text
from seqgpt_jax.tasks.readers.own_formats.items import Fields, Item, Note, Remark
from seqgpt_jax.tasks.readers.own_formats.spans import extraction, relations
from seqgpt_jax.tasks.readers.record import Record

_SPAN = re.compile(r"(T\d+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
_RELATION = re.compile(r"R\d+\t(\S+) \S+?:(T\d+) \S+?:(T\d+)\s*")
# Events, attributes, normalizations, notes and equivalences say nothing that a span or relation record holds.
_IGNORED = ("E", "A", "M", "N", "#", "*")


def fits(path: Path) -> bool:
    """Whether a path is of brat: a folder with .ann files, one of them, or the text beside one."""
    if path.is_dir():
        return any(path.rglob("*.ann"))
    return path.suffix == ".ann" or (path.suffix == ".txt" and path.with_suffix(".ann").exists())


def records(path: Path) -> Iterator[Item]:
    """An extraction record for each text, then one for each pair of spans with a relation.

    A discontinuous span is the part of the text from its first to its last character. Where only white space is
    between its parts (brat splits a span at a line break), that is the span itself; else a remark says so.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted({file.with_suffix("") for file in path.rglob("*.ann")}) if path.is_dir() else [path.with_suffix("")]
    for file in files:
        text_file, notes = file.with_suffix(".txt"), file.with_suffix(".ann")
        if missing := [part for part in (text_file, notes) if not part.is_file()]:
            yield RecordError(missing[0], 1, "a text of brat is two files, .txt and .ann: this one is missing")
            continue
        yield from _document(text_file, notes, file.relative_to(folder).as_posix())


def _document(text_file: Path, notes: Path, name: str) -> Iterator[Item]:
    text = whole_text(text_file)
    spans: dict[str, Fields] = {}
    pairs: list[tuple[int, re.Match[str]]] = []
    lines = whole_text(notes)
    # Not `splitlines`: quoted texts hold what else it breaks at, like U+2028 and form feeds.
    for number, line in enumerate(lines.split("\n" if "\n" in lines else "\r"), start=1):
        line = line.removesuffix("\r")
        if match := _SPAN.fullmatch(line):
            id, label, offsets, quoted = match.groups()
            parts = [tuple(map(int, part.split())) for part in offsets.split(";")]
            start, end = min(start for start, _ in parts), max(end for _, end in parts)
            between = "".join(text[before[1] : after[0]] for before, after in itertools.pairwise(parts))
            if between.strip():
                detail = f"span {quoted!r} of {label!r} has {len(parts)} parts; it is read as {text[start:end]!r}"
                yield Note(notes, number, Remark("discontinuous_span", detail))
            elif " ".join(quoted.split()) != " ".join(text[start:end].split()):
                problem = f"characters {start} to {end} of {text_file.name} are {text[start:end]!r}, not {quoted!r}"
                yield RecordError(notes, number, problem)
                return
            spans[id] = {"start": start, "end": end, "label": label}
        elif match := _RELATION.fullmatch(line):
            pairs.append((number, match))
        elif line.strip() and not line.startswith(_IGNORED):
            yield RecordError(notes, number, f"not a line of brat (T1<TAB>label start end<TAB>text): {line!r}")
            return
    if unknown := [(number, id) for number, match in pairs for id in match.groups()[1:] if id not in spans]:
        yield RecordError(notes, unknown[0][0], f"a relation names {unknown[0][1]}, which is not in the file")
        return
    yield Record(text_file, 1, extraction(text, spans.values()), name)
    named = ((spans[match[2]], spans[match[3]], match[1]) for _, match in pairs)
    for number, record in enumerate(relations(text, named)):
        yield Record(text_file, 1, record, f"{name}/{number}")
