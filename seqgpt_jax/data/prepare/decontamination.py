"""Decontamination: finds training texts that are in evaluation splits too and make scores better than they are.

    evaluation ─▶ LeakIndex          training ─▶ find ─▶ Leak("trec/train/…", "trec/test/…", "exact", 1.0)

Two texts are the same where they are equal once case, width, accents, traditional or simplified
characters, spaces, punctuation and symbols are taken away (`normalized`), and where an instance asks
a question about a sentence, the sentence counts (`bare_text`). Longer texts are the same too where
most of their pieces are (`NEAR`): MinHash finds candidates, and exact Jaccard similarity decides,
so nothing but a miss in ten thousand depends on hashes. A text that is, exactly or nearly, a sentence of a longer one
leaks too, whichever of the two is trained on. docs/leaks.md says how the limits were chosen.
"""

import functools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

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


class _Texts:
    """Distinct normalized texts (shorter than their MinHashes would be) and the ids of each."""

    def __init__(self) -> None:
        self._ids: dict[bytes, list[str]] = {}
        self._long: list[bytes] = []
        self._candidates = RMinHashLSH(NEAR, _HASHES, _BANDS)

    def add(self, id: str, key: bytes) -> None:
        if key not in self._ids and len(key) >= SHORT:
            self._candidates.insert(len(self._long), _min_hash(_pieces(key)))
            self._long.append(key)
        self._ids.setdefault(key, []).append(id)

    def equal(self, key: bytes) -> Sequence[str]:
        """Ids of this text."""
        return self._ids.get(key, ())

    def near(self, pieces: set[bytes], signature: RMinHash) -> Iterator[tuple[str, float]]:
        """(id, similarity) of texts that nearly have these pieces, the most similar first; not of an equal one."""
        found = []
        for number in self._candidates.query(signature):
            similarity = _jaccard(pieces, _pieces(self._long[number]))
            if similarity >= NEAR:
                found.append((-similarity, number))
        for negative, number in sorted(found):
            yield from ((id, -negative) for id in self._ids[self._long[number]])


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
        pieces = _pieces(key)
        signature = _min_hash(pieces)
        for other, similarity in self._texts.near(pieces, signature):
            leaks.setdefault(other, Leak(id, other, "near", similarity))
        alike = [(other, 1.0) for other in self._sentences.equal(key)]
        alike += self._sentences.near(pieces, signature)
        for sentence in _sentences(text, key):
            alike += ((other, 1.0) for other in self._texts.equal(sentence))
            pieces = _pieces(sentence)
            alike += self._texts.near(pieces, _min_hash(pieces))
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
        if len(key) >= SHORT:
            pieces = _pieces(key)
            if next(self._texts.near(pieces, _min_hash(pieces)), None):
                return True
        self._texts.add("", key)
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
