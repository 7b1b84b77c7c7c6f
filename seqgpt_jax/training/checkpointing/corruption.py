"""What an error in reading a checkpoint says: that its files are damaged, or only that they were out of reach."""

import jax
from etils import epath

from seqgpt_jax.io.storage import is_bucket

ITEMS = ("params", "opt_state", "meta")  # of a checkpoint
_NEVER_DAMAGE = (PermissionError, TimeoutError, MemoryError, jax.errors.JaxRuntimeError)
# A bucket keeps bytes as they are, and its libraries have many classes for what a network does: damage is what is
# missing or makes no sense, nothing else.
_DAMAGE_IN_BUCKET = (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError)
# All that TensorStore, whose errors are ValueErrors, says of it.
_OUT_OF_REACH = (
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "CANCELLED",
)


def is_corruption(error: Exception, checkpoint: epath.Path) -> bool:
    """Whether the fault lies in the files of a checkpoint with these items, so that an older one may help."""
    error = _root(error)
    if isinstance(error, _NEVER_DAMAGE) or any(word in str(error) for word in _OUT_OF_REACH):
        return False
    if not is_bucket(checkpoint):
        return True
    # Of what a bucket refuses to show, gcsfs says that it is no folder, and Orbax that this item is missing; `exists`
    # raises what was refused.
    if isinstance(error, KeyError) and all((checkpoint / item).exists() for item in ITEMS):
        return False
    return isinstance(error, _DAMAGE_IN_BUCKET)


def _root(error: BaseException) -> BaseException:
    """What an error comes from: Orbax wraps some of TensorStore's into a bare Exception."""
    return error if error.__cause__ is None else _root(error.__cause__)


def brief(error: Exception) -> str:
    """What it comes from, on one line."""
    error = _root(error)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else f"{text[:300]} …"
