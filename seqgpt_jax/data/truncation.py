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
      loss: what the rest can no longer give: "labels_cut" (a label is gone), "answer_cut" (a gold span is gone), or
        None where the example survives.
    """

    ids: Sequence[int]
    removed: int = 0
    loss: str | None = None


def truncate_left(
    prompt: str,
    prompt_ids: Sequence[int],
    limit: int,
    decode: Callable[[Sequence[int]], str],
    spans: Iterable[str] = (),
) -> TruncatedPrompt:
    r"""The last `limit` ids of a prompt, and whether it can still be answered.

    Args:
      prompt: the text that `prompt_ids` are the ids of, as a `Template` renders it: the text on its first line.
      prompt_ids: its ids.
      limit: the most ids to keep.
      decode: ids to text, special tokens included.
      spans: the gold spans, which have to be in what is left of the text.

    >>> letters = "".join
    >>> truncate_left("ab\nc", list("ab\nc"), 3, letters, spans=["b"])
    TruncatedPrompt(ids=['b', '\n', 'c'], removed=1, loss=None)
    >>> truncate_left("ab\nc", list("ab\nc"), 3, letters, spans=["ab"]).loss
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
        return TruncatedPrompt(ids, removed, "labels_cut")
    text = remaining.split("\n")[0]
    return TruncatedPrompt(ids, removed, "answer_cut" if any(span not in text for span in spans) else None)
