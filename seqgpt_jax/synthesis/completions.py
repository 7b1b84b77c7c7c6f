"""Chat completions as the journal keeps them."""

from collections.abc import Mapping
from typing import Any


def completion_fields(response: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of a chat completion as JSON.

    Raises:
      ValueError, TypeError, LookupError, AttributeError: it is none.
    """
    choice = response["choices"][0]
    message = choice["message"]
    output = message.get("content") or ""
    if not isinstance(output, str):
        raise TypeError(f"the content is {type(output).__name__}")
    usage = response.get("usage") or {}
    tokens = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    finish = choice.get("finish_reason") or ""
    return {
        "output": output,
        "finish": finish,
        "refused": bool(message.get("refusal")) or finish == "content_filter",
        # What does not count both counts as none: the journal adds these numbers up.
        "usage": tokens if all(type(count) is int for count in tokens) else None,
        "model": response.get("model"),
    }


def refused_fields(error: str) -> dict[str, Any]:
    """What the journal keeps of a request that the endpoint refuses as such."""
    return {"output": "", "finish": "", "refused": False, "usage": None, "error": error}
