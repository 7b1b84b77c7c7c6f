"""The report as a page, also in a real browser, and the command that writes it."""

import dataclasses
import html
import json
import re
import shutil
import subprocess
import sys
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seqgpt_jax import report
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.evaluation.analysis import examples
from seqgpt_jax.evaluation.analysis.page import write_report_page
from seqgpt_jax.evaluation.analysis.saved import read_evaluation, read_evaluations
from tests.browser import CHROMIUM, FLAGS, needs_chromium
from tests.evaluation.saved_folders import choices, spans, write

EVIL = "<script>document.title = 'broken'</script>"
FAMILY = "👩🏽‍🎓"


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    """Two evaluations of the same records: the second extracts better, and classifies as the first."""
    root = tmp_path_factory.mktemp("scores")
    pairs = [("good", "bad")] * 4 + [("good", "good")] * 2 + [("bad", EVIL)] * 2
    labels = ("good", "bad", EVIL)
    texts = [
        (f"李雷{FAMILY}在北京大学学习 {EVIL}", {"人": ["李雷"], "机构": ["北京大学"]}, "人: None\n机构: 北京\n"),
        (f"Ada met Bob {EVIL}", {"人": ["Ada"], EVIL: []}, f"人: Ada\n{EVIL}: Bob\n"),
        ("$a_1$ is $b$ & c", {"$q$": ["$b$"]}, "$q$: None\n"),
    ]
    better = [
        (text, gold, "人: 李雷\n机构: 北京大学\n") if "李雷" in text else (text, gold, out) for text, gold, out in texts
    ]
    run = root / "run"
    run.mkdir()
    lines = ({"step": step, "loss": 3 - step / 100} for step in (10, 20))
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [
        write(root / "first", scored(choices("sa", pairs, labels)) + spans("ner", texts), model=str(run)),
        write(root / "second", choices("sa", pairs, labels) + spans("ner", better), model=str(root / "nowhere")),
    ]


def scored(predictions):
    """The same classifications with scores."""
    compared = {"good": -0.5, "bad": -1.0, EVIL: -3.0}
    return [
        dataclasses.replace(one, confidences=(0.6,) * len(one.answers), label_scores=compared) for one in predictions
    ]


class Reader(HTMLParser):
    """Collects tags, addresses and text outside script and style; fails where tags do not match."""

    EMPTY = ("meta", "input", "use", "path", "rect", "circle", "image")

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read(page: Path) -> tuple[Reader, str]:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    assert not reader.open
    return reader, " ".join("".join(reader.text).split())


def test_a_page_answers_where_the_model_fails(folders, tmp_path) -> None:
    page = tmp_path / "new" / "report.html"
    assert report.main([f"--scores={folders[0]}", f"--output={page}"]) == 0
    reader, text = read(page)
    answer = text[text.index("Of 2 data sets") : text.rindex("Families and languages")]
    assert answer.startswith(
        "Of 2 data sets 0 are above the best program without a model, 1 below it (sa), and 1 cannot be told from it "
        "(ner)."
    )
    # 李雷 and 北京大学 and $b$ are not found, Bob is too much: one of four has the wrong boundary.
    assert "Of 4 errors: wrong boundary 25 %, missed 50 %, over-predicted 25 %." in answer
    assert "good → bad 4× (sa)" in answer
    assert "expected calibration error: labels" in answer
    assert "sagood50.0 (" in answer
    # One script, one style, nothing from elsewhere.
    assert reader.tags.count("script") == 1
    assert all(address.startswith("#") for address in reader.addresses)
    assert text.count(EVIL) >= 4
    assert "Learning curves" in text
    assert "mean_average_precision" in text
    numbers = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    (one,) = numbers["evaluations"]
    assert one["span_errors"]["tasks"]["ner"] == {"wrong_boundary": 1, "missed": 2, "over_predicted": 1}
    assert one["learning_curves"] == {"training": [[10, 2.9], [20, 2.8]]}
    markdown = page.with_suffix(".md").read_text(encoding="utf-8")
    assert "<script" not in markdown.replace("\\<script", "")
    assert "## Errors of extraction" in markdown


