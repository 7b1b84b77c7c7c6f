"""Decontamination: finds training texts that are in evaluation splits too and make scores better than they are.

    evaluation ─▶ LeakIndex          training ─▶ find ─▶ Leak("trec/train/…", "trec/test/…", "exact", 1.0)

Two texts are the same where they are equal once case, width, accents, traditional or simplified
characters, spaces, punctuation and symbols are taken away (`normalized`), and where an instance asks
a question about a sentence, the sentence counts (`bare_text`). Longer texts are the same too where
most of their pieces are (`NEAR`): MinHash finds candidates, and exact Jaccard similarity decides,
so nothing but a miss in ten thousand depends on hashes. Texts of one template are all candidates of
each other; 256 bytes of each rule most of them out without a look at their pieces. A text that is,
exactly or nearly, a sentence of a longer one leaks too, whichever of the two is trained on.
docs/leaks.md says how the limits were chosen.
"""

import functools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from opencc import OpenCC
from rensa import RMinHash, RMinHashLSH

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.prepare.windows import SENTENCE_END
from seqgpt_jax.io.progress import Progress, no_progress

# UTF-8 bytes are the measure of all lengths: a word is about six of them in English and in Chinese.
NEAR = 0.7  # Jaccard similarity from which two texts are near-duplicates
SHORT = 64  # bytes (64 letters, 21 Chinese characters): below, two commands that differ in a name are too alike
PIECE = 6  # bytes of the pieces that are compared
# 32 bands of 4: a pair of similarity 0.7 becomes a candidate with probability 1 - (1 - 0.7 ** 4) ** 32 = 0.9998.
_HASHES, _BANDS = 128, 32
# Of more candidates than this, marks of 2,048 bits rule out most.
_FEW, _MARK_BITS = 8, 2048
_BYTE_PLACES = np.uint64(1) << np.arange(0, 8 * PIECE, 8, dtype=np.uint64)
_PROGRESS_EVERY = 1024

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


