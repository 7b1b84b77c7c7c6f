"""The server as a process of its own: answers, refusals, load, shutdown, and the page in a real browser."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqgpt_jax.decoding.seqgpt import SeqGPT
from tests.browser import CHROMIUM, FLAGS, needs_chromium
from tests.decoding import folders

TEXT = "Ada Lovelace\r\nvisited 杭州 👩‍👧 in 1840."


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen
    port: int

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None):
        """(status, body, headers) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()

    def post(self, path: str, content: object, **headers: str):
        """(status, JSON) of one request."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        status, answer, _ = self.send("POST", path, body, {"content-type": "application/json", **headers})
        return status, json.loads(answer)


@contextmanager
def serving(folder: Path, *flags: str, key: str = ""):
    """A server of the model in a folder, on a free port; killed at the end."""
    command = [sys.executable, "-m", "seqgpt_jax.serve", f"--model={folder}", "--port=0", "--gin.Decode.num_beams=1"]
    environment = {**os.environ, **({"SEQGPT_API_KEY": key} if key else {})}
    with subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        said = ""
        try:
            for line in process.stdout:
                said += line
                if found := re.search(r"http://127\.0\.0\.1:(\d+)$", line.strip()):
                    yield Server(process, int(found[1]))
                    break
            else:
                raise AssertionError(f"the server did not start: {said}")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return folders.write_folder(tmp_path_factory.mktemp("served") / "model", seed=3)


@pytest.fixture(scope="module")
def server(folder):
    with serving(folder, "--gin.Decode.max_new_tokens=32", "--max_body=20000") as running:
        yield running


@pytest.fixture(scope="module")
def model(folder) -> SeqGPT:
    """The same model in this process."""
    return SeqGPT.load(str(folder), num_beams=1, max_new_tokens=32)


def close(one: object, other: object) -> bool:
    """Whether two answers are equal; numbers to three digits, as batches of other sizes round otherwise."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(close, one, other))
    return one == pytest.approx(other, rel=1e-3) if isinstance(one, float) else one == other


def test_it_answers_as_the_library_does(server, model) -> None:
    labels = ["person", "city"]
    status, answer = server.post("/v1/extract", {"text": TEXT, "labels": labels})
    assert (status, close(answer, model.extract(TEXT, labels).to_dict())) == (200, True)
    status, answer = server.post("/v1/extract", {"texts": [TEXT, "杭州"], "labels": labels})
    assert status == 200
    assert close(answer["results"], [one.to_dict() for one in model.extract([TEXT, "杭州"], labels)])
    status, answer = server.post("/v1/classify", {"text": TEXT, "labels": ["a", "b"], "choose": "one"})
    assert (status, close(answer, model.classify(TEXT, ["a", "b"], choose="one").to_dict())) == (200, True)
    described = {"PER": "names of people", "LOC": "city"}
    status, answer = server.post("/v1/extract", {"text": TEXT, "labels": described})
    assert (status, list(answer["spans"])) == (200, ["PER", "LOC"])
    schema = {"born in": ["person", "city"]}
    status, answer = server.post("/v1/relations", {"text": TEXT, "relations": schema})
    assert (status, close(answer, model.relations(TEXT, {"born in": ("person", "city")}).to_dict())) == (200, True)
    status, answer = server.post("/v1/events", {"text": TEXT, "events": {"attack": ["target"]}})
    assert (status, close(answer, model.events(TEXT, {"attack": ["target"]}).to_dict())) == (200, True)


