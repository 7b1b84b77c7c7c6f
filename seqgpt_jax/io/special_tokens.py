"""Special tokens of a tokenizer: which of its tokens are control tokens, and which it puts around a text.

Worker processes import this module and not `transformers`, which takes seconds to load.
"""

import json
import re

from tokenizers import AddedToken, Tokenizer

# Some tokenizers do not mark all of their control tokens as special: `<tool_call>`, `[/INST]`.
_MARKER = re.compile(r"<\S+>|\[\S+\]")


def is_control(content: str, special: bool) -> bool:
    """Whether an added token is a control token: marked as special, or in angle or square brackets."""
    return special or _MARKER.fullmatch(content) is not None


def control_tokens(backend: Tokenizer) -> dict[int, AddedToken]:
    """The control tokens among the added tokens, by their ids."""
    added = backend.get_added_tokens_decoder()
    return {id: token for id, token in added.items() if is_control(token.content, token.special)}


def unknown_token(backend: Tokenizer) -> str | None:
    """The token for characters that a tokenizer does not know; None where it knows all, as their bytes if need be."""
    model = backend.model
    if hasattr(model, "unk_token"):
        return None if getattr(model, "byte_fallback", False) else model.unk_token
    settings = json.loads(backend.to_str())["model"]
    unknown = None if settings.get("byte_fallback") else settings.get("unk_id")
    return None if unknown is None else backend.id_to_token(unknown)


def tokens_around(backend: Tokenizer) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer itself puts before and after each text; most often none, or `<s>` before it."""
    bare = backend.encode("x", add_special_tokens=False).ids
    whole = backend.encode("x", add_special_tokens=True).ids
    start = next(start for start in range(len(whole)) if whole[start : start + len(bare)] == bare)
    return whole[:start], whole[start + len(bare) :]
