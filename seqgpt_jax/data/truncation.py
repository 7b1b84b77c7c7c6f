"""Left truncation of prompts that are longer than the model's input.

The released model truncates on the left too: labels and `[GEN]` are at the end of a prompt, so they survive longest.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TruncatedPrompt:
    """A prompt that fits.

    Attributes:
      ids: at most `limit` ids, the end of the prompt.
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
    prompt: str,
    prompt_ids: Sequence[int],
    limit: int,
    decode: Callable[[Sequence[int]], str],
    needed: Iterable[str] = (),
) -> TruncatedPrompt:
    r"""The last `limit` ids of a prompt, and whether it can still be answered.

    Args:
      prompt: the text that `prompt_ids` are the ids of, as a `Template` renders it: the text on its first line.
      prompt_ids: its ids.
      limit: the most ids to keep.
      decode: ids to text, special tokens included.
      needed: parts that have to be in what is left of the text, such as the gold spans.

    >>> letters = "".join
    >>> truncate_left("ab\nc", list("ab\nc"), 3, letters, needed=["b"])
    TruncatedPrompt(ids=['b', '\n', 'c'], removed=1, loss=None, missing=0, text='b')
    >>> truncate_left("ab\nc", list("ab\nc"), 3, letters, needed=["ab"]).loss
    'answer_cut'
    >>> truncate_left("ab\nc", list("ab\nc"), 1, letters).loss
    'labels_cut'
    """
    removed = len(prompt_ids) - limit
    if removed <= 0:
        return TruncatedPrompt(prompt_ids)
    ids = prompt_ids[removed:]
    # Compared as text: a cut may fall inside a character, and a token may span the end of the first line.
    remaining = decode(ids)
    _, newline, labels = prompt.partition("\n")
    if not remaining.endswith(newline + labels):
        return TruncatedPrompt(ids, removed, "labels_cut", len(list(needed)), "")
    text = remaining.split("\n")[0]
    missing = sum(part not in text for part in needed)
    return TruncatedPrompt(ids, removed, "answer_cut" if missing else None, missing, text)
