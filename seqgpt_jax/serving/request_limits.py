"""ASGI middleware: limits on the number of requests and on the size and time of a body, an API key, and metrics."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from seqgpt_jax.serving.batching import Client, current_client
from seqgpt_jax.serving.metrics import Metrics

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
# Paths without an API key: they say nothing of the model's answers. They are answered however busy the server is.
_OPEN_PATHS = ("/", "/docs", "/openapi.json", "/healthz")
# Each takes a thread; what they ask has a queue of its own.
MAX_REQUESTS = 256


class RequestLimits:
    """Refuses bodies that are too large (413) or come too slowly (408), requests without the key (401), and too many.

    More than `MAX_REQUESTS` at a time are too many (429).

    The application behind it gets the whole body at once. What it still waits for is not asked where the client goes
    away (`Client`).
    """

    def __init__(
        self, app: App, *, max_body: int, body_seconds: float, api_key: str | None, metrics: Metrics, paths: set[str]
    ) -> None:
        """Args:
        app: what is behind it.
        max_body: bytes.
        body_seconds: for the whole body.
        api_key: None lets everybody in.
        metrics: counts requests.
        paths: that are counted by name; all others are "other".
        """
        self._app, self._max_body, self._body_seconds, self._metrics = app, max_body, body_seconds, metrics
        self._api_key, self._paths = api_key, paths
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def send_and_note(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = scope["path"] if scope["path"] in self._paths else "other"
        self._running += 1
        self._metrics.running.set(self._running)
        try:
            await self._limited(scope, receive, send_and_note)
        finally:
            self._running -= 1
            self._metrics.running.set(self._running)
            self._metrics.requests.labels(path, status or 499).inc()
            self._metrics.seconds.labels(path).observe(time.monotonic() - started)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if self._api_key is not None and scope["path"] not in _OPEN_PATHS:
            expected = f"Bearer {self._api_key}"
            if not hmac.compare_digest(headers.get(b"authorization", b""), expected.encode()):
                await refuse(send, 401, "the API key is missing or wrong: send the header 'Authorization: Bearer KEY'")
                return
        if self._running > MAX_REQUESTS and scope["path"] not in _OPEN_PATHS:
            await refuse(send, 429, f"{MAX_REQUESTS} requests are being answered already: try again later")
            return
        too_large = f"the body has more than {self._max_body:,} bytes: send fewer or shorter texts at once"
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body:
            await refuse(send, 413, too_large)
            return
        try:
            body = await asyncio.wait_for(self._body(receive), self._body_seconds)
        except TimeoutError:
            await refuse(send, 408, f"the body did not arrive within {self._body_seconds:g} s")
            return
        if body is None:  # the client has gone
            return
        if len(body) > self._max_body:
            await refuse(send, 413, too_large)
            return
        try:
            body.decode()
        except UnicodeDecodeError as error:
            await refuse(send, 422, f"the body is not UTF-8: byte {error.start} is {body[error.start : error.end]!r}")
            return
        sent, client = False, Client()
        current_client.set(client)

        async def until_gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            client.leave()

        watching = asyncio.create_task(until_gone())

        async def receive_body() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.shield(watching)
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self._app(scope, receive_body, send)
        finally:
            watching.cancel()

    async def _body(self, receive: Receive) -> bytes | None:
        """The body, or what came until it was too large; None where the client went away."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > self._max_body:
                return bytes(body)


async def refuse(send: Send, status: int, message: str) -> None:
    """Sends an error in the form that all errors of the server have."""
    body = json.dumps({"error": {"message": message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status in (408, 413, 429):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
