"""A bucket on loopback: what gcsfs, google-cloud-storage and TensorStore use of Google Cloud Storage's JSON API.

It has what sets a bucket apart from a folder: an object is there whole or not at all and carries a generation, nothing
can be appended to or renamed, and there are no folders. What it does not know it answers with 501.
"""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.loopback import LoopbackHandler, LoopbackServer

NAME = "bucket"


class Bucket(LoopbackServer):
    """`gs://bucket`, empty.

    Attributes:
      objects: contents by name.
      writes: how often each object was written.
      before_write: called with the name of an object that is about to be written; with a ConnectionError it is not
        written, and the connection breaks off.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.objects: dict[str, bytes] = {}
        self.writes: Counter[str] = Counter()
        self._refusal: tuple[HTTPStatus, str] | None = None
        self.before_write: Callable[[str], None] = lambda name: None
        self.uploads: dict[str, tuple[str, bytearray]] = {}  # those that have begun, in several requests
        self._generations: dict[str, int] = {}
        self._next = count(1)

    def environment(self) -> dict[str, str]:
        """Variables that lead all three libraries here, without credentials and without Google's metadata server."""
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            "TENSORSTORE_GCS_HTTP_URL": self.url,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
            "FSSPEC_GCS": json.dumps({"use_listings_cache": False, "token": "anon"}),
            # Its gRPC service, which is asked whether the bucket has real folders, is not played here.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }

    @contextlib.contextmanager
    def refusing(self, status: HTTPStatus, only: str = "") -> Iterator[None]:
        """While it is entered, nothing is answered but this; or nothing of objects with `only` in their name."""
        self._refusal = status, only
        yield
        self._refusal = None

    def refused(self, name: str) -> HTTPStatus | None:
        """What is answered instead of doing anything with the object of this name."""
        return self._refusal[0] if self._refusal and self._refusal[1] in name else None

    def about(self, name: str) -> dict[str, str]:
        """What the API says of an object."""
        now = "2026-01-01T00:00:00.000Z"
        size, generation = str(len(self.objects[name])), str(self._generations[name])
        return {
            "kind": "storage#object",
            "bucket": NAME,
            "name": name,
            "size": size,
            "generation": generation,
            "metageneration": "1",
            "timeCreated": now,
            "updated": now,
        }

    def unmet(self, name: str, query: dict[str, str]) -> HTTPStatus | None:
        """The status by which a request with these preconditions is refused."""
        found = self._generations.get(name, 0)
        if found != int(query.get("ifGenerationMatch", found)):
            return HTTPStatus.PRECONDITION_FAILED
        return HTTPStatus.NOT_MODIFIED if found == int(query.get("ifGenerationNotMatch", -1)) else None

    def put(self, name: str, content: bytes, query: dict[str, str]) -> HTTPStatus | None:
        """Writes an object; the status where a precondition refuses it."""
        self.before_write(name)
        with self.lock:
            if refused := self.unmet(name, query):
                return refused
            self.objects[name], self._generations[name] = content, next(self._next)
            self.writes[name] += 1
            return None

    def delete(self, name: str, query: dict[str, str]) -> HTTPStatus | None:
        """Removes an object; the status where there is none, or a precondition refuses it."""
        with self.lock:
            if refused := self.unmet(name, query):
                return refused
            self._generations.pop(name, None)
            return HTTPStatus.NOT_FOUND if self.objects.pop(name, None) is None else None

    def listing(self, query: dict[str, str]) -> dict[str, Any]:
        """One page of names, in order; with a delimiter, what shares a name up to it is one prefix."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        first, end, after = query.get("startOffset", ""), query.get("endOffset"), query.get("pageToken", "")
        page: dict[str, Any] = {"kind": "storage#objects", "items": [], "prefixes": []}
        with self.lock:
            for name in sorted(self.objects):
                rest = name.removeprefix(prefix)
                inside = delimiter is not None and delimiter in rest
                entry = prefix + rest.partition(delimiter)[0] + delimiter if inside else name
                if not name.startswith(prefix) or name < first or (end and name >= end) or entry <= after:
                    continue
                if len(page["items"]) + len(page["prefixes"]) == int(query.get("maxResults", 1000)):
                    page["nextPageToken"] = after
                    break
                page["prefixes" if inside else "items"].append(entry if inside else self.about(name))
                after = entry
        return page


class _Handler(LoopbackHandler):
    wbufsize = -1  # an answer is one packet, which nobody waits 40 ms for

    @property
    def bucket(self) -> Bucket:
        return self.server

    def do_GET(self) -> None:
        _, name, query, _ = self._request()
        if name is None:
            pass
        elif name == "":
            listing = urlsplit(self.path).path.endswith("/o")
            self._say(self.bucket.listing(query) if listing else {"kind": "storage#bucket", "name": NAME})
        elif name not in self.bucket.objects:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif refused := self.bucket.unmet(name, query):
            self._refuse(refused)
        elif query.get("alt") == "media":
            self._send_media(name)
        else:
            self._say(self.bucket.about(name))

    def do_POST(self) -> None:
        kind, name, query, body = self._request()
        if name is None:
            return
        if "upload_id" in query:
            return self._take_chunk(query, body)
        content, target = body, query.get("name")
        if query.get("uploadType") == "resumable":
            self.bucket.uploads[id := f"{target}-{len(self.bucket.uploads)}"] = target, bytearray()
            where = f"{self.bucket.url}/upload/storage/v1/b/{NAME}/o?upload_id={quote(id, safe='')}"
            return self.send(HTTPStatus.OK, Location=where)
        if copied := re.fullmatch(rf"(.+)/rewriteTo/b/{NAME}/o/(.+)", name):
            source, target = map(unquote, copied.groups())
            content = self.bucket.objects.get(source)
        elif query.get("uploadType") == "multipart":
            boundary = b"--" + self.headers["Content-Type"].partition('boundary="')[2].rstrip('"').encode()
            _, about, rest = body.split(boundary, 2)
            end = b"\r\n" if about.startswith(b"\r\n") else b"\n"  # of google-cloud-storage, and of gcsfs
            target = json.loads(about.partition(end * 2)[2])["name"]
            content = rest.partition(end * 2)[2].rpartition(end + boundary)[0]
        elif kind != "upload" or query.get("uploadType") != "media":
            return self._refuse(HTTPStatus.NOT_IMPLEMENTED)
        if content is None:
            return self._refuse(HTTPStatus.NOT_FOUND)
        return self._put(target, content, query, copied=copied is not None)

    def _take_chunk(self, query: dict[str, str], body: bytes) -> None:
        target, taken = self.bucket.uploads[query["upload_id"]]
        taken += body
        if self.headers["Content-Range"].rpartition("/")[2] != str(len(taken)):
            return self.send(HTTPStatus.PERMANENT_REDIRECT, Range=f"bytes=0-{len(taken) - 1}")
        return self._put(target, bytes(taken), query)

    def _put(self, target: str, content: bytes, query: dict[str, str], *, copied: bool = False) -> None:
        if refused := self.bucket.put(target, content, query):
            self._refuse(refused)
        else:
            about = self.bucket.about(target)
            self._say({"kind": "storage#rewriteResponse", "done": True, "resource": about} if copied else about)

    def do_DELETE(self) -> None:
        _, name, query, _ = self._request()
        if name is None:
            pass
        elif refused := self.bucket.delete(name, query):
            self._refuse(refused)
        else:
            self.send(HTTPStatus.NO_CONTENT)

    def _request(self) -> tuple[str, str | None, dict[str, str], bytes]:
        """(upload, download or "", object, query, body); object is None where the answer has been given."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        asked = re.fullmatch(r"(?:/(upload|download))?/storage/v1/b/([^/]+)(?:/o(?:/(.+))?)?", url.path)
        name = None
        if refused := self.bucket.refused(unquote(self.path)):
            self._refuse(refused)
        elif asked is None:
            self._refuse(HTTPStatus.NOT_IMPLEMENTED)
        elif asked[2] != NAME:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            name = asked[3] or ""
            name = name if "/rewriteTo/" in name else unquote(name)
        return (asked and asked[1]) or "", name, dict(parse_qsl(url.query)), body

    def _send_media(self, name: str) -> None:
        content, about = self.bucket.objects[name], self.bucket.about(name)
        kind, headers = "application/octet-stream", {"x-goog-generation": about["generation"]}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            if first > last:
                return self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return self.send(HTTPStatus.PARTIAL_CONTENT, content[first : last + 1], kind, **headers)
        return self.send(HTTPStatus.OK, content, kind, **headers)

    def _say(self, values: dict[str, Any]) -> None:
        self.send(HTTPStatus.OK, values)

    def _refuse(self, status: HTTPStatus) -> None:
        message = {"error": {"code": status.value, "message": f"{status.phrase}: {quote(self.path)}"}}
        self.send(status, b"" if status is HTTPStatus.NOT_MODIFIED else message)
