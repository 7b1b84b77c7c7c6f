"""Mirrors, tokens and proxies: what the environment says holds for every request."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from rich.console import Console

from seqgpt_jax.console.download import ConsoleReporter
from seqgpt_jax.data.raw import download, network
from seqgpt_jax.data.raw.licenses import is_commercial
from seqgpt_jax.data.raw.lock_file import NAME
from seqgpt_jax.data.raw.network import Client, Patience, mirrored
from seqgpt_jax.data.raw.probe import probe, probe_all
from seqgpt_jax.data.raw.sources import Files, Remote
from seqgpt_jax.io.hub_access import hub_token
from tests.data.raw.servers import Page, Server
from tests.data.raw.test_download import spec
from tests.loopback import serving

RAW = "https://raw.githubusercontent.com/someone/data/abc/x.txt"
HUB = "https://huggingface.co/datasets/someone/data/resolve/main/x.txt"
QUICK = Patience(attempts=2, first_pause=0.01, timeout=5)


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("HF_ENDPOINT", "HF_TOKEN", "SEQGPT_GITHUB_MIRROR", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def fetch(folder, url):
    console = Console(file=io.StringIO(), width=80)
    tasks = {"mine": [spec("mine", Files({"x.txt": Remote(url)}), "x.txt")]}
    return download.download(tasks, folder, ConsoleReporter(console), QUICK), console.file.getvalue()


def test_addresses_without_and_with_mirrors(monkeypatch):
    assert [mirrored(url) for url in (RAW, HUB)] == [RAW, HUB]
    monkeypatch.setenv("SEQGPT_GITHUB_MIRROR", "https://mirror.example/")
    monkeypatch.setenv("HF_ENDPOINT", "https://hf-mirror.example/")
    assert mirrored(RAW) == f"https://mirror.example/{RAW}"
    assert mirrored(HUB) == "https://hf-mirror.example/datasets/someone/data/resolve/main/x.txt"
    for url in ("https://example.org/github.com", "https://huggingface.co.example.org/x"):
        assert mirrored(url) == url


def test_a_mirror_of_github_gives_files_whose_place_on_record_is_github(server, tmp_path, monkeypatch):
    server.pages[f"/{RAW}"] = b"x\n"
    monkeypatch.setenv("SEQGPT_GITHUB_MIRROR", server.url)
    failures, _ = fetch(tmp_path, RAW)
    assert failures == []
    facts = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [fact["source"] for fact in facts if "source" in fact] == [RAW]
    # Another mirror that sends something else is found out.
    (tmp_path / "mine/x.txt").unlink()
    server.pages[f"/{RAW}"] = b"y\n"
    failures, _ = fetch(tmp_path, RAW)
    assert "its content has changed since the first download" in failures[0].reason
    server.pages.clear()
    assert f"HTTP 404 (asked: {server.url}/{RAW})" in fetch(tmp_path, RAW)[0][0].reason


def test_the_hub_s_token_goes_to_the_hub_alone(server, tmp_path, monkeypatch):
    with serving(Server()) as other:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        server.pages["/datasets/someone/data/resolve/main/x.txt"] = Page(
            moved_to=other.url.replace("127.0.0.1", "localhost") + "/x"
        )
        other.pages["/x"] = b"x\n"
        assert fetch(tmp_path, HUB)[0] == []
        assert {headers.get("Authorization") for headers in server.headers} == {"Bearer hf_secret"}
        assert other.headers
        assert {headers.get("Authorization") for headers in other.headers} == {None}
        assert fetch(tmp_path / "b", f"{other.url}/x")[0] == []
        assert {headers.get("Authorization") for headers in other.headers} == {None}
        server.pages["/datasets/someone/data/resolve/main/x.txt"] = Page(statuses=[401, 403] * 9, head=False)
        assert "set HF_TOKEN to a token that may read it" in fetch(tmp_path / "c", HUB)[0][0].reason


def test_no_token_is_sent_unencrypted(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    sent = {"Authorization": "Bearer hf_secret"}
    for endpoint, header, token in (
        ("https://huggingface.co", sent, None),
        ("https://hf-mirror.example", sent, None),
        ("http://hf-mirror.example", {}, False),
        ("http://localhost:80", sent, None),
        ("http://[::1]:80/", sent, None),
    ):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        assert network._authorization(mirrored(HUB)) == header, endpoint
        assert hub_token() is token, endpoint


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (RAW, ["SEQGPT_GITHUB_MIRROR=https://MIRROR", "HTTPS_PROXY"]),
        (HUB, ["HF_ENDPOINT=https://MIRROR", "HTTPS_PROXY"]),
        ("https://example.org/x", ["HTTPS_PROXY"]),
    ],
)
def test_the_way_out_is_named_where_a_host_cannot_be_reached(url, variables, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # refuses
    monkeypatch.setenv("NO_PROXY", "")
    answer = probe(client := Client(QUICK), url)
    assert "ProxyError" in answer.problem
    assert all(variable in answer.problem for variable in variables)
    assert client.problem(url) == answer.problem
    (failure,) = fetch(tmp_path, url)[0]
    assert all(variable in failure.reason for variable in variables)


def test_a_mirror_is_asked_only_by_clients_that_want_one(server, monkeypatch):
    monkeypatch.setenv("SEQGPT_GITHUB_MIRROR", server.url)
    assert Client().address(RAW) == f"{server.url}/{RAW}"
    assert Client(mirrors=False).address(RAW) == RAW
    assert Client(mirrors=False).way_out(RAW) == "; HTTPS_PROXY=http://HOST:PORT names a proxy"


def test_an_interruption_ends_the_question_for_sizes(monkeypatch):
    asked = []

    def request(client, method, url, headers=None):
        asked.append(url)
        if len(asked) == 1:
            raise KeyboardInterrupt
        time.sleep(0.1)
        raise requests.ConnectionError

    monkeypatch.setattr(Client, "request", request)
    with pytest.raises(KeyboardInterrupt):
        probe_all(Client(QUICK), [f"https://example.org/{number}" for number in range(500)])
    time.sleep(0.3)
    assert len(asked) < 100


def test_a_proxy_of_the_environment_is_asked(server, tmp_path, monkeypatch):
    server.pages["http://example.invalid/x"] = b"by proxy\n"
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert fetch(tmp_path, "http://example.invalid/x")[0] == []
    assert (tmp_path / "mine/x.txt").read_bytes() == b"by proxy\n"


def test_probes_say_what_there_is_without_its_content(server):
    server.pages |= {
        "/head": Page(b"12345"),
        "/get": Page(b"123456", head=False),
        "/whole": Page(b"1234567", head=False, ranges=False),
        "/unknown": Page(b"1", says_size=False),
        "/moved": Page(moved_to="/head"),
        "/wall": Page(statuses=[403] * 3, head=False),
    }
    found = probe_all(Client(QUICK), [f"{server.url}{path}" for path in [*server.pages, "/gone", "/head"]])
    sizes = {url.rpartition("/")[2]: answer.size for url, answer in found.items()}
    assert sizes == {"head": 5, "get": 6, "whole": 7, "unknown": None, "moved": 5, "wall": None, "gone": None}
    problems = {url.rpartition("/")[2]: answer.problem for url, answer in found.items() if answer.problem}
    assert problems == {"wall": "HTTP 403", "gone": "HTTP 404; the file is no longer there"}
    assert found[f"{server.url}/moved"].note == f"moved to {server.url}/head"
    client = Client(QUICK)
    assert "refused" in probe(client, "http://127.0.0.1:9/x").problem
    assert "refused" in client.problem("http://127.0.0.1:9/y")
    # A slow answer says nothing of the host's others.
    server.pages["/slow"] = Page(b"1", seconds_before=3)
    client = Client(Patience(timeout=0.5))
    assert "timed out" in probe(client, f"{server.url}/slow").problem
    assert probe(client, f"{server.url}/head").size == 5


@pytest.mark.parametrize(
    ("license", "commercial"),
    [
        ("CC BY 4.0", True),
        ("Apache-2.0", True),
        ("free for any purpose", True),
        ("CC BY-NC-SA 4.0", False),
        ("AG corpus: non-commercial research", False),
        ("LDC user agreement", False),
        ("unknown: research", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_commercial_use(license, commercial):
    assert is_commercial(license) == commercial


def test_a_second_process_waits_for_the_first(server, tmp_path):
    server.pages["/x"] = Page(b"line\n" * 1000, '"x"', seconds=3)
    code = (
        "import sys; from pathlib import Path; from tests.data.raw.test_network import fetch; "
        "failures, printed = fetch(Path(sys.argv[1]), sys.argv[2]); print(printed); sys.exit(len(failures))"
    )
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", code, str(tmp_path), f"{server.url}/x"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("waiting for it" in text for text in printed) <= 1
    assert sum("kept: mine/x.txt exists" in text for text in printed) == 1
    assert server.asked.count("GET /x") == 1
