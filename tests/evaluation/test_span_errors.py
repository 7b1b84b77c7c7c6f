"""Classes of errors of extractions, each case by hand, in both languages."""

import dataclasses
from collections import Counter

import pytest

from seqgpt_jax.evaluation.analysis.span_errors import CLASSES, count_span_errors, shares, span_errors
from tests.evaluation.saved_folders import classification, extraction

EN = "Ada Lovelace met Charles Babbage in London near the River Thames"
ZH = "李雷和韩梅梅在北京大学学习，北京很大"
PER, LOC, ORG = "PER", "LOC", "ORG"


@pytest.mark.parametrize(
    ("text", "gold", "answers", "expected"),
    [
        # Nothing is wrong.
        (EN, {PER: ["Ada Lovelace"]}, {PER: ["Ada Lovelace"]}, []),
        (EN, {PER: []}, {PER: []}, []),
        (ZH, {PER: ["李雷", "韩梅梅"]}, {PER: ["韩梅梅", "李雷"]}, []),
        # A duplicate is one span.
        (EN, {PER: ["Ada Lovelace"]}, {PER: ["Ada Lovelace", "Ada Lovelace"]}, []),
        # Missed.
        (EN, {LOC: ["London"]}, {}, [("missed", (LOC, "London"), None)]),
        (ZH, {PER: ["李雷"]}, {}, [("missed", (PER, "李雷"), None)]),
        # Over-predicted.
        (EN, {LOC: []}, {LOC: ["London"]}, [("over_predicted", None, (LOC, "London"))]),
        (ZH, {LOC: ["北京"]}, {LOC: ["北京", "李雷"]}, [("over_predicted", None, (LOC, "李雷"))]),
        # Not in the text: another case, another spelling, traditional signs.
        (EN, {LOC: []}, {LOC: ["Paris"]}, [("not_in_text", None, (LOC, "Paris"))]),
        (
            EN,
            {LOC: ["London"]},
            {LOC: ["london"]},
            [("not_in_text", None, (LOC, "london")), ("missed", (LOC, "London"), None)],
        ),
        (
            ZH,
            {PER: ["韩梅梅"]},
            {PER: ["韓梅梅"]},
            [("not_in_text", None, (PER, "韓梅梅")), ("missed", (PER, "韩梅梅"), None)],
        ),
        # Wrong type: the same span for another query.
        (EN, {PER: [], LOC: ["London"]}, {PER: ["London"]}, [("wrong_type", (LOC, "London"), (PER, "London"))]),
        (ZH, {PER: ["李雷"], LOC: []}, {LOC: ["李雷"]}, [("wrong_type", (PER, "李雷"), (LOC, "李雷"))]),
        # It was found for its own query too: what is more is over-predicted.
        (
            EN,
            {PER: [], LOC: ["London"]},
            {PER: ["London"], LOC: ["London"]},
            [("over_predicted", None, (PER, "London"))],
        ),
        # Wrong boundary: too short, too long, shifted.
        (
            EN,
            {PER: ["Ada Lovelace"]},
            {PER: ["Lovelace"]},
            [("wrong_boundary", (PER, "Ada Lovelace"), (PER, "Lovelace"))],
        ),
        (EN, {LOC: ["Thames"]}, {LOC: ["River Thames"]}, [("wrong_boundary", (LOC, "Thames"), (LOC, "River Thames"))]),
        (
            EN,
            {PER: ["Charles Babbage"]},
            {PER: ["Babbage in"]},
            [("wrong_boundary", (PER, "Charles Babbage"), (PER, "Babbage in"))],
        ),
        (ZH, {ORG: ["北京大学"]}, {ORG: ["北京"]}, [("wrong_boundary", (ORG, "北京大学"), (ORG, "北京"))]),
        (ZH, {PER: ["韩梅梅"]}, {PER: ["和韩梅梅"]}, [("wrong_boundary", (PER, "韩梅梅"), (PER, "和韩梅梅"))]),
        # Both.
        (
            EN,
            {PER: ["Ada Lovelace"], LOC: []},
            {LOC: ["Ada"]},
            [("wrong_boundary_and_type", (PER, "Ada Lovelace"), (LOC, "Ada"))],
        ),
        (
            ZH,
            {ORG: ["北京大学"], LOC: []},
            {LOC: ["京大"]},
            [("wrong_boundary_and_type", (ORG, "北京大学"), (LOC, "京大"))],
        ),
        # The word "an" does not overlap "man", in which it is too.
        (
            "an old man",
            {PER: ["man"]},
            {PER: ["an"]},
            [("missed", (PER, "man"), None), ("over_predicted", None, (PER, "an"))],
        ),
        # One gold span has one error: the longer overlap is paired, the other one is over-predicted.
        (
            EN,
            {PER: ["Charles Babbage"]},
            {PER: ["Babbage in London", "Charles B"]},
            [
                ("wrong_boundary", (PER, "Charles Babbage"), (PER, "Charles B")),
                ("over_predicted", None, (PER, "Babbage in London")),
            ],
        ),
        # The type of the same span is sought before a boundary.
        (
            ZH,
            {ORG: ["北京大学"], LOC: ["北京"]},
            {ORG: ["北京"]},
            [("wrong_type", (LOC, "北京"), (ORG, "北京")), ("missed", (ORG, "北京大学"), None)],
        ),
    ],
)
def test_each_class(text, gold, answers, expected) -> None:
    assert [tuple(error) for error in span_errors(extraction(text, gold, answers))] == expected


def test_what_could_not_be_read_is_unparsable_where_its_query_got_nothing() -> None:
    gold = {PER: ["Ada Lovelace"], LOC: ["London", "River Thames"]}
    one = extraction(EN, gold, {LOC: ["London"]}, well_formed=False)
    assert span_errors(one) == [("unparsable", (PER, "Ada Lovelace"), None), ("missed", (LOC, "River Thames"), None)]


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        # The prompt of PER is well-formed, another one is not.
        ("PER: None\nsorry", "missed"),
        ("sorryPER: None\n", "missed"),
        ("per：none.\nsorry", "missed"),
        ("PER:\n", "unparsable"),
        ("PER:\nNone\n", "unparsable"),
        ("PER: None of these\n", "unparsable"),
        ("LOC: None\n", "unparsable"),
    ],
)
def test_none_of_a_prompt_is_an_answer_whatever_another_prompt_got(output, kind) -> None:
    one = extraction(EN, {PER: ["Ada Lovelace"], LOC: []}, {}, well_formed=False)
    assert span_errors(dataclasses.replace(one, output=output)) == [(kind, (PER, "Ada Lovelace"), None)]


def test_what_was_not_asked_is_neither_missed_nor_unparsable() -> None:
    one = extraction(EN, {PER: ["Ada Lovelace"], LOC: []}, {}, well_formed=False)
    refused = dataclasses.replace(one, output="PER: None\nLOC: None\n", refusal="the queries are too long")
    assert span_errors(refused) == [("not_asked", (PER, "Ada Lovelace"), None)]


def test_counts_and_shares() -> None:
    predictions = [
        extraction(EN, {LOC: ["London"]}, {}),
        extraction(EN, {LOC: []}, {LOC: ["London"]}),
        extraction(ZH, {PER: ["李雷", "韩梅梅"]}, {}),
        classification(["a", "b"], ["a"], ["b"]),
    ]
    counts = count_span_errors(predictions)
    assert counts == {"missed": 3, "over_predicted": 1}
    assert shares(counts) == {name: 0.0 for name in CLASSES} | {"missed": 0.75, "over_predicted": 0.25}
    assert sum(shares(Counter()).values()) == 0
