"""Recognition of files that are no data: pages of HTML, pointers of Git LFS, empty and cut files."""

import gzip
import json
import re
import zipfile
from pathlib import Path

_SEEN = 2048
_DECLARATION = re.compile(rb"<\?xml[^>]*>\s*", re.IGNORECASE)
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_LFS = b"version https://git-lfs.github.com/spec/"
_BLANK = b" \t\r\n"
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_CHUNK = 1 << 20


class ContentError(ValueError):
    """A file that is not what its name promises."""


def check_content(path: Path, name: str) -> None:
    """Looks at a file's beginning.

    Args:
      path: the file.
      name: what it will be called: a file called .html may hold HTML.

    Raises:
      ContentError: the file is empty, a page of HTML or a pointer of Git LFS.
    """
    with path.open("rb") as file:
        start = file.read(_SEEN).removeprefix(_BOM)
        if not start.strip(_BLANK) and not file.read(_CHUNK).strip(_BLANK):
            raise ContentError("the file is empty")
    if start.startswith(_LFS):
        raise ContentError(
            "a pointer of Git LFS came, not the file itself: its repository stores it elsewhere "
            "(GitHub gives it at media.githubusercontent.com, the Hugging Face hub at …/resolve/…)"
        )
    if _is_html(start) and not name.lower().endswith((".html", ".htm", ".xhtml")):
        raise ContentError(f"a page of HTML came, not the file: perhaps a login or an error page{_title(start)}")


def check_end(path: Path, name: str) -> None:
    """Looks at a file's end, where neither its size nor its checksum is known.

    Args:
      path: the file.
      name: what it will be called: a file called .json or .jsonl is read as such.

    Raises:
      ContentError: the file is cut, or may be: it ends within a line.
    """
    try:
        whole = _is_whole(path, name)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ContentError(f"the file is cut: {error}") from error
    if not whole:
        raise ContentError(
            "the file may be cut: it ends within a line, and the server does not say how large it is. Download it "
            "by hand and compare"
        )


def _is_html(start: bytes) -> bool:
    rest = _DECLARATION.sub(b"", start.lstrip(), count=1) if start.lstrip()[:2] == b"<?" else start.lstrip()
    while rest.startswith(b"<!--"):
        rest = rest[4:].partition(b"-->")[2].lstrip()
    return _HTML.match(rest) is not None


def _is_whole(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(-min(_CHUNK, path.stat().st_size), 2)
        end = file.read()
    if start.startswith(_GZIP):
        with gzip.open(path) as file:
            while file.read(_CHUNK):
                pass
        return True
    if start.startswith(b"PK"):
        with zipfile.ZipFile(path):
            return True
    if start == _PARQUET:
        return end.endswith(_PARQUET)
    ends_in_line = not end.endswith((b"\n", b"\r"))
    if name.lower().endswith((".json", ".jsonl")) or (ends_in_line and start[:1] in (b"{", b"[")):
        _read_json(path, end)
        return True
    return not ends_in_line


def _read_json(path: Path, end: bytes) -> None:
    with path.open("rb") as file:
        first = file.readline()
    try:
        json.loads(first)
    except ValueError:
        json.loads(path.read_bytes())  # no JSON lines: all of it is one value
    else:
        json.loads(end.rstrip().rpartition(b"\n")[2])


def _title(start: bytes) -> str:
    found = re.search(rb"<title[^>]*>(.*?)</title>", start, re.IGNORECASE | re.DOTALL)
    text = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    return f" (its title: {text[:80]!r})" if text else ""
