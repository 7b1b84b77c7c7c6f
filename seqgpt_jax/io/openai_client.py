"""Client of OpenAI-compatible endpoints (the extra `openai`): its key, and what each of its errors means."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import openai

KEY_VARIABLE = "OPENAI_API_KEY"
# So many refusals at the beginning are the fault of the settings, not of the texts.
FIRST_REFUSALS = 3

# 409 and 408: the request may be made again; 5xx and 429: later.
_LATER = (408, 409, 429)
# Too long, or not allowed: of this text alone.
_THIS_ONE = (413, 451)
_SHORTEST_SECRET = 8
NO_COMPLETION = (ValueError, TypeError, AttributeError, LookupError)
"""What reading something raises that is no completion."""


class EndpointError(ValueError):
    """The endpoint does not answer, or not as it should; the message says what to do."""


class FailedRequestError(Exception):
    """One request that has no completion; the message does not have the key.

    Attributes:
      kind: "refused": the endpoint does not take this request; "refused_all": it takes none from us; "later": it may
        take the request when it is made again; "no_completion": what came back is none.
      charged: whether the request may have been charged for all the same.
      pause: seconds that the endpoint wants us to wait; None where it does not say.
    """

    def __init__(
        self,
        kind: Literal["refused", "refused_all", "later", "no_completion"],
        problem: str,
        *,
        charged: bool = False,
        pause: float | None = None,
    ) -> None:
        key = secret()
        super().__init__(problem.replace(key, "***") if key else problem)
        self.kind, self.charged, self.pause = kind, charged, pause


def secret() -> str:
    """The key, which nothing may show; "" without one, and for words in its place such as EMPTY."""
    key = os.environ.get(KEY_VARIABLE, "")
    return key if len(key) >= _SHORTEST_SECRET else ""


def client(url: str, *, timeout: float, max_retries: int) -> "openai.OpenAI":
    """A client with the key of the environment; servers of one's own need none. Imports `openai`."""
    import openai

    return openai.OpenAI(base_url=url, api_key=_key(), timeout=timeout, max_retries=max_retries)


def async_client(url: str, *, timeout: float, max_retries: int) -> "openai.AsyncOpenAI":
    """The same for an event loop."""
    import openai

    return openai.AsyncOpenAI(base_url=url, api_key=_key(), timeout=timeout, max_retries=max_retries)


@contextmanager
def failures() -> Iterator[None]:
    """Around a request and the reading of its completion: their errors become `FailedRequestError`."""
    import openai

    try:
        yield
    except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
        raise FailedRequestError("refused", str(error)) from None
    except openai.APIStatusError as error:
        if error.status_code in _THIS_ONE:
            raise FailedRequestError("refused", f"{error.status_code}: {error.message}") from None
        later = error.status_code in _LATER or error.status_code >= 500
        problem = f"{error.status_code}: {error.message}"
        pause = retry_after(error.response.headers)
        raise FailedRequestError("later" if later else "refused_all", problem, pause=pause) from None
    except openai.APIConnectionError as error:  # a time-out is one, too
        problem = f"{type(error).__name__}: {error} {error.__cause__ or ''}".strip()
        raise FailedRequestError("later", problem, charged=True) from None
    except (openai.OpenAIError, *NO_COMPLETION) as error:
        raise FailedRequestError("no_completion", no_completion(error), charged=True) from None


def no_completion(error: Exception) -> str:
    """Says that a reply is no completion, by the error that reading it has raised."""
    return f"something that is no completion came back ({type(error).__name__}: {error})"


def refuses_all(url: str, failure: FailedRequestError) -> EndpointError:
    """The error of an endpoint that takes no request from us."""
    hint = f"check the key in {KEY_VARIABLE}" if str(failure)[:3] in ("401", "403") else "check --endpoint and --model"
    return EndpointError(f"{url} refuses requests ({failure}): {hint}")


def refused_first(url: str, refusal: str, remedy: str) -> EndpointError:
    """The error of an endpoint that refused the first `FIRST_REFUSALS` requests, the last with `refusal`."""
    return EndpointError(f"{url} refused the first requests, the last with: {refusal}. {remedy}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, as a number or a date; None where there is none.

    >>> retry_after({"retry-after": "2.5"}), retry_after({"retry-after": "soon"})
    (2.5, None)
    """
    given = headers.get("retry-after", "")
    try:
        return max(float(given), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _key() -> str:
    return os.environ.get(KEY_VARIABLE) or "none"
