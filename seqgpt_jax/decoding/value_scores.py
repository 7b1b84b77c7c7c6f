"""Scores of the values in an answer: how sure the model was of each label and of each span, from its tokens."""

import math
from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TAB, Atom
from seqgpt_jax.decoding.value_states import token_bytes

ValueScores = tuple[tuple[float, ...], ...]
"""Probabilities: of a classification those of its labels in one tuple, of an extraction a tuple for each line."""


class ValueScorer:
    """Finds the tokens of each value of an answer; built once for a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._bytes = token_bytes(tokenizer)

    def scores(
        self, atom: Atom, echoes: Sequence[str], ids: Sequence[int], token_scores: Sequence[float], text: str
    ) -> ValueScores | None:
        """The probability of each value: the product of those of the tokens that hold a part of it.

        A token may hold the end of one value and the beginning of the next; it counts for both. `None` has no score.

        Args:
          atom: of the prompt.
          echoes: the queries of an extraction as the tokenizer writes them.
          ids, token_scores: of the answer without its end token; log-probabilities in nats.
          text: that `ids` were decoded to.

        Returns:
          None where the answer does not follow the contract, or the tokenizer writes it otherwise.
        """
        ends, written = [], b""
        for id in ids:
            written += self._bytes[id]
            ends.append(len(written))
        # Some tokenizers drop the space before the first word.
        shift = len(written) - len(text.encode())
        if written[shift:] != text.encode() or written[:shift].strip():
            return None
        if atom == "cls":
            lines = [(shift, text)]
        else:
            lines, start = [], shift
            rows = text.split("\n")
            if len(rows) != len(echoes) + 1:
                return None
            for echo, row in zip(echoes, rows, strict=False):
                if not row.startswith(f"{echo}: "):
                    return None
                lines.append((start + len(f"{echo}: ".encode()), row[len(echo) + 2 :]))
                start += len(row.encode()) + 1
        return tuple(self._of_line(start, line, ends, token_scores) for start, line in lines)

    def _of_line(self, start: int, line: str, ends: Sequence[int], token_scores: Sequence[float]) -> tuple[float, ...]:
        if line == NONE:
            return ()
        found = []
        for value in line.split(TAB):
            end = start + len(value.encode())
            firsts = (0, *ends)
            logs = [
                score
                for first, last, score in zip(firsts, ends, token_scores, strict=False)
                if first < end and last > start
            ]
            found.append(min(math.exp(sum(logs)), 1.0))
            start = end + 1
        return tuple(found)
