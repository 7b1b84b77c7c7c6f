"""`synthesize` against a real local server: right answers, every fault, budget, kill, batch files, no key anywhere."""

import json
import os
import signal
import time

import pytest

from seqgpt_jax import synthesize
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.io.journal import JournalError, records
from seqgpt_jax.tasks.readers import own
from tests.synthesis.server import KEY, first, good, passage_of, right_answer, says, serving, slow
from tests.synthesis.texts import write_texts

pytest.importorskip("py3langid", reason="`pip install -e '.[synthesize]'` brings it")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function from a server (or None) and flags to the manifest."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    if not (tmp_path / "texts.jsonl").exists():
        write_texts(tmp_path / "texts.jsonl", 20)

    def command(server, *flags, gin=True):
        common = [f"--input={tmp_path / 'texts.jsonl'}", f"--output={tmp_path / 'out'}", "--model=m"]
        common += ["--gin_file=synthesize.gin"] if gin else []
        common += [f"--endpoint={server.url}"] if server else []
        fast = ["--gin.Synthesize.longest_pause=0.05"] if not any("longest_pause" in flag for flag in flags) else []
        assert synthesize.main([*common, *fast, *flags]) == 0
        path = tmp_path / "out" / "manifest.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    return command


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def accepted(manifest) -> int:
    return sum(row["accepted"] for row in manifest["table"])


def test_right_answers_become_own_data_that_is_valid(run, tmp_path) -> None:
    with serving() as server:
        manifest = run(server)
        assert server.count == 20
    out = tmp_path / "out"
    data = lines(out / "data.jsonl")
    assert accepted(manifest) == 20
    assert manifest["complete"]
    assert not manifest["rejected"]
    assert {record["language"] for record in data} == {"en", "zh"}
    assert {record["family"] for record in data} == {"CLS", "ET", "NER"}
    assert len(lines(out / "data_en.jsonl")) + len(lines(out / "data_zh.jsonl")) == len(data)
    checked = list(own.checked(out / "data.jsonl"))
    assert len(checked) == len(data)
    assert [(one.fault, one.remarks) for one in checked] == [(None, ())] * len(data)
    assert "field of study" in {label for record in data for label in record["answers"]}
    assert "| all | | 20 | 20 |" in (out / "report.md").read_text(encoding="utf-8")
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_and_a_rendering_ask_nothing(run) -> None:
    with serving() as server:
        before = run(server)
        assert run(server) == before
        assert run(None, "--render") == before
        assert server.count == 20


@pytest.mark.parametrize(
    "fault",
    [
        lambda handler: handler.send(429, {"error": {"message": "slow down"}}, Retry_After="0.01"),
        lambda handler: handler.send(500, {"error": {"message": f"our fault {KEY}"}}),
        lambda handler: handler.cut(),
        lambda handler: handler.send(200, b"<html>"),
        slow(1.5),
    ],
    ids=["429", "500", "cut", "html", "slow"],
)
def test_a_fault_is_retried(run, tmp_path, fault) -> None:
    with serving(first(fault)) as server:
        manifest = run(server, "--gin.Synthesize.timeout=1.0", "--gin.Synthesize.passages=5")
        assert server.count == 10
    assert accepted(manifest) == 5
    assert manifest["spent"]["requests"] == 10
    kinds = [record["kind"] for record in records(tmp_path / "out" / "journal.jsonl")]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"sent": 10, "failed": 5, "answer": 5}


def test_retry_after_is_obeyed(run) -> None:
    start = time.monotonic()
    with serving(first(lambda handler: handler.send(429, {"error": {}}, Retry_After="1"))) as server:
        run(server, "--gin.Synthesize.passages=1", "--gin.Synthesize.longest_pause=3")
        assert server.count == 2
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        (says("I'm sorry, but I cannot help with that."), "refusal"),
        (says("", message={"refusal": "no"}), "refusal"),
        (says('{"labels": ["a'), "not_json"),
        (says('{"labels": ["a', finish="length"), "cut_off"),
        (says('{"answer": 1}'), "wrong_form"),
    ],
)
def test_a_rejected_answer_is_asked_again_with_the_reason_and_then_counted(run, tmp_path, behavior, reason) -> None:
    with serving(behavior) as server:
        manifest = run(server, "--gin.Synthesize.passages=4")
        assert server.count == 8
        again = [body for body in server.bodies if len(body["messages"]) == 4]
        assert len(again) == 4
        assert all("could not be used" in body["messages"][3]["content"] for body in again)
        assert run(server, "--gin.Synthesize.passages=4")["rejected"] == {reason: 4}
        assert server.count == 8
    assert manifest["rejected"] == {reason: 4}
    assert accepted(manifest) == 0
    assert [row["reason"] for row in lines(tmp_path / "out" / "rejected.jsonl")] == [reason] * 4


