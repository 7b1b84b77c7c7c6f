"""Prometheus metrics of the server."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Metrics:
    """What `/metrics` shows.

    Attributes:
      registry: of all of them.
      requests: by path and HTTP status.
      seconds: of a request, by path.
      texts: answered, by path.
      running: requests that are being answered.
      waiting: prompts in the queue.
      batch_size, batch_seconds: of a batch of prompts.
    """

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    texts: Counter
    running: Gauge
    waiting: Gauge
    batch_size: Histogram
    batch_seconds: Histogram


def make_metrics() -> Metrics:
    """Metrics in a registry of their own."""
    registry = CollectorRegistry()
    path = ["path"]
    return Metrics(
        registry,
        Counter("seqgpt_requests", "Requests by path and status", [*path, "status"], registry=registry),
        Histogram("seqgpt_request_seconds", "Seconds of a request", path, registry=registry, buckets=_SECONDS),
        Counter("seqgpt_texts", "Texts that were answered", path, registry=registry),
        Gauge("seqgpt_running_requests", "Requests that are being answered", registry=registry),
        Gauge("seqgpt_waiting_prompts", "Prompts in the queue", registry=registry),
        Histogram("seqgpt_batch_size", "Prompts of a batch", registry=registry, buckets=_SIZES),
        Histogram("seqgpt_batch_seconds", "Seconds of a batch", registry=registry, buckets=_SECONDS),
    )
