"""HTTP API of a model, and the page that asks it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

import seqgpt_jax
from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.prompt_limits import TooManyPromptsError
from seqgpt_jax.decoding.seqgpt import SeqGPT
from seqgpt_jax.serving.batching import ClosedError, DeadlineError, DisconnectedError, OverloadedError
from seqgpt_jax.serving.metrics import Metrics
from seqgpt_jax.serving.request_limits import MAX_REQUESTS, App, RequestLimits
from seqgpt_jax.serving.schemas import (
    ERRORS,
    ClassifyRequest,
    ErrorAnswer,
    EventsRequest,
    ExtractRequest,
    RelationsRequest,
    Texts,
    explain_errors,
)

_STATUS = {
    ContractError: 422,
    TooManyPromptsError: 413,
    OverloadedError: 429,
    DisconnectedError: 499,
    DeadlineError: 503,
    ClosedError: 503,
}


def make_app(
    new_model: Callable[[], SeqGPT],
    name: str,
    metrics: Metrics,
    *,
    max_body: int,
    body_seconds: float = 10.0,
    api_key: str | None = None,
) -> App:
    """The ASGI application.

    Args:
      new_model: makes the interface that answers one request, in any thread; usually one of
        `BatchingGenerator.for_request`.
      name: of the model, for people.
      metrics: shown at `/metrics`.
      max_body: bytes of a request.
      body_seconds: in which a body has to arrive.
      api_key: that each request needs as a bearer token; None lets everybody in.
    """

    @asynccontextmanager
    async def with_threads(_: FastAPI) -> AsyncIterator[None]:
        # A request waits in a thread; some more for the paths that are answered however busy the server is.
        anyio.to_thread.current_default_thread_limiter().total_tokens = MAX_REQUESTS + 16
        yield

    app = FastAPI(
        title="seqgpt_jax",
        version=seqgpt_jax.__version__,
        description=f"Answers of the model {name}.",
        lifespan=with_threads,
    )
    # For the schema, and so for the page of it, which can ask then: `RequestLimits` checks the key.
    key = [Security(HTTPBearer(auto_error=False))] if api_key is not None else []
    errors = {status: {"model": ErrorAnswer, "description": meaning} for status, meaning in ERRORS.items()}
    asking: dict[str, Any] = {"responses": errors, "dependencies": key}
    page = files("seqgpt_jax.serving").joinpath("page.html").read_text(encoding="utf-8")

    def answered(path: str, request: Texts, ask: Callable[[Any], Any]) -> dict[str, Any]:
        found = ask(request.asked)
        many = isinstance(found, list)
        metrics.texts.labels(path).inc(len(found) if many else 1)
        return {"results": [one.to_dict() for one in found]} if many else found.to_dict()

    @app.post("/v1/extract", **asking)
    def extract(request: ExtractRequest) -> dict[str, Any]:
        """The spans of each label, with their places in the text and their scores."""
        settings = {"threshold": request.threshold}
        return answered("/v1/extract", request, lambda texts: new_model().extract(texts, request.labels, **settings))

    @app.post("/v1/classify", **asking)
    def classify(request: ClassifyRequest) -> dict[str, Any]:
        """The labels that fit, with their scores."""
        settings = {"choose": request.choose, "threshold": request.threshold}
        return answered("/v1/classify", request, lambda texts: new_model().classify(texts, request.labels, **settings))

    @app.post("/v1/relations", **asking)
    def relations(request: RelationsRequest) -> dict[str, Any]:
        """The relations between spans of the given types."""
        settings = {"schema": request.relations, "language": request.language}
        return answered("/v1/relations", request, lambda texts: new_model().relations(texts, **settings))

    @app.post("/v1/events", **asking)
    def events(request: EventsRequest) -> dict[str, Any]:
        """The events of the given types, with their arguments."""
        settings = {"schema": request.events, "language": request.language}
        return answered("/v1/events", request, lambda texts: new_model().events(texts, **settings))

    @app.get("/healthz")
    def health() -> dict[str, str]:
        """Whether the server runs."""
        return {"status": "ok", "model": name}

    @app.get("/metrics", include_in_schema=False)
    def show_metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    def index() -> HTMLResponse:
        """The page."""
        policy = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        return HTMLResponse(page, headers={"content-security-policy": policy})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):  # of which the body is not read
            return _error(422, "the body is not read as JSON: send the header content-type: application/json")
        return _error(422, explain_errors(error.errors()))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, str(error.detail))

    async def failed(_: Request, error: Exception) -> JSONResponse:
        return _error(next(status for kind, status in _STATUS.items() if isinstance(error, kind)), str(error))

    for kind in _STATUS:
        app.add_exception_handler(kind, failed)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return _error(500, f"{type(error).__name__}: {error}")

    paths = {route.path for route in app.routes}
    return RequestLimits(
        app, max_body=max_body, body_seconds=body_seconds, api_key=api_key, metrics=metrics, paths=paths
    )


def _error(status: int, message: str) -> JSONResponse:
    headers = {"retry-after": "1"} if status in (429, 503) else None
    return JSONResponse({"error": {"message": message}}, status, headers)
