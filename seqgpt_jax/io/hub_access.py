"""Access to the Hugging Face hub: its address, the token that is sent there, and failures to reach it."""

import ipaddress
import os
import re
from typing import Literal
from urllib.parse import urlsplit

HUB = "https://huggingface.co"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
"""A name on the hub: OWNER/NAME."""
HUB_TIMEOUT = 60.0
"""Seconds that the hub has for an answer, unless somebody waits for less."""

# Of httpx and of requests: the hub's library has used both.
_NOT_CONNECTED = {"ConnectError", "ConnectTimeout", "NewConnectionError", "ConnectTimeoutError", "ProxyError"}


def hub_endpoint() -> str:
    """Where the Hugging Face hub is asked: HF_ENDPOINT, else the hub itself."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def hub_token() -> Literal[False] | None:
    """The argument `token` for the hub's library: None lets it send the user's token, False sends none.

    None is sent unencrypted (http), except to this machine.
    """
    address = urlsplit(hub_endpoint())
    return None if address.scheme == "https" or is_loopback(address.hostname or "") else False


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unreachable(error: BaseException) -> bool:
    """Whether the hub's library could not even connect: the others of its questions will fare alike."""
    seen: BaseException | None = error
    while seen is not None:
        if _NOT_CONNECTED & {kind.__name__ for kind in type(seen).__mro__}:
            return True
        seen = seen.__cause__
    return False


def hub_way_out() -> str:
    """What to do where the hub cannot be reached, to be put after the reason; "" for one on this machine."""
    if is_loopback(urlsplit(hub_endpoint()).hostname or ""):
        return ""
    mirror = f"HF_ENDPOINT, now {hub_endpoint()}," if os.environ.get("HF_ENDPOINT") else "HF_ENDPOINT=https://MIRROR"
    return f"; {mirror} names a mirror of the hub, HTTPS_PROXY=http://HOST:PORT a proxy"
