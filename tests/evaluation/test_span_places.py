import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.evaluation.analysis.span_places import Mark, Part, overlap, parts, places


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("banana", "ana", [(1, 4)]),  # no whole word anywhere; places do not overlap
        ("cafe\u0301 cafe", "cafe", [(6, 10)]),  # not within a character
        ("Ana likes banana", "Ana", [(0, 3)]),
        ("pan, an, ban", "an", [(5, 7)]),
        ("在北京的北京人", "北京", [(1, 3), (4, 6)]),
        ("👩‍👧 in 杭州", "杭州", [(7, 9)]),  # three code points, one sign
        ("nothing", "x", []),
        ("nothing", "", []),
    ],
)
def test_places(text, span, expected) -> None:
    assert places(text, span) == expected


def test_overlap_is_the_longest_common_part() -> None:
    assert overlap([(0, 3), (5, 9)], [(2, 4), (6, 20)]) == 3
    assert overlap([(0, 3)], [(3, 5)]) == 0
    assert overlap([], [(3, 5)]) == 0


small_texts = st.text("ab 人", max_size=12)


@given(small_texts, small_texts, small_texts)
def test_overlap_is_that_of_all_pairs(text, one, other) -> None:
    pairs = itertools.product(places(text, one), places(text, other))
    shared = [min(a[1], b[1]) - max(a[0], b[0]) for a, b in pairs]
    assert overlap(places(text, one), places(text, other)) == max([0, *shared])


@given(small_texts, st.lists(st.builds(Mark, small_texts, st.sampled_from(["right", "wrong"]), st.sampled_from("xy"))))
def test_a_part_is_covered_by_what_covers_its_characters(text, marks) -> None:
    placed = [(*place, mark) for mark in marks for place in places(text, mark.span)]
    start = 0
    for part in parts(text, marks) if placed else ():
        end = start + len(part.text)
        over = [(last, mark) for first, last, mark in placed if first < end and start < last]
        assert all(first <= start and end <= last for first, last, mark in placed if (last, mark) in over)
        assert part.styles == tuple(sorted({mark.style for _, mark in over}))
        assert part.ends == tuple(sorted({(mark.style, mark.label) for last, mark in over if last == end}))
        start = end
    assert start == len(text) * bool(placed)


def test_a_span_of_one_sign_that_fills_a_long_text_takes_no_time() -> None:
    text = "人" * 20_000
    found = places(text, "人")
    began = time.process_time()
    assert overlap(found, found) == 1
    assert len(parts(text, [Mark("人", "right", "x"), Mark("人人", "wrong", "y")])) == 20_000
    # Each pair of occurrences takes minutes; one after the other a tenth of a second.
    assert time.process_time() - began < 5


def test_parts_cover_the_text_and_nested_spans_share_theirs() -> None:
    text = "她在北京大学👩🏽‍🎓学习"
    marks = [Mark("北京大学", "missed", "机构"), Mark("北京", "wrong", "地点"), Mark("👩🏽‍🎓", "right", "人")]
    assert parts(text, marks) == [
        Part("她在"),
        Part("北京", ("missed", "wrong"), (("wrong", "地点"),)),
        Part("大学", ("missed",), (("missed", "机构"),)),
        Part("👩🏽‍🎓", ("right",), (("right", "人"),)),
        Part("学习"),
    ]


def test_a_span_that_is_not_in_the_text_is_left_out() -> None:
    assert parts("a text", [Mark("nowhere", "wrong", "x")]) == [Part("a text")]


def test_long_texts_keep_what_is_beside_marks() -> None:
    text = "a" * 50 + " Oslo " + "b" * 100 + " Lima " + "c" * 50
    marks = [Mark("Oslo", "right", "city"), Mark("Lima", "wrong", "city")]
    shown = "".join(part.text for part in parts(text, marks, context=10))
    assert shown == f" … {'a' * 9} Oslo {'b' * 9} … {'b' * 9} Lima {'c' * 9} … "
    assert parts("x" * 50, [], context=5) == [Part("x" * 20 + "…")]


def test_no_visible_sign_is_cut() -> None:
    family = "👩‍👧"
    shown = parts(f"{'x' * 19}{family}{'y' * 20}", [], context=5)[0].text
    assert shown == f"{'x' * 19}{family}…"
    assert parts(f"{'x' * 19}e\u0301{'y' * 20}", [], context=5)[0].text == f"{'x' * 19}e\u0301…"