def test_a_curve_that_cannot_be_read_is_left_out_and_the_rest_is_shown(tmp_path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_text("broken\n{}\n", encoding="utf-8")
    folder = write(tmp_path / "scores", choices("sa", [("good", "bad")]), model=str(run), step=15)
    page = tmp_path / "report.html"
    assert report.main([f"--scores={folder}", f"--output={page}"]) == 0
    assert f"scores has no learning curve: {run}/metrics.jsonl:1: no metrics of a step" in read(page)[1]
    lines = ({"step": step, "loss": 3 - step / 100} for step in (10, 20))
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert report.main([f"--scores={folder}", f"--output={page}"]) == 0
    (one,) = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))["evaluations"]
    assert one["learning_curves"] == {"training": [[10, 2.9]]}


def test_spans_are_marked_where_they_are(folders, tmp_path) -> None:
    page = tmp_path / "report.html"
    write_report_page([read_evaluation(folders[0])], page)
    source = page.read_text(encoding="utf-8")
    assert (
        f'<mark class="missed">李雷</mark><sub class="missed">−人</sub>{FAMILY}在<mark class="missed wrong">北京</mark>'
        '<sub class="wrong">+机构</sub><mark class="missed">大学</mark><sub class="missed">−机构</sub>学习'
    ) in source
    assert '<mark class="right">Ada</mark><sub class="right">✓人</sub> met <mark class="wrong">Bob</mark>' in source


def test_two_evaluations_are_compared(folders, tmp_path, capsys) -> None:
    page = tmp_path / "report.html"
    assert report.main([*(f"--scores={folder}" for folder in folders), f"--output={page}"]) == 0
    # 2 of 8 labels are right in both; of 4 gold spans 1, and then 3, with 3 and 4 answers: F1 2/7 and 3/4.
    said = capsys.readouterr().out
    assert "second against first: no difference beyond chance. F1 26.8 → 50.0, difference +23.2 (" in said
    _, text = read(page)
    assert "Paired differences" in text
    assert "All numbers of second" in text
    assert "1 settings that differ: first and second" in text
    numbers = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert numbers["differences"][0]["datasets"]["sa (SA, en)"]["value"] == 0
    assert [one["name"] for one in numbers["evaluations"]] == ["first", "second"]


def test_evaluations_of_other_records_are_shown_and_not_compared(folders, tmp_path, capsys) -> None:
    other = write(tmp_path / "other", choices("reviews", [("good", "good")] * 3))
    page = tmp_path / "report.html"
    assert report.main([f"--scores={folders[0]}", f"--scores={other}", f"--output={page}"]) == 0
    assert "other and first cannot be compared: no task has the same records in both" in capsys.readouterr().out
    _, text = read(page)
    assert "3 tasks that cannot be compared: other and first" in text


def test_all_right_is_said(tmp_path) -> None:
    folder = write(tmp_path / "scores", choices("sa", [("good", "good"), ("bad", "bad")]))
    write_report_page([read_evaluation(folder)], tmp_path / "report.html")
    _, text = read(tmp_path / "report.html")
    assert "None: every answer is right." in text


def test_a_long_list_ends_and_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(examples, "PER_TASK", 2)
    monkeypatch.setattr(examples, "WORST", 1)
    folder = write(tmp_path / "scores", choices("sa", [("good", "bad")] * 5))
    (task,) = read_evaluation(folder).tasks.values()
    write_report_page([read_evaluation(folder)], tmp_path / "report.html")
    reader, text = read(tmp_path / "report.html")
    assert reader.tags.count("article") == 3
    assert "3 more are in predictions.jsonl." in text
    monkeypatch.setattr(examples, "LEAST", 1)
    assert len(examples.task_examples(task, tasks=3000).examples) == 1


