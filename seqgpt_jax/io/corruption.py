"""Classification of restore errors: corrupt files, or files that could not be reached."""

from collections.abc import Sequence

import jax
import numpy as np
from etils import epath
from jax.experimental import multihost_utils

from seqgpt_jax.io.storage import is_bucket

ITEMS = ("params", "opt_state", "meta")
"""Items of a checkpoint, each a folder of its own."""

_NEVER_CORRUPTION = (PermissionError, TimeoutError, MemoryError, jax.errors.JaxRuntimeError)
# A bucket stores bytes reliably, and its libraries have many classes for network errors: only missing or malformed
# files count as corruption.
_CORRUPTION_IN_BUCKET = (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError)
# Status codes in the text of TensorStore's errors, which are ValueErrors.
_UNREACHABLE = (
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "CANCELLED",
)


def is_corruption(error: Exception, checkpoint: epath.Path, items: Sequence[str] = ITEMS) -> bool:
    """Whether the files of these items of a checkpoint are at fault, so that an older one may be readable."""
    error = _root_cause(error)
    if isinstance(error, _NEVER_CORRUPTION) or any(status in str(error) for status in _UNREACHABLE):
        return False
    if not is_bucket(checkpoint):
        return True
    # Where a bucket denies access, gcsfs reports that the path is no folder and Orbax that the item is missing;
    # `exists` raises the denial itself.
    if isinstance(error, KeyError) and all((checkpoint / item).exists() for item in items):
        return False
    return isinstance(error, _CORRUPTION_IN_BUCKET)


def _root_cause(error: BaseException) -> BaseException:
    """The first error of the chain: Orbax wraps some of TensorStore's errors into a bare Exception."""
    return error if error.__cause__ is None else _root_cause(error.__cause__)


def one_line(error: Exception) -> str:
    """Class and text of the root cause on one line, at most 300 characters."""
    error = _root_cause(error)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else f"{text[:300]} …"


def on_all_hosts(condition: bool) -> bool:
    """Whether the condition holds on every host, all of which call this."""
    if jax.process_count() == 1:
        return condition
    return bool(multihost_utils.process_allgather(np.asarray(condition)).all())
