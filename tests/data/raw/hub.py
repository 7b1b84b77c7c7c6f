"""A Hugging Face hub on loopback, as far as data sets and models need it: commits, trees and files."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.data.raw.servers import Server
from tests.loopback import LoopbackHandler

_PATH = re.compile(
    r"/(?:api/(?:datasets|models)/|datasets/)?([^/]+/[^/]+)(?:/([a-z-]+)/(refs/convert/parquet|[^/]+)(?:/(.*))?)?"
)


@dataclass
class Repository:
    """One data set, or one model.

    Attributes:
      branches: branch -> commit.
      commits: commit -> file -> content.
      gated: whether it asks for a token.
    """

    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds a commit to a branch; returns its hash."""
        content = "".join(f"{name} {hashlib.sha1(body).hexdigest()}" for name, body in sorted(files.items()))
        commit = hashlib.sha1(f"{branch} {content}".encode()).hexdigest()
        self.commits[commit] = files
        self.branches[branch] = commit
        return commit


class Hub(Server):
    """The hub: `HF_ENDPOINT` is its `url`."""

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, Repository] = {}

    def answer(self, handler: LoopbackHandler) -> bool:
        """Answers all requests."""
        size = int(handler.headers.get("Content-Length") or 0)
        sent = handler.rfile.read(size)
        path = unquote(urlsplit(handler.path).path)
        found = _PATH.fullmatch(path)
        repository = self.repositories.get(found[1]) if found else None
        if repository is None:
            return _send(handler, 404, {}, {"X-Error-Code": "RepoNotFound"})
        if repository.gated and "Authorization" not in handler.headers:
            return _send(handler, 401, {}, {"X-Error-Code": "GatedRepo"})
        revision = found[3] or "main"
        commit = repository.branches.get(revision, revision)
        if (files := repository.commits.get(commit)) is None:
            return _send(handler, 404, {}, {"X-Error-Code": "RevisionNotFound"})
        kind, name = found[2], found[4]
        if kind == "resolve":
            return self._file(handler, files.get(name), commit)
        if kind in (None, "revision"):
            about = {"id": found[1], "sha": commit, "gated": repository.gated, "private": False, "tags": []}
            about["cardData"] = {"license": "apache-2.0"}
            siblings = [{"rfilename": file, "size": len(body)} for file, body in files.items()]
            return _send(handler, 200, {**about, "siblings": siblings})
        if kind == "tree":
            below = [_entry(file, body) for file, body in files.items() if file.startswith(f"{name}/" if name else "")]
            return _send(handler, 200, below)
        if kind == "paths-info":
            wanted = json.loads(sent)["paths"]
            entries = [_entry(file, files[file]) for file in wanted if file in files]
            folders = [file for file in wanted if any(other.startswith(f"{file}/") for other in files)]
            entries += [{"type": "directory", "path": file, "oid": "0" * 40, "size": 0} for file in folders]
            return _send(handler, 200, entries)
        return _send(handler, 404, {})

    def _file(self, handler: LoopbackHandler, body: bytes | None, commit: str) -> bool:
        if body is None:
            return _send(handler, 404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}
        if (asked := handler.headers.get("Range")) and handler.command == "GET":
            first, _, last = asked.removeprefix("bytes=").partition("-")
            part = body[int(first) : int(last) + 1 if last else None]
            headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
            return _send(handler, 206, part, headers)
        return _send(handler, 200, body, headers)


def _entry(file: str, body: bytes) -> dict[str, str | int]:
    return {"type": "file", "path": file, "oid": hashlib.sha1(body).hexdigest(), "size": len(body)}


def _send(handler: LoopbackHandler, status: int, content: Any, headers: Mapping[str, str] | None = None) -> bool:
    handler.send(status, content, **(headers or {}))
    return True
