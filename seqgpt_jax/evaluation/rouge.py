"""ROUGE between an output and the gold answer, for Chinese as for English.

The score is (ROUGE-1 + ROUGE-2 + ROUGE-L) / 3 of F-measures (SeqGPT, section 3.1), computed by the
package `rouge-score`. That package's own tokenizer knows nothing but `[a-z0-9]`: it finds no token in
Chinese, and a perfect Chinese answer scores 0. `CjkTokenizer` gives the same tokens for ASCII text,
and tokens for every other script too.

Two modes:
  "paper"  the formula as it is. An answer of one token has no bigram, so ROUGE-2 is 0 and a
           perfect `positive` scores only 2/3. Symbols alone (`+`) have no token and score 0.
  "fixed"  an answer that equals the gold one, outer spaces aside, scores 1, two empty ones too;
           everything else is as in "paper".
"""

import functools
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

Mode = Literal["paper", "fixed"]
MODES: tuple[Mode, ...] = ("paper", "fixed")

# Scripts written without spaces, whose characters stand for a syllable or a word: 々〆〇, kana, and
# all blocks of Han characters. Hangul is written with spaces and is not among them.
_CJK = "\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_CJK += "\uf900-\ufaff\U00020000-\U000323af"
_TOKEN = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])[^\W_])+")


class CjkTokenizer:
    """A tokenizer for `rouge_score.rouge_scorer.RougeScorer`.

    Each CJK character is a token; so is each run of other letters or digits, lower-cased.
    """

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text.

        >>> CjkTokenizer().tokenize("Process_start: 2024年北京, Café")
        ['process', 'start', '2024', '年', '北', '京', 'café']
        """
        return _TOKEN.findall(text.lower())


def rouge(prediction: str, target: str, mode: Mode) -> float:
    """(ROUGE-1 + ROUGE-2 + ROUGE-L) / 3 of F-measures, between 0 and 1.

    >>> round(rouge("地名: 杭州", "地名: 杭州市", "paper"), 3)
    0.878
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    if mode == "fixed" and prediction.strip() == target.strip():
        return 1.0
    return _formula(prediction, target)


@functools.cache
def _scorer() -> "RougeScorer":
    # Imported late: nltk comes with it and takes seconds.
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=CjkTokenizer())


# Classification repeats the same few pairs; both modes ask for the same pair in turn.
@functools.lru_cache(maxsize=4096)
def _formula(prediction: str, target: str) -> float:
    parts = _scorer().score(target, prediction)
    return sum(part.fmeasure for part in parts.values()) / 3
