"""Progress callback of long operations; shown by `seqgpt_jax.console.progress`."""

from collections.abc import Callable
from contextlib import AbstractContextManager

# Called with (what is being done, how much is done, how much there is; 0 where that is not known).
Progress = Callable[[str, int, int], None]
# Opens a bar with a title.
ProgressBar = Callable[[str], AbstractContextManager[Progress]]


def no_progress(what: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""
