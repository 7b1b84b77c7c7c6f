"""Labels, reliability, numbers of labels, false answers, learning curves: small cases by hand."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from seqgpt_jax.evaluation.analysis.label_failures import costliest, favored_labels, label_failures
from seqgpt_jax.evaluation.analysis.learning_curves import learning_curves
from seqgpt_jax.evaluation.analysis.reliability import Bin, reliability
from seqgpt_jax.evaluation.analysis.robustness import (
    by_length_of_text,
    by_number_of_labels,
    by_position,
    false_answers,
)
from seqgpt_jax.evaluation.analysis.saved import read_evaluation
from seqgpt_jax.evaluation.analysis.summary_section import _verdict
from tests.evaluation.saved_folders import choices, classification, extraction, spans, write


@pytest.fixture
def evaluation(tmp_path):
    pairs = [("good", "bad")] * 4 + [("good", "good")] * 2 + [("bad", "bad")] * 2 + [("bad", "good")]
    texts = [
        ("Ada met Bob", {"PER": ["Ada", "Bob"], "LOC": []}, "PER: Ada\nLOC: Bob\n"),
        ("Oslo", {"PER": [], "LOC": ["Oslo"]}, "PER: None\nLOC: None\n"),
    ]
    return read_evaluation(write(tmp_path / "scores", choices("sa", pairs) + spans("ner", texts)))


def test_labels_are_ranked_by_their_wrong_units(evaluation) -> None:
    found = {(one.task, one.label): one for one in costliest(evaluation, 10)}
    # The data set with the smaller gap to its baseline first, in it the label with more of them.
    gaps = {data["name"]: data["gap"] for data in evaluation.numbers["datasets"]}
    assert gaps["sa"] < 0 < gaps["ner"]
    assert list(found) == [("sa", "bad"), ("sa", "good"), ("ner", "LOC"), ("ner", "PER")]
    good = found["sa", "good"]
    assert (good.gold, good.right, good.false_negatives, good.false_positives, good.cost) == (6, 2, 4, 1, 5)
    assert good.f1 == pytest.approx(100 * 4 / 9)
    assert good.low < good.f1 < good.high
    assert (good.answered_instead, good.gold_instead) == (("bad", 4), ("bad", 1))
    # Oslo was missed, Bob was a person.
    location = found["ner", "LOC"]
    assert (location.gold, location.right, location.false_negatives, location.false_positives) == (1, 0, 1, 1)
    assert (location.f1, location.low, location.high) == (0, 0, 0)
    assert (location.answered_instead, location.gold_instead) == (None, ("PER", 1))
    # Each data set comes before a second label of any.
    assert [(one.task, one.label) for one in costliest(evaluation, 3)] == [
        ("sa", "bad"),
        ("sa", "good"),
        ("ner", "LOC"),
    ]
    assert [(one.task, one.label) for one in costliest(evaluation, 2)] == [("sa", "bad"), ("ner", "LOC")]
    assert costliest(evaluation, 1)[0].label == "bad"
    assert label_failures(evaluation.tasks["ner"], []) == []


def test_a_rare_label_that_is_always_right_is_so_in_each_resample_that_has_it(tmp_path) -> None:
    evaluation = read_evaluation(write(tmp_path / "scores", choices("sa", [("good", "good")] * 20 + [("bad", "bad")])))
    (found,) = label_failures(evaluation.tasks["sa"], ["bad"])
    assert (found.gold, found.f1, found.low, found.high) == (1, 100, 100, 100)


def test_favored_labels_are_answered_more_often_than_they_are_gold(tmp_path) -> None:
    pairs = [("good", "good")] + [("bad", "good")] * 5 + [("bad", "bad")] * 4
    (found,) = favored_labels(read_evaluation(write(tmp_path / "scores", choices("sa", pairs))))
    assert found == ("sa", "good", 6, 1)
    texts = [("Ada met Bob", {"PER": [], "LOC": []}, "PER: Ada\tBob\nLOC: None\n")] * 3
    (found,) = favored_labels(read_evaluation(write(tmp_path / "spans", spans("ner", texts))))
    assert found == ("ner", "PER", 6, 0)
    few = choices("sa", [("bad", "good")] * 4)
    assert favored_labels(read_evaluation(write(tmp_path / "few", few))) == []


def test_scores_are_compared_with_shares_of_right_answers() -> None:
    predictions = [
        classification("ab", "a", "a", confidences=(0.95,)),
        classification("ab", "a", "b", confidences=(0.92,)),
        classification("ab", "a", "b", confidences=(0.4,)),
        classification("ab", "a", "b", confidences=(None,)),
        extraction("x y", {"q": ["x"]}, {"q": ["x", "y"]}, scores=[(1.0, 0.25)]),
    ]
    labels, of_spans = reliability(predictions)
    assert (labels.kind, labels.answers) == ("labels", 3)
    assert labels.bins == (
        Bin(0.4, 0.5, 1, pytest.approx(0.4), 0.0),
        Bin(0.9, 1.0, 2, pytest.approx(0.935), 0.5),
    )
    # |0.4 - 0| and |1.87 - 1| of three answers.
    assert labels.error == pytest.approx(100 * (0.4 + 0.87) / 3)
    assert (of_spans.kind, of_spans.answers) == ("spans", 2)
    assert of_spans.error == pytest.approx(100 * 0.25 / 2)
    assert reliability([classification("ab", "a", "b")]) == []


def test_rows_by_the_number_of_labels() -> None:
    two, many = ("a", "b"), [f"l{number}" for number in range(60)]
    pairs = [
        ("x", classification(two, "a", "a")),
        ("y", classification(two, "a", "b")),
        ("z", classification(many, ["l1"], ["l1"])),
        ("n", extraction("t", {"q": [], "r": []}, {})),
    ]
    assert by_number_of_labels(pairs) == [
        ("classification", 2, 2, 2, 2, 50.0),
        ("classification", 60, 60, 1, 1, 100.0),
        ("extraction", 2, 2, 1, 1, None),
    ]


def test_rows_by_the_length_of_the_text() -> None:
    short, long = extraction("x y", {"q": ["x"]}, {"q": ["x"]}), extraction("长" * 120, {"q": ["长"]}, {"q": []})
    assert by_length_of_text([("n", short), ("n", short), ("m", long)]) == [
        ("extraction", 3, 3, 2, 1, 100.0),
        ("extraction", 120, 120, 1, 1, 0.0),
    ]


def test_rows_by_the_place_of_a_label() -> None:
    labels = ("a", "b", "c", "d", "e", "f")
    predictions = [
        classification(labels, ["a"], ["a"]),
        classification(labels, ["f"], ["b"]),
        classification(labels, ["c", "e"], ["e"]),
        classification(labels[:2], ["a"], ["b"]),  # has no thirds
    ]
    assert by_position(predictions) == [
        ("classification", "first third", 1, 2, 50.0, 100.0),
        ("classification", "middle third", 1, 0, None, 0.0),
        ("classification", "last third", 2, 1, 100.0, 50.0),
    ]


def test_answers_where_nothing_is_right() -> None:
    predictions = [
        classification("ab", "", "a"),
        classification("ab", "", ""),
        classification("ab", "a", "b"),
        extraction("x y", {"q": [], "r": []}, {"q": ["x"]}),
        extraction("x y", {"q": ["x"], "r": []}, {"q": ["x"]}),
    ]
    found = {one.kind: one for one in false_answers(predictions)}
    assert found["texts to which no label fits"][1:4] == (2, 1, 50.0)
    assert found["texts of extractions without any gold span"][1:4] == (1, 1, 100.0)
    assert found["queries without a gold span"][1:4] == (3, 1, pytest.approx(100 / 3))
    # Wilson, by hand: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = 1/2, n = 2, z = 1.96.
    assert found["texts to which no label fits"][4:] == pytest.approx((9.45, 90.55), abs=0.01)


def test_queries_of_one_text_are_no_independent_ones() -> None:
    queries = [f"q{number}" for number in range(20)]
    everywhere = extraction("x y", dict.fromkeys(queries, ()), dict.fromkeys(queries, ("x",)))
    nowhere = extraction("x y", dict.fromkeys(queries, ()), {})
    found = {one.kind: one for one in false_answers([everywhere] * 3 + [nowhere] * 7)}
    # As of 3 of 10 texts; 60 of 200 queries would have 24 to 37.
    assert found["queries without a gold span"][1:] == pytest.approx((200, 60, 30, 10.78, 60.32), abs=0.01)
    assert found["texts of extractions without any gold span"][4:] == pytest.approx((10.78, 60.32), abs=0.01)
    # With one query each, texts and queries are the same.
    single = [extraction("x y", {"q": ()}, {"q": ["x"]} if number < 3 else {}) for number in range(10)]
    assert {one[1:] for one in false_answers(single)} == {false_answers(single)[0][1:]}
    # Texts that are all alike say no more than their number.
    (_, of_queries) = sorted(false_answers([nowhere] * 5), key=lambda one: one.asked)
    assert of_queries[1:] == pytest.approx((100, 0, 0, 0, 43.45), abs=0.01)


def test_queries_that_differ_from_each_other_more_than_texts_do_count_singly() -> None:
    ones = [extraction("x y", {"q": (), "r": ()}, {"qr"[number % 2]: ["x"]}) for number in range(50)]
    (found,) = [one for one in false_answers([*ones, extraction("x", {"q": ()}, {})]) if "queries" in one.kind]
    # Wilson of 50 of 101.
    assert found[1:] == pytest.approx((101, 50, 100 * 50 / 101, 39.95, 59.09), abs=0.01)


def test_what_could_not_be_asked_is_no_right_silence() -> None:
    predictions = [
        classification("ab", "", "a"),
        classification("ab", "", "", refusal="too long"),
        extraction("x", {"q": []}, {"q": ["x"]}),
        dataclasses.replace(extraction("x", {"q": []}, {}), refusal="too long"),
    ]
    assert {one.kind: one[1:3] for one in false_answers(predictions)} == {
        "texts to which no label fits": (1, 1),
        "texts of extractions without any gold span": (1, 1),
        "queries without a gold span": (1, 1),
    }
    assert false_answers(predictions[1::2]) == []


def test_learning_curves(tmp_path) -> None:
    lines = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0, "validation/loss": 2.5}, {"step": 10, "loss": 2.9}]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 30, "lo', encoding="utf-8")
    assert learning_curves(tmp_path) == [("training", [(10, 2.9), (20, 2.0)]), ("validation", [(20, 2.5)])]
    # What the run did after the step that was evaluated is no part of that model.
    assert learning_curves(tmp_path, 10) == [("training", [(10, 2.9)])]
    assert learning_curves(tmp_path, 5) == []
    for line in ("no JSON", "5", '{"loss": 1.0}', '{"step": 1, "loss": "low"}', '{"step": 1, "loss": null}'):
        path.write_text(f"{line}\n{{}}\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"metrics\.jsonl:1: no metrics of a step"):
            learning_curves(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"metrics\.jsonl cannot be read"):
        learning_curves(tmp_path)
    assert learning_curves(tmp_path / "nowhere") == []


def test_data_sets_that_share_a_name_are_counted_singly() -> None:
    def data(name: str, family: str, low: float, high: float) -> dict:
        return {"name": name, "family": family, "language": "en", "gap_interval": [low, high]}

    ranked = [data("tickets", "CLS", -30, -10), data("tickets", "NER", 0, 0), data("x", "CLS", 1, 9)]
    one = SimpleNamespace(evaluation=SimpleNamespace(datasets_by_gap=lambda: ranked))
    assert _verdict(one) == (
        "Of 3 data sets 1 are above the best program without a model, 1 below it (tickets (CLS, en)), and 1 cannot be "
        "told from it (tickets (NER, en))."
    )
