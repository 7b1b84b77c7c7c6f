import dataclasses
import io
import json

import pytest
from rich.console import Console

from seqgpt_jax.evaluation import report
from seqgpt_jax.evaluation.predictions import read_predictions
from seqgpt_jax.evaluation.report import write_report
from seqgpt_jax.evaluation.scores import compute_scores
from seqgpt_jax.evaluation.tables import headline, print_scores
from tests.evaluation.records import choice, predict, two_data_sets


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
        "scores.json", "predictions.jsonl", "report.html", "report.md", "report.json"
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
    assert numbers["notes"] == ["ner: 3 of 48 <b>."]
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "* **Overall:** F1 91.7 (" in text
    assert (
        "12 instances, 3 to 6 of each of 3 tasks, in 15 prompts, all labels (many labels, or a long text, take" in text
    )
    assert "ner: 3 of 48 \\<b\\>." in text
    assert "| reviews (SA, en) | 83.3 (50.0 to 100.0) | majority 50.0 | +33.3 (" in text
    assert "| – facts.typing | 100.0 (100.0 to 100.0) |" in text
    assert "by mixture" not in text


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
        "prompts": ["输入: a text\n分类: positive，negative\n输出: [GEN]"],
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


def test_half_an_emoji_is_written(tmp_path):
    records = [choice(f"a/test/{number}#0", "positive") for number in range(3)]
    write_report(compute_scores([predict(one, "no \ud83d") for one in records]), tmp_path, {"model": "\ud83d"})
    (line, *_) = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["output"] == "no \ud83d"
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["about"] == {"model": "\ud83d"}
    assert "\ufffd" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_scores_are_written_before_the_lines_of_relations_and_events(scores, tmp_path, monkeypatch):
    def fail(path, lines):
        raise OSError("no space left")

    monkeypatch.setattr(report, "_write_lines", fail)
    monkeypatch.setattr(report.scoring, "as_json", lambda one: one)
    with pytest.raises(OSError, match="no space left"):
        write_report(scores, tmp_path, {}, end_to_end=[{"name": "x"}])
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["end_to_end"] == [{"name": "x"}]


def test_mixtures_are_shown_where_there_are_several(tmp_path):
    scores = compute_scores([
        predict(choice("a/test/0#0", "positive"), "positive", "held_in"),
        predict(choice("b/test/0#0", "positive"), "negative", "held_out"),
    ])  # fmt: skip
    write_report(scores, tmp_path, {})
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| held\\_in | 100.0 (100.0 to 100.0) |" in text
    assert "| held\\_out | 0.0 (0.0 to 0.0) |" in text


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
