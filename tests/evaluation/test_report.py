import dataclasses
import io
import json
import struct
from html.parser import HTMLParser

import pytest
from rich.console import Console

from seqgpt_jax.atomic import Classification
from seqgpt_jax.evaluation import html_report, label_tables
from seqgpt_jax.evaluation.predictions import read_predictions
from seqgpt_jax.evaluation.report import write_report
from seqgpt_jax.evaluation.scores import compute_scores
from seqgpt_jax.evaluation.tables import headline, print_scores
from tests.evaluation.records import choice, predict, record, spans, two_data_sets

EVIL = '<script>alert(1)</script> & "quotes"'


@pytest.fixture
def scores():
    """One of six reviews is wrong; everything else is right."""
    records = two_data_sets()
    outputs = ["negative", *(record.target for record in records[1:])]
    predictions = read_predictions(zip(records, outputs, strict=True))
    instances = [dataclasses.replace(item.instance, mixture="mix", choose="one") for item in predictions]
    return compute_scores(
        dataclasses.replace(prediction, instance=instance)
        for prediction, instance in zip(predictions, instances, strict=True)
    )


def test_files_hold_the_numbers(scores, tmp_path):
    write_report(scores, tmp_path / "new" / "folder", {"model": "runs/ft"}, ["ner: 3 of 48 <b>."])
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {
        "scores.json", "scores.md", "scores.png", "predictions.jsonl", "report.html"
    }  # fmt: skip
    numbers = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    overall = numbers["overall"]
    # Micro-F1 and fixed ROUGE of reviews are both 5/6, of facts 1; their mean is 11/12.
    assert overall["f1"] == overall["rouge_fixed"] == overall["paper_score"] == pytest.approx(1100 / 12)
    # In paper mode one-token answers reach 2/3: reviews 5/6 of it, facts.typing all.
    assert overall["rouge_paper"] == pytest.approx(100 * (5 / 9 + 5 / 6) / 2)
    for name in ("f1", "paper_score"):
        low, high = overall[f"{name}_interval"]
        assert low < overall[name] < high
    # "positive" and "negative" are gold three times each; in facts.typing all three are "negative".
    assert overall["best_baseline"] == "majority"
    # Without a model, the lines of facts.spans have ROUGE 0.4: 3 of 5 and 7 tokens, 1 of 4 and 6 pairs, 3 in order.
    assert overall["baselines"]["always_none"] == pytest.approx({"f1": 0, "paper_score": 100 * 0.4 / 2 / 2 / 2})
    assert overall["baselines"]["majority"]["f1"] == pytest.approx(50)
    assert overall["baselines"]["uniform"] == {"f1": pytest.approx(100 * (1 / 2 + 1 / 4) / 2)}
    assert overall["gap"] == pytest.approx(1100 / 12 - 50)
    assert overall["gap_interval"][0] <= overall["gap"] <= overall["gap_interval"][1]
    assert numbers["families"]["SA"]["baselines"]["majority"]["f1"] == pytest.approx(50)
    assert (overall["protocol"], overall["choose"]) == ("all labels", "one")
    assert (overall["instances"], overall["prompts"], overall["gold_spans"]) == (12, 15, 9)
    assert numbers["families"]["SA"]["f1"] == pytest.approx(500 / 6)
    assert [data["name"] for data in numbers["datasets"]] == ["facts", "reviews"]
    assert numbers["datasets"][0]["atomic_tasks"].keys() == {"facts.spans", "facts.typing"}
    reviews = numbers["datasets"][1]["atomic_tasks"]["reviews"]
    # One of three gold "positive" became "negative", the fourth of that label.
    assert reviews["labels"] == {
        "negative": {
            "precision": 75,
            "recall": 100,
            "f1": pytest.approx(600 / 7),
            "gold": 3,
            "predicted": 4,
            "right": 3,
        },
        "positive": {
            "precision": 100,
            "recall": pytest.approx(200 / 3),
            "f1": 80,
            "gold": 3,
            "predicted": 2,
            "right": 2,
        },
    }
    assert reviews["confusion"] == {"negative": {"negative": 3}, "positive": {"positive": 2, "negative": 1}}
    assert numbers["datasets"][0]["atomic_tasks"]["facts.spans"]["labels_without_units"] == 1  # 地
    assert numbers["about"] == {"model": "runs/ft"}
    text = (folder / "scores.md").read_text(encoding="utf-8")
    assert "F1 91.7 (95 % interval" in text
    assert "12 instances were asked in 15 prompts, none of which was cut." in text
    assert "| reviews (SA, en) | 83.3 | majority 50.0 | +33.3 | 83.3 | all labels | one | 83.3 | 83.3 | 83.3 |" in text
    assert "| – facts.typing | 100.0 |" in text
    assert "| reviews | 2 of 2 | positive 80.0 (of 3), negative 85.7 (of 3) | positive → negative 1× |" in text
    assert "Mixture" not in text
    page_text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<strong>F1 91.7" in page_text
    assert numbers["notes"] == ["ner: 3 of 48 <b>."]
    assert "ner: 3 of 48 <b>." in text
    assert "<p>ner: 3 of 48 &lt;b&gt;.</p>" in page_text
    assert "<td>reviews (SA, en)</td><td>83.3</td><td>majority 50.0</td>" in page_text


