"""Cleaning of texts whose source holds markup: one rule, for the data sets that ask for it.

In this order: HTML entities become their characters (`&ldquo;` a quotation mark), `<br />` a space, line breaks and
tabs that are written out (a backslash and a letter) a space, an escaped quotation mark a plain one; characters that
nobody sees (bidirectional marks, zero-width spaces, control characters) go, and of several spaces one stays. Texts
whose spans are counted in characters are not cleaned.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
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


def without_markers(text: str, markers: re.Pattern[str] = _MARKERS) -> str:
    """A passage, or a span of it, without the marks of its parts: MRQA's, and the HTML tags of web pages, by default.

    What is a span of the passage before is one after.

    >>> without_markers("[PAR] [TLE] Ulm [SEP] <P> Ulm is old . </P>")
    'Ulm Ulm is old .'
    """
    return " ".join(markers.sub(" ", text).split())


CHINESE_SCRIPT = "\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
"""Chinese characters and full-width punctuation, as ranges of a regular expression."""
_HAN = f"{CHINESE_SCRIPT}“”‘’…—"
_BESIDE_HAN = re.compile(f"(?<=[{_HAN}]) +| +(?=[{_HAN}])")
_AFTER_HAN = re.compile(f"(?<=[{_HAN}])(?!\\.\\.)[,.?!:;]")
_FULL_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；"}


def unsegmented(text: str) -> str:
    """Chinese that was cut into words, as people write it.

    >>> unsegmented("从 概念 上 看 , 奶油 收入 有 两 个 方面 : New York 和 地理 .")
    '从概念上看，奶油收入有两个方面：New York和地理。'
    >>> unsegmented("我 知道 ... 但是 . . .")
    '我知道...但是...'
    """
    closed = re.sub(r" +(?=[,.?!:;](?: |$))", "", _BESIDE_HAN.sub("", text))
    return _BESIDE_HAN.sub("", _AFTER_HAN.sub(lambda found: _FULL_WIDTH[found[0]], closed))


def cleaned(records: Records, *fields: str, by: Callable[[str], str] = plain_text) -> Records:
    """The records with these text fields cleaned; null stays."""

    def read(paths: tuple[Path, ...]) -> Iterator[Record | RecordError]:
        for record in records(paths):
            if isinstance(record, RecordError) or not isinstance(record.value, dict):
                yield record
                continue
            texts = {field: record.value[field] for field in fields if isinstance(record.value.get(field), str)}
            yield replace(record, value=record.value | {field: by(text) for field, text in texts.items()})

    return read
