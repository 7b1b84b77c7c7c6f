"""Golden numbers worked by hand, and what holds for any text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from seqgpt_jax.evaluation.rouge import MODES, CjkTokenizer, rouge

TYPES = ["rouge1", "rouge2", "rougeL"]
texts = st.text(st.sampled_from("ab1 地名杭州市:\t\né+"), max_size=12)


def parts(prediction, target, tokenizer):
    scores = RougeScorer(TYPES, tokenizer=tokenizer).score(target, prediction)
    return tuple(round(scores[name].fmeasure, 3) for name in TYPES)


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        # Both characters and their one bigram.
        ("积极", "积极", (1, 1, 1)),
        # 4 of 4 and 5 tokens: 2*4/9; 3 of 3 and 4 bigrams: 2*3/7; the common subsequence is all 4: 2*4/9.
        ("地名: 杭州", "地名: 杭州市", (0.889, 0.857, 0.889)),
        # One token has no bigram.
        ("positive", "positive", (1, 0, 1)),
        ("是", "是", (1, 0, 1)),
        ("Process_start", "Process_start", (1, 1, 1)),
        # Order: unigrams all found, no bigram, subsequence of one out of two.
        ("b a", "a b", (1, 0, 0.5)),
        ("", "", (0, 0, 0)),
    ],
)
def test_parts_worked_by_hand(prediction, target, expected):
    assert parts(prediction, target, CjkTokenizer()) == expected
    assert rouge(prediction, target, "paper") == pytest.approx(sum(expected) / 3, abs=1e-3)


def test_the_tokenizer_of_the_package_gives_chinese_nothing():
    assert parts("积极", "积极", DefaultTokenizer()) == (0, 0, 0)


def test_fixed_mode_lifts_the_ceiling_of_right_answers_alone():
    assert rouge("positive", "positive", "paper") == pytest.approx(2 / 3)
    assert rouge("positive", "positive", "fixed") == 1
    assert rouge("", "", "fixed") == rouge("+", "+", "fixed") == 1
    assert rouge("人: None", "人: None\n", "fixed") == 1
    assert rouge("+", "-", "fixed") == 0
    assert rouge("positive", "negative", "fixed") == 0
    assert rouge("地名: 杭州", "地名: 杭州市", "fixed") == rouge("地名: 杭州", "地名: 杭州市", "paper")


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="paper, fixed"):
        rouge("a", "a", "best")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Process_start event: commenced", ["process", "start", "event", "commenced"]),
        ("iPhone15在北京,2024年", ["iphone15", "在", "北", "京", "2024", "年"]),
        ("Café über, МОСКВА 12", ["café", "über", "москва", "12"]),
        ("서울 대학교", ["서울", "대학교"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("\U00020000\U0002a6d6 ab", ["\U00020000", "\U0002a6d6", "ab"]),
        ("+ - ，。 \t\n_", []),
    ],
)
def test_tokens(text, tokens):
    assert CjkTokenizer().tokenize(text) == tokens


@given(st.text(string.printable))
def test_ascii_is_tokenized_as_the_package_does(text):
    assert CjkTokenizer().tokenize(text) == DefaultTokenizer(use_stemmer=False).tokenize(text)


@given(texts, texts)
def test_bounds_and_symmetry(prediction, target):
    for mode in MODES:
        assert 0 <= rouge(prediction, target, mode) <= 1
        assert rouge(prediction, target, mode) == pytest.approx(rouge(target, prediction, mode))
    assert rouge(prediction, target, "paper") <= rouge(prediction, target, "fixed")
