"""HTTP server of a model, with a page to ask it.

    python -m seqgpt_jax.serve --model=runs/ft
    curl localhost:8000/v1/extract -H 'content-type: application/json' \\
        -d '{"text": "Ada met Bob in Turin.", "labels": ["person", "city"]}'

Paths: /v1/extract, /v1/classify, /v1/relations, /v1/events (docs/serving.md; their schemas are at /docs), /healthz,
/metrics (Prometheus), and the page at /. Needs the extra `serve`: pip install 'seqgpt_jax[serve]'.

Prompts of different requests are answered together. A request that is too large is refused with 413 or 422, one that
the queue has no room for with 429, one that is not answered in time with 503; each says what to change. On SIGTERM or
Ctrl-C the server answers what it has taken, and ends; a second Ctrl-C ends it at once. It listens on this machine alone
unless --host says otherwise.
"""

import math
import os
import signal
import socket
from collections.abc import Sequence

from seqgpt_jax import command_line

_KEY = "SEQGPT_API_KEY"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    command_line.add_step(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 is every one of the machine")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--max_queue", type=_positive(int), default=1024, metavar="PROMPTS", help="that may wait")
    parser.add_argument("--timeout", type=_positive(float), default=60.0, metavar="SECONDS", help="for one request")
    parser.add_argument("--max_body", type=_positive(int), default=1 << 20, metavar="BYTES", help="of one request")
    parser.epilog += f". The environment variable {_KEY}, if set, is the key that each request needs (Bearer)"
    args, configs = command_line.parse(parser, argv, uses=("Decode",))
    decode = configs.build("Decode")
    try:
        import uvicorn

        from seqgpt_jax.serving.app import make_app
        from seqgpt_jax.serving.batching import BatchingGenerator
        from seqgpt_jax.serving.http_server import HttpServer
        from seqgpt_jax.serving.metrics import make_metrics
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("seqgpt_jax"):
            raise
        raise command_line.UsageError(f"{error}: the server needs `pip install 'seqgpt_jax[serve]'`") from error
    # Before the model is loaded, which takes longer.
    listener = _listen(args.host, args.port)

    from seqgpt_jax.decoding.array_sizes import row_numbers
    from seqgpt_jax.decoding.devices import load_for
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.decoding.seqgpt import SeqGPT

    loaded = load_for(decode, args.model, step=args.step)
    engine = Engine.of(loaded, decode)
    print("compiling", flush=True)
    for prompts in row_numbers(decode.batch_size):
        SeqGPT(engine).extract(["warm-up"] * prompts, ["a label"])
    metrics = make_metrics()
    generator = BatchingGenerator(
        engine, max_queue=args.max_queue, timeout=args.timeout, wait=_WAIT_SECONDS, metrics=metrics
    )
    app = make_app(
        lambda: SeqGPT(generator.for_request()),
        args.model,
        metrics,
        max_body=args.max_body,
        api_key=os.environ.get(_KEY) or None,
    )
    host, port = listener.getsockname()[:2]
    print(f"{args.model}: http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    config = uvicorn.Config(
        app, log_level="warning", timeout_keep_alive=30, timeout_graceful_shutdown=int(args.timeout) + 1
    )
    server = HttpServer(config, on_force=generator.fail_rest)
    # uvicorn raises the signal again when it is done; a shutdown that was asked for is no error.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    server.run(sockets=[listener])
    generator.close()
    if server.force_exit:
        print("stopped at once: requests that had been taken were not answered", flush=True)
        return 130
    print("stopped: every request that was taken has been answered", flush=True)
    return 0


# Long enough for requests that arrive together, short beside the time of a batch.
_WAIT_SECONDS = 0.005


def _positive(kind: type) -> type:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens on this address; UsageError where it cannot."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise command_line.UsageError(f"--host={host} --port={port}: {error}; --port=0 takes a free port") from error


if __name__ == "__main__":
    command_line.run(main)
