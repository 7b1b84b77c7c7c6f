"""A real browser for tests of pages: headless Chromium, driven over the pipe of its DevTools protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu")
_SECONDS = 60
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8, "Escape": 27}


class Page:
    """One tab.

    Attributes:
      errors: what scripts of the page threw, and what its console logged as an error.
    """

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._buffer, self._number, self._session = write, read, b"", 0, None
        self.errors: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Loads an address."""
        self._call("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        result = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Returns when the expression is true; fails after a minute."""
        end = time.monotonic() + _SECONDS
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {condition}; errors: {self.errors}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Presses and releases a key, as a person does."""
        code = _KEYS.get(key, ord(key[0].upper()))
        of_key = {"key": key, "windowsVirtualKeyCode": code} | ({"text": key} if len(key) == 1 else {})
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, **of_key)

    def screenshot(self, path: Path, width: int, height: int) -> None:
        """Writes a PNG of the page."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1.5, mobile=False
        )
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        request |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            while b"\0" not in self._buffer:
                assert select.select([self._read], [], [], max(0, end - time.monotonic()))[0], f"no answer to {method}"
                self._buffer += (piece := os.read(self._read, 1 << 16))
                assert piece, f"the browser ended during {method}"
            message, _, self._buffer = self._buffer.partition(b"\0")
            value = json.loads(message)
            if value.get("id") == self._number:
                assert "error" not in value, value
                return value["result"]
            if value.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(value["params"]["exceptionDetails"]))
            elif value.get("method") == "Log.entryAdded" and value["params"]["entry"]["level"] == "error":
                self.errors.append(value["params"]["entry"]["text"])


@contextmanager
def browser_page(profile: Path):
    """A tab of a browser of its own, which is ended."""
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    # The browser reads from descriptor 3 and writes to 4.
    command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
    flags = [*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    with subprocess.Popen(
        ["bash", "-c", command, CHROMIUM, *flags],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(to_read)
        os.close(to_write)
        try:
            yield Page(write, read)
        finally:
            process.kill()
            os.close(write)
            os.close(read)
