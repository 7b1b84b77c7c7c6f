"""Requests to the hosts of data sets: mirrors, tokens, timeouts and pauses between tries.

Proxies are those of `requests`: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
"""

import email.utils
import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from seqgpt_jax.io.hub_access import HUB, hub_endpoint, hub_token, hub_way_out, is_loopback

GITHUB_MIRROR_VARIABLE = "SEQGPT_GITHUB_MIRROR"
"""A prefix for addresses of GitHub: `https://mirror.example` asks for
`https://mirror.example/https://raw.githubusercontent.com/…`."""

_GITHUB_HOSTS = ("raw.githubusercontent.com", "github.com", "codeload.github.com", "media.githubusercontent.com")
_CONNECT_TIMEOUT = 15.0


class FetchError(OSError):
    """A download that failed for good; the message says why, and the way out."""


class Stopped(Exception):
    """The user has interrupted the downloads."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to ask again.

    Attributes:
      attempts: tries in a row that bring no byte, before a download fails.
      first_pause: seconds before the second try; each later pause is twice as long. All are varied by chance, so that
        many clients do not return at the same moment.
      longest_pause: limit of one pause, also of one that the server asks for (Retry-After).
      timeout: seconds without a byte after which a connection is taken for dead.
    """

    attempts: int = 6
    first_pause: float = 1.0
    longest_pause: float = 120.0
    timeout: float = 60.0


class Client:
    """HTTP requests from several threads, with one session in each."""

    def __init__(self, patience: Patience | None = None, *, mirrors: bool = True) -> None:
        """Mirrors are asked where the environment names them, unless `mirrors` is False."""
        self.patience = patience or Patience()
        self._mirrors = mirrors
        self._sessions = threading.local()
        self._stop = threading.Event()
        self._unreachable: dict[str, str] = {}

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """One try; the body is not read yet. The address is that of the mirror where one is set.

        Raises:
          requests.RequestException: no answer.
        """
        self.check_stopped()
        if not hasattr(self._sessions, "session"):
            self._sessions.session = requests.Session()
        address = self.address(url)
        # A .gz must come as it is, and a size must be that of the file.
        sent = {"Accept-Encoding": "identity", **_authorization(address), **(headers or {})}
        timeout = (min(_CONNECT_TIMEOUT, self.patience.timeout), self.patience.timeout)
        return self._sessions.session.request(
            method, address, headers=sent, timeout=timeout, stream=True, allow_redirects=True
        )

    def address(self, url: str) -> str:
        """What is asked for a URL."""
        return mirrored(url) if self._mirrors else url

    def way_out(self, url: str) -> str:
        """What to do where a URL's host cannot be reached, to be put after the reason; "" for this machine."""
        address = self.address(url)
        if is_loopback(urlsplit(address).hostname or ""):
            return ""
        proxy = "HTTPS_PROXY=http://HOST:PORT"
        if self._mirrors and f"{address}/".startswith(f"{hub_endpoint()}/"):
            return hub_way_out()
        if address != url:
            return f"; {GITHUB_MIRROR_VARIABLE} names this mirror of GitHub, {proxy} a proxy"
        if self._mirrors and urlsplit(url).hostname in _GITHUB_HOSTS:
            return f"; {GITHUB_MIRROR_VARIABLE}=https://MIRROR names a mirror of GitHub, {proxy} a proxy"
        return f"; {proxy} names a proxy"

    def attempts(self, url: str) -> int:
        """How many tries a URL gets: one where its host could not be reached before."""
        return 1 if self.problem(url) else self.patience.attempts

    def problem(self, url: str) -> str:
        """Why a URL's host could not be reached before; "" where it could."""
        return self._unreachable.get(urlsplit(self.address(url)).netloc, "")

    def unreachable(self, url: str, problem: str) -> None:
        """Notes that a URL's host could not be reached."""
        self._unreachable[urlsplit(self.address(url)).netloc] = problem

    def pause(self, failures: int, retry_after: float | None = None) -> None:
        """Waits before the next try, after this many failures in a row."""
        seconds = min(self.patience.first_pause * 2 ** (failures - 1), self.patience.longest_pause)
        seconds *= random.uniform(0.5, 1)
        self._stop.wait(max(seconds, retry_after or 0))
        self.check_stopped()

    def stop(self) -> None:
        """Makes the requests of all threads end soon."""
        self._stop.set()

    def check_stopped(self) -> None:
        """Raises Stopped after `stop`."""
        if self._stop.is_set():
            raise Stopped("interrupted")


def mirrored(url: str) -> str:
    """The address to ask for a URL: that of a mirror where the environment names one.

    HF_ENDPOINT takes the place of https://huggingface.co, SEQGPT_GITHUB_MIRROR is put before addresses of GitHub.
    """
    prefix = os.environ.get(GITHUB_MIRROR_VARIABLE, "").rstrip("/")
    if prefix and urlsplit(url).hostname in _GITHUB_HOSTS:
        return f"{prefix}/{url}"
    if url.startswith(f"{HUB}/"):
        return hub_endpoint() + url.removeprefix(HUB)
    return url


def _authorization(address: str) -> dict[str, str]:
    """The hub's token, for the hub (HF_ENDPOINT) alone; `requests` drops it where another host is redirected to."""
    if not address.startswith(f"{hub_endpoint()}/") or hub_token() is False:
        return {}
    from huggingface_hub import get_token

    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def retry_after(response: requests.Response) -> float | None:
    """Seconds that a server asks to wait; None where it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def status_error(url: str, status: int, address: str = "") -> FetchError:
    """The error of an answer that has no content, with the way out where there is one; `address` was asked."""
    address = address or mirrored(url)
    via = "" if address == url else f" (asked: {address})"
    if status in (401, 403) and address.startswith(f"{hub_endpoint()}/"):
        hint = "; accept the conditions on the page of the data set, then set HF_TOKEN to a token that may read it"
    elif status == 407:
        hint = "; the proxy wants a login: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    elif status in (404, 410):
        hint = "; the file is no longer there"
    else:
        hint = ""
    return FetchError(f"HTTP {status}{via}{hint}")


def never_connected(error: requests.RequestException) -> bool:
    """Whether a host could not even be reached: its name is unknown, it refuses, it does not answer, or its proxy."""
    reason = getattr(next(iter(error.args), None), "reason", None)
    return isinstance(error, requests.exceptions.ProxyError) or isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


def connection_problem(error: Exception) -> str:
    """What is wrong with a connection, without the address that the libraries put before it."""
    inner: object = error
    while (reason := getattr(inner, "reason", None) or next(iter(getattr(inner, "args", ())), None)) is not None:
        if not isinstance(reason, BaseException):
            break
        inner = reason
    text = " ".join(str(inner).split())
    text = text.rpartition(">: ")[2] if ">: " in text else text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
