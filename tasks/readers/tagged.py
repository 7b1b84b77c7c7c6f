"""Labels written into the text: `word:tag` utterances and `<e1>`, `<e2>` around a pair."""

from collections.abc import Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.tasks.readers.conll import labelled_spans
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.marked import without_marks
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record

_PAIR = (("<e1>", "</e1>"), ("<e2>", "</e2>"))


_INTENT = " <=> "


def word_tags(name: Naming, joiner: str = " ") -> Build:
    """SF out of lines `word:tag word:tag <=> intent`; the intent is left out.

    `joiner` stands between the words of the text: a space, or "" for Chinese characters.
    """

    def build(record: Record) -> Iterator[Instance]:
        words, tags = _words_and_tags(record.value)
        yield families.spans_by_label(record.id, *labelled_spans(words, tags, joiner, name))

    return build


def line_intents(name: Naming) -> Build:
    """ID out of the same lines."""

    def build(record: Record) -> Iterator[Instance]:
        words, _ = _words_and_tags(record.value)
        yield families.classification(record.id, Words.english(words).text, [name(record.value.rpartition(_INTENT)[2])])

    return build


def _words_and_tags(line: str) -> tuple[list[str], list[str]]:
    words, tags = [], []
    for item in line.split(_INTENT)[0].split(" "):
        word, colon, tag = item.rpartition(":")
        if not colon or not word:
            raise ValueError(f"{item!r} is not `word:tag`")
        words.append(word)
        tags.append(tag)
    return words, tags


def marked_relations(name: Naming, language: str) -> Build:
    """RE typing out of SemEval-2010 task 8 blocks: `number TAB "sentence"`, relation, comment."""

    def build(record: Record) -> Iterator[Instance]:
        if len(record.value) < 2 or "\t" not in record.value[0]:
            raise ValueError("a block of `number TAB sentence` and a relation below it was expected")
        sentence, mentions = without_marks(record.value[0].split("\t", 1)[1].strip().strip('"'), *_PAIR)
        yield families.relation_typing(record.id, sentence, *mentions, [name(record.value[1].strip())], language)

    return build
