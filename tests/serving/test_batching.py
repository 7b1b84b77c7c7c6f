"""Dynamic batching: many threads, one model thread; full queues, deadlines, failures and shutdown."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding import answers, questions
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits, TooManyPromptsError
from seqgpt_jax.decoding.seqgpt import SeqGPT
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.serving.app import make_app
from seqgpt_jax.serving.batching import (
    BatchingGenerator,
    Client,
    ClosedError,
    DeadlineError,
    DisconnectedError,
    OverloadedError,
)
from seqgpt_jax.serving.metrics import make_metrics


@dataclass
class SlowEngine:
    """Answers each prompt with its own text; notes its batches, and which threads called it."""

    batch_size: int = 4
    seconds: float = 0.0
    batches: list = field(default_factory=list)
    threads: set = field(default_factory=set)
    hold: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.config, self.limits = SimpleNamespace(batch_size=self.batch_size), PromptLimits(ModelContract())
        self.hold.set()

    def check(self, prompts) -> None:
        if any(prompt.text == "bad" for prompt in prompts):
            raise ContractError("bad")

    def generate(self, prompts) -> list[Completion]:
        self.hold.wait()
        self.threads.add(threading.current_thread().name)
        self.batches.append([prompt.text for prompt in prompts])
        time.sleep(self.seconds)
        if any(prompt.text == "broken" for prompt in prompts):
            raise RuntimeError("broken")
        return [Completion(prompt.text) for prompt in prompts]


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt("cls", ("a",), text) for text in texts]


def generator(engine: SlowEngine, **values) -> BatchingGenerator:
    settings = {"max_queue": 100, "timeout": 10.0, "wait": 0.02, "metrics": make_metrics()} | values
    return BatchingGenerator(engine, **settings)


def ask(batching: BatchingGenerator, *texts_: str) -> list[str]:
    return texts(batching.for_request().generate(prompts(*texts_)))


def until_waiting(batching: BatchingGenerator, number: int) -> None:
    """Returns once so many prompts have been taken and wait."""
    while batching._metrics.waiting._value.get() < number:
        time.sleep(0.001)


def texts(completions) -> list[str]:
    return [completion.text for completion in completions]


def test_requests_share_batches_and_get_their_own_answers() -> None:
    engine = SlowEngine(seconds=0.01)
    batching = generator(engine)
    asked = [[f"{request}/{number}" for number in range(request % 3 + 1)] for request in range(40)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda of_request: ask(batching, *of_request), asked))
    assert found == asked
    assert engine.threads == {"model"}
    assert max(map(len, engine.batches)) == 4
    assert any(len({text.split("/")[0] for text in batch}) > 1 for batch in engine.batches)
    batching.close()


def test_a_bad_prompt_fails_its_own_request_alone() -> None:
    engine = SlowEngine()
    engine.hold.clear()
    batching = generator(engine)
    with ThreadPoolExecutor(4) as pool:
        good = pool.submit(ask, batching, "good")
        bad = pool.submit(ask, batching, "fine", "bad")
        with pytest.raises(ContractError):
            bad.result(timeout=5)
        engine.hold.set()
        assert good.result(timeout=5) == ["good"]
    assert engine.batches == [["good"]]
    batching.close()


def test_a_batch_that_breaks_is_reported_and_the_next_one_works() -> None:
    batching = generator(SlowEngine())
    with pytest.raises(RuntimeError, match="broken"):
        ask(batching, "broken")
    assert ask(batching, "good") == ["good"]
    batching.close()


def test_a_full_queue_refuses() -> None:
    engine = SlowEngine()
    engine.hold.clear()
    batching = generator(engine, max_queue=3)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(ask, batching, "a", "b")
        until_waiting(batching, 2)
        with pytest.raises(OverloadedError, match="2 prompts wait already, and this request has 2; the limit is 3"):
            ask(batching, "c", "d")
        engine.hold.set()
        assert taken.result(timeout=5) == ["a", "b"]
    assert ask(batching, "c", "d") == ["c", "d"]
    with pytest.raises(TooManyPromptsError, match="more than 3 prompts"):
        batching.for_request().generate(prompts(*"efgh"))
    batching.close()


def test_a_deadline_ends_the_wait_and_its_prompts_are_not_asked() -> None:
    engine = SlowEngine(batch_size=1)
    engine.hold.clear()
    batching = generator(engine, timeout=0.2)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, batching, "first")
        second = pool.submit(ask, batching, "second")
        for waiting in (first, second):
            with pytest.raises(DeadlineError, match=r"no answer within 0\.2 s"):
                waiting.result(timeout=5)
    engine.hold.set()
    batching.close()
    # The one that had begun when its deadline passed was answered for nobody; the other one was left out.
    assert len(engine.batches) == 1
    assert batching._metrics.waiting._value.get() == 0


def test_closing_answers_what_was_taken_and_takes_no_more() -> None:
    engine = SlowEngine(batch_size=2, seconds=0.01)
    engine.hold.clear()
    batching = generator(engine)
    with ThreadPoolExecutor(10) as pool:
        taken = [pool.submit(ask, batching, f"{number}") for number in range(9)]
        until_waiting(batching, 9)
        closing = pool.submit(batching.close)
        engine.hold.set()
        assert [one.result(timeout=5) for one in taken] == [[f"{number}"] for number in range(9)]
        closing.result(timeout=5)
    with pytest.raises(ClosedError):
        ask(batching, "late")


def test_what_waits_fails_where_nothing_more_is_to_be_answered() -> None:
    engine = SlowEngine(batch_size=1)
    engine.hold.clear()
    batching = generator(engine)
    with ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(ask, batching, f"{number}") for number in range(3)]
        until_waiting(batching, 3)
        time.sleep(0.2)  # the batch of one prompt has begun
        batching.fail_rest()
        engine.hold.set()
        errors = [one.exception(timeout=5) for one in taken]
    assert [error for error in errors if error is None] == [None]
    assert sum(isinstance(error, ClosedError) for error in errors) == 2
    with pytest.raises(ClosedError):
        ask(batching, "late")
    batching.close()
    assert len(engine.batches) == 1


def test_one_deadline_for_all_rounds_of_a_request() -> None:
    batching = generator(SlowEngine(seconds=0.15), timeout=0.25)
    request = batching.for_request()
    assert texts(request.generate(prompts("first"))) == ["first"]
    with pytest.raises(DeadlineError):
        request.generate(prompts("second"))
    batching.close()


def test_a_request_that_is_too_large_or_too_late_is_refused_before_its_tokens_are_counted() -> None:
    # The check of a bad prompt would raise ContractError.
    batching = generator(SlowEngine(), max_queue=3)
    with pytest.raises(TooManyPromptsError):
        batching.for_request().generate(prompts(*["bad"] * 4))
    with pytest.raises(DeadlineError):
        batching.generate(prompts("bad"), time.monotonic(), Client())
    batching.close()


def test_what_a_client_that_has_gone_waited_for_is_not_asked() -> None:
    engine, client = SlowEngine(batch_size=1), Client()
    engine.hold.clear()
    batching = generator(engine)
    with ThreadPoolExecutor(1) as pool:
        given = pool.submit(batching.generate, prompts(*"abcd"), time.monotonic() + 10, client)
        until_waiting(batching, 4)
        client.leave()
        engine.hold.set()
        with pytest.raises(DisconnectedError):
            given.result(timeout=5)
    with pytest.raises(DisconnectedError):  # a further round
        batching.generate(prompts("e"), time.monotonic() + 10, client)
    assert ask(batching, "f") == ["f"]
    assert [batch for batch in engine.batches if batch != ["a"]] == [["f"]]
    batching.close()


def test_the_server_drops_the_request_of_a_client_that_closes_its_connection() -> None:
    engine = SlowEngine(batch_size=1, seconds=0.02)
    batching = generator(engine)
    app = make_app(lambda: SeqGPT(batching.for_request()), "m", make_metrics(), max_body=10_000)
    body = json.dumps({"texts": [f"text {number}" for number in range(30)], "labels": ["a"]}).encode()
    statuses = []

    async def one_request() -> None:
        sent = False

        async def receive() -> dict:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body}
            while len(engine.batches) < 3:
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "POST", "path": "/v1/extract", "query_string": b"", "root_path": ""}
        await app(scope | {"headers": [(b"content-type", b"application/json")]}, receive, send)

    asyncio.run(one_request())
    batching.close()
    assert statuses[0] == 499
    assert 3 <= len(engine.batches) < 15


def test_a_request_that_is_too_large_is_not_composed_to_its_end(monkeypatch) -> None:
    batching = generator(SlowEngine(), max_queue=3)
    composed = []

    def compose(question, limits):
        composed.append(question.text)
        return questions.compose_windows(question, limits)

    monkeypatch.setattr(answers, "compose_windows", compose)
    with pytest.raises(TooManyPromptsError, match="more than 3 prompts"):
        SeqGPT(batching.for_request()).extract([f"text {number}" for number in range(100)], ["a"])
    assert composed == ["text 0", "text 1", "text 2", "text 3"]
    batching.close()
