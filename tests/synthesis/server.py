"""A real local server that plays an OpenAI-compatible chat endpoint: right answers, and every fault on demand."""

import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests import loopback

KEY = "sk-secret-0123456789"


def passage_of(body: dict[str, Any]) -> str:
    return re.split(r"\n(?:Text:|文本：)\n", body["messages"][1]["content"], maxsplit=1)[1]


def right_answer(body: dict[str, Any]) -> str:
    """A fitting answer: labels made of a hash of the text, and spans that are in it."""
    text = passage_of(body)
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    chinese = re.search("[\u4e00-\u9fff]", text) is not None
    kinds = ("历史人物", "地理位置", "学科名称") if chinese else ("historical person", "city name", "Field_of study")
    label = kinds[number % 3]
    words = re.findall("[\u4e00-\u9fff]{2}" if chinese else r"[A-Z][a-z]+", text) or [text[:2]]
    question = body["messages"][1]["content"]
    if '"labels"' in question:
        value: dict[str, Any] = {"labels": [label]}
    elif '"types"' in question:
        value = {"mentions": [{"mention": word, "types": [label]} for word in dict.fromkeys(words[:2])]}
    else:
        value = {"entities": [{"type": label, "mentions": list(dict.fromkeys(words[:3]))}]}
    return json.dumps(value, ensure_ascii=False)


class Handler(loopback.LoopbackHandler):
    """Answers as its server's `behavior` says, by body and number of the request."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        server = self.server
        with server.lock:
            number = server.count
            server.count += 1
            text = passage_of(body)
            server.asked[text] += 1
            server.keys.add(self.headers.get("Authorization", ""))
            if server.keep:
                server.bodies.append(body)
        server.behavior(self, body, number, server.asked[text])

    def say(self, content: str, **fields: Any) -> None:
        """A chat completion with this content."""
        message = {"role": "assistant", "content": content} | fields.pop("message", {})
        choice = {"index": 0, "message": message, "finish_reason": fields.pop("finish", "stop")}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        self.send(
            200,
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage},
        )

    def cut(self) -> None:
        """Ends the connection in the middle of an answer."""
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{")
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


Behavior = Callable[[Handler, dict[str, Any], int, int], None]


def good(handler: Handler, body: dict[str, Any], number: int, times: int) -> None:
    handler.say(right_answer(body))


def first(fault: Callable[[Handler], None]) -> Behavior:
    """The fault the first time that a passage is asked; right answers then."""

    def behave(handler: Handler, body: dict[str, Any], number: int, times: int) -> None:
        if times == 1:
            fault(handler)
        else:
            good(handler, body, number, times)

    return behave


def says(content: str, **fields: Any) -> Behavior:
    def behave(handler: Handler, body: dict[str, Any], number: int, times: int) -> None:
        handler.say(content, **dict(fields))

    return behave


def slow(seconds: float) -> Callable[[Handler], None]:
    def fault(handler: Handler) -> None:
        time.sleep(seconds)
        handler.say("{}")

    return fault


class Server(loopback.LoopbackServer):
    """The server; its counts may be read at any time."""

    def __init__(self, behavior: Behavior, keep: bool) -> None:
        super().__init__(Handler)
        self.behavior, self.keep = behavior, keep
        self.count = 0
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.url += "/v1"


def serving(behavior: Behavior = good, *, keep: bool = True) -> contextlib.AbstractContextManager[Server]:
    """The server, while it runs."""
    return loopback.serving(Server(behavior, keep))


if __name__ == "__main__":
    with serving(keep=False) as running:
        print(f"an endpoint that answers with invented labels: {running.url} (Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