def test_an_answer_that_is_right_the_second_time_is_taken(run) -> None:
    with serving(first(lambda handler: handler.say("Sure! What text?"))) as server:
        manifest = run(server)
        assert server.count == 40
    assert accepted(manifest) == 20
    assert not manifest["rejected"]


@pytest.mark.parametrize("most", [0, 7])
def test_the_budget_is_kept_to_the_request_over_all_runs(run, capsys, most) -> None:
    with serving() as server:
        for _ in range(2):
            manifest = run(server, f"--gin.Synthesize.max_requests={most}")
            assert server.count == most
            assert (accepted(manifest), manifest["waiting"], manifest["complete"]) == (most, 20 - most, False)
        assert f"Synthesize.max_requests={most} is reached" in capsys.readouterr().out
        assert run(server)["complete"]
        assert server.count == 20


def test_the_budget_of_tokens_and_money_is_never_exceeded(run) -> None:
    prices = ("--gin.Synthesize.input_price=1", "--gin.Synthesize.output_price=10")
    with serving() as server:
        manifest = run(server, "--gin.Synthesize.max_total_tokens=3500")
        assert 0 < server.count < 20
        assert 120 * server.count <= 3500
        assert manifest["spent"]["input_tokens"] + manifest["spent"]["output_tokens"] == 120 * server.count
        before = server.count
        manifest = run(server, *prices, "--gin.Synthesize.max_cost=0.0115")
        assert before < server.count < 20
        assert manifest["spent"]["cost"] == pytest.approx(server.count * 3e-4)
        assert manifest["spent"]["cost"] <= 0.0115


def test_the_key_is_sent_and_in_no_file_nor_output(run, tmp_path, capsys) -> None:
    def echo(handler, body, number, times):
        if times == 1:
            handler.send(429, {"error": {"message": f"key {KEY} is over its limit"}})
        else:
            handler.say(right_answer(body)[:-1] + f', "key": "{KEY}"}}')

    with serving(echo) as server:
        run(server)
        assert server.keys == {f"Bearer {KEY}"}
    with serving(lambda handler, *_: handler.send(401, {"error": {"message": f"wrong key {KEY}"}})) as server:
        with pytest.raises(ValueError, match=r"refuses requests \(401.*OPENAI_API_KEY") as error:
            run(server, "--gin.Synthesize.seed=1")
        assert KEY not in str(error.value)
    output = capsys.readouterr()
    assert KEY not in output.out + output.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert b"***" in (tmp_path / "out" / "journal.jsonl").read_bytes()


def test_an_endpoint_that_is_not_there_stops_after_a_few_passages(run, capsys) -> None:
    with serving() as server:
        pass
    manifest = run(server, "--gin.Synthesize.retries=0")
    assert manifest["waiting"] == 20
    shown = capsys.readouterr()
    assert "stopped: http://127.0.0.1" in shown.out
    assert "does not answer" in shown.out
    assert "got no answer" in shown.err


def test_settings_that_are_refused_are_an_error_and_not_kept_for_other_settings(run) -> None:
    def strict(handler, body, number, times):
        if "response_format" in body:
            handler.send(400, {"error": {"message": "response_format is not supported"}})
        else:
            good(handler, body, number, times)

    with serving(strict) as server:
        with pytest.raises(ValueError, match=r"Synthesize\.form=json_object"):
            run(server)
        assert accepted(run(server, "--gin.Synthesize.form=none")) == 20


