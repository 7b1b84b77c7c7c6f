"""Training texts that stand in evaluation splits too: they make scores better than they are.

    evaluation ─▶ LeakIndex          training ─▶ find ─▶ Leak("trec/train/…", "trec/test/…", "exact", 1.0)

Two texts are the same where they are equal once case, width, accents, traditional or simplified
characters, spaces, punctuation and symbols are taken away (`normalised`), and where a question
about a sentence is asked, the sentence counts (`sentence`). Longer texts are the same too where
most of their pieces are (`NEAR`): MinHash finds candidates, and exact Jaccard similarity decides,
so nothing but a miss in ten thousand hangs on hashes. docs/leaks.md says how the limits were chosen.
"""

import functools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from opencc import OpenCC
from rensa import RMinHash, RMinHashLSH
from rich import box
from rich.console import Console
from rich.table import Table

from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.data.raw.task_spec import Skipped, TaskSpec

# UTF-8 bytes are the measure of all lengths: a word is about six of them in English and in Chinese.
NEAR = 0.7  # Jaccard similarity from which two texts are near-duplicates
SHORT = 64  # bytes (64 letters, 21 Chinese characters): below, two commands that differ in a name are too alike
PIECE = 6  # bytes of the pieces that are compared
# 32 bands of 4: a pair of similarity 0.7 becomes a candidate with probability 1 - (1 - 0.7 ** 4) ** 32 = 0.9998.
_HASHES, _BANDS = 128, 32
_EXAMPLES = 3
_EVERY = 1024
_NUMBERS = ("exact", "near", "tainted by them", "instances", "tainted", "share")

Progress = Callable[[str, int, int], None]
"""Called with (what, done, in all)."""

# The wording of `atomic.families`: what is asked there about spans of a sentence.
_ENGLISH = re.compile(r"what is the (?:entity type of|event type of|relation between) (.*)\?", re.DOTALL)
_CHINESE = re.compile(r"(.*)的(?:实体类型|事件类型|关系)是什么？", re.DOTALL)
# What these four become depends on the word they are in; here both readings count as one.
_MERGED = str.maketrans("著藉瞭覆", "着借了复")


@functools.cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


class _Canonical(dict[int, str]):
    """Character -> what stands for it; filled as characters are met.

    Each character alone, without its neighbours: what is inserted between two cannot change either.
    """

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        simplify = _to_simplified().convert
        # Twice: 薴 becomes 苧, and that, a character of its own, 苎.
        letters = "".join(simplify(simplify(character)) for character in plain if character.isalnum())
        self[code] = letters.translate(_MERGED)
        return self[code]


_CANONICAL = _Canonical()


def normalised(text: str) -> str:
    """What is left of a text when only its letters, digits and Chinese characters count.

    >>> normalised("Ｔhe Café： 臺灣!")
    'thecafe台湾'
    """
    return text.translate(_CANONICAL)


def sentence(text: str) -> str:
    """The sentence that a question of `atomic.families` is about, else the text itself.

    >>> sentence("what is the entity type of Ada in Ada met Bob.?")
    'Ada met Bob.'
    """
    if match := _ENGLISH.fullmatch(text):
        cuts = [(match[1][: at.start()], match[1][at.end() :]) for at in re.finditer(" in ", match[1])]
        cuts.reverse()
    elif match := _CHINESE.fullmatch(text):
        cuts = [(match[1][at.end() :], match[1][: at.start()]) for at in re.finditer("中", match[1])]
    else:
        return text
    # A span may hold the word that stands between it and the sentence: the longest one that the sentence has.
    return next((found for spans, found in cuts if _has(found, spans)), text)


def _has(found: str, spans: str) -> bool:
    """Whether a sentence has a span, or both of two that "and" joins."""
    joints = re.finditer(" and |和", spans)
    return spans in found or any(spans[: at.start()] in found and spans[at.end() :] in found for at in joints)


