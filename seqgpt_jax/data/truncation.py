"""Left truncation of prompts that are longer than the model's input.

The released model truncates on the left too: labels and `[GEN]` are at the end of a prompt, so they survive longest.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TruncatedPrompt:
    """A prompt that fits.

    Attributes:
      ids: at most `limit` ids, the start token and the end of the prompt.
      removed: ids that were cut off its start; 0 where it fitted.
      loss: what the rest can no longer give: "labels_cut" (a label is gone), "answer_cut" (a needed part of the text,
        such as a gold span, is gone), or None where the example survives.
      missing: how many needed parts are gone.
      text: what is left of the text; None where nothing was cut off.
    """

    ids: Sequence[int]
    removed: int = 0
    loss: str | None = None
    missing: int = 0
    text: str | None = None


def truncate_left(
    prompt_ids: Sequence[int],
    limit: int,
    decode: Callable[[Sequence[int]], str],
    needed: Iterable[str] = (),
    start: int = 0,
) -> TruncatedPrompt:
    r"""The last ids of a prompt, `limit` with its start token, and whether it can still be answered.

    Args:
      prompt_ids: those of a prompt as a `Template` renders it: the text is on its first line.
      limit: the most ids to keep.
      decode: ids to text, special tokens included.
      needed: parts that have to be in what is left of the text, such as the gold spans.
      start: ids of the start token, which stay in front.

    >>> letters = "".join
    >>> truncate_left(list("ab\nc"), 3, letters, needed=["b"])
    TruncatedPrompt(ids=['b', '\n', 'c'], removed=1, loss=None, missing=0, text='b')
    >>> truncate_left(list("ab\nc"), 3, letters, needed=["ab"]).loss
    'answer_cut'
    >>> truncate_left(list("ab\nc"), 1, letters).loss
    'labels_cut'
    >>> truncate_left(["<s>", *"ab\nc"], 3, letters, start=1).ids
    ['<s>', '\n', 'c']
    """
    removed = len(prompt_ids) - limit
    if removed <= 0:
        return TruncatedPrompt(prompt_ids)
    rest = prompt_ids[start + removed :]
    ids = [*prompt_ids[:start], *rest]
    # Compared as text: a cut may fall inside a character, and a token may span the end of the first line.
    remaining = decode(rest)
    # Both as the tokenizer writes them, which may be in other characters than the prompt is.
    _, newline, labels = decode(prompt_ids[start:]).partition("\n")
    if not remaining.endswith(newline + labels):
        return TruncatedPrompt(ids, removed, "labels_cut", len(list(needed)), "")
    text = remaining.split("\n")[0]
    missing = sum(part not in text for part in needed)
    return TruncatedPrompt(ids, removed, "answer_cut" if missing else None, missing, text)
