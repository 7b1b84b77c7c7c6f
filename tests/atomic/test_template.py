"""The contract: byte-exact prompts, exact inverses, and refusal of what cannot be carried."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import (
    CONTROL_TOKENS,
    NONE,
    TEMPLATES,
    Classification,
    ContractError,
    Extraction,
    clean_text,
    parse_answer,
    recover_answer,
)

CHINESE, ENGLISH = TEMPLATES["chinese"], TEMPLATES["english"]
# Separators, control tokens and line breaks are likely, so that every rule is met often.
PIECES = st.sampled_from(
    [*string.printable, *"，、：杭州的\u2028\x85", ": ", ", ", "，", "None", "\ud83d", *CONTROL_TOKENS]
)
STRINGS = st.lists(PIECES, max_size=12).map("".join)


def test_released_classification_prompt() -> None:
    example = Classification("Wall St. Bears", ("World", "Business"), ("Business",))
    assert CHINESE.render(example) == ("输入: Wall St. Bears\n分类: World，Business\n输出: [GEN]", "Business")


def test_released_extraction_prompt() -> None:
    example = Extraction("MELBOURNE 1996-12-06", ("LOC", "PER", "DATE"), (("MELBOURNE",), (), ("1996-12-06", "1996")))
    prompt, target = CHINESE.render(example)
    assert prompt == "输入: MELBOURNE 1996-12-06\n抽取: LOC，PER，DATE\n输出: [GEN]"
    assert target == "LOC: MELBOURNE\nPER: None\nDATE: 1996-12-06\t1996\n"


def test_english_prompt() -> None:
    example = Classification("a b", ("x", "y"), ("x", "y"))
    assert ENGLISH.render(example) == ("Input: a b\nClassify: x, y\nOutput: [GEN]", "x\ty")


@pytest.mark.parametrize("template", [CHINESE, ENGLISH])
@given(text=STRINGS, labels=st.lists(STRINGS, min_size=1, max_size=5), data=st.data())
def test_round_trip_of_anything_cleaned(template, text, labels, data) -> None:
    labels = tuple(dict.fromkeys(label for label in map(template.clean_label, labels) if label and label != NONE))
    if not labels:
        return
    text = clean_text(text)
    chosen = tuple(data.draw(st.permutations(labels))[: data.draw(st.integers(0, len(labels)))])
    spans = st.lists(STRINGS.map(clean_text).map(str.strip), max_size=3)
    answers = tuple(
        tuple(span for span in data.draw(spans) if span and span != NONE and "\t" not in span) for _ in labels
    )
    for example in (Classification(text, labels, chosen), Extraction(text, labels, answers)):
        prompt, target = template.render(example)
        assert template.parse(prompt, target) == example
        assert recover_answer(example.atom, labels, target) == example.answers or example.atom == "ext"


@given(text=STRINGS, labels=st.lists(STRINGS, max_size=4), spans=st.lists(STRINGS, max_size=3))
def test_render_refuses_or_is_invertible(text, labels, spans) -> None:
    for example in (
        Classification(text, tuple(labels), tuple(labels[:1])),
        Extraction(text, tuple(labels), tuple(tuple(spans) for _ in labels)),
    ):
        try:
            rendered = CHINESE.render(example)
        except ContractError:
            continue
        assert CHINESE.parse(*rendered) == example


@given(STRINGS)
def test_cleaning_is_idempotent(text) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
    for template in (CHINESE, ENGLISH):
        label = template.clean_label(text)
        assert template.clean_label(label) == label


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Classification("a\nb", ("x",), ()), "line break"),
        (Classification("a [GEN]", ("x",), ()), "control token"),
        (Classification("a", (), ()), "label set is empty"),
        (Classification("a", ("x，y",), ()), "separator"),
        (Classification("a", (" x",), ()), "outer space"),
        (Classification("a", ("x", "x"), ()), "twice"),
        (Classification("a", ("x",), ("y",)), "not among the labels"),
        (Extraction("a", ("x",), (("None",),)), "None"),
        (Extraction("a", ("x",), (("a\tb",),)), "TAB"),
        (Extraction("a", ("x", "y"), (("a",),)), "2 queries but 1"),
    ],
)
def test_refusals_say_why(example, message) -> None:
    with pytest.raises(ContractError, match=message):
        CHINESE.render(example)


def test_queries_with_colons_are_read_in_order() -> None:
    labels = ("a", "a: b")
    example = Extraction("b: c", labels, (("b: c",), ("c",)))
    _, target = CHINESE.render(example)
    assert parse_answer("ext", labels, target) == example.answers


@pytest.mark.parametrize("target", ["", "x: a", "y: None\nx: None\n", "x: a\ny: b\nz: c\n", "x: \ny: None\n"])
def test_strict_parsing_refuses(target) -> None:
    with pytest.raises(ContractError):
        parse_answer("ext", ("x", "y"), target)


@given(STRINGS, st.sampled_from(["cls", "ext"]))
def test_recovery_never_fails(output, atom) -> None:
    answers = recover_answer(atom, ("x", "None of it", "x: y"), output)
    assert len(answers) == 3 if atom == "ext" else set(answers) <= {"x", "None of it", "x: y"}


def test_recovery_saves_known_lines() -> None:
    assert recover_answer("ext", ("a", "a b"), "a b: 1\t2\nnoise\na: None") == ((), ("1", "2"))
    assert recover_answer("cls", ("a", "b"), "b\tc\tb") == ("b",)
