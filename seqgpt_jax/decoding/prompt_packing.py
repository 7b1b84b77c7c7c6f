"""Packing of the prompts of a batch: into as few rows as hold them, and what several begin with alike only once.

Prompts of one batch differ in length, and those that ask a text for further labels begin with the same text. Padded to
the longest, most of what a pass over them reads would be filler and repetition.

Suffixes: B prompts, P their padded length, R rows of P tokens.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

# Tokens from which on a common beginning is read once.
_LEAST_SHARED = 16
# A batch has at most so many numbers of rows, each of which is one more program to compile.
_ROW_NUMBERS = 8


class PackedPrompts(NamedTuple):
    """Prompts in rows. A token sees those before it in its own segment, and in the one that its segment continues.

    Attributes:
      tokens_RxP: int32.
      positions_RxP: int32, position of each token in its prompt.
      segments_RxP: int32, 1.. for prompts, ends of prompts and common beginnings of prompts; 0 for padding.
      continued_RxP: int32, for the end of a prompt the segment of its beginning; else the token's own segment.
      places_BxP: int32, where each token of each prompt is among the R·P of the rows; None: row b is prompt b.
      mask_BxP: bool, False for padding.
    """

    tokens_RxP: np.ndarray
    positions_RxP: np.ndarray
    segments_RxP: np.ndarray
    continued_RxP: np.ndarray
    places_BxP: np.ndarray | None
    mask_BxP: np.ndarray

    def visible(self) -> jax.Array:
        """bool [R, P, P]: whether a token sees another. Padding sees padding; nobody reads what comes out there."""
        segments_RxP, length = self.segments_RxP, self.segments_RxP.shape[1]
        same = segments_RxP[:, None, :] == segments_RxP[:, :, None]
        return np.tri(length, dtype=bool) & (same | (segments_RxP[:, None, :] == self.continued_RxP[:, :, None]))


def pack_prompts(tokens_BxP: np.ndarray, mask_BxP: np.ndarray) -> PackedPrompts:
    """Packs prompts, where that leaves fewer rows.

    Args:
      tokens_BxP: int32, prompts padded on either side.
      mask_BxP: bool, False for padding; each prompt has a token.

    >>> tokens = np.array([[5, 6, 7, 8], [5, 0, 0, 0], [6, 7, 0, 0]])
    >>> pack_prompts(tokens, tokens > 0).tokens_RxP.tolist()
    [[5, 6, 7, 8], [6, 7, 5, 0]]
    """
    batch, length = tokens_BxP.shape
    prompts = [tokens[mask].tolist() for tokens, mask in zip(tokens_BxP, mask_BxP, strict=True)]
    filled = _rows(prompts, length)
    rows = next(number for number in _row_numbers(batch) if number >= len(filled))
    if rows == batch:
        segments = mask_BxP.astype(np.int32)
        positions = np.maximum(np.cumsum(mask_BxP, axis=1, dtype=np.int32) - 1, 0)
        return PackedPrompts(tokens_BxP, positions, segments, segments, None, mask_BxP)
    packed = PackedPrompts(
        *(np.zeros((rows, length), np.int32) for _ in range(4)), np.zeros((batch, length), np.int32), mask_BxP
    )
    for row, families in enumerate(filled):
        _fill(packed, row, families, prompts)
    return packed


class _Family(NamedTuple):
    """Prompts that share a beginning of so many tokens, which one alone has no use for."""

    shared: int
    numbers: list[int]


def _row_numbers(batch: int) -> list[int]:
    return sorted({-(-batch * part // _ROW_NUMBERS) for part in range(1, _ROW_NUMBERS + 1)})


def _rows(prompts: Sequence[list[int]], length: int) -> list[list[_Family]]:
    """The families of each row: each in the first row that has room, the largest first."""
    pieces = [piece for family in _families(prompts) for piece in _split(family, prompts, length)]
    rows: list[list[_Family]] = []
    free: list[int] = []
    for size, piece in sorted(((_size(piece, prompts), piece) for piece in pieces), key=lambda sized: -sized[0]):
        row = next((row for row, room in enumerate(free) if room >= size), len(rows))
        if row == len(rows):
            rows.append([])
            free.append(length)
        rows[row].append(piece)
        free[row] -= size
    return rows


def _families(prompts: Sequence[list[int]]) -> list[_Family]:
    families: list[_Family] = []
    for number in sorted(range(len(prompts)), key=lambda number: prompts[number]):
        if families:
            shared, numbers = families[-1]
            # The last token of each prompt is its own: its hidden state is needed.
            common = min(_common(prompts[numbers[0]], prompts[number]), len(prompts[numbers[0]]) - 1)
            common = min(common, shared or common)
            if common >= _LEAST_SHARED and len(numbers) * common > (len(numbers) - 1) * shared:
                families[-1] = _Family(common, [*numbers, number])
                continue
        families.append(_Family(0, [number]))
    return families


def _common(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _split(family: _Family, prompts: Sequence[list[int]], length: int) -> Iterator[_Family]:
    """The family in parts that fit into a row; each has the beginning."""
    part: list[int] = []
    for number in family.numbers:
        if part and _size(_Family(family.shared, [*part, number]), prompts) > length:
            yield _Family(family.shared if len(part) > 1 else 0, part)
            part = []
        part.append(number)
    yield _Family(family.shared if len(part) > 1 else 0, part)


def _size(family: _Family, prompts: Sequence[list[int]]) -> int:
    return family.shared + sum(len(prompts[number]) - family.shared for number in family.numbers)


def _fill(packed: PackedPrompts, row: int, families: list[_Family], prompts: Sequence[list[int]]) -> None:
    """Writes the tokens of a row, and the places of its prompts."""
    length, end, segment = packed.tokens_RxP.shape[1], 0, 0

    def put(ids: list[int], first: int, continued: int | None = None) -> np.ndarray:
        nonlocal end, segment
        segment += 1
        where = slice(end, end + len(ids))
        packed.tokens_RxP[row, where] = ids
        packed.positions_RxP[row, where] = range(first, first + len(ids))
        packed.segments_RxP[row, where] = segment
        packed.continued_RxP[row, where] = segment if continued is None else continued
        end += len(ids)
        return row * length + np.arange(where.start, where.stop)

    for shared, numbers in families:
        beginning = put(prompts[numbers[0]][:shared], 0) if shared else np.zeros(0, int)
        of_beginning = segment if shared else None
        for number in numbers:
            places = [beginning, put(prompts[number][shared:], shared, of_beginning)]
            packed.places_BxP[number, packed.mask_BxP[number]] = np.concatenate(places)