@pytest.mark.parametrize(
    ("path", "content", "status", "message"),
    [
        ("/v1/extract", {"text": " ", "labels": ["a"]}, 422, "the text is empty"),
        ("/v1/extract", {"text": "x", "labels": []}, 422, "labels"),
        ("/v1/extract", {"text": "x", "labels": ["a", " a"]}, 422, "written alike"),
        ("/v1/extract", {"text": "x"}, 422, "labels: Field required"),
        ("/v1/extract", {"labels": ["a"]}, 422, "give either 'text' or 'texts'"),
        ("/v1/extract", {"text": "x", "texts": ["x"], "labels": ["a"]}, 422, "give either 'text' or 'texts'"),
        ("/v1/extract", {"text": 7, "labels": ["a"]}, 422, "text: Input should be a valid string"),
        ("/v1/extract", {"text": "x", "labels": ["a"], "label": 1}, 422, "label: Extra inputs are not permitted"),
        ("/v1/extract", b'{"text": "x", "labels": ["a"', 422, "JSON decode error"),
        ("/v1/extract", b'{"text": "\\ud800", "labels": ["a"]}', 422, "text"),
        ("/v1/extract", b'{"text": "\xff"}', 422, "not UTF-8"),
        ("/v1/extract", {"text": "x" * 30000, "labels": ["a"]}, 413, "more than 20,000 bytes"),
        ("/v1/extract", {"texts": ["x"] * 300, "labels": ["a"]}, 422, "texts: List should have at most 256 items"),
        ("/v1/classify", {"text": "x", "labels": ["a", "b"], "choose": "two"}, 422, "choose"),
        ("/v1/classify", {"text": "x", "labels": ["a，b"]}, 422, "separator"),
        ("/v1/classify", {"text": "x", "labels": ["y" * 900]}, 422, "label 'yyy"),
        ("/v1/relations", {"text": "x", "relations": {"in": ["person"]}}, 422, "relations.in"),
        ("/v1/events", {"text": "x", "events": {}}, 422, "events"),
        ("/v1/nothing", {}, 404, "Not Found"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_field(server, path, content, status, message) -> None:
    found, answer = server.post(path, content)
    assert (found, list(answer)) == (status, ["error"])
    assert message in answer["error"]["message"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_without_its_content_type_is_refused_with_the_header_to_send(server, kind) -> None:
    body = json.dumps({"text": "x", "labels": ["a"]}).encode()
    status, answer, _ = server.send("POST", "/v1/extract", body, {"content-type": kind} if kind else {})
    assert status == 422
    assert "send the header content-type: application/json" in json.loads(answer)["error"]["message"]
    assert server.post("/v1/extract", body, **{"content-type": "application/json; charset=utf-8"})[0] == 200


def test_control_characters_are_text(server) -> None:
    text = "a\x00b </s> [GEN]\u2028\ufeff"
    status, answer = server.post("/v1/extract", {"text": text, "labels": ["a"]})
    assert (status, answer["text"]) == (200, text)
    for span in answer["spans"]["a"]:
        assert text[span["start"] : span["end"]] == span["text"]


def test_health_metrics_schema_and_page(server) -> None:
    assert json.loads(server.send("GET", "/healthz")[1])["status"] == "ok"
    server.post("/v1/extract", {"text": "x", "labels": ["a"]})
    metrics = server.send("GET", "/metrics")[1].decode()
    assert 'seqgpt_requests_total{path="/v1/extract",status="200"}' in metrics
    assert re.search(r"seqgpt_batch_size_count [1-9]", metrics)
    schema = json.loads(server.send("GET", "/openapi.json")[1])
    assert {"/v1/extract", "/v1/classify", "/v1/relations", "/v1/events"} <= schema["paths"].keys()
    for path, of_path in schema["paths"].items():
        if path.startswith("/v1/"):
            responses = of_path["post"]["responses"]
            assert responses.keys() == {"200", "401", "408", "413", "422", "429", "503"}
            kinds = {str(one["content"]["application/json"]["schema"]) for k, one in responses.items() if k != "200"}
            assert kinds == {"{'$ref': '#/components/schemas/ErrorAnswer'}"}
            assert "security" not in of_path["post"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    status, page, headers = server.send("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<!doctype html>" in page


def test_a_body_that_never_ends_is_given_up(server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(b"POST /v1/extract HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")


def test_an_endless_chunked_body_is_cut_off(server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as endless:
        endless.sendall(b"POST /v1/extract HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        for _ in range(5):
            endless.sendall(chunk)
        assert endless.recv(4096).startswith(b"HTTP/1.1 413")


def test_load_with_faults_pairs_every_answer_with_its_question(server, model) -> None:
    """32 clients; a tenth of the requests is malformed, too large or cut off; the rest is answered right."""
    labels, words = ["person", "city"], ["Ada", "Turin", "杭州", "1840", "visited", "体育"]
    texts = [" ".join(words[(i + k) % 6] for k in range(i % 5 + 1)) + f" {i % 7}" for i in range(35)]
    expected = {one.text: one.to_dict() for one in model.extract(texts, labels)}

    def one(number: int) -> int | str:
        if number % 10 == 3:
            return server.post("/v1/extract", b'{"text": "x", ')[0]
        if number % 30 == 5:
            return server.post("/v1/extract", {"text": "x" * 30000, "labels": labels})[0]
        if number % 30 == 15:
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as cut:
                cut.sendall(b"POST /v1/extract HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
            return "cut"
        text = texts[number % len(texts)]
        status, answer = server.post("/v1/extract", {"text": text, "labels": labels})
        assert close(answer, expected[text])
        return status

    with ThreadPoolExecutor(32) as pool:
        counts = Counter(pool.map(one, range(300)))
    assert counts == {200: 250, 422: 30, 413: 10, "cut": 10}
    assert server.process.poll() is None


def test_an_api_key(folder) -> None:
    with serving(folder, "--gin.Decode.max_new_tokens=32", key="schlüssel") as server:
        body = {"text": "x", "labels": ["a"]}
        assert server.post("/v1/extract", body)[0] == 401
        assert server.post("/v1/extract", body, authorization="Bearer wrong")[0] == 401
        assert server.post("/v1/extract", body, authorization="Bearer schlüssel".encode())[0] == 200
        assert server.send("GET", "/metrics")[0] == 401
        assert server.send("GET", "/healthz")[0] == 200
        assert server.send("GET", "/docs")[0] == 200
        schema = json.loads(server.send("GET", "/openapi.json")[1])
        assert schema["components"]["securitySchemes"] == {"HTTPBearer": {"type": "http", "scheme": "bearer"}}
        assert schema["paths"]["/v1/extract"]["post"]["security"] == [{"HTTPBearer": []}]
        assert "security" not in schema["paths"]["/healthz"]["get"]


def test_sigterm_answers_what_was_taken(folder) -> None:
    with serving(folder, "--gin.Decode.max_new_tokens=32") as server:
        statuses, started = [], threading.Semaphore(0)

        def ask(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            body = json.dumps({"texts": [f"Ada {number} {i}" for i in range(20)], "labels": ["person"]})
            try:
                connection.request("POST", "/v1/extract", body, {"content-type": "application/json"})
            except OSError:
                started.release()
                return
            started.release()
            response = connection.getresponse()
            answer = json.loads(response.read())
            statuses.append((response.status, [one["text"] for one in answer["results"]]))
            assert statuses[-1][1] == [f"Ada {number} {i}" for i in range(20)]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            started.acquire()
        while b"seqgpt_running_requests 9.0" not in server.send("GET", "/metrics")[1]:  # and this one itself
            assert not statuses, "answered before the server was stopped: nothing to test"
            time.sleep(0.005)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(timeout=60)
        assert [status for status, _ in statuses] == [200] * 8
        assert server.process.wait(timeout=60) == 0
        assert "every request that was taken has been answered" in server.process.stdout.read()
        with pytest.raises(ConnectionRefusedError):
            server.send("GET", "/healthz")


def test_a_second_interrupt_ends_it_at_once(folder) -> None:
    with serving(folder, "--gin.Decode.max_new_tokens=32", "--gin.Decode.batch_size=2") as server:
        body = {"texts": [f"Ada {number}" for number in range(250)], "labels": ["person"]}
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(server.post, "/v1/extract", body) for _ in range(4)]
            while b"seqgpt_waiting_prompts 9" not in server.send("GET", "/metrics")[1]:
                assert not any(one.done() for one in asked), "answered before the server was stopped: nothing to test"
                time.sleep(0.005)
            server.process.send_signal(signal.SIGINT)
            while socket.socket().connect_ex(("127.0.0.1", server.port)) == 0:  # until the first signal has come
                time.sleep(0.01)
            server.process.send_signal(signal.SIGINT)
            statuses = [one.result(timeout=60)[0] for one in asked]
        assert set(statuses) == {503}
        assert server.process.wait(timeout=60) == 130
        said = server.process.stdout.read()
        assert "stopped at once" in said
        assert "Traceback" not in said
        assert "every request" not in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--port=70000",), "--port=70000"),
        (("--host=no.such.host.invalid",), "--host=no.such.host.invalid"),
        (("--timeout=0",), "--timeout"),
        (("--max_queue=-1",), "--max_queue"),
    ],
)
def test_flags_are_checked_before_the_model_is_loaded(folder, flags, message) -> None:
    command = [sys.executable, "-m", "seqgpt_jax.serve", f"--model={folder}", "--gin.Decode.num_beams=1", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@needs_chromium
def test_the_page_shows_an_answer_in_a_browser(server, model, tmp_path) -> None:
    text = "<img src=x onerror=alert(1)> Ada 👩‍👧 visited 杭州 & <b>Turin</b>"
    for task, labels, shown in (("extract", ["person", "<i>city</i>"], "marked"), ("classify", ["a", "<b>"], "bars")):
        query = urllib.parse.urlencode({"task": task, "text": text, "labels": ", ".join(labels), "choose": "one"})
        command = [CHROMIUM, *FLAGS, "--virtual-time-budget=20000"]
        command += [f"--user-data-dir={tmp_path / task}", "--dump-dom", f"http://127.0.0.1:{server.port}/?{query}"]
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        assert f'id="{shown}"' in dom
        assert "<img" not in dom
        # Attributes may hold it as it is.
        assert ">&lt;i&gt;city" in dom or task == "classify"
        if task == "extract":
            # A tag that the page did not make would not be one of these.
            spans = model.extract(text, labels).spans
            assert dom.count("<mark") >= sum(map(len, spans.values())) > 0
        else:
            (best,) = model.classify(text, labels, choose="one").labels
            shares = [float(share) for share in re.findall(r"([\d.]+) %</td>", dom)]
            assert max(shares) == pytest.approx(100 * best.score, abs=0.2)
