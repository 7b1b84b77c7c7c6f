"""State of a passage: what the journal has answered, and the request that is to be made next."""

from typing import Any, NamedTuple

from seqgpt_jax.synthesis.answers import Accepted, Rejected, validated
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal, request_key
from seqgpt_jax.synthesis.passages import Passage
from seqgpt_jax.synthesis.prompts import VERSION, asked_again, request_body

# Asking again gives the same.
_FINAL = ("refused_request",)


class Request(NamedTuple):
    """A request of a passage.

    Attributes:
      key: its name in the journal.
      body: what is sent.
    """

    key: str
    body: dict[str, Any]


class State(NamedTuple):
    """What a journal knows of a passage.

    Attributes:
      result: of its last answer; None where it has none.
      attempts: requests that have an answer.
      missing: the request to make next; None where the passage is finished.
    """

    result: Accepted | Rejected | None
    attempts: int
    missing: Request | None


def state(passage: Passage, config: SynthesizeConfig, model: str, journal: Journal) -> State:
    """The validated answer to a passage, and what is to be asked next."""
    first = body = request_body(passage, config, model)
    result: Accepted | Rejected | None = None
    for attempt in range(config.reprompts + 1):
        # By the first body: another wording of what was wrong is no other request.
        key = request_key(first, attempt, VERSION)
        answer = journal.answer(key)
        if answer is None:
            return State(result, attempt, Request(key, body))
        result = judged(passage, answer, config)
        if isinstance(result, Accepted) or result.reason in _FINAL:
            return State(result, attempt + 1, None)
        body = asked_again(first, passage.language, answer["output"], str(result))
    return State(result, config.reprompts + 1, None)


def judged(passage: Passage, answer: dict[str, Any], config: SynthesizeConfig) -> Accepted | Rejected:
    """The validation of an answer of the journal."""
    if answer.get("error"):
        return Rejected("refused_request", answer["error"][:200])
    only = (config.labels or {}).get(passage.task)
    try:
        return validated(
            passage, answer["output"], finished=answer["finish"] != "length", refused=answer["refused"], only=only
        )
    except Rejected as error:
        return error