def test_names_of_folders_are_text_in_charts_too(folders, tmp_path) -> None:
    names = ("<script>a</script>", "$x_1$ & _y")
    copies = [shutil.copytree(folder, tmp_path / str(place) / "x") for place, folder in enumerate(folders)]
    evaluations = [read_evaluation(folder, name) for folder, name in zip(copies, names, strict=True)]
    write_report_page(evaluations, tmp_path / "report.html")
    reader, text = read(tmp_path / "report.html")
    assert reader.tags.count("script") == 1
    for name in names:
        # In the legend of a chart, which hides an underscore at the start alone, and in tables.
        assert text.count(name) > 5


def test_names_are_as_long_as_needed(folders, tmp_path) -> None:
    copies = [tmp_path / run / "scores" for run in ("a", "b")]
    for folder in copies:
        shutil.copytree(folders[0], folder)
    assert [one.name for one in read_evaluations(copies)] == ["a/scores", "b/scores"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("predictions.jsonl", None, r"predictions\.jsonl cannot be read \(No such file"),
        ("scores.json", None, r"scores\.json cannot be read .*: give a folder that `evaluate` has written"),
        ("scores.json", "{", r"scores\.json is not JSON"),
        ("scores.json", "{}", r"is no scores\.json of `evaluate`"),
        ("scores.json", "[]", r"is no scores\.json of `evaluate`"),
        (
            "scores.json",
            '{"about": {}, "overall": {}, "families": {}, "languages": {}, "datasets": []}',
            r"scores\.json has no notes, mode: run `evaluate` again",
        ),
        ("predictions.jsonl", '{"id": 1}\n', r"predictions\.jsonl:1: no prediction \(KeyError\('labels'\)\)"),
        ("predictions.jsonl", "", r"has F1 .* on 3 instances of ner, predictions\.jsonl gives .* on 0"),
    ],
)
def test_folders_that_are_no_evaluation_are_refused(folders, tmp_path, name, content, message) -> None:
    folder = tmp_path / "scores"
    shutil.copytree(folders[0], folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        report.main([f"--scores={folder}", f"--output={tmp_path / 'report.html'}"])
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mode", "has no mode: run"),
        ("overall.gap", "has no gap of overall: run"),
        ("overall.rouge_fixed", "has no rouge_fixed of overall: run"),
        ("languages.en.f1", "has no f1 of languages en: run"),
        ("datasets.0.family", "has no family of datasets 0: run"),
        ("datasets.1.atomic_tasks.sa.confusion", "has no confusion of sa: run"),
    ],
)
def test_what_scores_lack_is_named(folders, tmp_path, path, message) -> None:
    folder = shutil.copytree(folders[0], tmp_path / "scores")
    numbers = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    *parents, last = path.split(".")
    part = numbers
    for key in parents:
        part = part[int(key) if isinstance(part, list) else key]
    del part[last]
    (folder / "scores.json").write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_evaluation(folder)


def test_predictions_of_another_evaluation_are_refused(folders, tmp_path) -> None:
    folder = tmp_path / "scores"
    shutil.copytree(folders[0], folder)
    shutil.copy(folders[1] / "predictions.jsonl", folder)
    with pytest.raises(
        ValueError, match=r"of ner, predictions\.jsonl gives 75\.00 on 3: they are of different evaluat"
    ):
        read_evaluation(folder)
    lines = (folders[0] / "predictions.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "predictions.jsonl").write_text("".join([*lines, lines[0]]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"predictions\.jsonl:12: instance sa/test/000 is in line 1 already"):
        read_evaluation(folder)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output=report.html"], "the following arguments are required: --scores"),
        (["--scores=nowhere", "--output=report.html"], "nowhere/scores.json cannot be read"),
        (["--scores=nowhere", "--output=report.pdf"], "--output=report.pdf is no name of a page"),
        (["--scores=first", "--scores=first", "--output=report.html"], "first is there twice"),
        (["--scores=first", "--output=first/scores.html"], "would replace first/scores.json, of no report"),
    ],
)
def test_wrong_flags_are_one_line(folders, flags, message) -> None:
    command = [sys.executable, "-m", "seqgpt_jax.report", *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folders[0].parent, timeout=120)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "replaced"),
    [
        ("results.json", '{"about": {}, "evaluations": [], "differences": []}', False),
        ("results.json", "[1]", False),
        ("results.json", "{", False),
        ("results.md", "# Ablation\n", False),
        ("results.md", b"\xff", False),
        ("results.json", '{"evaluations": [], "differences": []}', True),
        ("results.md", "# Evaluation report: first\n", True),
    ],
)
def test_no_file_but_those_of_a_report_is_replaced(folders, tmp_path, name, content, replaced) -> None:
    path, flags = tmp_path / name, [f"--scores={folders[0]}", f"--output={tmp_path / 'results.html'}"]
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(content)
    if replaced:
        assert report.main(flags) == 0
        # And once more, as its own.
        assert report.main(flags) == 0
    else:
        with pytest.raises(UsageError, match=rf"would replace .*{name}, of no report: give the page another name"):
            report.main(flags)
        assert not (tmp_path / "results.html").exists()
    assert (path.read_bytes() == content) != replaced