Kind = Literal["exact", "near", "sentence"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Leak:
    """A training instance whose text is in an evaluation split.

    Attributes:
      train_id, evaluation_id: the two instances.
      kind: "exact" and "near" of whole texts; "sentence" where one text is, exactly or nearly, a sentence of the other.
      similarity: Jaccard similarity of what is alike.
    """

    train_id: str
    evaluation_id: str
    kind: Kind
    similarity: float

    def __str__(self) -> str:
        if self.kind == "exact":
            return f"the text of {self.evaluation_id}"
        if self.kind == "sentence":
            return f"shares a sentence with {self.evaluation_id} that is all of one of them ({self.similarity:.2f})"
        return f"nearly the text of {self.evaluation_id} (similarity {self.similarity:.2f})"


class _Lookup:
    """What a normalized text of at least `SHORT` bytes is looked up by."""

    def __init__(self, key: bytes) -> None:
        self.key, self.pieces = key, _pieces(key)
        self.signature = RMinHash(_HASHES, 1)
        self.signature.update(list(self.pieces))


class _Texts:
    """Distinct normalized texts (shorter than their MinHashes would be) and the ids of each."""

    def __init__(self) -> None:
        self._ids: dict[bytes, list[str]] = {}
        self._long: list[bytes] = []
        self._candidates = RMinHashLSH(NEAR, _HASHES, _BANDS)
        self._marks: dict[int, bytes] = {}  # of those of the long texts that had many others beside them

    def add(self, id: str, key: bytes, lookup: _Lookup | None = None) -> None:
        """`lookup`: of the text, where it is made already."""
        if key not in self._ids and len(key) >= SHORT:
            lookup = lookup or _Lookup(key)
            self._candidates.insert(len(self._long), lookup.signature)
            self._long.append(key)
        self._ids.setdefault(key, []).append(id)

    def equal(self, key: bytes) -> Sequence[str]:
        """Ids of this text."""
        return self._ids.get(key, ())

    def near(self, lookup: _Lookup) -> Iterator[tuple[str, float]]:
        """(id, similarity) of texts that nearly have the same pieces, the most similar first."""
        found = []
        for number in self._possible(self._candidates.query(lookup.signature), lookup):
            similarity = _jaccard(lookup.pieces, _pieces(self._long[number]))
            if similarity >= NEAR:
                found.append((-similarity, number))
        for negative, number in sorted(found):
            yield from ((id, -negative) for id in self._ids[self._long[number]])

    def _possible(self, candidates: list[int], lookup: _Lookup) -> list[int]:
        """The candidates; where they are many, without those whose marks show that they are below `NEAR`.

        A piece that one text has alone changes one bit, so at least as many pieces differ as bits do.
        """
        if len(candidates) <= _FEW:
            return candidates
        for number in candidates:
            if number not in self._marks:
                self._marks[number] = _marks(self._long[number])
        marks = np.frombuffer(b"".join([self._marks[number] for number in candidates]), np.uint64)
        *bits, size = np.frombuffer(_marks(lookup.key), np.uint64)
        table = marks.reshape(len(candidates), -1)
        differing = np.bitwise_count(table[:, :-1] ^ np.array(bits)).sum(axis=1, dtype=np.int64)
        both = table[:, -1].astype(np.int64) + int(size)
        most_shared = (both - differing) / 2
        return np.array(candidates)[most_shared >= NEAR * (both - most_shared) - 1e-6].tolist()


class LeakIndex:
    """The texts of evaluation splits, and the sentences of the long ones, to look training texts up in."""

    def __init__(self, evaluation: Iterable[tuple[str, str]]) -> None:
        """`evaluation`: (id, text) pairs; read once, in order."""
        self._texts, self._sentences = _Texts(), _Texts()
        for id, text in evaluation:
            if key := _key(text):
                self._texts.add(id, key)
                for sentence in _sentences(text, key):
                    self._sentences.add(id, sentence)

    def find(self, id: str, text: str) -> list[Leak]:
        """All evaluation instances with this text, nearly this text, or a sentence that is the whole of the other text.

        The exact ones come first, then the near ones and the sentences, each the most similar first.
        """
        key = _key(text)
        leaks = {other: Leak(id, other, "exact", 1.0) for other in self._texts.equal(key)}
        if len(key) < SHORT:
            return [*leaks.values()]
        lookup = _Lookup(key)
        for other, similarity in self._texts.near(lookup):
            leaks.setdefault(other, Leak(id, other, "near", similarity))
        alike = [(other, 1.0) for other in self._sentences.equal(key)]
        alike += self._sentences.near(lookup)
        for sentence in _sentences(text, key):
            alike += ((other, 1.0) for other in self._texts.equal(sentence))
            alike += self._texts.near(_Lookup(sentence))
        for other, similarity in sorted(alike, key=lambda pair: -pair[1]):
            leaks.setdefault(other, Leak(id, other, "sentence", similarity))
        return [*leaks.values()]


class SeenTexts:
    """Texts of one collection, to find what stands in it twice, exactly or nearly."""

    def __init__(self) -> None:
        self._texts = _Texts()

    def seen(self, text: str) -> bool:
        """Whether this text, or nearly this text, was asked about before; from now on it was."""
        key = _key(text)
        if self._texts.equal(key):
            return True
        lookup = _Lookup(key) if len(key) >= SHORT else None
        if lookup and next(self._texts.near(lookup), None):
            return True
        self._texts.add("", key, lookup)
        return False


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


def _sentences(text: str, key: bytes) -> Iterator[bytes]:
    """The normalized sentences of a text that are long enough to be compared; none where it is but one.

    Args:
      text: as it is.
      key: the normalized text.
    """
    if len(key) <= SHORT:
        return
    for sentence in SENTENCE_END.split(text):
        part = _key(sentence)
        if SHORT <= len(part) < len(key):
            yield part


def _pieces(key: bytes) -> set[bytes]:
    return {key[start : start + PIECE] for start in range(len(key) - PIECE + 1)}


def _marks(key: bytes) -> bytes:
    """For each hash, whether an odd number of the distinct pieces has it: 32 uint64, and behind them their number."""
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(key, np.uint8), PIECE)
    pieces = np.unique(windows @ _BYTE_PLACES)
    hashes = (pieces * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _MARK_BITS.bit_length() + 1)
    odd = np.bincount(hashes.astype(np.int64), minlength=_MARK_BITS) & 1
    return np.packbits(odd.astype(np.uint8)).tobytes() + np.uint64(len(pieces)).tobytes()


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