def test_other_settings_that_are_refused_are_an_error_although_there_are_answers(run) -> None:
    with serving() as server:
        assert accepted(run(server)) == 20
    with serving(lambda handler, body, number, times: handler.send(400, {"error": {"message": "no"}})) as server:
        with pytest.raises(ValueError, match=r"Synthesize\.temperature=None"):
            run(server, "--gin.Synthesize.temperature=0.5", "--gin.Synthesize.concurrency=1")
        assert server.count < 20


def test_no_request_is_sent_again_after_ctrl_c(run) -> None:
    def busy(handler, body, number, times):
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
        handler.send(429, {"error": {"message": "slow down"}}, Retry_After="30")

    start = time.monotonic()
    with serving(busy) as server:
        with pytest.raises(KeyboardInterrupt):
            run(server, "--gin.Synthesize.concurrency=2", "--gin.Synthesize.longest_pause=30")
        assert server.count == 2
    assert time.monotonic() - start < 25


def test_a_second_ctrl_c_gives_up_what_is_under_way(run) -> None:
    def hanging(handler, body, number, times):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        time.sleep(20)

    start = time.monotonic()
    with serving(hanging) as server:
        with pytest.raises(KeyboardInterrupt):
            run(server, "--gin.Synthesize.concurrency=1")
        assert time.monotonic() - start < 15


def test_batch_files_are_written_once_and_their_replies_read(run, tmp_path, capsys) -> None:
    run(None, "--write_batch")
    run(None, "--write_batch")
    assert "0 requests; 20 wait" in capsys.readouterr().out
    (path,) = (tmp_path / "out" / "batch").iterdir()
    replies = tmp_path / "replies.jsonl"
    written = []
    for number, request in enumerate(lines(path)):
        assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
        choice = {"message": {"content": right_answer(request["body"])}, "finish_reason": "stop"}
        body = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
        response = {"status_code": 200, "body": body} if number else {"status_code": 500, "body": {"error": "x"}}
        written.append({"custom_id": request["custom_id"], "response": response, "error": None})
    written.append({"custom_id": "batch of another", "response": {"status_code": 200, "body": {}}})
    replies.write_text("".join(json.dumps(one) + "\n" for one in written), encoding="utf-8")
    manifest = run(None, f"--read_batch={replies}")
    assert (accepted(manifest), manifest["waiting"]) == (19, 1)
    assert manifest["spent"] | {"cost": 0} == {
        **{"requests": 20, "answers": 19, "queued": 0, "input_tokens": 171, "output_tokens": 57},
        **{"cost": 0, "currency": "USD"},
    }
    assert run(None, f"--read_batch={replies}")["table"] == manifest["table"]
    shown = capsys.readouterr().out
    assert "1 failed, 19 answers, 1 foreign" in shown
    run(None, "--write_batch")
    assert "1 requests; 1 wait" in capsys.readouterr().out
    with serving() as server:
        assert run(server)["waiting"] == 1
        assert server.count == 0
    assert "1 passages were not asked: they wait for the replies of a batch" in capsys.readouterr().out
    replies.write_text("{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"replies.jsonl:1: no reply of a batch"):
        run(None, f"--read_batch={replies}")


@pytest.mark.parametrize("body", [{"choices": []}, {}, None, {"choices": [{"message": None}]}])
def test_a_reply_of_a_batch_without_completion_is_asked_again_and_the_others_are_taken(run, tmp_path, body) -> None:
    run(None, "--write_batch")
    (path,) = (tmp_path / "out" / "batch").iterdir()
    replies = []
    for number, request in enumerate(lines(path)):
        choice = {"message": {"content": right_answer(request["body"])}, "finish_reason": "stop"}
        # An endpoint may not count the tokens.
        good = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": None}}
        response = {"status_code": 200, "body": good if number != 3 else body}
        replies.append({"custom_id": request["custom_id"], "response": response})
    file = tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in replies), encoding="utf-8")
    manifest = run(None, f"--read_batch={file}")
    assert (accepted(manifest), manifest["waiting"]) == (19, 1)
    failed = [one for one in records(tmp_path / "out" / "journal.jsonl") if one["kind"] == "failed"]
    assert [(one["charged"], "no completion" in one["error"]) for one in failed] == [(True, True)]
    run(None, "--write_batch")
    assert [len(lines(one)) for one in sorted((tmp_path / "out" / "batch").iterdir())] == [20, 1]


