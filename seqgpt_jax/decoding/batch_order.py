"""Order in which prompts are decoded: neighbours share a compiled program, little is padded, a text is read once.

Prompts are sorted by the width of the batch that holds them, then by the length of their labels, which answers repeat,
so that answers of a batch end at about the same time; prompts that ask one text for several labels are neighbours.
"""

from collections.abc import Iterator, Sequence

from seqgpt_jax.decoding.array_sizes import bucket_width
from seqgpt_jax.decoding.completion import Prompt

# From so many batches of prompts on, later ones take the rows of those that are decided, and at most so many batches
# are prepared at once.
_MANY_BATCHES = 3
_MOST_BATCHES = 8


def decoding_order(prompts: Sequence[Prompt], tokens: Sequence[int], limit: int) -> list[int]:
    """The numbers of the prompts, sorted.

    Args:
      prompts: any number.
      tokens: of each prompt.
      limit: most tokens of a prompt.
    """
    efforts, texts, firsts = [], [], {}
    for prompt, length in zip(prompts, tokens, strict=True):
        width, echoes = bucket_width(length, limit), sum(map(len, prompt.labels)) if prompt.atom == "ext" else 0
        effort = (width, echoes, length)
        efforts.append(effort)
        text = (width, prompt.source_text or "")
        texts.append(text)
        firsts[text] = min(firsts.get(text, effort), effort)
    return sorted(range(len(prompts)), key=lambda i: (firsts[texts[i]], texts[i], efforts[i]))


def batches(numbers: Sequence[int], batch_size: int) -> Iterator[Sequence[int]]:
    """What is searched for together: one batch, or one after the other in the rows of a batch where there are many.

    >>> list(batches([3, 1, 2], 2)), [len(part) for part in batches(range(21), 2)]
    ([[3, 1], [2]], [16, 2, 2, 1])
    """
    while numbers:
        size = _MOST_BATCHES * batch_size if len(numbers) >= _MANY_BATCHES * batch_size else batch_size
        yield numbers[:size]
        numbers = numbers[size:]
