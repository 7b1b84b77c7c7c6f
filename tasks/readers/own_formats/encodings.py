"""Encodings and line ends of own files: UTF-8, UTF-16, GB18030, and what charset-normalizer finds."""

import codecs
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from seqgpt_jax.tasks.readers.lines import WrongEncoding, decoded_lines

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8 = "utf-8"
_HEAD = 1 << 16
# Of the two-byte characters of a Chinese text, at least this share is in the common rows of GB 2312.
_COMMON_SHARE = 0.9
# Of the bytes of a UTF-16 text with ASCII words, at least this share is zero.
_LEAST_ZEROS = 0.05


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a file become lines.

    Attributes:
      name: as Python's codecs name it.
      guessed: whether nothing in the file says so: it is only what fits the bytes.
      cr_only: whether lines end with CR alone.
    """

    name: str
    guessed: bool = False
    cr_only: bool = False


def encoding_of(path: Path) -> Encoding:
    """The encoding of a text file. Never fails: what is in no encoding is UTF-8 with errors."""
    stat = path.stat()
    return _encoding(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=256)
def _encoding(path: Path, *stamp: int) -> Encoding:
    del stamp
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return Encoding(name, cr_only=_cr_only(path, name))
    if b"\0" in head and (name := _two_byte_name(head)):
        return Encoding(name, guessed=True, cr_only=_cr_only(path, name))
    name = _name_without_marks(path)
    return Encoding(name, guessed=name != _UTF8, cr_only=_cr_only(path, name))


def _two_byte_name(head: bytes) -> str:
    """The UTF-16 that a file with zero bytes is in; "" where they are stray characters of another encoding."""
    whole = head[: len(head) // 2 * 2]
    even, odd = whole[::2].count(0), whole[1::2].count(0)
    little, big = (_line_ends(whole.decode(name, errors="replace")) for name in ("utf-16-le", "utf-16-be"))
    # ASCII characters have a zero byte beside them; but a common Chinese one (U+4E00) has it on the other side.
    name = "utf-16-le" if (little, odd) >= (big, even) else "utf-16-be"
    zeros, others = (odd, even) if name == "utf-16-le" else (even, odd)
    if zeros > max(_LEAST_ZEROS * len(head), 2 * others):
        return name
    try:
        codecs.getincrementaldecoder(_UTF8)().decode(head)  # it may end within a character
    except UnicodeDecodeError:
        # Chinese texts have few ASCII characters, but line ends.
        return name if little or big else ""
    return ""


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r")


def _cr_only(path: Path, name: str) -> bool:
    if name.startswith(("utf-16", "utf-32")):
        text = path.read_bytes().decode(name, errors="replace")
        return "\r" in text and "\n" not in text
    found = False
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if b"\n" in block:
                return False
            found = found or b"\r" in block
    return found


def _name_without_marks(path: Path) -> str:
    """UTF-8 unless most lines that are not ASCII are something else."""
    good, bad = 0, bytearray()
    bad_lines = 0
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode(_UTF8)
                good += 1
            except UnicodeDecodeError:
                bad_lines += 1
                if len(bad) < _HEAD:
                    bad += line
    if bad_lines <= good:
        return _UTF8
    whole = path.read_bytes()
    if _is_chinese(bytes(bad)) and _decodes(whole, "gb18030"):
        return "gb18030"
    # Lines of other such bytes alone are no text in any encoding.
    if not any(byte < 0x80 and chr(byte).isalnum() for byte in bad):
        return _UTF8
    best = from_bytes(bytes(bad)).best()
    for name in (best.encoding if best else "", "cp1252"):
        if name and name not in ("utf_8", "ascii", "gb18030", "gbk", "gb2312") and _decodes(whole, name):
            return name
    return _UTF8


def _is_chinese(raw: bytes) -> bool:
    """Whether the bytes pair up to characters that Chinese texts are made of."""
    common = pairs = i = 0
    while i < len(raw) - 1:
        if raw[i] < 0x80:
            i += 1
            continue
        pairs += 1
        # Rows 1 to 9 are symbols, 16 to 55 the characters of daily use.
        common += 0xA1 <= raw[i] <= 0xD7 and raw[i + 1] >= 0xA1
        i += 2
    return pairs > 0 and common >= _COMMON_SHARE * pairs


def _decodes(raw: bytes, name: str) -> bool:
    try:
        raw.decode(name)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def text_lines(path: Path) -> Iterator[tuple[int, str | WrongEncoding]]:
    """(number from 1, line without its end) for each line of a file in any encoding; an error in place of a line."""
    encoding = encoding_of(path)
    if encoding.name == _UTF8 and not encoding.cr_only:
        yield from decoded_lines(path)
        return
    text = whole_text(path)
    for number, line in enumerate(text.split("\r" if encoding.cr_only else "\n"), start=1):
        yield number, line.removesuffix("\r")


def whole_text(path: Path) -> str:
    """The text of a file, without a byte order mark and with its line ends as they are.

    Raises:
      WrongEncoding: it cannot be decoded; named with line and byte.
    """
    raw, name = path.read_bytes(), encoding_of(path).name
    try:
        return raw.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{raw[error.start]:02x} (number {error.start + 1} of the file) is not {name}"
        raise WrongEncoding(path, line, f"{problem}: save the file as UTF-8") from error
