"""Column files (CoNLL): a token and its tags on each line, a blank line between sentences."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.lines import numbered_lines
from seqgpt_jax.tasks.readers.names import Naming, verbatim
from seqgpt_jax.tasks.readers.record import Build, Record, Records, each_file

Span = tuple[str, int, int]  # label, first token, one past the last token
TAG_PREFIXES = ("B", "I", "M", "E", "S", "L", "U")


def conll(*, columns: int = 2, separator: str = "\t", comment: str = "") -> Records:
    """One record (a list of rows, each a list of columns) for each sentence.

    Args:
      columns: how many a line has.
      separator: between the columns.
      comment: where given, a line that starts with it ends a sentence and is left out.
    """

    def read_file(path: Path) -> Iterator[Record | RecordError]:
        start, rows, broken = 0, [], False
        for number, line in numbered_lines(path):
            if line.strip() and not (comment and line.startswith(comment)):
                row = line.split(separator)
                if len(row) != columns and not broken:
                    yield RecordError(path, number, f"{columns} columns were expected, found {len(row)}: {line!r}")
                    # The rest of its sentence says nothing without it.
                    rows, broken = [], True
                if not broken:
                    start = start if rows else number
                    rows.append(row)
            else:
                if rows:
                    yield Record(path, start, rows)
                rows, broken = [], False
        if rows:
            yield Record(path, start, rows)

    return each_file(read_file)


def tagged_spans(tags: Sequence[str]) -> list[Span]:
    """The spans of one tag for each token: BIO, IOB1, BMES, BIOES and BILUO alike.

    B, S and U open a span; I, M, E and L go on with the open one of their label and open one where
    there is none (IOB1, and cut sentences); E, L, S and U close it.

    >>> tagged_spans(["B-LOC", "I-LOC", "O", "S-PER"])
    [('LOC', 0, 2), ('PER', 3, 4)]

    Raises:
      ValueError: a tag is none of these.
    """
    spans: list[Span] = []
    is_open = False
    for i, tag in enumerate(tags):
        prefix, _, label = tag.partition("-")
        if tag == "O":
            is_open = False
            continue
        if prefix not in TAG_PREFIXES or not label:
            raise ValueError(f"tag {tag!r} is neither O nor one of B-, I-, M-, E-, S-, L-, U- and a label")
        if is_open and prefix in "IMEL" and spans[-1][0] == label:
            spans[-1] = (label, spans[-1][1], i + 1)
        else:
            spans.append((label, i, i + 1))
        is_open = prefix not in "ESLU"
    return spans


def words_of(tokens: Sequence[str], joiner: str, pieces: bool = False) -> Words:
    """The sentence of some tokens: detokenized where `joiner` is a space, as they are where it is ""."""
    return Words.english(tokens, pieces=pieces) if joiner == " " else Words.joined(tokens, joiner)


def labelled_spans(
    tokens: Sequence[str], tags: Sequence[str], joiner: str, name: Naming, pieces: bool = False
) -> tuple[str, list[tuple[str, str]]]:
    """(text, (label, span) pairs in text order) of one tagged sentence; see `words_of`."""
    words = words_of(tokens, joiner, pieces)
    return words.text, [(name(label), words.span(start, end)) for label, start, end in tagged_spans(tags)]


def entities(
    name: Naming = verbatim,
    *,
    joiner: str = " ",
    pieces: bool = False,
    token: Callable[[str], str] = lambda column: column,
) -> Build:
    """NER: the first column holds the tokens, the last one the tags.

    Args:
      name: of a label.
      joiner: " " for English, which is detokenized (`Words`), or "" for Chinese characters.
      pieces: whether words are cut at punctuation inside of them (`IL - 3`).
      token: takes the token out of the first column.
    """

    def build(record: Record) -> Iterator[Instance]:
        tokens, tags = [token(row[0]) for row in record.value], [row[-1] for row in record.value]
        yield families.spans_by_label(record.id, *labelled_spans(tokens, tags, joiner, name, pieces))

    return build


def sentence(rows: Sequence[Sequence[str]]) -> str:
    """The tokens of a record: the key of a split by hash."""
    return " ".join(row[0] for row in rows)


def mentions(name: Naming, *, language: str, joiner: str = " ") -> Build:
    """ET: the types of each mention in a sentence, mentions of equal words together."""

    def build(record: Record) -> Iterator[Instance]:
        tokens, tags = [row[0] for row in record.value], [row[-1] for row in record.value]
        text, pairs = labelled_spans(tokens, tags, joiner, name)
        types: dict[str, list[str]] = {}
        for label, span in pairs:
            types.setdefault(span, []).append(label)
        for k, (mention, labels) in enumerate(types.items()):
            yield families.entity_typing(f"{record.id}/{k}", text, mention, labels, language)

    return build
