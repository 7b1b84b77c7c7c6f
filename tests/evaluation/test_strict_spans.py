"""Strict span F1 with places in the text: hand-computed cases in both languages; nervaluate is the oracle."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator

from seqgpt_jax.atomic import occurrences
from seqgpt_jax.evaluation.analysis.page import write_report_page
from seqgpt_jax.evaluation.analysis.saved import read_evaluation
from seqgpt_jax.evaluation.field_metrics import FieldMetric, field_metric, resampled_metrics, strict_counts
from tests.evaluation.saved_folders import Answers, spans, write


@pytest.mark.parametrize(
    ("text", "predicted", "gold", "expected"),
    [
        ("Ann met Bob.", [], [], (0, 0, 0)),
        ("Ann met Bob.", [], ["Ann"], (0, 0, 1)),
        ("Ann met Bob.", ["Ann"], [], (0, 1, 0)),
        ("Ann met Bob.", ["Bob", "Ann"], ["Ann", "Bob"], (2, 2, 2)),
        # An answer that is written twice is one.
        ("Ann met Bob.", ["Ann", "Ann"], ["Ann"], (1, 1, 1)),
        # A name that stands twice is two spans.
        ("Bob saw Bob.", ["Bob"], ["Bob"], (2, 2, 2)),
        ("Bob saw Bob.", ["Bob"], [], (0, 2, 0)),
        ("Ann met Bob, Bob left.", ["Ann"], ["Ann", "Bob"], (1, 1, 3)),
        # Boundaries one word, and one character, off.
        ("in New York City", ["New York"], ["New York City"], (0, 1, 1)),
        ("in New York City", ["York City", "New York City"], ["New York City"], (1, 2, 1)),
        ("Ann met Bob.", ["Bob."], ["Bob"], (0, 1, 1)),
        ("Ann met Bob.", ["An"], ["Ann"], (0, 1, 1)),
        # As it is written: neither case nor articles are the same.
        ("The Beatles", ["Beatles"], ["The Beatles"], (0, 1, 1)),
        ("the Beatles", ["The Beatles"], ["the Beatles"], (0, 1, 1)),
        # Within a word only where it stands nowhere else.
        ("an anagram is an art", ["an"], ["an"], (2, 2, 2)),
        ("Annual", ["Ann"], ["Ann"], (1, 1, 1)),
        # Nested.
        ("Bank of China in China", ["China"], ["Bank of China", "China"], (2, 2, 3)),
        ("Bank of China in China", ["Bank of China", "China"], ["Bank of China"], (1, 3, 1)),
        # Not in the text: one wrong span, also against the same gold string.
        ("Ann met Bob.", ["Eve"], ["Ann"], (0, 1, 1)),
        ("Ann met Bob.", ["Eve"], ["Eve"], (0, 1, 1)),
        ("北京欢迎你", [], [], (0, 0, 0)),
        ("北京欢迎你", ["北京"], ["北京"], (1, 1, 1)),
        ("北京欢迎你", ["北"], ["北京"], (0, 1, 1)),
        ("北京欢迎你", ["北京欢"], ["北京"], (0, 1, 1)),
        ("杭州人在杭州", ["杭州"], ["杭州"], (2, 2, 2)),
        ("杭州人在杭州", ["杭州人"], ["杭州"], (0, 1, 2)),
        ("杭州人在杭州", ["杭州人", "杭州"], ["杭州人", "杭州"], (3, 3, 3)),
        ("北京大学在北京", ["北京"], ["北京大学", "北京"], (2, 2, 3)),
        ("北京大学在北京", ["北京大学"], ["北京大学", "北京"], (1, 1, 3)),
        ("上海", ["北京"], ["上海"], (0, 1, 1)),
        ("Ａ股上涨", ["A股"], ["Ａ股"], (0, 1, 1)),
        ("哈哈哈哈", ["哈哈"], ["哈哈"], (2, 2, 2)),
    ],
)
def test_places(text, predicted, gold, expected) -> None:
    assert strict_counts(text, predicted, gold) == expected


def score(texts: list[tuple[str, Answers, str]], language: str = "en", resamples: int = 20) -> FieldMetric:
    return field_metric(resampled_metrics("ner", spans("ner", texts, language), resamples, 0)["strict_span_f1"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # Nothing to find, nothing found: 0, as in nervaluate and CoNLL's script.
        ([("Ann left.", {"person": ()}, "person: None\n")], 0.0),
        ([("Ann left.", {"person": ("Ann",)}, "person: Ann\n")], 1.0),
        # The right span of the wrong type is over-predicted and missed.
        ([("Ann left.", {"person": ("Ann",), "place": ()}, "person: None\nplace: Ann\n")], 0.0),
        # Both types of one span are right.
        ([("Georgia won.", {"person": ("Georgia",), "place": ("Georgia",)}, "person: Georgia\nplace: Georgia\n")], 1.0),
        # Micro over texts, each place once: 2 * 3 / (3 + 4).
        (
            [
                ("Bob saw Bob.", {"person": ("Bob",)}, "person: Bob\n"),
                ("Ann met Eve.", {"person": ("Ann", "Eve")}, "person: Eve\n"),
            ],
            6 / 7,
        ),
        # By strings this would be 2 * 1 / (1 + 2); the place that stands twice weighs more: 2 * 2 / (2 + 3).
        ([("李雷和韩梅梅，李雷", {"人名": ("李雷", "韩梅梅")}, "人名: 李雷\n")], 4 / 5),
        # 北京 stands twice, 1 of 3 gold places is found and nothing besides: 2 * 1 / (1 + 3).
        (
            [("北京大学在北京", {"组织": ("北京大学",), "地名": ("北京",)}, "组织: 北京大学\n地名: None\n")],
            2 / 4,
        ),
    ],
)
def test_f1_of_a_task(texts, expected) -> None:
    assert score(texts).value == pytest.approx(expected)


def test_the_order_of_answers_and_labels_does_not_matter() -> None:
    text, gold = "Ann met Bob in Rome.", {"person": ("Ann", "Bob"), "place": ("Rome",)}
    one = score([(text, gold, "person: Bob\tAnn\nplace: None\n")])
    other = score([(text, dict(reversed(gold.items())), "place: None\nperson: Ann\tBob\n")])
    assert one == other
    assert one.value == pytest.approx(4 / 5)


def test_it_is_in_the_files_and_the_report_with_its_interval(tmp_path) -> None:
    right = ("李雷在北京", {"人名": ("李雷",), "地名": ("北京",)}, "人名: 李雷\n地名: 北京\n")
    wrong = ("李雷在北京", {"人名": ("李雷",), "地名": ("北京",)}, "人名: 李\n地名: 北京\n")
    folder = write(tmp_path / "scores", spans("ner", [right] * 3 + [wrong] * 3, "zh"))
    numbers = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    metric = numbers["datasets"][0]["atomic_tasks"]["ner"]["field_metrics"]["strict_span_f1"]
    assert metric["value"] == pytest.approx(75.0)
    assert 50 <= metric["low"] < 75 < metric["high"] <= 100
    write_report_page([read_evaluation(folder)], tmp_path / "report.html")
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"strict\\_span\\_f1 | 75.0 ({metric['low']:.1f} to {metric['high']:.1f})" in page


QUERIES = ("person", "place")
WORDS = ("Ann", "Bob", "Rome", "北京")


@st.composite
def flat(draw) -> tuple[str, Answers, Answers]:
    """A text of different names, and gold and predicted spans: in each of the two answers no two spans overlap."""
    text = " ".join(draw(st.permutations(WORDS)))
    starts = [0, *(place + 1 for place, character in enumerate(text) if character == " "), len(text) + 1]

    def answer() -> Answers:
        found: dict[str, list[str]] = {query: [] for query in QUERIES}
        place = 0
        while place < len(WORDS):
            length = draw(st.integers(1, len(WORDS) - place))
            query = draw(st.sampled_from([None, *QUERIES]))
            if query:
                found[query].append(text[starts[place] : starts[place + length] - 1])
            place += length
        return found

    return text, answer(), answer()


@given(st.lists(flat(), min_size=1, max_size=4))
@settings(deadline=None)
def test_it_is_the_strict_f1_of_nervaluate(texts) -> None:
    def placed(side: int) -> list[list[dict]]:
        return [nervaluate_spans(one[0], one[side]) for one in texts]

    oracle = Evaluator(placed(1), placed(2), tags=[*QUERIES], loader="dict").evaluate()["overall"]["strict"]
    counts = [strict_counts(text, found[query], gold[query]) for text, gold, found in texts for query in QUERIES]
    assert tuple(map(sum, zip(*counts, strict=True))) == (oracle.correct, oracle.actual, oracle.possible)
    outputs = [
        (text, gold, "".join(f"{query}: {chr(9).join(found[query]) or 'None'}\n" for query in QUERIES))
        for text, gold, found in texts
    ]
    assert score(outputs).value == pytest.approx(oracle.f1)


def nervaluate_spans(text: str, answer: Answers) -> list[dict]:
    """An answer as nervaluate takes it, in the order of the text; its ends are those of the last character."""
    places = [
        (start, start + len(span) - 1, query)
        for query, found in answer.items()
        for span in found
        for start in occurrences(text, span)
    ]
    return [{"label": query, "start": start, "end": end} for start, end, query in sorted(places)]


def test_where_nervaluate_differs() -> None:
    """It lets a wrong span take a gold one that it overlaps, before the right answer comes."""
    text, gold, found = "Bank of China", {"place": ["China"]}, {"place": ["Bank of China", "China"]}
    oracle = Evaluator(
        [nervaluate_spans(text, gold)], [nervaluate_spans(text, found)], tags=["place"], loader="dict"
    ).evaluate()["overall"]["strict"]
    assert (oracle.correct, oracle.actual, oracle.possible) == (0, 2, 1)
    assert strict_counts(text, found["place"], gold["place"]) == (1, 2, 1)
