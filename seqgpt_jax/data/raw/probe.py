"""Size and state of what a URL gives, without its content: HEAD, or a GET of one byte where HEAD is refused."""

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import requests

from seqgpt_jax.data.raw.network import Client, connection_problem, never_connected, status_error

Answer = TypeVar("Answer")

_THREADS = 16
# Answers of servers that know GET alone, or that want a signature for each method.
_NO_HEAD = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


@dataclass(frozen=True)
class Probe:
    """What a server says of a URL.

    Attributes:
      url: as it was asked for.
      size: bytes; None where the server does not say.
      problem: why there is nothing to download; "" where there is.
      note: what else is worth knowing: a redirect, a content type.
    """

    url: str
    size: int | None = None
    problem: str = ""
    note: str = ""


def probe(client: Client, url: str) -> Probe:
    """Asks for one URL, once: nothing is raised, and a host that could not be reached is not asked again."""
    if problem := client.problem(url):
        return Probe(url, problem=problem)
    try:
        with client.request("HEAD", url) as response:
            answer = response
        if answer.status_code in _NO_HEAD:
            with client.request("GET", url, {"Range": "bytes=0-0"}) as response:
                answer = response
    except requests.RequestException as error:
        if not never_connected(error):
            return Probe(url, problem=connection_problem(error))
        problem = f"{connection_problem(error)}{client.way_out(url)}"
        client.unreachable(url, problem)
        return Probe(url, problem=problem)
    if answer.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return Probe(url, problem=str(status_error(url, answer.status_code, client.address(url))))
    notes = []
    if answer.history:
        notes.append(f"moved to {answer.url}")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        notes.append("a page of HTML")
    return Probe(url, _size(answer), note="; ".join(notes))


def probe_all(client: Client, urls: Iterable[str]) -> dict[str, Probe]:
    """Asks for many URLs at once: URL -> its probe, in their order."""
    urls = list(dict.fromkeys(urls))
    return dict(zip(urls, ask_all([partial(probe, client, url) for url in urls]), strict=True))


def ask_all(questions: Iterable[Callable[[], Answer]]) -> Iterator[Answer]:
    """The answers to questions, in their order, many at a time; after an interruption the rest is not asked."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield from pool.map(lambda question: question(), questions)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _size(answer: requests.Response) -> int | None:
    if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None
