"""Download of one file over HTTP that resumes where it was interrupted.

What has arrived is in a part file. Beside it is the state: the URL, and the validator (ETag, or Last-Modified) of the
content that the part is of. A later try asks for the rest with Range and If-Range; where the server ignores that, or
its content has changed, the download begins anew.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import requests
import urllib3

from seqgpt_jax.data.raw.network import (
    Client,
    FetchError,
    connection_problem,
    never_connected,
    retry_after,
    status_error,
)

Update = Callable[[int, int | None], None]
"""Takes (done, total); the total is None where it is unknown. The first call of a file says what was there before."""

_CHUNK = 1 << 18
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_FINAL = (
    requests.exceptions.SSLError,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


@dataclass(frozen=True)
class Arrived:
    """A file that has arrived.

    Attributes:
      path: the part file, complete.
      size_known: whether the server said how large it is, so that it cannot be cut.
      resumed: whether it arrived in more than one piece.
    """

    path: Path
    size_known: bool
    resumed: bool


class _TryAgain(Exception):
    """A failure that may pass."""

    def __init__(self, reason: str, wait: float | None = None, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.unreachable = wait, unreachable


@dataclass
class _Part:
    """A part file and what is known of it."""

    path: Path
    url: str
    validator: str = ""
    resumed: bool = False
    restarts: int = 0

    @classmethod
    def at(cls, path: Path, url: str) -> "_Part":
        """The part that an earlier call has left; an empty one where it was of another URL."""
        part = cls(path, url)
        try:
            state = json.loads(part.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = {}
        if state.get("url") == url and path.exists():
            part.validator = state.get("validator", "")
        else:
            part.restart("")
        return part

    @property
    def state(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def restart(self, validator: str) -> None:
        # In this order: after a kill in between, the old content has its old validator, or there is none.
        self.restarts += self.size > 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        self.validator, self.resumed = validator, False
        self.state.write_text(json.dumps({"url": self.url, "validator": validator}), encoding="utf-8")


def fetch(client: Client, url: str, path: Path, update: Update, *, checked: bool = False) -> Arrived:
    """Downloads a URL to `path`, as far as it is not there from an earlier call.

    Args:
      client: makes the requests.
      url: of the file, http or https.
      path: of the part file; `discard` removes it with its state.
      update: is called as bytes arrive.
      checked: the caller knows the checksum: a part may then be resumed whose server names no validator.

    Raises:
      FetchError: the file cannot be had; the part stays, for a later call.
      Stopped: the client has been stopped.
    """
    part = _Part.at(path, url)
    try:
        return Arrived(path, _all_attempts(client, part, update, checked), part.resumed)
    except BaseException:
        if not part.size:
            discard(path)
        raise


def discard(path: Path) -> None:
    """Removes a part file and its state."""
    for file in (path, path.with_suffix(".json")):
        file.unlink(missing_ok=True)


def _all_attempts(client: Client, part: _Part, update: Update, checked: bool) -> bool:
    """Requests until the part is complete; returns whether the server said how large the file is."""
    failures, largest = 0, part.size
    while True:
        before = part.size
        try:
            return _attempt(client, part, update, checked)
        except _TryAgain as error:
            tries, longest = client.attempts(part.url), client.patience.longest_pause
            # More than ever before is progress; so is a resumed part after a change of content, unless it is always
            # begun anew.
            further = part.size > largest or (part.resumed and part.size > before and part.restarts < tries)
            failures, largest = 1 if further else failures + 1, max(largest, part.size)
            if error.wait is not None and error.wait > longest:
                raise FetchError(f"{error}, and the server asks to wait {error.wait:,.0f} s: run it later") from error
            if failures >= tries:
                if error.unreachable:
                    client.unreachable(part.url, str(error))
                hint = client.way_out(part.url) if error.unreachable else ""
                raise FetchError(f"{error}{f', {tries} times' if tries > 1 else ''}{hint}") from error
            client.pause(failures, error.wait)


def _attempt(client: Client, part: _Part, update: Update, checked: bool) -> bool:
    """One request; returns whether the server said how large the file is."""
    have = part.size
    headers = {}
    if have and (part.validator or checked):
        headers["Range"] = f"bytes={have}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        response = client.request("GET", part.url, headers)
    except _FINAL as error:
        raise FetchError(connection_problem(error)) from error
    except requests.RequestException as error:
        raise _TryAgain(connection_problem(error), unreachable=never_connected(error)) from error
    with response:
        total = _start(response, part, have)
        if total == part.size:  # nothing was missing
            update(part.size, total)
            return True
        _receive(client, response, part, total, update)
        return total is not None


def _start(response: requests.Response, part: _Part, have: int) -> int | None:
    """Makes the part ready for the body that follows; returns the size of the whole file, None where it is unknown."""
    status, validator = response.status_code, _validator(response)
    asked = "Range" in response.request.headers
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and asked:
        if _content_range(response)[1] == have and validator in ("", part.validator):
            return have
        part.restart("")
        raise _TryAgain("the content has changed")
    if status == HTTPStatus.PARTIAL_CONTENT and asked:
        start, total = _content_range(response)
        if start != have or (part.validator and validator not in ("", part.validator)):
            part.restart("")
            raise _TryAgain("the content has changed")
        part.resumed = True
        return total
    if status in _AGAIN:
        raise _TryAgain(str(status_error(part.url, status)), retry_after(response))
    if status != HTTPStatus.OK:
        raise status_error(part.url, status)
    part.restart(validator)
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _receive(client: Client, response: requests.Response, part: _Part, total: int | None, update: Update) -> None:
    done = part.size
    update(done, total)
    try:
        with part.path.open("ab", buffering=0) as file:
            # `read1` gives what has arrived: a slow server's bytes are kept as well.
            while chunk := response.raw.read1(_CHUNK, decode_content=False):
                client.check_stopped()
                file.write(chunk)
                done += len(chunk)
                update(done, total)
    except (urllib3.exceptions.HTTPError, requests.RequestException, ConnectionError, TimeoutError) as error:
        raise _TryAgain(f"the connection broke off: {connection_problem(error)}") from error
    if total is not None and done != total:
        if done > total:
            part.restart("")
        raise _TryAgain(f"{done:,} bytes came, {total:,} were announced")


def _validator(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """(first byte, size of the whole) of Content-Range."""
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", "").strip())
    return (None, None) if found is None else tuple(None if text is None else int(text) for text in found.groups())
