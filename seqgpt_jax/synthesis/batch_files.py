"""Files of the batch API: requests that are uploaded, and replies that come back."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqgpt_jax.io.json_line import json_line
from seqgpt_jax.io.openai_client import NO_COMPLETION, no_completion
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.synthesis.budget import Budget, most_tokens
from seqgpt_jax.synthesis.completions import completion_fields, refused_fields
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal
from seqgpt_jax.synthesis.passage_state import state
from seqgpt_jax.synthesis.passages import Passage

# What OpenAI takes in one file.
_REQUESTS_OF_A_FILE = 50_000


def write_batches(
    passages: Iterable[Passage],
    total: int,
    config: SynthesizeConfig,
    model: str,
    journal: Journal,
    folder: Path,
    progress: Progress = no_progress,
) -> tuple[list[Path], int, str]:
    """Writes the requests that have no answer and are in no other batch file.

    Returns:
      (the files, how many requests are in them, the setting of the budget that ended it early or "").
    """
    folder.mkdir(parents=True, exist_ok=True)
    budget = Budget(config, journal)
    files: list[Path] = []
    written, exceeded, file = 0, "", None
    try:
        for number, passage in enumerate(passages, start=1):
            progress("passages", number, total)
            missing = state(passage, config, model, journal).missing
            if missing is None or journal.queued_number(missing.key) is not None:
                continue
            tokens = most_tokens(missing.body, config)
            if exceeded := budget.exceeded(tokens):
                break
            if file is None or written % _REQUESTS_OF_A_FILE == 0:
                if file:
                    file.close()
                files.append(_new_file(folder))
                file = files[-1].open("w", encoding="utf-8")
            request = {"custom_id": missing.key, "method": "POST", "url": "/v1/chat/completions", "body": missing.body}
            # The file first: a request that is noted and in no file would never be made.
            file.write(json_line(request))
            file.flush()
            journal.sent(missing.key, missing.body, passage.id, tokens, batch=files[-1].name)
            written += 1
    finally:
        if file:
            file.close()
    return files, written, exceeded


def read_replies(path: Path, journal: Journal) -> Counter[str]:
    """Takes the replies of a file into the journal; returns how many there are of which kind.

    Kinds: "answers", "refused", "failed" (these are written to the next batch file again), "known" (the journal has an
    answer) and "foreign" (no request of this journal).

    Raises:
      ValueError: a line is no reply of a batch.
    """
    found = Counter[str]()
    with path.open(encoding="utf-8") as lines:
        for place, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                reply = json.loads(line)
                key = reply["custom_id"]
                number = _number(journal, key)
                if number is None:
                    found["known" if _is_known(journal, key) else "foreign"] += 1
                    continue
                found[_take(reply, number, key, journal)] += 1
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise ValueError(
                    f"--read_batch={path}:{place}: no reply of a batch ({type(error).__name__}: {error}): give the "
                    "output file, or the error file, of the batch as it was downloaded"
                ) from error
    return found


def _take(reply: dict[str, Any], number: int, key: str, journal: Journal) -> str:
    response = reply.get("response") or {}
    status = response.get("status_code", 0)
    if status == 200:
        try:
            fields = completion_fields(response["body"])
        except NO_COMPLETION as error:
            # As of an endpoint: paid for perhaps, and asked again. The replies that follow are answers.
            journal.failed(number, key, no_completion(error), charged=True)
            return "failed"
        journal.answered(number, key, fields)
        return "answers"
    problem = json.dumps(reply.get("error") or response.get("body") or f"status {status}", ensure_ascii=False)
    if status in (400, 422):
        journal.answered(number, key, refused_fields(problem))
        return "refused"
    journal.failed(number, key, problem, charged=False)
    return "failed"


def _number(journal: Journal, key: Any) -> int | None:
    return journal.queued_number(key) if _is_key(key) else None


def _is_known(journal: Journal, key: Any) -> bool:
    return _is_key(key) and journal.answer(key) is not None


def _is_key(key: Any) -> bool:
    if not isinstance(key, str):
        return False
    try:
        return len(bytes.fromhex(key)) > 0
    except ValueError:
        return False


def _new_file(folder: Path) -> Path:
    number = 1
    while (path := folder / f"requests-{number:04}.jsonl").exists():
        number += 1
    return path