def browse(address: str, profile: Path) -> str:
    """The page as a browser has it after its script has run; fails where the browser complains about anything."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
    # Every name leads nowhere, and what the page logs is shown.
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=10000"]
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=True)
    # Nothing was refused or failed: the policy forbids all but the page's own script.
    assert "CONSOLE" not in done.stderr
    return done.stdout


def articles(dom: str) -> tuple[int, int]:
    """(shown, hidden) articles of a page."""
    tags = re.findall("<article[^>]*>", dom)
    hidden = sum("hidden" in tag for tag in tags)
    return len(tags) - hidden, hidden


@needs_chromium
def test_the_page_works_in_a_browser_without_network(folders, tmp_path) -> None:
    page = tmp_path / "report.html"
    write_report_page(read_evaluations(folders), page)
    # What a reader types is any part of an example; EVIL is in all pages, and does nothing.
    typing = "<script>filter.value = 'BOB'; filter.dispatchEvent(new Event('input'))</script></body>"
    typed = tmp_path / "typed.html"
    typed.write_text(page.read_text(encoding="utf-8").replace("</body>", typing), encoding="utf-8")
    dom = browse(typed.as_uri(), tmp_path / "profile")
    assert "<title>Evaluation report: first, second</title>" in dom
    # Bob is in one wrong answer of each evaluation, among the worst and in its task's list.
    assert '<span id="count">4 shown</span>' in dom
    assert articles(dom)[0] == 4
    assert articles(dom)[1] > 10
    assert dom.count("<svg") >= 3
    assert dom.count("<script>") == 2


@needs_chromium
def test_a_link_shows_the_examples_of_its_label_alone(tmp_path) -> None:
    evil = f'it\'s "{EVIL}" & ö 人'
    labels = ("art", "smart", "bad", evil)
    pairs = [("smart", "bad")] * 3 + [("art", "bad")] * 2 + [("bad", evil), (evil, "smart"), ("art", "art")]
    page = tmp_path / "report.html"
    write_report_page([read_evaluation(write(tmp_path / "scores", choices("sa", pairs, labels)))], page)
    # As the page itself links them.
    links = {
        address.removeprefix("#show=").removesuffix("&task=sa"): address
        for address in read(page)[0].addresses
        if "#show=" in address
    }
    expected = {"art": 2, "smart": 4, evil: 2}
    addresses = [*(links[urllib.parse.quote(label)] for label in expected), "#examples"]
    clicks = f"""<pre id="found"></pre><script>
    const found = [];
    for (const address of {json.dumps(addresses)}) {{
      location.hash = address;
      follow();
      const shown = document.querySelectorAll('article:not([hidden])').length;
      found.push([shown, document.getElementById('count').textContent, document.getElementById('all').hidden]);
    }}
    document.getElementById('found').textContent = JSON.stringify(found);
    </script></body>"""
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", clicks), encoding="utf-8")
    dom = browse(page.as_uri(), tmp_path / "profile")
    found = json.loads(html.unescape(re.search('<pre id="found">(.*)</pre>', dom)[1]))
    # Each wrong answer is among the worst and in the list of its task.
    assert found == [
        *(
            [2 * number, f"{2 * number} shown of sa with the label “{label}”", False]
            for label, number in expected.items()
        ),
        [14, "", True],
    ]
