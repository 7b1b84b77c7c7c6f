"""Journal of replies: what another model wrote, one record a request (`io.journal`), kept while the replies come in.

    {"key": "5f…", "settings": {"model": "…", …}, "request": "…", "output": "…", "finished": true, …}

A request that is in the journal is not made again, so that an evaluation continues after a kill, and its scores can be
computed anew without the model. Another model, or other settings of it, have keys of their own.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.io.journal import AppendOnlyJournal, JournalError
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to one request.

    Attributes:
      output: its text, as it came.
      finished: False where a limit of tokens cut it off.
      truncated: how many tokens the text of the prompt lost at its left end.
      text_read: what was left of it then; None where it lost nothing.
      error: why the request was refused; the output is "" then.
      usage: tokens that were counted, by kind.
    """

    output: str
    finished: bool = True
    truncated: int = 0
    text_read: str | None = None
    error: str = ""
    usage: Mapping[str, int] | None = None


Keep = Callable[[Prompt, Reply], None]
"""Keeps the reply to a prompt for good; any thread may call it."""


class OtherModel(Protocol):
    """A model that is not run by our decoder.

    Attributes:
      limits: what fits into its prompts and answers.
      settings: JSON-like, all that its replies depend on beside the request.
    """

    limits: PromptLimits
    settings: Mapping[str, Any]

    def request(self, prompt: Prompt) -> str:
        """The text that it is sent to ask a prompt."""
        ...

    def ask(self, prompts: Sequence[Prompt], keep: Keep, *, answered: bool) -> None:
        """Gives the reply to each prompt to `keep` as it comes in, in any order.

        Args:
          prompts: at least one.
          keep: is called once for each prompt.
          answered: whether the model has answered a request of an earlier call without an error.
        """
        ...

    def read(self, prompt: Prompt, output: str) -> str:
        """An output as a completion of the prompt in our contract, as far as it can be read."""
        ...


class JournaledGenerator:
    """A generator (`decoding.completion.Generator`) that asks another model what its journal does not have.

    The journal is its own until it is closed: a context manager does that.

    Attributes:
      limits: of the model.
      refused: errors of requests that were refused, in all calls.
    """

    def __init__(self, model: OtherModel, journal: Path, most_requests: int | None = None) -> None:
        """Reads the journal; lines without checksums, as earlier versions wrote them, too.

        Args:
          model: whom to ask.
          journal: the file; made where it is missing.
          most_requests: replies of this model that the journal may hold in the end; None for any number.

        Raises:
          JournalError: a line of the journal is corrupt, or another process writes it.
        """
        self.limits = model.limits
        self.refused: list[str] = []
        self._model, self._most_requests = model, most_requests
        self._settings = json.dumps(model.settings, sort_keys=True)
        self._lock = threading.Lock()
        self._replies: dict[str, Reply] = {}
        self._journal = AppendOnlyJournal(journal, self._take, unchecked=True)

    def __enter__(self) -> "JournaledGenerator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._journal.close()

    def generate(self, prompts: Sequence[Prompt], progress: Progress = no_progress) -> list[Completion]:
        """The completion of each prompt, in their order.

        Raises:
          JournalError: this would take more requests than are allowed; none of them has been made.
        """
        keys = [self._key(prompt) for prompt in prompts]
        missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in self._replies}
        needed = len(self._replies) + len(missing)
        if self._most_requests is not None and needed > self._most_requests:
            raise JournalError(
                f"{len(missing):,} more requests are needed, beside {len(self._replies):,} answered ones, and "
                f"Endpoint.max_requests allows {self._most_requests:,} together: ask fewer instances "
                f"(--gin.Evaluate.records), or set it to {needed:,} or more. A final round of classifications can need "
                "a few more"
            )
        if missing:
            kept = len(self._replies)

            def keep(prompt: Prompt, reply: Reply) -> None:
                with self._lock:
                    self._write(prompt, reply)
                    progress("requests", len(self._replies) - kept, len(missing))

            answered = any(not reply.error for reply in self._replies.values())
            self._model.ask([*missing.values()], keep, answered=answered)
        found = [self._replies[key] for key in keys]
        self.refused += [_whole_characters(reply.error) for reply in found if reply.error]
        return [self._completion(prompt, reply) for prompt, reply in zip(prompts, found, strict=True)]

    def _write(self, prompt: Prompt, reply: Reply) -> None:
        """Adds a reply to the journal; it is on the disk when it returns."""
        key = self._key(prompt)
        record = {"key": key, "settings": self._model.settings, "request": self._model.request(prompt)}
        self._journal.append(record | asdict(reply))
        self._replies[key] = reply

    def _take(self, record: dict[str, Any], _: int) -> None:
        """Reads a record of an earlier call."""
        key, settings = record.pop("key"), record.pop("settings")
        del record["request"]
        reply = Reply(**record)
        if json.dumps(settings, sort_keys=True) == self._settings:
            self._replies[key] = reply

    def _key(self, prompt: Prompt) -> str:
        content = f"{self._settings}\n{self._model.request(prompt)}"
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def _completion(self, prompt: Prompt, reply: Reply) -> Completion:
        text = "" if reply.error else self._model.read(prompt, _whole_characters(reply.output))
        return Completion(text, truncated=reply.truncated, text_read=reply.text_read, finished=reply.finished)


def _whole_characters(text: str) -> str:
    r"""The text without halves of surrogate pairs, which a model may write and no report in UTF-8 can hold.

    >>> _whole_characters("a\ud83db\ud83d") == "a\ufffdb\ufffd"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
