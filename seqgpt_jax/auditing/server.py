"""Local web server of an audit: one page, the records of the sample, and judgements saved as they come."""

import json
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from seqgpt_jax.auditing.figures import figures
from seqgpt_jax.auditing.judgements import VERDICTS, Judgements
from seqgpt_jax.auditing.sample import Inputs, Item
from seqgpt_jax.decoding.answer_page import marked_text
from seqgpt_jax.evaluation.analysis.span_places import places

_PAGE = Path(__file__).with_name("page.html")
_MOST_BYTES = 10_000
# Degrees between the colors of two labels that follow each other.
_GOLDEN_ANGLE = 137.5
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"


class AuditServer(ThreadingHTTPServer):
    """Serves the audit of a sample on the loopback interface."""

    daemon_threads = True

    def __init__(self, port: int, items: Sequence[Item], judgements: Judgements, inputs: Inputs) -> None:
        """Listens; 0 takes a free port.

        Raises:
          OSError, OverflowError: the port is taken, or is none.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.items, self.judgements, self.inputs = items, judgements, inputs
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """The URL of the page."""
        return f"http://127.0.0.1:{self.server_port}/"

    def overview(self) -> dict[str, Any]:
        """Strata, and the verdicts of all records."""
        strata = [*dict.fromkeys(item.stratum for item in self.items)]
        return {
            "files": list(self.inputs.checksums),
            "strata": [str(stratum) for stratum in strata],
            "records": [[strata.index(item.stratum), self._verdicts(item)] for item in self.items],
            "figures": figures(self.items, self.judgements, self.inputs),
        }

    def record(self, number: int) -> dict[str, Any]:
        """One record: its answers, and for each the text as HTML with that answer marked most."""
        item = self.items[number]
        labels = [*dict.fromkeys(answer.label for answer in item.answers)]
        colors = {label: f"hsl({(k * _GOLDEN_ANGLE + 210) % 360:g} 70% 45%)" for k, label in enumerate(labels)}
        spans = [
            (k, *place, answer.label)
            for k, answer in enumerate(item.answers)
            for place in (places(item.text, answer.span) if answer.span else ())
        ]
        texts = [
            marked_text(
                item.text,
                [
                    (
                        start,
                        end,
                        label,
                        f"{colors[label]};background:{_tint(colors[label]) if k == current else 'none'}",
                    )
                    for k, start, end, label in spans
                ],
            )
            for current in range(len(item.answers) if spans else 1)
        ]
        return {
            "place": item.place,
            "stratum": str(item.stratum),
            "task": item.stratum.atom,
            "texts": texts,
            "answers": [[answer.label, answer.span, colors[answer.label]] for answer in item.answers],
            "labels": list(item.labels),
            "verdicts": self._verdicts(item),
        }

    def judge(self, given: Any) -> dict[str, Any]:
        """Saves the judgement `{"record": number, "answer": number, "verdict": …}`; returns the figures.

        Raises:
          ValueError: there is no such record, answer or verdict.
        """
        if not isinstance(given, dict):
            raise ValueError("no object")
        number, place, verdict = (given.get(name) for name in ("record", "answer", "verdict"))
        if type(number) is not int or not 0 <= number < len(self.items):
            raise ValueError(f"there is no record {number!r}")
        item = self.items[number]
        if type(place) is not int or not 0 <= place < len(item.answers):
            raise ValueError(f"record {number} has no answer {place!r}")
        if verdict is not None and verdict not in VERDICTS:
            raise ValueError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
        with self.lock:
            self.judgements.judge(item.key, item.answers[place], verdict)
            return figures(self.items, self.judgements, self.inputs)

    def _verdicts(self, item: Item) -> list[str | None]:
        return [self.judgements.verdicts.get((item.key, answer)) for answer in item.answers]


def _tint(color: str) -> str:
    return f"{color[:-1]} / .28)"


class _Handler(BaseHTTPRequestHandler):
    server: AuditServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """The page, all verdicts, or one record."""
        if not self._is_ours():
            return
        if self.path == "/":
            self._send(HTTPStatus.OK, _PAGE.read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/overview":
            with self.server.lock:
                self._json(HTTPStatus.OK, self.server.overview())
        elif (number := self.path.removeprefix("/record/")).isdecimal() and int(number) < len(self.server.items):
            with self.server.lock:
                self._json(HTTPStatus.OK, self.server.record(int(number)))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        """A judgement."""
        if not self._is_ours():
            return
        length = self.headers.get("content-length", "")
        # Another site's page cannot send this type without being asked first, which is never allowed.
        if self.headers.get("content-type") != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        elif not length.isdecimal() or int(length) > _MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {_MOST_BYTES} bytes")
        elif self.path != "/judge":
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")
        else:
            try:
                found = self.server.judge(json.loads(self.rfile.read(int(length))))
            except (ValueError, RecursionError) as error:
                self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            except OSError as error:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"not saved: {error}")
            else:
                self._json(HTTPStatus.OK, found)

    def _is_ours(self) -> bool:
        """Whether the request names this machine: a name that another site resolves to it is refused."""
        name = self.headers.get("host", "").rpartition(":")[0]
        if name in ("127.0.0.1", "localhost"):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, f"open {self.server.address}")
        return False

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        self.close_connection = True  # a body may be left unread
        self._json(status, {"error": problem})

    def _json(self, status: HTTPStatus, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            ("content-type", kind),
            ("content-length", str(len(content))),
            ("cache-control", "no-store"),
        ):
            self.send_header(name, value)
        self.send_header("content-security-policy", _POLICY)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal is for people."""
