"""Append-only file of judgements: every one is on the disk before the next, and a killed audit resumes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from seqgpt_jax.auditing.sample import Answer
from seqgpt_jax.io.exclusive_file import open_alone
from seqgpt_jax.io.json_line import json_line

VERDICTS = ("right", "wrong", "unsure")


class OtherAuditError(ValueError):
    """The file is of other data or another seed, or it is no file of judgements."""


class Judgements:
    """What people judged, by record and answer; the last judgement of an answer counts.

    Attributes:
      verdicts: (key of the record, answer) -> one of `VERDICTS`.
      missing: key of a record -> answers that a corrector added to it.
      sample: size of the sample of the last call, a share or a number; None in a new file.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file for this process alone, or begins it; a line that a kill has cut is dropped.

        Raises:
          FileInUseError: another process has it open.
          OtherAuditError: a line is no judgement.
        """
        self.path = path
        self.verdicts: dict[tuple[str, Answer], str] = {}
        self.missing: dict[str, int] = {}
        self.sample: float | None = None
        self._audited: dict[str, Any] | None = None
        self._file = open_alone(path)
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                self._read(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                self._file.close()
                raise OtherAuditError(f"{path}:{number}: no judgement ({error}): name another --output") from error
            end += len(line)
        self._file.truncate(end)
        self._file.seek(end)

    def begin(self, checksums: Mapping[str, str], seed: int, sample: float) -> None:
        """Says what is audited; what an earlier call said must agree, but for the size of the sample.

        Raises:
          OtherAuditError: the data or the seed are others.
        """
        audited = {"checksums": sorted(checksums.values()), "seed": seed}
        if self._audited is None or sample != self.sample:
            self._check(checksums, audited)
            self._append({"audit": audited, "files": dict(checksums), "sample": sample})
        self._check(checksums, audited)

    def judge(self, key: str, answer: Answer, verdict: str | None, by: str = "page") -> None:
        """Saves a judgement; None takes an earlier one back."""
        self._append({"record": key, "answer": [*answer], "verdict": verdict, "by": by})

    def add_missing(self, key: str, number: int, by: str) -> None:
        """Saves how many answers a corrector added to a record."""
        self._append({"record": key, "missing": number, "by": by})

    def close(self) -> None:
        """Lets other processes open the file."""
        self._file.close()

    def __enter__(self) -> "Judgements":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, checksums: Mapping[str, str], audited: Mapping[str, Any]) -> None:
        if self._audited is None or self._audited == audited:
            return
        if self._audited["seed"] != audited["seed"]:
            raise OtherAuditError(
                f"{self.path} was begun with --seed={self._audited['seed']}, not {audited['seed']}: use that seed, or "
                "name another --output"
            )
        changed = [name for name, checksum in checksums.items() if checksum not in self._audited["checksums"]]
        raise OtherAuditError(
            f"{self.path} has judgements of other data: {', '.join(changed) or 'a file that is not named now'} "
            f"{'differs from what was' if changed else 'was'} audited (SHA-256): give the same files as --input, or "
            "name another --output"
        )

    def _append(self, value: dict[str, Any]) -> None:
        self._file.write(json_line(value).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._read(value)

    def _read(self, value: dict[str, Any]) -> None:
        if "audit" in value:
            self._audited, self.sample = value["audit"], value["sample"]
        elif "missing" in value:
            self.missing[value["record"]] = value["missing"]
        else:
            place = (value["record"], Answer(*value["answer"]))
            if value["verdict"] is None:
                self.verdicts.pop(place, None)
            elif value["verdict"] in VERDICTS:
                self.verdicts[place] = value["verdict"]
            else:
                raise ValueError(f"verdict {value['verdict']!r}")