def test_a_line_of_predictions_tells_the_whole_story(scores, tmp_path):
    write_report(scores, tmp_path, {})
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 12
    assert lines[0] == {
        "id": "reviews/test/0",
        "task": "reviews",
        "mixture": "mix",
        "text": "a text",
        "labels": ["positive", "negative"],
        "gold": ["positive"],
        "output": "negative",
        "confidences": [],
        "label_scores": None,
        "mean_log_probs": [None],
        "truncated_tokens": 0,
        "unreachable_spans": [],
        "finished": True,
        "answers": ["negative"],
        "well_formed": True,
        "correct": False,
        "scores": {"true_positives": 0, "gold": 1, "predicted": 1, "rouge_paper": 0.0, "rouge_fixed": 0.0},
    }
    assert lines[6]["labels"] == ["人", "地", "公司"]
    assert lines[6]["answers"] == [["李雷"], [], ["甲", "乙"]]


def test_the_picture_is_a_png_that_depends_on_the_scores_alone(scores, tmp_path):
    write_report(scores, tmp_path / "one", {})
    write_report(scores, tmp_path / "two", {})
    picture = (tmp_path / "one" / "scores.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 400
    assert height > 300
    assert picture == (tmp_path / "two" / "scores.png").read_bytes()


def test_mixtures_are_shown_where_there_are_several(tmp_path):
    scores = compute_scores([
        predict(choice("a/test/0#0", "positive"), "positive", "held_in"),
        predict(choice("b/test/0#0", "positive"), "negative", "held_out"),
    ])  # fmt: skip
    write_report(scores, tmp_path, {})
    text = (tmp_path / "scores.md").read_text(encoding="utf-8")
    assert "| held_in | 100.0 |" in text
    assert "| held_out | 0.0 |" in text


class _Reader(HTMLParser):
    """Collects tags, addresses and text outside script and style."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read_page(folder):
    reader = _Reader()
    reader.feed((folder / "report.html").read_text(encoding="utf-8"))
    reader.close()
    assert not reader.open
    return reader


def test_the_page_escapes_and_loads_nothing(tmp_path):
    labels = ("fine", EVIL)
    item = record("t/test/0#0", Classification(EVIL, labels, (EVIL,)), "CLS")
    write_report(compute_scores([predict(item, f"fine</pre>{EVIL}")]), tmp_path, {"model": EVIL})
    reader = read_page(tmp_path)
    assert reader.tags.count("script") == 1
    assert "".join(reader.text).count(EVIL) >= 4
    assert [address[:22] for address in reader.addresses] == ["data:image/png;base64,"]


def test_the_page_lists_wrong_answers_only(scores, tmp_path):
    write_report(scores, tmp_path, {})
    text = "".join(read_page(tmp_path).text)
    assert "reviews: 1 of 6 instances" in text
    assert "reviews/test/0" in text
    assert "missed: positive" in text
    assert "not in gold: negative" in text
    assert "reviews/test/1" not in text


def test_the_page_stops_somewhere_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, "WRONG_PER_TASK", 2)
    wrong = [predict(spans(f"ner/test/{i}#0", {"q": ("x",)}), "q: None\n") for i in range(5)]
    write_report(compute_scores(wrong, resamples=5), tmp_path, {})
    reader = read_page(tmp_path)
    assert reader.tags.count("article") == 2
    assert "3 more are in predictions.jsonl" in "".join(reader.text)


def test_the_page_has_the_labels_of_each_task(tmp_path, monkeypatch):
    monkeypatch.setattr(label_tables, "SHOWN_LABELS", 2)
    queries = ("PER", "LOC", "ORG", EVIL)
    records = [spans("ner/test/0#0", dict.fromkeys(queries, ("x",))), spans("ner/test/1#0", {"DATE": (), "PER": ()})]
    outputs = [f"PER: x\nLOC: None\nORG: y\n{EVIL}: None\n", "DATE: None\nPER: None\n"]
    write_report(compute_scores(read_predictions(zip(records, outputs, strict=True)), resamples=5), tmp_path, {})
    text = "".join(read_page(tmp_path).text)
    assert "ner: 4 labels, 4 kinds of errors" in text
    assert "2 more rows are in scores.json" in text
    assert "1 more labels were asked, neither gold nor predicted" in text


def test_the_terminal_shows_the_tables_in_80_columns(scores):
    console = Console(file=io.StringIO(), width=80)
    print_scores(scores, console, ["ner: 3 of 48."])
    shown = console.file.getvalue()
    lines = [line.split() for line in shown.splitlines()]
    assert ["reviews", "(SA,", "en)", "83.3", "majority", "50.0", "+33.3", "83.3", "all"] in lines
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "…" not in shown
    assert "ner: 3 of 48." in shown
    # The last words are the plain ones.
    last = " ".join(shown.split())
    assert "F1 91.7 (95 % interval" in last
    assert "; always-None 0.0, majority 50.0, uniform 37.5: 41.7 above the best baseline (95 % interval" in last


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["positive"] * 4, "equal to the best baseline"),
        (["None"] * 4, "75.0 below the best baseline"),
        (["positive", "positive", "positive", "negative"], "25.0 above the best baseline, which may be chance"),
    ],
)
def test_the_headline_says_whether_the_model_is_of_use(outputs, words):
    records = [choice(f"sa/test/{i}#0", "positive") for i in range(3)] + [choice("sa/test/3#0", "negative")]
    scores = compute_scores(read_predictions(zip(records, outputs, strict=True)))
    assert f"uniform 50.0: {words} (" in headline(scores)
