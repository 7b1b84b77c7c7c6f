"""`evaluate --endpoint` against a real local server: good answers, limits, garbage, lost connections, a kill."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from seqgpt_jax import evaluate
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.evaluation.other_models.endpoint import Endpoint, EndpointConfig, EndpointError
from seqgpt_jax.evaluation.other_models.journal import JournaledGenerator, JournalError
from seqgpt_jax.io.journal import records as journal_records
from seqgpt_jax.io.json_line import json_line
from tests.evaluation.other_models.server import cuts, fails, good, records, right_answer, says, serving
from tests.evaluation.records import write_store

pytest.importorskip("openai", reason="the client; `pip install -e '.[openai]'` brings it")


@pytest.fixture
def flags(tmp_path, monkeypatch):
    """A function from a server to the flags of an evaluation of all records."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    write_store(tmp_path / "store", records())

    def flags_for(server, *more):
        return [
            "--model=m",
            f"--endpoint={server.url}",
            f"--data={tmp_path / 'store'}",
            f"--output={tmp_path / 'out'}",
            "--gin.Evaluate.resamples=10",
            *more,
        ]

    return flags_for


def prompts() -> list[Prompt]:
    chosen = {"cls": "one", "ext": "any"}
    return [Prompt(item.atom, item.labels, item.prompt, chosen[item.atom], item.text) for item in records()]


def generator(server, folder, **settings) -> JournaledGenerator:
    endpoint = Endpoint(server.url, "m", EndpointConfig(**{"max_retries": 0} | settings))
    return JournaledGenerator(endpoint, folder / "out" / "journal.jsonl")


def scores(folder):
    return json.loads((folder / "out" / "scores.json").read_text(encoding="utf-8"))


def journal(folder):
    return [*journal_records(folder / "out" / "journal.jsonl")]


def test_good_answers_score_100_and_are_scored_again_without_the_model(flags, tmp_path) -> None:
    with serving(good) as server:
        assert evaluate.main(flags(server)) == 0
        asked = len(server.requests)
        path, body = server.requests[0]
    assert (asked, path, body["model"], body["temperature"]) == (8, "/v1/chat/completions", "m", 0.0)
    first = scores(tmp_path)
    assert (first["overall"]["f1"], first["overall"]["well_formed"]) == (100, 100)
    assert first["about"]["endpoint"] == server.url
    lines = journal(tmp_path)
    assert {line["output"] for line in lines} >= {"Positive.", "Negative."}  # as they came
    assert all(line["usage"] == {"prompt_tokens": 7, "completion_tokens": 3} for line in lines)
    predictions = (tmp_path / "out" / "predictions.jsonl").read_text(encoding="utf-8")
    assert "person: Ann0\\tBob0\\ncity: Rome\\ndate: None\\n" in predictions
    # The server is gone.
    assert evaluate.main(flags(server)) == 0
    assert scores(tmp_path) == first


def test_the_client_waits_when_there_are_too_many_requests(flags, tmp_path) -> None:
    with serving(fails(429, Retry_After="0"), fails(503, Retry_After="0"), good) as server:
        assert evaluate.main(flags(server)) == 0
        assert len(server.requests) == 10
    assert scores(tmp_path)["overall"]["f1"] == 100


def test_answers_that_cannot_be_read_count_as_nothing(flags, tmp_path) -> None:
    with serving(says("I am sorry, but I cannot help.", "length")) as server:
        assert evaluate.main(flags(server)) == 0
    overall = scores(tmp_path)["overall"]
    assert (overall["f1"], overall["well_formed"], overall["unfinished_answers"]) == (0, 0, 8)
    assert {line["output"] for line in journal(tmp_path)} == {"I am sorry, but I cannot help."}


def test_a_lost_connection_stops_and_the_same_command_continues(flags, tmp_path) -> None:
    one_by_one = ("--gin.Endpoint.max_retries=0", "--gin.Endpoint.concurrency=1")
    with serving(good, good, good, cuts) as server:
        with pytest.raises(EndpointError, match=r"does not answer.*run the same command again, replies are kept"):
            evaluate.main(flags(server, *one_by_one))
        assert len(journal(tmp_path)) == 3
        server.behaviors[:] = [good]
        server.requests.clear()
        assert evaluate.main(flags(server, *one_by_one)) == 0
        assert len(server.requests) == 5
    assert scores(tmp_path)["overall"]["f1"] == 100


