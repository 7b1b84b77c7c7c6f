"""Answers as a page and as pre-annotations, and the way back: what comes out of these tools is training data."""

import json
import subprocess
import sys

import pytest

from seqgpt_jax import review
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.answer_page import marked_text
from seqgpt_jax.tasks.own_questions import question_lines

TEXT = "Ada <b> 👩‍👧 of New York City\nmet Bob"
SPANS = {"person": ["Ada", "Bob"], "place": ["New York City"], "p<state>": ["New York"]}


def span(text: str) -> dict:
    start = TEXT.index(text)
    return {"text": text, "start": start, "end": start + len(text), "score": 0.5}


@pytest.fixture
def answers(tmp_path):
    extraction = {"text": TEXT, "task": "ext", "labels": list(SPANS)}
    extraction["found"] = {label: [span(text) for text in texts] for label, texts in SPANS.items()}
    one = {"text": "Where is it?", "task": "cls", "labels": ["delivery", "refund"]}
    records = [
        extraction,
        one | {"found": [{"label": "delivery", "score": 0.75}]},
        one | {"found": []},
        {"text": " ", "task": "cls", "labels": ["a"], "error": "the text is empty"},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read(gold: dict) -> dict:
    """Label -> spans, of spans that are places or texts."""
    return {
        label: [one if isinstance(one, str) else TEXT[one["start"] : one["end"]] for one in spans]
        for label, spans in gold.items()
    }


def test_the_page_marks_spans_and_escapes_everything(answers, tmp_path) -> None:
    assert review.main([str(answers), f"--html={tmp_path / 'page.html'}"]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<b>" not in page
    assert "<state>" not in page
    assert "👩‍👧 of " in page
    assert page.count("<mark") == 2 + 1 + 2  # the inner span, and the outer one in two parts
    assert "75 %" in page
    assert "no label fits" in page
    assert "the text is empty" in page
    assert "http" not in page


def test_half_an_emoji_is_written(tmp_path) -> None:
    text = "Ada \ud83d left"
    found = {"person": [{"text": "Ada \ud83d", "start": 0, "end": 5, "score": None}]}
    record = {"text": text, "task": "ext", "labels": ["person"], "found": found}
    (tmp_path / "answers.jsonl").write_text(json.dumps(record))
    flags = [f"--{name}={tmp_path / name}" for name in ("html", "label_studio", "doccano")]
    assert review.main([str(tmp_path / "answers.jsonl"), *flags]) == 0
    assert "Ada \ufffd<sub>person</sub></mark> left" in (tmp_path / "html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "label_studio").read_text(encoding="utf-8"))[0]["data"] == {"text": text}
    doccano = json.loads((tmp_path / "doccano").read_text(encoding="utf-8"))
    assert doccano == {"text": text, "label": [[0, 5, "person"]]}


def test_nested_and_repeated_spans() -> None:
    shown = marked_text("abc", [(0, 3, "outer", "red"), (1, 2, "inner", "blue")])
    outer, inner = "<mark style='border-color:red' title='outer'>", "<mark style='border-color:blue' title='inner'>"
    # The mark of the first span is the innermost.
    assert shown == (f"{outer}a</mark>{inner}{outer}b</mark><sub>inner</sub></mark>{outer}c<sub>outer</sub></mark>")
    assert marked_text("ab", []) == "ab"


def test_doccano_reads_back_as_own_data(answers, tmp_path) -> None:
    path = tmp_path / "doccano.jsonl"
    assert review.main([str(answers), f"--doccano={path}"]) == 0
    lines = path.read_text().splitlines()
    path.write_text(lines[0] + "\n")
    ((_, question),) = question_lines(path)
    assert read(question["gold"]) == SPANS
    assert json.loads(lines[1]) == {"text": "Where is it?", "label": ["delivery"]}
    assert len(lines) == 3


def test_label_studio_reads_back_as_own_data(answers, tmp_path, capsys) -> None:
    path = tmp_path / "tasks.json"
    assert review.main([str(answers), f"--label_studio={path}", "--model=ft"]) == 0
    tasks = json.loads(path.read_text())
    assert tasks[0]["predictions"][0]["model_version"] == "ft"
    assert tasks[0]["predictions"][0]["score"] == 0.5
    assert "tasks.xml" in capsys.readouterr().out
    config = (tmp_path / "tasks.xml").read_text()
    assert '<Label value="p&lt;state&gt;"/>' in config
    assert '<Choice value="refund"/>' in config
    # What a person accepts becomes an annotation.
    accepted = [{"id": 1, "data": task["data"], "annotations": task["predictions"]} for task in tasks[:1]]
    path.write_text(json.dumps(accepted))
    ((_, question),) = question_lines(path)
    assert read(question["gold"]) == SPANS


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("{}", (), "nothing to write: give --html"),
        ("{}", ("--html=x.html",), "answers.jsonl:1: no answer"),
        ("{", ("--html=x.html",), "answers.jsonl:1: not JSON"),
        ("", ("--html=answers.jsonl",), "is a folder or the input itself"),
        (None, ("--html=x.html",), "cannot be read"),
    ],
)
def test_bad_input_is_named(content, flags, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "answers.jsonl").write_text(content)
    with pytest.raises(UsageError, match=message):
        review.main(["answers.jsonl", *flags])


def test_help_has_an_example() -> None:
    done = subprocess.run([sys.executable, "-m", "seqgpt_jax.review", "--help"], capture_output=True, text=True)
    assert "python -m seqgpt_jax.review answers.jsonl --html=answers.html" in done.stdout
