"""Decontamination: finds training texts that are in evaluation splits too and make scores better than they are.

    evaluation ─▶ LeakIndex          training ─▶ find ─▶ Leak("trec/train/…", "trec/test/…", "exact", 1.0)

Two texts are the same where they are equal once case, width, accents, traditional or simplified
characters, spaces, punctuation and symbols are taken away (`normalized`), and where an instance asks
a question about a sentence, the sentence counts (`bare_text`). Longer texts are the same too where
most of their pieces are (`NEAR`): MinHash finds candidates, and exact Jaccard similarity decides,
so nothing but a miss in ten thousand depends on hashes. docs/leaks.md says how the limits were chosen.
"""

import functools
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from opencc import OpenCC
from rensa import RMinHash, RMinHashLSH

from seqgpt_jax.atomic import Instance
from seqgpt_jax.io.progress import Progress, no_progress

# UTF-8 bytes are the measure of all lengths: a word is about six of them in English and in Chinese.
NEAR = 0.7  # Jaccard similarity from which two texts are near-duplicates
SHORT = 64  # bytes (64 letters, 21 Chinese characters): below, two commands that differ in a name are too alike
PIECE = 6  # bytes of the pieces that are compared
# 32 bands of 4: a pair of similarity 0.7 becomes a candidate with probability 1 - (1 - 0.7 ** 4) ** 32 = 0.9998.
_HASHES, _BANDS = 128, 32
_PROGRESS_EVERY = 1024

"""Called with (what, done, in all)."""

# The simplified form of these four depends on the word they are in; here both forms count as one.
_MERGED = str.maketrans("著藉瞭覆", "着借了复")


@functools.cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


class _Canonical(dict[int, str]):
    """Character -> its canonical form; filled as characters occur.

    Each character alone, without its neighbors: what is inserted between two cannot change either.
    """

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        simplify = _to_simplified().convert
        # Twice: 薴 becomes 苧, and that, a character of its own, 苎.
        letters = "".join(simplify(simplify(character)) for character in plain if character.isalnum())
        self[code] = letters.translate(_MERGED)
        return self[code]


_CANONICAL = _Canonical()


def normalized(text: str) -> str:
    """The canonical letters, digits and Chinese characters of a text.

    >>> normalized("Ｔhe Café： 臺灣!")
    'thecafe台湾'
    """
    return text.translate(_CANONICAL)


def bare_text(instance: Instance) -> str:
    """What of an instance is compared: the sentence that a question is about, else its text."""
    return instance.source_text or instance.text


@dataclass(frozen=True, slots=True)
class Leak:
    """A training instance whose text is in an evaluation split."""

    train_id: str
    evaluation_id: str
    kind: Literal["exact", "near"]
    similarity: float

    def __str__(self) -> str:
        if self.kind == "exact":
            return f"the text of {self.evaluation_id}"
        return f"nearly the text of {self.evaluation_id} (similarity {self.similarity:.2f})"


class LeakIndex:
    """The texts of evaluation splits, to look training texts up in.

    It keeps every distinct normalized text (shorter than its MinHash would be) and its ids.
    """

    def __init__(self, evaluation: Iterable[tuple[str, str]]) -> None:
        """`evaluation`: (id, text) pairs; read once, in order."""
        self._ids: dict[bytes, list[str]] = {}
        self._long: list[bytes] = []
        self._candidates = RMinHashLSH(NEAR, _HASHES, _BANDS)
        for id, text in evaluation:
            key = _key(text)
            if not key:
                continue
            if key not in self._ids and len(key) >= SHORT:
                self._candidates.insert(len(self._long), _min_hash(_pieces(key)))
                self._long.append(key)
            self._ids.setdefault(key, []).append(id)

    def find(self, id: str, text: str) -> list[Leak]:
        """All evaluation instances with this text or nearly this text, the most similar first."""
        key = _key(text)
        leaks = [Leak(id, other, "exact", 1.0) for other in self._ids.get(key, ())]
        if len(key) < SHORT:
            return leaks
        pieces = _pieces(key)
        near = []
        for number in self._candidates.query(_min_hash(pieces)):
            other = self._long[number]
            if other != key and (similarity := _jaccard(pieces, _pieces(other))) >= NEAR:
                near.append((-similarity, number))
        for negative, number in sorted(near):
            leaks += [Leak(id, other, "near", -negative) for other in self._ids[self._long[number]]]
        return leaks


def leaking(
    train: Iterable[tuple[str, str]],
    evaluation: Iterable[tuple[str, str]],
    progress: Progress = no_progress,
) -> dict[str, Leak]:
    """id of a training instance -> its worst leak, for those that have one.

    Args:
      train: (id, text) pairs; read once, in order, after `evaluation`.
      evaluation: (id, text) pairs of validation and test splits.
      progress: called with how many texts are done. A stream has no length: the total is what is done.
    """
    index = LeakIndex(_with_progress(evaluation, "evaluation texts", progress))
    worst = {}
    for id, text in _with_progress(train, "training texts", progress):
        if leaks := index.find(id, text):
            worst[id] = leaks[0]
    return worst


def _key(text: str) -> bytes:
    return normalized(text).encode()


def _pieces(key: bytes) -> set[bytes]:
    return {key[start : start + PIECE] for start in range(len(key) - PIECE + 1)}


def _min_hash(pieces: set[bytes]) -> RMinHash:
    signature = RMinHash(_HASHES, 1)
    signature.update(list(pieces))
    return signature


def _jaccard(a: set[bytes], b: set[bytes]) -> float:
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return 0.0  # below NEAR, whatever they share
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _with_progress(texts: Iterable[tuple[str, str]], what: str, progress: Progress) -> Iterator[tuple[str, str]]:
    done = 0
    for done, pair in enumerate(texts, 1):
        yield pair
        if done % _PROGRESS_EVERY == 0:
            progress(what, done, done)
    progress(what, done, done)
