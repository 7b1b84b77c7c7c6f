"""Lengths of texts and answers in tokens, counted or estimated, against the limits of preparation."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from seqgpt_jax.atomic import Instance

# A rule of thumb for vocabularies of a few ten thousand tokens and more, in English and in Chinese.
_BYTES_PER_TOKEN = 4
# Of all records: below, nothing is said.
SHARE_TO_REPORT = 0.01


@dataclass(frozen=True)
class LengthLimits:
    """The settings of preparation that decide what is too long.

    Attributes:
      max_prompt_tokens, max_target_tokens, max_labels, max_queries: see `PrepareConfig`.
      control: tokens of a prompt without its text and labels, an estimate by default.
      count: string -> tokens; None estimates them.
    """

    max_prompt_tokens: int = 1024
    max_target_tokens: int = 256
    max_labels: int = 64
    max_queries: int = 6
    control: int = 16
    count: Callable[[str], int] | None = None

    def __str__(self) -> str:
        return f"a prompt of {self.max_prompt_tokens:,} tokens{'' if self.count else ' (estimated)'}"

    def tokens(self, text: str) -> int:
        """Tokens of a string, at least 1."""
        return self.count(text) if self.count else -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


class LengthCount:
    """Counts the texts that no prompt holds whole, and the answers that no target holds."""

    def __init__(self, limits: LengthLimits) -> None:
        self.limits = limits
        self._texts: Counter[tuple[str, int]] = Counter()  # (atom, tokens)
        self._answers: Counter[int] = Counter()
        self._labels: dict[str, dict[str, int]] = {"cls": {}, "ext": {}}

    def add(self, instance: Instance) -> None:
        """Counts one record."""
        limits, known = self.limits, self._labels[instance.atom]
        for label in {*instance.gold, *instance.labels} - known.keys():
            known[label] = limits.tokens(label) + 1
        self._texts[instance.atom, limits.tokens(instance.text)] += 1
        lines = [
            known[label] + sum(limits.tokens(span) + 1 for span in found) for label, found in instance.gold.items()
        ]
        # The labels of an extraction are asked in as many prompts as their answers need.
        self._answers[sum(lines) if instance.atom == "cls" else max(lines, default=0)] += 1

    def long_texts(self) -> int:
        """Texts that have no room in a prompt beside their labels."""
        return sum(count for tokens, count in self._prompts().items() if tokens > self.limits.max_prompt_tokens)

    def _prompts(self) -> Counter[int]:
        """Tokens of a prompt -> texts."""
        limits = self.limits
        longest = {
            "cls": sum(sorted(self._labels["cls"].values())[-limits.max_labels :]),
            "ext": sum(sorted(self._labels["ext"].values())[-limits.max_queries :]),
        }
        # Labels take no more than half of a prompt: more are asked in several.
        taken = {atom: limits.control + min(tokens, limits.max_prompt_tokens // 2) for atom, tokens in longest.items()}
        prompts: Counter[int] = Counter()
        for (atom, tokens), count in self._texts.items():
            prompts[tokens + taken[atom]] += count
        return prompts

    def problems(self) -> Iterator[tuple[str, str]]:
        """(reason, sentence) where more than 1 % of the records are too long, with the setting that helps."""
        limits, prompts = self.limits, self._prompts()
        for reason, what, lengths, limit, setting, loss in (
            ("long_text", "texts", prompts, limits.max_prompt_tokens, "max_prompt_tokens", "are cut, or in windows"),
            (
                "long_answer",
                "answers",
                self._answers,
                limits.max_target_tokens,
                "max_target_tokens",
                "are dropped, or their texts cut",
            ),
        ):
            over = sum(count for tokens, count in lengths.items() if tokens > limit)
            if not over or over < SHARE_TO_REPORT * lengths.total():
                continue
            way = "" if limits.count else ", an estimate; --tokenizer=FOLDER or --model=FOLDER counts"
            with_labels = " with their labels" if reason == "long_text" else ""
            yield (
                reason,
                f"{over:,} of {lengths.total():,} {what} ({over / lengths.total():.1%}) have{with_labels} more than "
                f"Prepare.{setting} = {limit:,} tokens, at most {max(lengths):,}{way}: in training they {loss}; "
                f"--gin.Prepare.{setting}={-(-max(lengths) // 64) * 64} has room for all",
            )
