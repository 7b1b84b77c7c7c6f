"""HTTP servers on loopback that play the world's: good ones, and all kinds of bad ones."""

import time
from dataclasses import dataclass, field

from seqgpt_jax.data.raw.sources import Remote
from tests.loopback import LoopbackHandler, LoopbackServer


@dataclass
class Page:
    """What a server gives at one path.

    Attributes:
      body: the content.
      etag: its validator; "" for none.
      ranges: whether Range is obeyed.
      if_range: whether If-Range is obeyed: else the rest of whatever is there comes.
      says_size: whether there is a Content-Length.
      promised_too_much: bytes that Content-Length counts and that do not come.
      cuts: the connection breaks off after so many bytes of an answer, the first time, the second time …
      statuses: the answers of the first requests, instead of the content.
      headers: of answers with such a status.
      moved_to: another path.
      head: whether HEAD is answered.
      seconds: how long the body takes.
      seconds_before: how long the answer takes to begin.
      changed: the content after the first request.
    """

    body: bytes = b""
    etag: str = ""
    ranges: bool = True
    if_range: bool = True
    says_size: bool = True
    promised_too_much: int = 0
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    moved_to: str = ""
    head: bool = True
    seconds: float = 0
    seconds_before: float = 0
    changed: tuple[bytes, str] | None = None


class _Handler(LoopbackHandler):
    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.headers.append(dict(self.headers))
        if not self.server.answer(self):
            _serve(self, self.server.pages.get(self.path))

    do_HEAD = do_POST = do_GET


class Server(LoopbackServer):
    """Serves `pages` (path -> content, or a `Page`) and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.pages: dict[str, bytes | Page] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    def answer(self, handler: LoopbackHandler) -> bool:
        """Whether a request is answered here, not by `pages`."""
        return False

    def remote(self, path: str, **facts: str) -> Remote:
        """The file at a path."""
        return Remote(f"{self.url}{path}", **facts)


def _serve(handler: LoopbackHandler, page: bytes | Page | None) -> None:
    page = Page(page) if isinstance(page, bytes) else page
    get = handler.command == "GET"
    if page is None:
        return handler.send(404)
    time.sleep(page.seconds_before)
    if page.moved_to:
        return handler.send(302, Location=page.moved_to)
    if not get and not page.head:
        return handler.send(405)
    if get and page.statuses:
        return handler.send(page.statuses.pop(0), **page.headers)
    body, etag = page.body, page.etag
    start = 0
    asked = handler.headers.get("Range", "")
    same = handler.headers.get("If-Range", etag) == etag or not page.if_range
    if get and asked and page.ranges and same:
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) + 1 if last else len(body)
        if start >= len(body):
            return handler.send(416, Content_Range=f"bytes */{len(body)}", **({"ETag": etag} if etag else {}))
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{min(end, len(body)) - 1}/{len(body)}")
        part = body[start:end]
    else:
        handler.send_response(200)
        part = body
    if etag:
        handler.send_header("ETag", etag)
    if page.says_size:
        handler.send_header("Content-Length", str(len(part) + page.promised_too_much))
    else:
        handler.send_header("Connection", "close")
    handler.end_headers()
    if not get:
        return None
    if page.changed is not None:
        (page.body, page.etag), page.changed = page.changed, None
    cut = page.cuts.pop(0) if page.cuts else len(part)
    pieces = 10 if page.seconds else 1
    for number in range(pieces):
        piece = part[:cut][len(part[:cut]) * number // pieces : len(part[:cut]) * (number + 1) // pieces]
        handler.wfile.write(piece)
        handler.wfile.flush()
        time.sleep(page.seconds / pieces)
    handler.close_connection = (
        handler.close_connection or cut < len(part) or not page.says_size or bool(page.promised_too_much)
    )
    return None
