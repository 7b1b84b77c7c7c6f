"""Records of tokens: GLiNER's spans of tokens, and a tag for each token as the Hugging Face hub has them."""

import re
from collections.abc import Iterator, Sequence

from seqgpt_jax.tasks.readers.cleaning import CHINESE_SCRIPT
from seqgpt_jax.tasks.readers.conll import tagged_spans
from seqgpt_jax.tasks.readers.own_formats.items import Fields, first_field
from seqgpt_jax.tasks.readers.own_formats.spans import extraction

# Chinese characters, full-width punctuation and what Chinese shares with English: no space is written beside them.
_CLOSED_UP = re.compile(f"[{CHINESE_SCRIPT}“”‘’·—…]")
_CHINESE = re.compile(f"[{CHINESE_SCRIPT}]")
_TOKENS = ("tokens", "words")
_TAGS = ("ner_tags", "tags", "labels")


def joined(tokens: Sequence[str]) -> tuple[str, list[int]]:
    """(text, where each token starts): a space between two tokens, unless both meet in Chinese characters.

    Chinese of which each character is a token has no space: digits and foreign names are cut up like all else.

    >>> joined(["在", "2", "0", "2", "3", "年"])[0], joined(["He", "said", "“", "你", "好", "”"])[0]
    ('在2023年', 'He said “你好”')
    """
    text, starts = "", []
    characters = all(len(token) <= 1 for token in tokens) and any(map(_CHINESE.match, tokens))
    for token in tokens:
        closed = characters or (text and token and _CLOSED_UP.match(text[-1]) and _CLOSED_UP.match(token[0]))
        if text and not closed and not text[-1].isspace() and not token[:1].isspace():
            text += " "
        starts.append(len(text))
        text += token
    return text, starts


def token_extraction(tokens: Sequence[str], spans: Sequence[tuple[str, int, int]]) -> Fields:
    """The extraction record of tokens and (label, first token, one past the last) spans.

    Raises:
      ValueError: a span is not within the tokens.
    """
    text, starts = joined(tokens)
    found = []
    for label, first, end in spans:
        if not 0 <= first < end <= len(tokens):
            raise ValueError(f"span of tokens {first} to {end - 1} ({label}) is not within the {len(tokens)} tokens")
        found.append([starts[first], starts[end - 1] + len(tokens[end - 1]), label])
    return extraction(text, found)


def gliner_fits(record: Fields) -> bool:
    """Whether a record is GLiNER's."""
    return isinstance(record.get("tokenized_text"), list) and isinstance(record.get("ner"), list)


def gliner(record: Fields) -> Iterator[Fields]:
    """`ner` has [first token, last token, label]."""
    yield token_extraction(record["tokenized_text"], [(label, first, last + 1) for first, last, label in record["ner"]])


def tagged_fits(record: Fields) -> bool:
    """Whether a record has a list of tokens and one of tags."""
    return any(
        isinstance(record.get(words), list) and isinstance(record.get(tags), list)
        for words in _TOKENS
        for tags in _TAGS
    )


def tagged(record: Fields) -> Iterator[Fields]:
    """Tags are BIO, IOB1, BILUO or BMES; numbers have no names here."""
    name = first_field(record, _TAGS)
    tokens, tags = record[first_field(record, _TOKENS)], record[name]
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tokens)} tokens have {len(tags)} {name}")
    if numbers := [tag for tag in tags if not isinstance(tag, str)]:
        raise ValueError(f"{name} are numbers ({numbers[0]!r}): write their names, like B-person")
    yield token_extraction(tokens, tagged_spans(tags))
