"""Sizes of padded arrays: few of them, so that few programs are compiled."""

from collections.abc import Sequence

import numpy as np

# Each at most half as wide again as the one before, beyond the narrow ones.
_WIDTHS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
_TRIE_WIDTHS = (16, 32, *_WIDTHS)


def power_of_two(size: int, least: int = 1) -> int:
    """The smallest power of two that holds `size`, at least `least`.

    >>> power_of_two(5), power_of_two(8), power_of_two(0), power_of_two(3, least=64)
    (8, 8, 1, 64)
    """
    return max(least, 1 << (max(size, 1) - 1).bit_length())


def batch_rows(prompts: int, batch_size: int) -> int:
    """The rows of the batch that a few prompts are decoded in: 1, a quarter or half of `batch_size`, or all of it.

    >>> batch_rows(1, 16), batch_rows(3, 16), batch_rows(5, 16), batch_rows(99, 16), batch_rows(2, 3)
    (1, 4, 8, 16, 3)
    """
    return next(rows for rows in row_numbers(batch_size) if prompts <= rows or rows == batch_size)


def row_numbers(batch_size: int) -> list[int]:
    """All that `batch_rows` may give.

    >>> row_numbers(16), row_numbers(2)
    ([1, 4, 8, 16], [1, 2])
    """
    return sorted({1, max(batch_size // 4, 1), max(batch_size // 2, 1), batch_size})


def bucket_width(length: int, limit: int) -> int:
    """The width of the batch whose longest prompt has `length` tokens, at most `limit`.

    >>> bucket_width(33, 1024), bucket_width(130, 1024), bucket_width(900, 1000)
    (64, 192, 1000)
    """
    return next((width for width in _WIDTHS if length <= width <= limit), limit)


def trie_width(size: int) -> int:
    """The width of the arrays that hold label tries of at most `size` nodes.

    >>> trie_width(17), trie_width(3000)
    (32, 4096)
    """
    return next((width for width in _TRIE_WIDTHS if size <= width), power_of_two(size))


def padded_rows(ids: Sequence[Sequence[int]], rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(tokens, mask), int32 and bool [rows, width]: the prompts with these ids, and filler after them.

    >>> tokens, mask = padded_rows([[7, 8]], 2, 3)
    >>> tokens.tolist(), mask.tolist()
    ([[7, 8, 0], [0, 0, 0]], [[True, True, False], [True, False, False]])
    """
    tokens_BxP = np.zeros((rows, width), np.int32)
    mask_BxP = np.zeros(tokens_BxP.shape, bool)
    for row, of_prompt in enumerate(ids):
        tokens_BxP[row, : len(of_prompt)] = of_prompt
        mask_BxP[row, : len(of_prompt)] = True
    # Attention needs a token in each row, in filler too.
    mask_BxP[:, 0] = True
    return tokens_BxP, mask_BxP
