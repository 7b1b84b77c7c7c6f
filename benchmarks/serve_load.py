"""Load test of the server on loopback: many clients, a tenth of the requests faulty, then SIGTERM in the middle.

    python benchmarks/serve_load.py --model=runs/quickstart/export

Starts `python -m seqgpt_jax.serve` twice. In the first run every answer is compared with that of the library; in the
second the server is stopped while requests are on their way. Writes benchmarks/results/serve_load.{json,md}.
"""

import argparse
import http.client
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqgpt_jax import SeqGPT

RESULTS = Path(__file__).parent / "results"
LABELS = ["person", "place", "date"]
NAMES, PLACES = ("Maria Lopez", "Ken Tanaka", "Ada Byron", "李雷"), ("Lisbon", "Oslo", "Turin", "上海", "Paris")
TEXTS = [f"{NAMES[i % 4]} flew from {PLACES[i % 5]} to {PLACES[(i + 2) % 5]} on {i % 28 + 1} May." for i in range(140)]
MAX_BODY = 20_000


@contextmanager
def serving(model: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """(process, port) of a server."""
    flags = [f"--model={model}", "--port=0", "--gin.Decode.num_beams=1", f"--max_body={MAX_BODY}"]
    command = [sys.executable, "-m", "seqgpt_jax.serve", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:(\d+)$", line.strip()):
                    yield process, int(found[1])
                    break
        finally:
            process.kill()


def post(port: int, body: bytes) -> tuple[int, dict[str, Any]]:
    """(status, JSON) of an extraction."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/v1/extract", body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def asked(text: str) -> bytes:
    """The body that asks about a text."""
    return json.dumps({"text": text, "labels": LABELS}).encode()


def cut_off(port: int) -> str:
    """A request whose client goes away before its body is complete."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"POST /v1/extract HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    return "cut off by the client"


def under_load(port: int, expected: dict[str, dict[str, Any]], requests: int, clients: int) -> dict[str, Any]:
    """What came back, and how fast."""
    seconds = []

    def one(number: int) -> int | str:
        if number % 30 == 3:
            return post(port, b'{"text": "x", ')[0]
        if number % 30 == 13:
            return post(port, asked("x" * 2 * MAX_BODY))[0]
        if number % 30 == 23:
            return cut_off(port)
        text = TEXTS[number % len(TEXTS)]
        started = time.monotonic()
        status, answer = post(port, asked(text))
        seconds.append(time.monotonic() - started)
        right = answer["text"] == text and places(answer["spans"]) == places(expected[text]["spans"])
        return status if right else "wrong answer"

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        counts = Counter(pool.map(one, range(requests)))
    wall = time.monotonic() - started
    return {
        "statuses": {str(status): count for status, count in counts.items()},
        "seconds": wall,
        "answers_per_second": len(seconds) / wall,
        "latency": {f"p{p}": float(np.percentile(seconds, p)) for p in (50, 95, 99)},
    }


def places(spans: dict[str, list[dict[str, Any]]]) -> dict[str, list[tuple[int, int]]]:
    """Label -> (start, end) of its spans."""
    return {label: [(span["start"], span["end"]) for span in found] for label, found in spans.items()}


def stopped(process: subprocess.Popen, port: int, requests: int, clients: int) -> dict[str, int]:
    """How many requests were answered, and how many refused, when the server is stopped in the middle of them."""

    def one(number: int) -> str:
        if number == requests // 2:
            process.send_signal(signal.SIGTERM)
        try:
            status, answer = post(port, asked(TEXTS[number % len(TEXTS)]))
        except ConnectionRefusedError:
            return "refused: the server has stopped listening"
        except (OSError, http.client.HTTPException) as error:
            return f"broken off: {type(error).__name__}"
        return f"{status}" if answer["text"] == TEXTS[number % len(TEXTS)] else "wrong answer"

    with ThreadPoolExecutor(clients) as pool:
        counts = Counter(pool.map(one, range(requests)))
    return {**counts, "exit code": process.wait(timeout=120)}


def main() -> None:
    """Runs both and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="model folder")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=32)
    args = parser.parse_args()
    expected = {one.text: one.to_dict() for one in SeqGPT.load(args.model, num_beams=1).extract(TEXTS, LABELS)}
    with serving(args.model) as (_, port):
        load = under_load(port, expected, args.requests, args.clients)
    with serving(args.model) as (process, port):
        stop = stopped(process, port, args.requests // 4, args.clients)
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    result = {"requests": args.requests, "clients": args.clients, "load": load, "stopped": stop, "machine": machine}
    latency = ", ".join(f"{name} {value:.2f} s" for name, value in load["latency"].items())
    page = [
        "# The server under load\n",
        f"`python benchmarks/serve_load.py --model={args.model}`: {args.requests:,} requests of {args.clients} clients",
        "on loopback, three labels each, a tenth malformed, too large or cut off;",
        f"{machine}, server and clients together.\n",
        "| answer | requests |",
        "|---|---:|",
        *(f"| {status} | {count} |" for status, count in load["statuses"].items()),
        "",
        f"{load['answers_per_second']:.1f} answers a second; {latency}. Every answer was that of its own question.\n",
        f"SIGTERM after half of {args.requests // 4} requests:\n",
        "| answer | requests |",
        "|---|---:|",
        *(f"| {status} | {count} |" for status, count in stop.items()),
        "",
    ]
    if "wrong answer" in {*load["statuses"], *stop}:
        raise SystemExit(f"answers were paired wrongly: {result}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "serve_load.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "serve_load.md").write_text("\n".join(page), encoding="utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()