@dataclass(frozen=True, slots=True)
class Leak:
    """A training instance whose text stands in an evaluation split."""

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

    It keeps every distinct normalised text (shorter than its MinHash would be) and its ids.
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
        found = [Leak(id, other, "exact", 1.0) for other in self._ids.get(key, ())]
        if len(key) < SHORT:
            return found
        pieces = _pieces(key)
        near = []
        for number in self._candidates.query(_min_hash(pieces)):
            other = self._long[number]
            if other != key and (similarity := _jaccard(pieces, _pieces(other))) >= NEAR:
                near.append((-similarity, number))
        for negative, number in sorted(near):
            found += [Leak(id, other, "near", -negative) for other in self._ids[self._long[number]]]
        return found


def leaking(
    train: Iterable[tuple[str, str]],
    evaluation: Iterable[tuple[str, str]],
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Leak]:
    """id of a training instance -> its worst leak, for those that have one.

    Args:
      train: (id, text) pairs; read once, in order, after `evaluation`.
      evaluation: (id, text) pairs of validation and test splits.
      progress: is told how many texts are done. A stream has no length: the total is what is done.
    """
    index = LeakIndex(_told(evaluation, "evaluation texts", progress))
    worst = {}
    for id, text in _told(train, "training texts", progress):
        if found := index.find(id, text):
            worst[id] = found[0]
    return worst


@dataclass
class Pair:
    """What one training task has in common with one evaluation task.

    Attributes:
      exact, near: training instances, each counted once, by the most similar instance there.
      evaluation: ids of the evaluation task whose texts these are.
      examples: the first ones.
    """

    exact: int = 0
    near: int = 0
    evaluation: set[str] = field(default_factory=set)
    examples: list[Leak] = field(default_factory=list)


@dataclass
class LeakReport:
    """Everything that was found.

    Attributes:
      train, evaluation: task -> its instances that were compared.
      leaking, tainted: task -> how many of those are leaks, and are leaked.
      kinds: "exact" and "near" -> training instances.
      pairs: (training task, evaluation task) -> what they share.
    """

    train: Counter = field(default_factory=Counter)
    evaluation: Counter = field(default_factory=Counter)
    leaking: Counter = field(default_factory=Counter)
    tainted: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Numbers and ids, no texts."""
        pairs = [
            {
                "train": names[0],
                "evaluation": names[1],
                "exact": pair.exact,
                "near": pair.near,
                "evaluation_instances": len(pair.evaluation),
                "examples": [asdict(leak) | {"similarity": round(leak.similarity, 3)} for leak in pair.examples],
            }
            for names, pair in self._sorted_pairs()
        ]
        return {
            "limits": {"similarity": NEAR, "shortest_near_duplicate_bytes": SHORT, "piece_bytes": PIECE},
            "train_instances": self.train.total(),
            "evaluation_instances": self.evaluation.total(),
            "leaking": {kind: self.kinds[kind] for kind in ("exact", "near")},
            "tainted": self.tainted.total(),
            "pairs": pairs,
            "train_tasks": _shares(self.train, self.leaking, "leaking"),
            "evaluation_tasks": _shares(self.evaluation, self.tainted, "tainted"),
        }

    def summary(self) -> str:
        """The totals, in two sentences."""
        exact, near = self.kinds["exact"], self.kinds["near"]
        return (
            f"{exact + near:,} of {self.train.total():,} training instances leak: {exact:,} exactly, {near:,} nearly. "
            f"{self.tainted.total():,} of {self.evaluation.total():,} evaluation instances are tainted."
        )

    def print(self) -> None:
        """The tables and the totals, for a terminal."""
        console = Console(highlight=False, emoji=False)
        for header, rows in self._tables():
            table = Table(*header, box=box.SIMPLE_HEAD)
            for column in table.columns:
                column.no_wrap, column.justify = True, "right" if column.header in _NUMBERS else "left"
            for row in rows:
                table.add_row(*row)
            if rows:
                console.print(table)
        console.print(self.summary(), soft_wrap=True)

    def write(self, path: Path, command: str) -> None:
        """`path` as JSON, and beside it the tables as Markdown, with the first example of each pair."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"command": command} | self.as_json(), indent=1) + "\n", encoding="utf-8")
        (pair_header, pairs), tasks = self._tables()
        for row, (_, pair) in zip(pairs, self._sorted_pairs(), strict=True):
            row.append(f"`{pair.examples[0].train_id}` `{pair.examples[0].evaluation_id}`")
        lines = ["# Training texts in evaluation splits", "", f"`{command}`", "", self.summary(), ""]
        lines += ["docs/leaks.md says what counts, and what was seen when samples were read.", ""]
        for header, rows in (([*pair_header, "the first"], pairs), tasks):
            rules = ["---:" if name in _NUMBERS else "---" for name in header]
            lines += [*(f"| {' | '.join(row)} |" for row in (header, rules, *rows)), ""]
        path.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")

    def _tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """(header, rows): by pair of tasks; by evaluation task."""
        pairs = [
            [*names, f"{pair.exact:,}", f"{pair.near:,}", f"{len(pair.evaluation):,}"]
            for names, pair in self._sorted_pairs()
        ]
        tasks = [
            [name, f"{self.evaluation[name]:,}", f"{count:,}", f"{count / self.evaluation[name]:.1%}"]
            for name, count in sorted(self.tainted.items(), key=lambda item: (-item[1], item[0]))
        ]
        return [(["training", "evaluation", *_NUMBERS[:3]], pairs), (["evaluation", *_NUMBERS[3:]], tasks)]

    def _sorted_pairs(self) -> list[tuple[tuple[str, str], Pair]]:
        return sorted(self.pairs.items(), key=lambda item: (-item[1].exact - item[1].near, item[0]))


