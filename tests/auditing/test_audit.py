"""The audit: its sample, figures and file, the page in a real browser, and the way over Label Studio."""

import http.client
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax import audit
from seqgpt_jax.auditing.figures import accuracy
from seqgpt_jax.auditing.judgements import Judgements, OtherAuditError
from seqgpt_jax.auditing.sample import Answer, Stratum, count_inputs, sample_sizes, stratified_sample
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.evaluation.intervals import wilson
from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.tasks.own import RECOGNIZED
from tests.auditing.data import EVIL, records, write
from tests.browser import browser_page, needs_chromium

NER, CLS, ET = Stratum("en", "NER", "ext"), Stratum("zh", "CLS", "cls"), Stratum("en", "ET", "cls")


@pytest.fixture
def data(tmp_path) -> Path:
    return write(tmp_path / "data.jsonl")


def run(data: Path, *flags: str) -> dict:
    """Runs the command; returns the figures that it wrote."""
    assert audit.main([f"--input={data}", f"--output={data.parent / 'audit'}", *flags]) == 0
    return json.loads((data.parent / "audit" / "audit.json").read_text())


@contextmanager
def auditing(data: Path, *flags: str):
    """The command with its page, as a process of its own: (process, port); killed at the end."""
    command = [sys.executable, "-m", "seqgpt_jax.audit", f"--input={data}", f"--output={data.parent / 'audit'}"]
    with subprocess.Popen(
        [*command, "--port=0", *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                    break
            else:
                raise AssertionError(f"no page: {said}")
            yield process, int(found[1])
        finally:
            process.kill()


def send(port: int, method: str, path: str, body: object = None, **headers: str) -> tuple[int, object]:
    """(status, JSON) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        content = None if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection.request(method, path, content, given)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


# ---- Sample


def test_the_sample_has_some_of_each_stratum_and_grows_without_losing_any(data) -> None:
    inputs = count_inputs([data], RECOGNIZED)
    assert inputs.records == {NER: 40, CLS: 20, ET: 4}
    assert inputs.answers == {NER: 30 * 4 + 10, CLS: 40, ET: 4}
    assert sample_sizes(inputs.records, 0.01) == {NER: 10, CLS: 10, ET: 4}
    assert sample_sizes(inputs.records, 0.5) == {NER: 20, CLS: 10, ET: 4}
    assert sample_sizes(inputs.records, 48) == {NER: 30, CLS: 15, ET: 4}
    assert sample_sizes(Counter({NER: 100_000, CLS: 3}), 0.01) == {NER: 1000, CLS: 3}
    small, large, other = (
        stratified_sample([data], RECOGNIZED, sample_sizes(inputs.records, sample), seed)
        for sample, seed in ((0.01, 0), (0.5, 0), (0.01, 1))
    )
    assert Counter(item.stratum for item in large) == {NER: 20, CLS: 10, ET: 4}
    assert {item.key for item in small} < {item.key for item in large}
    assert {item.key for item in small} != {item.key for item in other}
    (typing, *_) = [item for item in small if item.stratum == ET]
    assert "Aspirin in" in typing.text
    assert typing.answers == (Answer("drug"),)
    assert Answer("") in {answer for item in large for answer in item.answers}


def test_equal_records_are_records_each(tmp_path) -> None:
    path = write(tmp_path / "data.jsonl", [records()[0]] * 3)
    items = stratified_sample([path], RECOGNIZED, {NER: 9}, 0)
    assert len({item.key for item in items}) == len(items) == 3
    moved = path.rename(tmp_path / "moved.jsonl")
    assert [item.key for item in stratified_sample([moved], RECOGNIZED, {NER: 9}, 0)] == [item.key for item in items]
    with pytest.raises(UsageError, match="two of them are the same file"):
        run(moved, f"--input={moved}")


# ---- Figures


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(pair))), max_size=30))
def test_accuracy_is_inside_its_interval(cases) -> None:
    found = accuracy(cases)
    number = sum(n for _, n in cases)
    assert (found is None) == (number == 0)
    if found:
        share, low, high = found
        assert share == sum(right for right, _ in cases) / number
        assert 0 <= low <= share + 1e-9
        assert share - 1e-9 <= high <= 1
        # Never surer than if all answers were independent.
        simple = wilson(share * number, number)
        assert high - low >= simple[1] - simple[0] - 1e-9


def test_answers_that_are_wrong_together_count_as_fewer() -> None:
    together, alone = accuracy([(5, 5)] * 8 + [(0, 5)] * 2), accuracy([(1, 1)] * 40 + [(0, 1)] * 10)
    assert together[0] == alone[0] == 0.8
    assert together[1] < alone[1]


def test_summary_weighs_strata_by_the_answers_of_the_data(data, capsys) -> None:
    run(data, "--summary", "--sample=0.99")
    inputs = count_inputs([data], RECOGNIZED)
    items = stratified_sample([data], RECOGNIZED, inputs.records, 0)
    with Judgements(data.parent / "audit" / "judgements.jsonl") as judgements:
        for item in items:
            for answer in item.answers:
                wrong = item.stratum == ET or answer.label == "year"
                judgements.judge(item.key, answer, "wrong" if wrong else "right")
    capsys.readouterr()
    found = run(data, "--summary")
    shares = {(row["language"], row["family"]): (row["accuracy"], row["verdict"]) for row in found["strata"]}
    assert shares["en", "ET"] == (0.0, "missed")
    assert shares["zh", "CLS"] == (1.0, "reached")
    assert shares["en", "NER"][0] == pytest.approx(100 / 130)
    classification, extraction = found["all"]
    assert classification["accuracy"] == pytest.approx(40 / 44)
    assert (classification["goal"], extraction["goal"]) == (0.8, 0.75)
    assert classification["interval"][0] < 40 / 44 < classification["interval"][1]
    assert len(found["wrong"]) == 34
    assert all(one["place"].startswith(f"{data}:") for one in found["wrong"])
    assert "all classification" in capsys.readouterr().out


def test_the_figures_land_in_a_manifest_that_lists_the_data(data, capsys) -> None:
    manifest = data.parent / "manifest.json"
    manifest.write_text(json.dumps({"model": "x", "files": {"data.jsonl": files_hash([data])}}))
    run(data, "--summary")
    assert json.loads(manifest.read_text())["model"] == "x"
    assert json.loads(manifest.read_text())["audit"]["records"] == 64
    listed = {"model": "x", "files": {"data.jsonl": "another"}}
    manifest.write_text(json.dumps(listed))
    run(data, "--summary")
    assert json.loads(manifest.read_text()) == listed
    assert "lists another data.jsonl" in capsys.readouterr().out


# ---- File of judgements


def test_a_cut_line_is_dropped_and_the_rest_resumes(tmp_path) -> None:
    path = tmp_path / "judgements.jsonl"
    with Judgements(path) as first:
        first.begin({"a": "1"}, 0, 0.01)
        first.judge("k", Answer("x"), "right")
        first.judge("k", Answer("y"), "wrong")
        first.judge("k", Answer("y"), None)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"record": "k", "answ')
    with Judgements(path) as again:
        again.begin({"moved/a": "1"}, 0, 0.01)
        assert again.verdicts == {("k", Answer("x")): "right"}
        assert path.read_bytes() == whole
    path.write_bytes(whole + b"[]\n")
    with pytest.raises(OtherAuditError, match=r"judgements.jsonl:5: no judgement"):
        Judgements(path)


def test_edited_data_and_another_seed_are_refused(data) -> None:
    sampled = run(data, "--summary", "--sample=40")["sampled"]
    assert run(data, "--summary")["sampled"] == sampled  # the size of the last call
    assert run(data, "--summary", "--sample=0.01")["sampled"] < sampled
    with pytest.raises(UsageError, match="begun with --seed=0, not 1"):
        run(data, "--summary", "--seed=1")
    text = data.read_text()
    data.write_text(text.replace("left", "quit", 1))
    with pytest.raises(UsageError, match=r"data.jsonl differs from what was audited \(SHA-256\)"):
        run(data, "--summary")
    data.write_text(text)
    run(data, "--summary")


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("", (), "data.jsonl:1: the file has no row"),
        ('{"text": "x", "task": "cls", "answers": "a"}\n{"text": "x", "task": "ext", "answers": {"a": ["y"]}}\n', (),
         "data.jsonl:2: span 'y' of 'a' is not in the text"),
        ("{}\n", ("--summary", "--format=nothing"), "nothing"),
        (None, (), "there is no such file"),
        ("{}\n", ("--summary", "--columns=text"), "--columns=text"),
        ('{"text": "x", "task": "cls", "answers": "a"}\n', ("--corrected=none.json",), "none.json"),
    ],
)  # fmt: skip
def test_bad_input_is_named(content, flags, message, tmp_path) -> None:
    data = tmp_path / "data.jsonl"
    if content is not None:
        data.write_text(content)
    with pytest.raises(UsageError, match=re.escape(message)):
        run(data, *(flags or ["--summary"]))


@pytest.mark.parametrize("sample", ["0", "1.5", "-1", "many", "nan"])
def test_a_sample_is_a_share_or_a_number(sample, data, capsys) -> None:
    with pytest.raises(SystemExit):
        run(data, f"--sample={sample}")
    assert "neither a share between 0 and 1 nor a number of records" in capsys.readouterr().err


# ---- Page


def test_the_server_saves_each_judgement_and_refuses_the_rest(data) -> None:
    good = {"record": 0, "answer": 0, "verdict": "right"}
    with auditing(data) as (process, port):
        with pytest.raises(UsageError, match="another audit runs on --output="):
            run(data, "--summary")
        status, figures = send(port, "POST", "/judge", good)
        assert (status, figures["judged"]) == (200, 1)
        assert send(port, "POST", "/judge", good, content_type="text/plain")[0] == 415
        assert send(port, "POST", "/judge", good, host="evil.example:80")[0] == 403
        assert send(port, "GET", "/overview", host=f"evil.example:{port}")[0] == 403
        assert send(port, "POST", "/judge", {"x": "y" * 20_000})[0] == 413
        assert send(port, "GET", "/record/999")[0] == send(port, "GET", "/../audit.py")[0] == 404
        for wrong in ({"record": 999}, {"record": -1}, {"answer": 9}, {"verdict": "maybe"}, {"record": True}):
            assert send(port, "POST", "/judge", good | wrong)[0] == 400
        assert send(port, "POST", "/judge", [])[0] == 400
        process.send_signal(signal.SIGKILL)
        process.wait()
    with auditing(data) as (process, port):
        status, found = send(port, "GET", "/overview")
        assert found["figures"]["judged"] == 1
        assert send(port, "POST", "/judge", good | {"verdict": None})[1]["judged"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert "audit.json" in process.stdout.read()


@needs_chromium
def test_the_page_is_worked_by_keys_in_a_browser(data, tmp_path) -> None:
    with auditing(data) as (process, port), browser_page(tmp_path / "profile") as page:
        address = f"http://127.0.0.1:{port}/"

        def load() -> None:
            page.open(address)
            page.wait("typeof record === 'object' && record && !busy && find('answers').children.length > 0")

        def press(key: str) -> None:
            page.press(key)
            page.wait("!busy")

        def verdicts() -> list:
            return send(port, "GET", "/overview")[1]["records"]

        def place() -> list[int]:
            return page.run("[at, answer]")

        load()
        page.run("go(overview.records.findIndex(([, of]) => of.length === 4))")
        page.wait("record.answers.length === 4")
        first = place()[0]
        # Markup of the text is text, and the current answer is the one with a background.
        assert EVIL in page.run("find('text').textContent")
        assert page.run("find('text').querySelectorAll('img').length") == 0
        marked = "[...document.querySelectorAll('mark')].filter(m => m.style.background.includes('hsl') || "
        marked += "m.style.backgroundColor.includes('rgb')).map(m => m.textContent).join('|')"
        assert "Ada" in page.run(marked)
        assert "1801" not in page.run(marked)
        press("y")
        press("n")
        press("u")
        assert verdicts()[first][1][:3] == ["right", "wrong", "unsure"]
        assert place() == [first, 3]
        press("Backspace")
        assert verdicts()[first][1][:3] == ["right", "wrong", None]
        assert place() == [first, 2]
        press("ArrowLeft")
        assert place() == [first, 1]
        press("ArrowRight")
        press("ArrowRight")
        press("ArrowDown")
        assert place() == [first + 1, 0]
        press("ArrowUp")
        assert place() == [first, 0]
        press(" ")
        assert place() == [first, 2]
        press("a")
        assert verdicts()[first][1] == ["right", "wrong", "right", "right"]
        page.press("?")
        page.wait("find('keys').open")
        press("y")  # belongs to the dialog
        assert sum(verdict is not None for _, of in verdicts() for verdict in of) == 4
        page.press("Escape")
        page.wait("!find('keys').open")
        assert "4 of" in page.run("find('count').textContent")
        # All that is left; and a page that is loaded again is where it was.
        left = sum(verdict is None for _, of in verdicts() for verdict in of)
        load()
        for _ in range(left):
            press("y")
        assert all(all(of) for _, of in verdicts())
        assert page.run("document.querySelectorAll('#figures .right').length") >= 2
        assert page.errors == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        page.press("y")
        page.wait("find('error').textContent.startsWith('Not saved')")
    found = json.loads((data.parent / "audit" / "audit.json").read_text())
    assert found["judged"] == found["answers"]
    assert len(found["wrong"]) == 1


# ---- Label Studio


def accepted(tasks: list[dict]) -> list[dict]:
    """The export after a person has submitted every prediction as it is."""
    return [{"id": k, "data": task["data"], "annotations": task["predictions"]} for k, task in enumerate(tasks)]


def test_tasks_do_not_overwrite_the_data(data) -> None:
    before = data.read_bytes()
    with pytest.raises(UsageError, match=r"--label_studio=.* would overwrite .*: name another file"):
        run(data, f"--label_studio={data}")
    assert data.read_bytes() == before
    with pytest.raises(UsageError, match="is a folder: name a file"):
        run(data.parent)


def test_a_team_corrects_in_label_studio(data, tmp_path, capsys) -> None:
    tasks_file, export = tmp_path / "tasks.json", tmp_path / "export.json"
    run(data, f"--label_studio={tasks_file}", "--sample=0.99")
    tasks = json.loads(tasks_file.read_text())
    assert len(tasks) == 64
    assert '<Label value="person"/>' in (tmp_path / "tasks.xml").read_text()
    export.write_text(json.dumps(accepted(tasks)))
    found = run(data, f"--corrected={export}")
    assert {row["verdict"] for row in found["strata"]} <= {"reached", "open"}
    assert found["judged"] == found["answers"]
    assert found["wrong"] == []
    # Corrected: a span less, one more; a label less; nothing left of a typing; one left out.
    corrected = accepted(tasks)
    spans = next(one for one in corrected if len(one["annotations"][0]["result"]) == 4)["annotations"][0]["result"]
    spans[0]["value"]["labels"] = ["pioneer"]
    choice = next(one for one in corrected if "杭州" in one["data"]["text"])["annotations"][0]["result"][0]["value"]
    choice["choices"].remove("展会")
    typed = [one for one in corrected if "Aspirin" in one["data"]["text"]]
    typed[0]["annotations"][0]["result"] = []
    typed[1]["annotations"] = []
    export.write_text(json.dumps(corrected))
    capsys.readouterr()
    found = run(data, f"--corrected={export}")
    assert "3 wrong" in (said := capsys.readouterr().out)
    assert "1 missing" in said
    assert "1 not_annotated" in said
    assert sorted(one["label"] for one in found["wrong"]) == ["drug", "person", "展会"]
    assert sum(row["missing"] for row in found["strata"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tasks: tasks[0]["data"].update(text="another"), "task 1: its text is not that of"),
        (lambda tasks: tasks[1]["data"].pop("audit_record"), "task 2 has no 'audit_record'"),
        (lambda tasks: tasks.append(3), "no list of tasks"),
        (
            lambda tasks: tasks[-1]["annotations"][0].update(result=[{"type": "rating", "value": {"rating": 3}}]),
            "none of the results (rating) is of a kind that is read",
        ),
    ],
)
def test_a_wrong_export_judges_nothing(change, message, data, tmp_path) -> None:
    tasks_file = tmp_path / "tasks.json"
    run(data, f"--label_studio={tasks_file}")
    export = accepted(json.loads(tasks_file.read_text()))
    change(export)
    tasks_file.write_text(json.dumps(export))
    with pytest.raises(UsageError, match=re.escape(message)):
        run(data, f"--corrected={tasks_file}")
    assert run(data, "--summary")["judged"] == 0
