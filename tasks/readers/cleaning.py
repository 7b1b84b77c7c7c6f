"""Cleaning of texts whose source holds markup: one rule, for the data sets that ask for it.

In this order: HTML entities become their characters (`&ldquo;` a quotation mark), `<br />` a space, line breaks and
tabs that are written out (a backslash and a letter) a space, an escaped quotation mark a plain one; characters that
nobody sees (bidirectional marks, zero-width spaces, control characters) go, and of several spaces one stays. Texts
whose spans are counted in characters are not cleaned.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.record import Record, Records

_BREAKS = re.compile(r"<br\s*/?>|\\+[nrt]", re.IGNORECASE)
_ESCAPED_QUOTES = re.compile(r'\\"+')
_SPACES = re.compile(r"[ \u00a0\u3000]{2,}")
# They join letters and the parts of an emoji.
_JOINERS = "\u200c\u200d"
_WHITE = "\t\n\r"
_MARKERS = re.compile(r"\[(?:TLE|DOC|PAR|SEP)\]|</?[A-Za-z][A-Za-z0-9]*\s*/?>")


def visible(text: str) -> str:
    """The text without control and format characters, which nobody sees.

    >>> visible("\\u202a合作者\\u202c")
    '合作者'
    """
    return "".join(c for c in text if c in _WHITE or c in _JOINERS or unicodedata.category(c) not in ("Cc", "Cf"))


def plain_text(text: str) -> str:
    r"""The text as a person would have written it.

    >>> plain_text(r"He said &ldquo;no&rdquo;.<br /><br />A\nB")
    'He said “no”. A B'
    """
    text = _BREAKS.sub(" ", html.unescape(text))
    return _SPACES.sub(" ", visible(_ESCAPED_QUOTES.sub('"', text))).strip(" ")


def without_markers(text: str) -> str:
    """A passage, or a span of it, without MRQA's marks of titles and paragraphs and the HTML tags of web pages.

    What is a span of the passage before is one after.

    >>> without_markers("[PAR] [TLE] Ulm [SEP] <P> Ulm is old . </P>")
    'Ulm Ulm is old .'
    """
    return " ".join(_MARKERS.sub(" ", text).split())


def cleaned(records: Records, *fields: str) -> Records:
    """The records with these text fields cleaned (`plain_text`); null stays."""

    def read(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for record in records(paths):
            if isinstance(record, RecordError) or not isinstance(record.value, dict):
                yield record
                continue
            texts = {field: record.value[field] for field in fields if isinstance(record.value.get(field), str)}
            yield replace(record, value=record.value | {field: plain_text(text) for field, text in texts.items()})

    return read
