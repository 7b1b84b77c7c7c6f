"""Places of parts of a clean text in the text as it was given."""

from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import OriginalText, clean_text, occurrences

# What cleaning changes, what it could be confused by, and characters of several code points.
PIECES = [
    "\r\n",
    "\n",
    "\r",
    "\u2028",
    "<s>",
    "</s>",
    "<",
    "s>",
    "[GEN]",
    "[GE",
    "N]",
    "<pad>",
    "\ud800",
    " ",
    "\t",
    "a",
]
PIECES += ["Ada", "北京", "👩‍👩‍👧", "👍🏽", "e\u0301", "नमस्ते", "ﷺ", "\ufeff"]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_every_character_of_the_clean_text_stands_for_a_part_of_the_original(text) -> None:
    original = OriginalText.of(text)
    assert original.clean == clean_text(text)
    assert len(original.starts) == len(original.ends) == len(original.clean)
    # Together they cover the text once, in order.
    bounds = list(zip(original.starts, original.ends, strict=True))
    assert [start for start, _ in bounds] == [0, *(end for _, end in bounds[:-1])][: len(bounds)]
    assert (bounds[-1][1] if bounds else 0) == len(text)
    for (start, end), character in zip(bounds, original.clean, strict=True):
        assert text[start:end] == character or clean_text(text[start:end]) in (" ", "\ufffd", "")


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(0, 30), st.integers(1, 8))
def test_a_span_comes_back_as_it_was_given(text, start, size) -> None:
    original = OriginalText.of(text)
    span = original.clean[start : start + size]
    if not span:
        return
    first, last = original.place(start, start + len(span))
    assert original.text[first:last] == original.original(start, start + len(span))
    if clean_text(text) == text:
        assert text[first:last] == span


def test_a_mention_within_a_word_counts_only_where_there_is_no_other() -> None:
    assert occurrences("Ann and Annual, Ann.", "Ann") == [0, 16]
    assert occurrences("Annual", "Ann") == [0]
    assert occurrences("我爱北京，北京爱我", "北京") == [2, 5]
    assert occurrences("2020年 in 2020", "2020") == [0, 9]
    assert occurrences("cafe\u0301 cafe", "cafe") == [6]
    assert occurrences("👍🏽 👍", "👍") == [3]
    assert occurrences("👩‍👧 👩", "👩") == [4]
    assert occurrences("aaaa", "aa") == [0, 2]
    assert occurrences("a", "") == []
