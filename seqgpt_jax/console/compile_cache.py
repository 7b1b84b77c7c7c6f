"""JAX's compilation cache on the local disk: a command that runs again does not compile again."""

import contextlib
import hashlib
import os
import platform
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

_LEAST_SECONDS = 0.2


def use_compile_cache(
    variables: MutableMapping[str, str] = os.environ, command: Sequence[str] = tuple(sys.argv)
) -> None:
    """Sets JAX's environment variables, before it is imported, to a folder of the user; those that are set stay.

    The folder is `seqgpt_jax/compiled/` in XDG_CACHE_HOME or `~/.cache`; it may be deleted at any time. Without a home,
    or a folder that can be written, there is none; nor for a `command` with --multihost, whose processes wait for each
    other where programs are compiled, so that all of them must have a program or none. It has no limit: a program takes
    less than a megabyte, and JAX's limit makes a write that was killed an error of every later one.
    """
    off = variables.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower() in ("false", "0", "no", "off")
    home = _cache_home(variables)
    together = any(word.startswith("--multihost") for word in command)
    if off or together or "JAX_COMPILATION_CACHE_DIR" in variables or not home.is_absolute():
        return
    # Programs hold instructions of the processor they were compiled on, which JAX's own keys do not name.
    folder = home / "seqgpt_jax" / "compiled" / _processor()
    try:
        # Who can write here can run code as this user.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    variables["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    variables.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(_LEAST_SECONDS))


def _cache_home(variables: MutableMapping[str, str]) -> Path:
    named = Path(variables.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path(variables.get("HOME") or os.path.expanduser("~")) / ".cache"


def _processor() -> str:
    """A short name of the instructions that this machine has."""
    features = ""
    # Those of the first core: reading all of them takes long where there are hundreds.
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        features = next((line for line in lines if line.split(":")[0].strip() in ("flags", "Features")), "")
    described = " ".join([platform.machine(), platform.processor(), *sorted(features.split())])
    return f"{platform.machine()}-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
