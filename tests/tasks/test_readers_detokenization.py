"""Detokenized text: the rule, and that nothing but spaces goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.tasks.readers.detokenization import Words

TOKENS = st.lists(
    st.one_of(
        st.sampled_from(
            [*"\"'’`.,:;?!%()[]{}$#@-–/…nst", "``", "''", "n't", "'s", "’re", "-LRB-", "-RRB-", "-", " ", "--"]
        ),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=5),
        st.from_regex(r"\A[0-9]{1,3}\Z"),
    ),
    max_size=12,
)
SHOWN = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")"}


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("I do n't know , Bob 's in Rome .", "I don't know, Bob's in Rome."),
        ("`` Go ! '' she said", '"Go!" she said'),
        ('the " old " house ( 1990 ) , $ 5', 'the "old" house (1990), $5'),
        ('a " lone quote', 'a " lone quote'),
        ("SOCCER - JAPAN GET LUCKY WIN", "SOCCER - JAPAN GET LUCKY WIN"),
        ("-LRB- see # rome @ user -RRB-", "(see #rome @user)"),
        ("the boys ' books", "the boys ' books"),
        ("It ended at 6 : 15 , said Ole Brandt Jr. .", "It ended at 6:15, said Ole Brandt Jr. ."),
        ("in 1990 , 5 of 10 . 3 left", "in 1990, 5 of 10. 3 left"),
        ("Israel ' s and Ivar ’ s men ; I ' m , you ' RE", "Israel's and Ivar’s men; I'm, you'RE"),
        ("Was n ' t it , don ' t they ? CAN ' T", "Wasn't it, don't they? CAN'T"),
        ("grade ' D ' work of the boys ' team ' a ' t", "grade ' D ' work of the boys ' team ' a ' t"),
        ("", ""),
    ],
)
def test_english_is_written_as_people_write_it(tokens, text):
    assert Words.english(tokens.split()).text == text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("short - term IL - 3 ( 0 . 5 mg / kg ) at 10 : 30", "short-term IL-3 (0.5 mg/kg) at 10:30"),
        ("1 , 000 cells , 5 days", "1,000 cells, 5 days"),
        ("- 5 and a - ( b )", "- 5 and a - (b)"),
    ],
)
def test_pieces_of_words_are_joined(tokens, text):
    assert Words.english(tokens.split(), pieces=True).text == text


def test_a_span_ends_before_the_apostrophe_of_a_clitic():
    words = Words.english(["Israel", "'", "s", "party"])
    assert (words.text, words.span(0, 1), words.span(0, 4)) == ("Israel's party", "Israel", "Israel's party")


def test_spans_are_those_of_their_tokens():
    words = Words.english(["The", " ", "``", "short", "-", "term", "''", "plan", "."], pieces=True)
    assert words.text == 'The "short-term" plan.'
    assert (words.span(3, 6), words.span(1, 4), words.span(2, 7)) == ("short-term", '"short', '"short-term"')
    for start, end in ((-1, 2), (3, 3), (8, 10)):
        with pytest.raises(ValueError, match=f"tokens {start} to {end} were expected among 9"):
            words.span(start, end)
    assert Words.joined(["甲", "乙", "丙"], "").span(1, 3) == "乙丙"


@given(TOKENS, st.booleans())
def test_every_span_of_tokens_reads_as_its_tokens_and_is_in_the_text(tokens, pieces):
    words = Words.english(tokens, pieces=pieces)

    def bare(start: int, end: int) -> str:
        return "".join(SHOWN.get(token, token).strip() for token in tokens[start:end])

    assert "".join(words.text.split(" ")) == bare(0, len(tokens))
    for start in range(len(tokens)):
        for end in range(start + 1, len(tokens) + 1):
            span = words.span(start, end)
            assert span in words.text
            assert "".join(span.split(" ")) == bare(start, end)
