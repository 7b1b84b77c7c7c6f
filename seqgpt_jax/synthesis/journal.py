"""Journal of synthesis: every request that was sent and every answer, one record each (`io.journal`).

    {"kind": "sent", "number": 7, "key": "5f…", "tokens": [310, 512], …}
    {"kind": "answer", "number": 7, "key": "5f…", "output": "…", "usage": […], …}
    {"kind": "failed", "number": 8, "key": "5f…", "error": "…", "charged": false}

A request is written before it is sent: what a kill leaves without an answer counts as sent, and with the most tokens
that it can have cost. Requests of batches are `queued` instead. Answers stay on the disk; memory holds their places.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from seqgpt_jax.io.journal import AppendOnlyJournal

_SECONDS_BETWEEN_SYNCS = 1.0


def request_key(body: Mapping[str, Any], attempt: int, version: int) -> str:
    """The name of a request in the journal: of all that its answer depends on, and which attempt of it this is."""
    content = json.dumps([body, attempt, version], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=12).hexdigest()


class Journal:
    """The journal of one output folder; one process has it at a time. A context manager closes it.

    Attributes:
      requests: sent or queued, of all runs.
      answers: how many there are.
      input_tokens, output_tokens: of all requests; the most that it can be where an answer is missing.
      counted_answers, counted_tokens: answers with usage, and their (input, output) tokens.
    """

    def __init__(self, path: Path, secret: str = "") -> None:
        """Reads the journal.

        Args:
          path: the file; made where it is missing.
          secret: never written; what repeats it has `***` instead.

        Raises:
          JournalError: a line does not have its checksum, or another process writes the file.
        """
        self.requests = self.answers = self.input_tokens = self.output_tokens = 0
        self.counted_answers, self.counted_tokens = 0, [0, 0]
        self._places: dict[bytes, int] = {}
        self._queued: dict[bytes, tuple[int, tuple[int, int]]] = {}
        self._open: dict[int, tuple[int, int]] = {}
        self._waiting = [0, 0]
        self._lines = AppendOnlyJournal(path, self._note, secret=secret, seconds_between_syncs=_SECONDS_BETWEEN_SYNCS)
        # What a kill left open may have been charged for; answers to batches are still to come.
        for lost in [*self._open]:
            self._spend(self._closed(lost, b""))

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lines.close()

    def answer(self, key: str) -> dict[str, Any] | None:
        """The answer to a request; None where there is none."""
        place = self._places.get(bytes.fromhex(key))
        return None if place is None else self._lines.at(place)

    def sent(self, key: str, body: Mapping[str, Any], passage: str, tokens: tuple[int, int], *, batch: str = "") -> int:
        """Notes that a request will be sent, or written to a batch file; returns its number.

        Args:
          key: see `request_key`.
          body: the request.
          passage: the id of what it asks about.
          tokens: the most (input, output) that it can cost.
          batch: the name of its file.
        """
        number = self.requests
        kind = {"kind": "queued", "batch": batch} if batch else {"kind": "sent"}
        record = kind | {"number": number, "key": key, "tokens": tokens, "passage": passage, "request": body}
        self._add(record)
        return number

    def answered(self, number: int, key: str, fields: Mapping[str, Any]) -> None:
        """Keeps the answer to request `number`: output, finish, refused, error, and usage (or None)."""
        self._add({"kind": "answer", "number": number, "key": key, **fields})

    def failed(self, number: int, key: str, error: str, *, charged: bool) -> None:
        """Keeps that request `number` got no answer, and whether it may have been charged for all the same."""
        self._add({"kind": "failed", "number": number, "key": key, "error": error, "charged": charged})

    def queued_number(self, key: str) -> int | None:
        """The number of a queued request; None where it is not queued."""
        found = self._queued.get(bytes.fromhex(key))
        return found[0] if found else None

    def most_tokens(self) -> tuple[int, int]:
        """(input, output) tokens of all requests, with the most that those without an answer can cost."""
        return self.input_tokens + self._waiting[0], self.output_tokens + self._waiting[1]

    @property
    def under_way(self) -> int:
        """Requests of this run that have no answer yet."""
        return len(self._open)

    @property
    def queued(self) -> int:
        """Requests in batch files that have no answer yet."""
        return len(self._queued)

    def _add(self, record: dict[str, Any]) -> None:
        self._note(record, self._lines.append(record))

    def _note(self, record: Mapping[str, Any], place: int) -> None:
        """Counts a record."""
        number, key = record["number"], bytes.fromhex(record["key"])
        match record["kind"]:
            case "sent" | "queued" as kind:
                self.requests = max(self.requests, number + 1)
                tokens = tuple(record["tokens"])
                self._waiting = [a + b for a, b in zip(self._waiting, tokens, strict=True)]
                if kind == "queued":
                    self._queued[key] = number, tokens
                else:
                    self._open[number] = tokens
            case "answer":
                most = self._closed(number, key)
                used = record["usage"]
                self._spend(used or (most if not record.get("error") else (0, 0)))
                if used:
                    self.counted_answers += 1
                    self.counted_tokens = [a + b for a, b in zip(self.counted_tokens, used, strict=True)]
                self.answers += key not in self._places
                self._places[key] = place
            case "failed":
                most = self._closed(number, key)
                self._spend(most if record["charged"] else (0, 0))

    def _closed(self, number: int, key: bytes) -> tuple[int, int]:
        """The most tokens of a request that is no longer open."""
        if (found := self._queued.get(key)) and found[0] == number:
            tokens = self._queued.pop(key)[1]
        else:
            tokens = self._open.pop(number, (0, 0))
        self._waiting = [a - b for a, b in zip(self._waiting, tokens, strict=True)]
        return tokens

    def _spend(self, tokens: tuple[int, int]) -> None:
        self.input_tokens += tokens[0]
        self.output_tokens += tokens[1]