def test_a_killed_evaluation_continues(flags, tmp_path) -> None:
    def slowly(handler, content):
        time.sleep(0.3)
        good(handler, content)

    with serving(slowly) as server:
        words = [sys.executable, "-m", "seqgpt_jax.evaluate", *flags(server, "--gin.Endpoint.concurrency=1")]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        path = tmp_path / "out" / "journal.jsonl"
        while not path.exists() or path.read_text(encoding="utf-8").count("\n") < 2:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = len(journal(tmp_path))
        with path.open("a", encoding="utf-8") as file:
            file.write('{"key": "half a li')  # as a kill can leave it
        server.behaviors[:], done = [good], len(server.requests)
        assert evaluate.main(flags(server)) == 0
        assert len(server.requests) - done == 8 - kept
    assert 2 <= kept < 8
    assert len(journal(tmp_path)) == 8
    assert scores(tmp_path)["overall"]["f1"] == 100


def test_a_journal_without_checksums_is_read(flags, tmp_path) -> None:
    with serving(good) as server:
        assert evaluate.main(flags(server, "--gin.Evaluate.records=2")) == 0
        path = tmp_path / "out" / "journal.jsonl"
        plain = "".join(json_line(record) for record in journal(tmp_path))
        path.write_text(plain, encoding="utf-8")
        assert evaluate.main(flags(server)) == 0
        assert len(server.requests) == 8
        assert path.read_text(encoding="utf-8").startswith(plain)
    assert scores(tmp_path)["overall"]["f1"] == 100


def test_a_refused_text_counts_as_answered_with_nothing(flags, tmp_path, capsys) -> None:
    def refuses_one(handler, content):
        if "Review 2" in content:
            handler.send(400, {"error": {"message": "the text is not allowed"}})
        else:
            good(handler, content)

    with serving(refuses_one) as server:
        assert evaluate.main(flags(server)) == 0
        # The refusal is kept, too.
        assert evaluate.main(flags(server)) == 0
        assert len(server.requests) == 8
    numbers = scores(tmp_path)
    assert numbers["about"]["refused_requests"] == 1
    assert any("the text is not allowed" in note for note in numbers["notes"])
    assert numbers["datasets"][0]["f1"] == 100
    assert numbers["datasets"][1]["recall"] == 75


def test_refusals_of_all_requests_are_not_kept(tmp_path) -> None:
    with serving(fails(400, "wrong settings")) as server:
        for _ in range(2):
            with pytest.raises(EndpointError, match="wrong settings"), generator(server, tmp_path) as asked:
                asked.generate(prompts())
        assert len(server.requests) == 6
        assert journal(tmp_path) == []
        server.behaviors[:] = [good]  # it was repaired
        with generator(server, tmp_path) as asked:
            asked.generate(prompts())
        assert (len(server.requests), asked.refused) == (14, [])


def test_refusals_before_the_first_answer_are_kept_with_it(tmp_path) -> None:
    with serving(fails(400, "this text"), fails(400, "that text"), good) as server:
        for _ in range(2):
            with generator(server, tmp_path) as asked:
                completions = asked.generate(prompts())
        assert len(server.requests) == 8
    assert [("this text" in error, "that text" in error) for error in asked.refused] == [(True, False), (False, True)]
    assert [one.text == "" for one in completions].count(True) == 2


def test_a_key_that_a_refusal_repeats_is_not_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    with (
        serving(good, fails(400, "key sk-0123456789 may not ask this")) as server,
        generator(server, tmp_path) as asked,
    ):
        asked.generate(prompts()[:2])
    assert "key *** may not ask this" in asked.refused[0]
    assert b"sk-0123456789" not in (tmp_path / "out" / "journal.jsonl").read_bytes()


def test_an_evaluation_continues_where_all_that_is_left_is_refused(tmp_path) -> None:
    with serving(good) as server:
        with generator(server, tmp_path) as asked:
            asked.generate(prompts()[:4])
        server.behaviors[:] = [fails(400, "not allowed")]
        with generator(server, tmp_path) as asked:
            asked.generate(prompts())
    assert len(asked.refused) == 4
    assert len(journal(tmp_path)) == 8


def test_half_a_surrogate_pair_in_an_answer_is_kept(flags, tmp_path) -> None:
    with serving(says("negative \ud83d")) as server:
        assert evaluate.main(flags(server)) == 0
        assert evaluate.main(flags(server)) == 0
        assert len(server.requests) == 8
    assert {line["output"] for line in journal(tmp_path)} == {"negative \ud83d"}


