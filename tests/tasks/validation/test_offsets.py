"""Offsets in another unit or convention: found out over a file, and said on every line that has half words."""

import json
import random

import pytest

from seqgpt_jax import validate
from seqgpt_jax.tasks.validation.offsets import (
    CONVENTIONS,
    STANDARD,
    Convention,
    ConventionCount,
    OffsetText,
    Span,
    word_cut,
)
from tests.tasks.records import json_lines, write

CITIES = ("Łódź", "Zürich", "Oslo", "São Paulo", "Kraków")
TEXTS = ("🚲🚲 {} is flat", "is {} far, 😀?", "… naïve {} – and back 🎉", "from {}")


def shifted(text: str, start: int, end: int, convention: Convention) -> list[int]:
    """The offsets of a span, written in a convention."""

    def number(place: int) -> int:
        before = text[:place]
        sizes = {"UTF-16 units": len(before.encode("utf-16-le")) // 2, "UTF-8 bytes": len(before.encode())}
        return sizes.get(convention.unit, place) + convention.first

    return [number(start), number(end) - convention.inclusive]


def spans(convention: Convention, texts=TEXTS, names=CITIES) -> list[tuple[str, list[int]]]:
    found = []
    for text in texts:
        for name in names:
            start = text.index("{}")
            whole = text.replace("{}", name)
            found.append((whole, shifted(whole, start, start + len(name), convention)))
    return found


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_every_convention_is_found_and_its_conversion_is_right(convention):
    count = ConventionCount()
    for text, (start, end) in spans(convention):
        count.add(OffsetText(text), Span("city", start, end, None))
        place = eval(convention.conversion(), {"text": text, "start": start, "end": end})
        assert text[slice(*place)] in CITIES
    guess = count.guess()
    assert (guess.convention if guess else STANDARD) == convention
    assert not guess or guess.reason.startswith("20 of 20 spans agree with word ends and given strings")


def test_given_strings_decide_where_words_have_no_ends():
    """Chinese has no spaces; and a string that matches is right, whatever surrounds it."""
    count = ConventionCount()
    for text, (start, end) in spans(
        Convention("UTF-16 units"), ("😀我在{}出生", "他从{}来"), ("北京", "上海", "里斯本")
    ):
        name = next(name for name in ("北京", "上海", "里斯本") if name in text)
        count.add(OffsetText(text), Span("city", start, end, name))
    assert count.guess().convention == Convention("UTF-16 units")
    count = ConventionCount()
    count.add(OffsetText("prewar"), Span("time", 3, 6, "war"))
    assert count.guess() is None


def chinese(convention: Convention) -> ConventionCount:
    """Names of two or three characters between words that vary, as in news."""
    names = ["北京", "上海", "里斯本", "都灵", "奥斯陆", "利马", "开罗", "里加", "波尔图", "苏黎世", "布拉格", "华沙"]
    before, after = "在从去到离往爱恨赴抵", "的是有了很也都不与和"
    count, rng = ConventionCount(), random.Random(0)
    for _ in range(600):
        name = rng.choice(names)
        text = f"他{rng.choice(before)}{name}{rng.choice(after)}{rng.choice(after)}"
        count.add(OffsetText(text), Span("city", *shifted(text, 2, 2 + len(name), convention), None))
    return count


@pytest.mark.parametrize("convention", [c for c in CONVENTIONS if c.unit == "characters"], ids=str)
def test_equal_strings_are_compared_where_words_have_no_ends(convention):
    guess = chinese(convention).guess()
    assert (guess.convention if guess else STANDARD) == convention


def test_templates_are_no_evidence():
    """What follows every name is the same word in each text: whole names, and no half ones."""
    count = ConventionCount()
    for n in range(100):
        name = ("北京", "上海", "都灵", "利马")[n % 4]
        count.add(OffsetText(f"他在{name}出生"), Span("city", 2, 4, None))
    assert count.guess() is None


def test_a_few_odd_spans_are_no_convention():
    count = ConventionCount()
    for text, (start, end) in spans(STANDARD):
        count.add(OffsetText(text), Span("city", start, end, None))
    for _ in range(5):
        count.add(OffsetText("a Zürichsee"), Span("city", 2, 8, None))
    assert count.guess() is None


@pytest.mark.parametrize(
    ("text", "start", "end", "ends"),
    [
        ("Ada Lund", 0, 3, ""),
        ("Ada Lund", 1, 3, "begins"),
        ("Ada Lund", 4, 7, "ends"),
        ("Ada Lund", 5, 7, "begins and ends"),
        ("in 2019", 3, 5, "ends"),
        ("500mg of it", 0, 3, ""),  # a number and its unit
        ("서울에서", 0, 2, ""),  # a particle of Korean
        ("我在北京", 2, 3, ""),
        ("हिंदी में", 0, 1, "ends"),  # before a vowel sign
        ("e\u0301clair", 1, 7, "begins"),
        ("l'Aquila", 2, 8, ""),
        ("x", 0, 1, ""),
    ],
)
def test_word_cuts(text, start, end, ends):
    assert word_cut(text, start, end) == ends


def test_every_line_with_half_words_is_told_and_the_file_once(tmp_path, capsys):
    rows = [
        {"text": text, "task": "ext", "answers": {"city": [{"start": start, "end": end}]}}
        for text, (start, end) in spans(Convention(inclusive=True))
    ]
    path = write(tmp_path, "a.jsonl", json_lines(*rows))
    validate.main([str(path), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [f["line"] for f in findings if f["reason"] == "half_word"] == list(range(1, 21))
    (whole,) = [f["detail"] for f in findings if f["reason"] == "offsets"]
    assert "characters from 0, the end inclusive" in whole
    assert whole.endswith("convert: start, end = start, end + 1")
    # Bad spans count too.
    rows = [{"text": "👍 a b c d e", "task": "ext", "answers": {"x": [[3, 4], [5, 6], [11, 12]]}} for _ in range(3)]
    validate.main([str(write(tmp_path, "b.jsonl", json_lines(*rows))), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {f["line"] for f in findings if f["kind"] == "bad"} == {1, 2, 3}
    assert next(f["detail"] for f in findings if f["reason"] == "offsets").startswith("9 of 9 spans")
