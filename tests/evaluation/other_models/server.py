"""A real local server that plays an OpenAI-compatible endpoint, and records whose answers it knows."""

import contextlib
import json
import re
from collections.abc import Callable

from seqgpt_jax.atomic import Classification, Extraction
from seqgpt_jax.data.store import EvalRecord
from tests import loopback
from tests.evaluation.records import record

Behavior = Callable[["Handler", str], None]


def records() -> list[EvalRecord]:
    """Eight records of two tasks, with different texts."""
    moods = ("positive", "negative")
    return [
        *(
            record(f"reviews/test/{i}#0", Classification(f"Review {i}, {moods[i % 2]}.", moods, (moods[i % 2],)), "SA")
            for i in range(4)
        ),
        *(
            record(
                f"people/test/{i}#0",
                Extraction(
                    f"Ann{i} met Bob{i} in Rome.", ("person", "city", "date"), ((f"Ann{i}", f"Bob{i}"), ("Rome",), ())
                ),
            )
            for i in range(4)
        ),
    ]


def right_answer(content: str) -> str:
    """What a good chat model answers to the prompt about one of the records."""
    labels, text = (re.search(rf"\[{name} begin\]\n(.*)\n\[{name} end\]", content)[1] for name in ("Label", "Text"))
    if text.startswith("Review"):
        return f"{text.split(', ')[1].title()}"
    first, second = re.findall(r"(?:Ann|Bob)\d", text)
    assert labels == "person, city, date"
    return f"**Person**: {first}, {second}\n- City: Rome\nDate: N/A"


class Handler(loopback.LoopbackHandler):
    """Answers by the behaviors of its server, one for each request and the last for all others."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append((self.path, body))
            behaviors = self.server.behaviors
            behavior = behaviors.pop(0) if len(behaviors) > 1 else behaviors[0]
        content = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        behavior(self, content)

    def complete(self, text: str, finish_reason: str = "stop") -> None:
        """Sends a completion in the form of the API that was called."""
        chat = self.path.endswith("/chat/completions")
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choice = {"index": 0, "finish_reason": finish_reason, "logprobs": None, **said}
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        kind = "chat.completion" if chat else "text_completion"
        self.send(200, {"id": "1", "object": kind, "created": 1, "model": "m", "choices": [choice], "usage": usage})


def good(handler: Handler, content: str) -> None:
    handler.complete(right_answer(content))


def says(text: str, finish_reason: str = "stop") -> Behavior:
    return lambda handler, _: handler.complete(text, finish_reason)


def fails(code: int, message: str = "no", **headers: str) -> Behavior:
    return lambda handler, _: handler.send(code, {"error": {"message": message}}, **headers)


def cuts(handler: Handler, _: str) -> None:
    """The connection is closed in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": ')
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.close()


class Server(loopback.LoopbackServer):
    """The server; `requests` has the (path, body) of what it was asked."""

    def __init__(self, behaviors: tuple[Behavior, ...]) -> None:
        super().__init__(Handler)
        self.behaviors, self.requests = [*behaviors], []
        self.url += "/v1"


def serving(*behaviors: Behavior) -> contextlib.AbstractContextManager[Server]:
    """The server, while it runs."""
    return loopback.serving(Server(behaviors))