def leak_report(train: Iterable[tuple[str, str]], evaluation: Iterable[tuple[str, str]]) -> LeakReport:
    """Compares as `leaking` does and counts all that two tasks share; ids begin with the task's name and a slash."""
    report = LeakReport()
    index = LeakIndex(_counted(evaluation, report.evaluation))
    tainted: set[str] = set()
    for id, text in _counted(train, report.train):
        found = index.find(id, text)
        if found:
            report.kinds[found[0].kind] += 1
            report.leaking[_task(id)] += 1
            tainted |= {leak.evaluation_id for leak in found}
        met = set()
        for leak in found:
            names = _task(id), _task(leak.evaluation_id)
            pair = report.pairs.setdefault(names, Pair())
            pair.evaluation.add(leak.evaluation_id)
            if names not in met:
                met.add(names)
                setattr(pair, leak.kind, getattr(pair, leak.kind) + 1)
                if len(pair.examples) < _EXAMPLES:
                    pair.examples.append(leak)
    report.tainted.update(sorted(map(_task, tainted)))
    return report


def texts(
    specs: Iterable[TaskSpec], splits: Sequence[str], data_folder: Path | None, bad_records: str, progress: Progress
) -> Iterator[tuple[str, str]]:
    """(id, text) of all instances of these splits; `progress` counts splits."""
    wanted = [(spec, split) for spec in specs for split in splits if split in spec.splits]
    for done, (spec, split) in enumerate(wanted):
        progress(f"{spec.name} ({split})", done, len(wanted))
        for item in read_instances(spec, split, data_folder, bad_records):
            if not isinstance(item, Skipped):
                yield item.id, item.text


def _key(text: str) -> bytes:
    return normalised(sentence(text)).encode()


def _pieces(key: bytes) -> set[bytes]:
    return {key[start : start + PIECE] for start in range(len(key) - PIECE + 1)}


def _min_hash(pieces: set[bytes]) -> RMinHash:
    signature = RMinHash(_HASHES, 1)
    signature.update(list(pieces))
    return signature


def _jaccard(one: set[bytes], other: set[bytes]) -> float:
    if min(len(one), len(other)) < NEAR * max(len(one), len(other)):
        return 0.0  # below NEAR, whatever they share
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _told(texts: Iterable[tuple[str, str]], what: str, progress: Progress) -> Iterator[tuple[str, str]]:
    done = 0
    for done, pair in enumerate(texts, 1):
        yield pair
        if done % _EVERY == 0:
            progress(what, done, done)
    progress(what, done, done)


def _counted(texts: Iterable[tuple[str, str]], counts: Counter) -> Iterator[tuple[str, str]]:
    for id, text in texts:
        counts[_task(id)] += 1
        yield id, text


def _task(id: str) -> str:
    return id.partition("/")[0]


def _shares(counts: Counter, marked: Counter, word: str) -> dict[str, dict[str, int]]:
    return {name: {"instances": count, word: marked[name]} for name, count in counts.items()}
