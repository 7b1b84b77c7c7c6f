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


PROMPT_PIECES = st.one_of(
    PIECES,
    st.sampled_from(
        ["输入: ", "\n分类: ", "\n抽取: ", "\n输出: [GEN]", "\n", "\t", "x", "y", "x: ", "\x0b", "Input: "]
    ),
)


def assert_parse_refuses_or_is_invertible(prompt: str, target: str) -> None:
    for template in (CHINESE, ENGLISH):
        try:
            example = template.parse(prompt, target)
        except ContractError:
            continue
        assert template.render(example) == (prompt, target)


@given(
    st.lists(PROMPT_PIECES, max_size=6).map("".join),
    st.lists(PROMPT_PIECES, max_size=6).map("".join),
    st.sampled_from(["\n分类: ", "\n抽取: "]),
    st.lists(PROMPT_PIECES, max_size=6).map("".join),
)
def test_parse_refuses_or_is_invertible(text, labels, word, target) -> None:
    assert_parse_refuses_or_is_invertible(f"输入: {text}{word}{labels}\n输出: [GEN]", target)


@given(st.data(), PIECES, st.sampled_from([0, 1]))
def test_parse_refuses_what_a_change_makes_of_a_pair(data, piece, which) -> None:
    example = data.draw(
        st.sampled_from(
            [
                Classification("a b", ("x", "y"), ("y", "x")),
                Extraction("a b", ("x", "y: z"), (("a", "b"), ())),
            ]
        )
    )
    pair = list(CHINESE.render(example))
    place = data.draw(st.integers(0, len(pair[which])))
    end = data.draw(st.integers(place, min(place + 2, len(pair[which]))))
    pair[which] = pair[which][:place] + piece + pair[which][end:]
    assert_parse_refuses_or_is_invertible(*pair)


@pytest.mark.parametrize(
    ("prompt", "target"),
    [
        ("输入: a\n分类: x，x\n输出: [GEN]", "x"),
        ("输入: a\n分类: x，None\n输出: [GEN]", "x"),
        ("输入: a\n分类: x，\n输出: [GEN]", "x"),
        ("输入: a\n分类:  x\n输出: [GEN]", " x"),
        ("输入: a\x0bb\n分类: x\n输出: [GEN]", "x"),
        ("输入: a</s>\n抽取: x\n输出: [GEN]", "x: None\n"),
        ("输入: a\n抽取: x[GEN]\n输出: [GEN]", "x[GEN]: None\n"),
        ("输入: a\n抽取: x\n输出: [GEN]", "x: b\u2028c\n"),
        ("输入: a\n抽取: x\n输出: [GEN]", "x: b\x0bc\n"),
        ("输入: a\n抽取: x\n输出: [GEN]", "x: b\tc[GEN]\n"),
        ("输入: a\n抽取: x\n输出: [GEN]", "x: </s>\n"),
        ("输入: a\n抽取: x\n输出: [GEN]", "x: \ud83d\n"),
    ],
)
def test_parse_refuses_what_render_cannot_write(prompt, target) -> None:
    with pytest.raises(ContractError):
        CHINESE.parse(prompt, target)


def test_one_string_is_no_list_of_labels() -> None:
    with pytest.raises(TypeError, match=r"not the one string 'person': write \['person'\]"):
        CHINESE.prompt("ext", "Ada met Bob", "person")
    with pytest.raises(TypeError, match="one string"):
        CHINESE.render(Classification("a", "xy", ("x",)))


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


@pytest.mark.parametrize(
    ("output", "answers"),
    [
        ("a，b", ("a", "B")),
        ("a, b", ("a", "B")),
        ("B、a", ("B", "a")),
        ("a; b；a", ("a", "B")),
        ("A", ("a",)),
        ("a.", ("a",)),
        ("b。", ("B",)),
        ("答案: a", ("a",)),
        ("答案：a，b", ("a", "B")),
        ("The labels are: b and more, a", ("a",)),
        ("a，答案: b", ("a", "B")),
        ("very good, indeed, a", ("very good, indeed", "a")),
        ("Label: very good, indeed", ("very good, indeed",)),
        ("a\r\nb\r\n", ("a", "B")),
        ("US", ("US",)),
        ("us", ("us",)),
        ("Us", ()),
        ("time: now", ("time: now",)),
        ("None", ()),
        ("none of them", ()),
        ("ab", ()),
        ("", ()),
        (", ,，:", ()),
    ],
)
def test_lenient_reading_of_a_classification(output, answers) -> None:
    labels = ("a", "B", "very good, indeed", "US", "us", "time: now", ".")
    assert recover_answer("cls", labels, output) == answers


@pytest.mark.parametrize(
    ("output", "answers"),
    [
        ("person：Lena", (("Lena",), (), ())),
        ("Person: Lena\tAda\nCITY : Rome", (("Lena", "Ada"), ("Rome",), ())),
        ("city: none", ((), (), ())),
        ("city: None.\nperson: NONE", ((), (), ())),
        ("city: Rome, Italy", ((), ("Rome, Italy",), ())),
        ("city: Rome\ncity: Paris", ((), ("Rome",), ())),
        ("city: of birth: Rome", ((), (), ("Rome",))),
        ("city：of birth：Rome\r\n city: a: b", ((), ("of birth：Rome",), ())),
        ("person Lena", ((), (), ())),
    ],
)
def test_lenient_reading_of_an_extraction(output, answers) -> None:
    assert recover_answer("ext", ("person", "city", "city: of birth"), output) == answers


@given(st.lists(st.sampled_from(["a", "b", ",", "，", ":", " ", "x, y", "\t", "."]), max_size=12).map("".join))
def test_lenient_reading_keeps_what_strict_reading_reads(output) -> None:
    for atom, labels in (("cls", ("a", "x, y", "b.", "x, y, a")), ("ext", ("a", "b:"))):
        try:
            strict = parse_answer(atom, labels, output)
        except ContractError:
            continue
        assert recover_answer(atom, labels, output) == strict


@given(STRINGS, st.sampled_from(["cls", "ext"]))
def test_recovery_never_fails(output, atom) -> None:
    answers = recover_answer(atom, ("x", "None of it", "x: y"), output)
    assert len(answers) == 3 if atom == "ext" else set(answers) <= {"x", "None of it", "x: y"}


def test_recovery_saves_known_lines() -> None:
    assert recover_answer("ext", ("a", "a b"), "a b: 1\t2\nnoise\na: None") == ((), ("1", "2"))
    assert recover_answer("cls", ("a", "b"), "b\tc\tb") == ("b",)