def test_a_dry_run_asks_nothing_and_measures_once_there_are_answers(run, capsys) -> None:
    prices = ("--gin.Synthesize.input_price=1", "--gin.Synthesize.output_price=10")
    with serving() as server:
        assert run(server, "--dry_run", *prices) is None
        assert server.count == 0
        assert "about 20 requests" in (guessed := capsys.readouterr().out)
        assert "guessed by length" in guessed
        run(server, "--gin.Synthesize.max_requests=5")
        run(server, "--dry_run", *prices)
    shown = capsys.readouterr().out
    assert "about 15 requests" in shown
    assert "1,500 input and 300 output tokens (the mean of 5 answers" in shown
    assert "cost: about 0.0045 USD" in shown


def test_a_corrupt_line_of_the_journal_is_named(run, tmp_path) -> None:
    with serving() as server:
        run(server)
    path = tmp_path / "out" / "journal.jsonl"
    content = path.read_bytes()
    path.write_bytes(content + b'{"checksum": "half')
    assert run(None, "--render")["complete"]
    assert path.read_bytes() == content
    path.write_bytes(content.replace(b"historical", b"hysterical", 1))
    with pytest.raises(JournalError, match=r"journal.jsonl:\d+: the line is corrupt"):
        run(None, "--render")


def test_a_user_label_list_is_all_that_is_taken(run, tmp_path) -> None:
    labels = "{'CLS': ('City Name', 'other'), 'ET': ('City Name', 'other'), 'NER': ('City Name', 'other')}"
    with serving() as server:
        manifest = run(server, f"--gin.Synthesize.labels={labels}", "--gin.Synthesize.reprompts=0")
        assert all("City Name; other" in body["messages"][1]["content"] for body in server.bodies)
    data = lines(tmp_path / "out" / "data.jsonl")
    assert data
    assert {label for record in data for label in record["answers"]} == {"City Name"}
    assert all(record["labels"] == ["City Name", "other"] for record in data)
    assert set(manifest["rejected"]) == {"no_labels"}


def test_labels_are_merged_on_request_and_apart_again_without(run, tmp_path) -> None:
    def plural(handler, body, number, times):
        answer = right_answer(body)
        handler.say(answer.replace("city name", "city-names") if number % 3 == 0 else answer)

    out = tmp_path / "out"
    with serving(plural) as server:
        run(server, "--gin.Synthesize.concurrency=1")
    before = (out / "data.jsonl").read_bytes()
    assert b"city-names" in before
    manifest = run(None, "--render", "--gin.Synthesize.merge_labels=True")
    merged = json.loads((out / "label_map.json").read_text(encoding="utf-8"))
    assert manifest["merged_labels"] == sum(map(len, merged.values())) > 0
    for changes in merged.values():
        assert set(changes) | set(changes.values()) == {"city-names", "city name"}
    run(None, "--render")
    assert (out / "data.jsonl").read_bytes() == before
    assert not (out / "label_map.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--gin.Synthesize.shares={'en': {'XYZ': 1}}"], r"Synthesize.shares\['en'\] must be shares of CLS, ET, NER"),
        (["--gin.Synthesize.max_cost=1"], "needs input_price and output_price"),
        (["--gin.Synthesize.form=xml"], "must be one of json_schema"),
        (["--gin.Synthesize.text_field=body", "--render"], "no passage is left"),
        (["--input=nowhere.jsonl", "--render"], "nowhere.jsonl: there is no such file"),
    ],
)
def test_wrong_settings_say_what_is_right(run, flags, message) -> None:
    with pytest.raises((UsageError, ValueError), match=message):
        run(None, *flags)


def test_passages_are_asked_in_their_language(run) -> None:
    with serving() as server:
        run(server, "--gin.Synthesize.domain=science")
        for body in server.bodies:
            chinese = "学者" in passage_of(body)
            assert ("标签用中文书写" in body["messages"][1]["content"]) == chinese
            assert "science" in body["messages"][1]["content"]
            assert body["response_format"]["json_schema"]["strict"] is True
