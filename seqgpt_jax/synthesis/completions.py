"""Chat completions as the journal keeps them."""

from collections.abc import Mapping
from typing import Any


def completion_fields(response: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of a chat completion as JSON.

    Raises:
      ValueError, TypeError, LookupError: it is none.
    """
    choice = response["choices"][0]
    message = choice["message"]
    output = message.get("content") or ""
    if not isinstance(output, str):
        raise TypeError(f"the content is {type(output).__name__}")
    usage = response.get("usage")
    finish = choice.get("finish_reason") or ""
    return {
        "output": output,
        "finish": finish,
        "refused": bool(message.get("refusal")) or finish == "content_filter",
        "usage": [usage["prompt_tokens"], usage["completion_tokens"]] if usage else None,
        "model": response.get("model"),
    }


def refused_fields(error: str) -> dict[str, Any]:
    """What the journal keeps of a request that the endpoint refuses as such."""
    return {"output": "", "finish": "", "refused": False, "usage": None, "error": error}
