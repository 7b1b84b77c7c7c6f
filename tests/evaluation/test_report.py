import io
import json
import struct
from html.parser import HTMLParser

import pytest
from rich.console import Console

from seqgpt_jax.atomic import Classification
from seqgpt_jax.evaluation import html_report
from seqgpt_jax.evaluation.report import print_scores, write_report
from seqgpt_jax.evaluation.scores import compute_scores
from tests.evaluation.records import choice, predict, record, spans, two_data_sets

EVIL = '<script>alert(1)</script> & "quotes"'


@pytest.fixture
def scores():
    """One of six reviews is wrong; everything else is right."""
    predictions = [predict(item, item.target, "mix") for item in two_data_sets()]
    first = predictions[0].record
    return compute_scores([predict(first, "negative", "mix"), *predictions[1:]])


def test_files_hold_the_numbers(scores, tmp_path):
    write_report(scores, tmp_path / "new" / "folder", {"model": "runs/ft"})
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {
        "scores.json", "scores.md", "scores.png", "predictions.jsonl", "report.html"
    }  # fmt: skip
    numbers = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    # Micro-F1 and fixed ROUGE of reviews are both 5/6, of facts 1; their mean is 11/12.
    assert numbers["overall"]["score"] == pytest.approx(1100 / 12)
    assert numbers["overall"]["score_fixed"] == numbers["overall"]["score"]
    # In paper mode one-token answers reach 2/3: reviews (5/6 + 5/6 * 2/3) / 2, facts.typing (1 + 2/3) / 2.
    reviews, facts = 25 / 36, (1 + 5 / 6) / 2
    assert numbers["overall"]["score_paper"] == pytest.approx(100 * (reviews + facts) / 2)
    assert numbers["overall"]["interval_low"] <= numbers["overall"]["score"] <= numbers["overall"]["interval_high"]
    assert numbers["families"]["SA"]["f1"] == pytest.approx(500 / 6)
    assert [data["name"] for data in numbers["datasets"]] == ["facts", "reviews"]
    assert numbers["datasets"][0]["atomic_tasks"].keys() == {"facts.spans", "facts.typing"}
    assert numbers["about"] == {"model": "runs/ft"}
    text = (folder / "scores.md").read_text(encoding="utf-8")
    assert "Overall 91.7" in text
    assert "| reviews (SA, en) | 83.3 | 83.3 | 83.3 | 83.3 | 83.3 | 100.0 | 1 | 6 |" in text
    assert "| – facts.typing | 100.0 |" in text
    assert "Mixture" not in text
    page_text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<strong>Overall 91.7" in page_text
    assert "<td>reviews (SA, en)</td><td>83.3</td>" in page_text


def test_a_line_of_predictions_tells_the_whole_story(scores, tmp_path):
    write_report(scores, tmp_path, {})
    lines = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 15
    assert lines[0] == {
        "id": "reviews/test/0",
        "task": "reviews",
        "mixture": "mix",
        "text": "a text",
        "labels": ["positive", "negative"],
        "gold": ["positive"],
        "output": "negative",
        "mean_log_probs": [None],
        "truncated_tokens": 0,
        "finished": True,
        "answers": ["negative"],
        "well_formed": True,
        "correct": False,
        "scores": {"true_positives": 0, "gold": 1, "predicted": 1, "rouge_paper": 0.0, "rouge_fixed": 0.0},
    }
    assert lines[6]["answers"] == [["李雷"], []]


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
    assert "reviews: 1 of 6 prompts" in text
    assert "reviews/test/0#0" in text
    assert "missed: positive" in text
    assert "not in gold: negative" in text
    assert "reviews/test/1#0" not in text


def test_the_page_stops_somewhere_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, "WRONG_PER_TASK", 2)
    wrong = [predict(spans(f"ner/test/{i}#0", {"q": ("x",)}), "q: None\n") for i in range(5)]
    write_report(compute_scores(wrong, resamples=5), tmp_path, {})
    reader = read_page(tmp_path)
    assert reader.tags.count("article") == 2
    assert "3 more are in predictions.jsonl" in "".join(reader.text)


def test_the_terminal_shows_the_tables_in_80_columns(scores):
    console = Console(file=io.StringIO(), width=80)
    print_scores(scores, console)
    shown = console.file.getvalue()
    lines = [line.split() for line in shown.splitlines()]
    assert ["reviews", "(SA,", "en)", "83.3", "83.3", "83.3", "100.0", "6"] in lines
    assert "Overall 91.7" in shown
    assert "…" not in shown