def test_requests_under_way_are_kept_at_ctrl_c(tmp_path) -> None:
    begun = []

    def interrupts_the_fourth(handler, content):
        begun.append(content)
        if len(begun) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        if len(begun) >= 4:
            time.sleep(1)  # under way while the signal arrives
        good(handler, content)

    # A shell may have started the tests with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with serving(interrupts_the_fourth) as server:
        try:
            with pytest.raises(KeyboardInterrupt), generator(server, tmp_path, concurrency=3) as asked:
                asked.generate(prompts())
        finally:
            signal.signal(signal.SIGINT, before)
        paid = len(server.requests)
        assert 4 <= paid < 8
        assert len(journal(tmp_path)) == paid
        server.behaviors[:] = [good]
        with generator(server, tmp_path) as asked:
            asked.generate(prompts())
        assert len(server.requests) == 8


def test_two_processes_do_not_ask_the_same(tmp_path) -> None:
    with serving(good) as server, generator(server, tmp_path) as first:
        first.generate(prompts()[:2])
        with (tmp_path / "out" / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"key": "a line that is being wri')
        with pytest.raises(JournalError, match=r"journal\.jsonl: another process writes it: wait for it"):
            generator(server, tmp_path)
        assert (tmp_path / "out" / "journal.jsonl").read_text(encoding="utf-8").endswith("being wri")


@pytest.mark.parametrize(
    ("behavior", "message"),
    [
        (
            fails(400, "max_tokens is not supported"),
            "refused the first requests, the last with: .*max_tokens is not supported.*--gin.Endpoint.max_tokens=None",
        ),
        (fails(401, "wrong key"), r"refuses requests .401: .*wrong key.*check the key in OPENAI_API_KEY"),
        (fails(404, "no model m"), "refuses requests .404: .*no model m.*check --endpoint and --model"),
        (lambda handler, _: handler.send(200, b"<html>hello</html>", "text/html"), "something that is no completion"),
        (lambda handler, _: handler.send(200, b'{"choices": ['), "something that is no completion"),
        (lambda handler, _: handler.send(200, {"choices": []}), "something that is no completion .*as --endpoint, su"),
    ],
)
def test_an_endpoint_that_is_none_stops_at_once(flags, tmp_path, behavior, message) -> None:
    with serving(behavior) as server:
        with pytest.raises(EndpointError, match=message):
            evaluate.main(flags(server, "--gin.Endpoint.max_retries=0"))
        assert len(server.requests) <= 3
    assert not (tmp_path / "out" / "scores.json").exists()


def test_more_requests_than_allowed_are_not_begun(flags, tmp_path) -> None:
    with serving(good) as server:
        with pytest.raises(JournalError, match=r"8 more requests are needed, beside 0 answered ones, .* or more"):
            evaluate.main(flags(server, "--gin.Endpoint.max_requests=7"))
        assert not server.requests
        assert evaluate.main(flags(server, "--gin.Evaluate.records=2", "--gin.Endpoint.max_requests=4")) == 0
        # Those four count.
        with pytest.raises(JournalError, match="4 more requests are needed, beside 4 answered ones"):
            evaluate.main(flags(server, "--gin.Endpoint.max_requests=7"))


def test_other_settings_are_asked_anew(flags, tmp_path) -> None:
    with serving(good) as server:
        for temperature in ("0.0", "0.5", "None"):
            assert evaluate.main(flags(server, f"--gin.Endpoint.temperature={temperature}")) == 0
        assert len(server.requests) == 24
        assert [body.get("temperature") for _, body in server.requests[::8]] == [0.0, 0.5, None]


def test_our_own_prompts_go_to_the_completions_api(flags, tmp_path) -> None:
    targets = {item.prompt: item.target for item in records()}
    with serving(lambda handler, prompt: handler.complete(targets[prompt])) as server:
        assert evaluate.main(flags(server, "--gin.Endpoint.prompts=contract")) == 0
        assert {path for path, _ in server.requests} == {"/v1/completions"}
    assert scores(tmp_path)["overall"]["f1"] == 100


def test_our_own_prompts_have_the_template_and_the_queries_of_the_model(flags, tmp_path) -> None:
    write_store(tmp_path / "english", records(), template="english")
    store = f"--data={tmp_path / 'english'}"
    ours = ("--gin.Endpoint.prompts=contract", "--gin.Evaluate.records=1", "--gin.Endpoint.max_queries=2")
    with serving(says("None")) as server:
        of_english = [store if flag.startswith("--data=") else flag for flag in flags(server, *ours)]
        message = (
            r"have the english template, and the endpoint is asked with the chinese .*Endpoint\.template=english, "
        )
        with pytest.raises(UsageError, match=message.rstrip(", ")):
            evaluate.main(of_english)
        assert evaluate.main([*of_english, "--gin.Endpoint.template=english"]) == 0
        asked = sorted(body["prompt"] for _, body in server.requests)
    # Three queries take two prompts.
    assert len(asked) == 3
    assert all("输入" not in prompt for prompt in asked)
    assert EndpointConfig().contract().max_queries == 64
    assert EndpointConfig(prompts="contract").contract().max_queries == 6


@pytest.mark.parametrize(("of_endpoint", "asked"), [((), 1), (("--gin.Endpoint.max_queries=2",), 2)])
def test_an_endpoint_is_asked_as_many_queries_as_a_model_of_ours(flags, tmp_path, of_endpoint, asked) -> None:
    with serving(says("None")) as server:
        assert evaluate.main(flags(server, "--gin.Decode.max_queries=1", *of_endpoint)) == 0
        # Each of four texts has three queries.
        extractions = sum(item.atom == "ext" for item in records())
        assert len(server.requests) == len(records()) + extractions * (3 // asked + 3 % asked - 1)
    assert scores(tmp_path)["about"]["Endpoint"]["max_queries"] == asked


def test_fields_of_any_name_are_sent(tmp_path) -> None:
    extra = {"top_k": 1, "temperature": 0.7}
    with serving(good) as server, generator(server, tmp_path, extra=extra) as asked:
        asked.generate(prompts()[:1])
        ((_, body),) = server.requests
    assert (body["top_k"], body["temperature"], body["max_tokens"]) == (1, 0.7, 512)


@pytest.mark.parametrize("line", [b'{"a": 1}', b'{"key": "\xff"}', b"[]"])
def test_a_journal_that_is_none_is_refused(tmp_path, line) -> None:
    (tmp_path / "out").mkdir()
    with serving(good) as server:
        with generator(server, tmp_path) as asked:
            asked.generate(prompts()[:1])
        with (tmp_path / "out" / "journal.jsonl").open("ab") as file:
            file.write(line + b"\n")
        for _ in range(2):  # it is not left locked
            with pytest.raises(JournalError, match=r"journal\.jsonl:2: the line is corrupt"):
                generator(server, tmp_path)


def test_flags_that_do_not_fit_and_missing_packages_are_told_at_once(tmp_path, monkeypatch) -> None:
    flags = ["--model=m", f"--output={tmp_path / 'out'}"]
    for flag in ("--transformers", "--endpoint=http://localhost:1/v1"):
        with pytest.raises(UsageError, match=f"--step is of a run, which {flag.split('=')[0]} does not read"):
            evaluate.main([*flags, flag, "--step=100"])
    monkeypatch.setattr(evaluate, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="--transformers needs the extra 'torch': pip install"):
        evaluate.main([*flags, "--transformers"])
    with pytest.raises(UsageError, match="--endpoint needs the extra 'openai': pip install"):
        evaluate.main([*flags, "--endpoint=http://localhost:1/v1"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"prompts": "x"}, "must be one of chatgpt, contract"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1"),
        ({"max_retries": -1}, "max_retries must be a whole number of at least 0"),
        ({"timeout": 0}, "above 0 seconds"),
        ({"max_queries": 0}, "max_queries must be a whole number of at least 1"),
        ({"extra": "top_k=1"}, "extra must be fields, such as"),
        ({"template": "english"}, "is for Endpoint.prompts='contract'"),
        ({"template": "x", "prompts": "contract"}, "no template 'x'"),
    ],
)
def test_bad_settings_are_refused(setting, message) -> None:
    with pytest.raises(ValueError, match=message):
        EndpointConfig(**setting)


def test_the_played_answers_are_right() -> None:
    from seqgpt_jax.evaluation.other_models.chat_prompts import chat_prompt, read_chat

    for item, prompt in zip(records(), prompts(), strict=True):
        assert read_chat(prompt, right_answer(chat_prompt(prompt))) == item.target
