"""Twenty data sets from a server that misbehaves in every way, by a process that is killed three times."""

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqgpt_jax.data.raw.fetch_files import PARTS
from seqgpt_jax.data.raw.lock_file import NAME
from tests.data.raw.servers import Page, Server
from tests.data.raw.test_content_check import LFS
from tests.data.raw.test_download import files_in, zipped

CODE = """
import json, signal, sys
from pathlib import Path
from rich.console import Console
from seqgpt_jax.console.download import ConsoleReporter
from seqgpt_jax.data.raw import download
from seqgpt_jax.data.raw.network import Patience
from seqgpt_jax.data.raw.sources import Files, Remote
from tests.data.raw.test_download import spec

# A shell may have started the tests with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sources = json.loads(Path(sys.argv[1]).read_text())
datasets = {
    name: [spec(name, Files({file: Remote(**remote) for file, remote in files.items()}), *files)]
    for name, files in sources.items()
}
patience = Patience(attempts=4, first_pause=0.05, longest_pause=3, timeout=20)
sys.exit(download.download_all(datasets, Path(sys.argv[2]), ConsoleReporter(Console(width=200)), patience))
"""
LOGIN = b"<!DOCTYPE html><html><head><title>Log in</title></head></html>"


def content(name: str, size: int = 200_000) -> bytes:
    lines = random.Random(name)
    return b"".join(b"%d\tlabel %d\n" % (lines.randrange(10**9), lines.randrange(9)) for _ in range(size // 18))


def world() -> tuple[dict[str, Page], dict[str, bytes | str]]:
    """(pages by data set, what becomes of each data set: its content, or the reason of its failure)."""
    body = {name: content(name) for name in "abcdefghijklmnopqrstuvwxyz"}
    pages = {
        "plain": Page(body["a"], '"a"'),
        "large": Page(content("large", 4_000_000), '"l"', seconds=4),
        "slow": Page(body["b"], '"b"', seconds=3),
        "cut_twice": Page(body["c"], '"c"', cuts=[50_000, 70_000]),
        "no_range": Page(body["d"], '"d"', ranges=False, cuts=[50_000]),
        "no_validator": Page(body["e"], cuts=[50_000]),
        "if_range_ignored": Page(body["f"], '"f1"', if_range=False, cuts=[60_000], changed=(body["g"], '"f2"')),
        "changed_midway": Page(body["h"], '"h1"', cuts=[60_000], changed=(body["i"], '"h2"')),
        "too_many_requests": Page(body["j"], '"j"', statuses=[429, 429], headers={"Retry-After": "1"}),
        "server_error": Page(body["k"], '"k"', statuses=[500, 502, 503]),
        "moved": Page(moved_to="/elsewhere"),
        "no_head": Page(body["m"], '"m"', head=False),
        "no_size": Page(body["n"], says_size=False),
        "archive": Page(zipped(top__one="1" * 50_000, top__two="2"), '"o"', cuts=[100]),
        "packed": Page(gzip.compress(body["p"]), '"p"', cuts=[20_000]),
        "login": Page(LOGIN),
        "pointer": Page(LFS),
        "empty": Page(b""),
        "cut_without_size": Page(body["q"][:70_001].rstrip(b"\n") + b"x", says_size=False),
        "always_cut": Page(body["r"], '"r"', cuts=[50_000, *[0] * 200]),
        "gone": Page(statuses=[404] * 200, head=False),
        "other_content": Page(body["s"]),
    }
    outcome: dict[str, bytes | str] = {
        name: page.body for name, page in pages.items() if name not in ("archive", "packed", "moved")
    }
    outcome |= {
        "if_range_ignored": body["g"],
        "changed_midway": body["i"],
        "moved": body["l"],
        "packed": body["p"],
        "archive": b"1" * 50_000,
        "login": "a page of HTML came",
        "pointer": "a pointer of Git LFS came",
        "empty": "the file is empty",
        "cut_without_size": "the file may be cut",
        "always_cut": "4 times",
        "gone": "HTTP 404",
        "other_content": "was expected",
    }
    return pages, outcome


def gets(server: Server) -> int:
    """Downloads that have been asked for so far, without the questions for sizes."""
    asked = zip(server.asked, server.headers, strict=False)
    return sum(what.startswith("GET") and headers.get("Range") != "bytes=0-0" for what, headers in asked)


@pytest.mark.slow
def test_twenty_data_sets_survive_the_world_and_three_kills(server, tmp_path):
    pages, outcome = world()
    assert len(pages) >= 20
    server.pages |= {f"/{name}": page for name, page in pages.items()} | {"/elsewhere": content("l")}
    sources = {name: {"train.tsv": {"url": f"{server.url}/{name}"}} for name in pages}
    sources["archive"]["train.tsv"]["member"] = "top/one"
    sources["plain"]["train.tsv"]["sha256"] = hashlib.sha256(content("a")).hexdigest()
    sources["other_content"]["train.tsv"]["sha256"] = "0" * 64
    (tmp_path / "sources.json").write_text(json.dumps(sources))
    folder = tmp_path / "data"
    command = [sys.executable, "-c", CODE, str(tmp_path / "sources.json"), str(folder)]
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}

    for number in range(3):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        asked, deadline = gets(server), time.monotonic() + 60
        while gets(server) < asked + 5 + 2 * number and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        assert process.returncode == -signal.SIGKILL
        whole = files_in(folder)
        for name, expected in outcome.items():
            if f"{name}/train.tsv" in whole:
                assert whole[f"{name}/train.tsv"] == expected, f"{name} is in its place, and not complete"

    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stderr == ""
    failures = run.stdout.partition("\nnot downloaded (")[2]
    bad = {name for name, expected in outcome.items() if isinstance(expected, str)}
    assert failures.startswith(f"{len(bad)}):"), run.stdout
    for name in bad:
        assert f"{name}: {server.url}/{name}: " in failures
        assert outcome[name] in next(line for line in failures.splitlines() if f" {name}: " in line)
    good = {f"{name}/train.tsv": body for name, body in outcome.items() if isinstance(body, bytes)}
    assert files_in(folder) == good
    # What was being received was resumed; what is there of a file that never came whole stays for another time.
    ranges = [headers["Range"] for headers in server.headers if headers.get("Range", "").startswith("bytes=")]
    assert len([text for text in ranges if text != "bytes=0-0"]) >= 5
    assert [path.stat().st_size for path in (folder / PARTS).glob("*.part")] == [50_000], "only that of always_cut"
    on_record = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    assert {fact["file"] for fact in on_record if "file" in fact} == good.keys()

    # A second run asks for nothing that is there, and everything has its checksum still.
    for name in bad:
        del sources[name]
    (tmp_path / "sources.json").write_text(json.dumps(sources))
    asked = len(server.asked)
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(server.asked) == asked
    assert run.stdout.count("  kept: ") == len(good)


def test_an_interruption_ends_at_once_and_keeps_what_has_arrived(server, tmp_path):
    body = content("large", 1_000_000)
    server.pages["/large"] = page = Page(body, '"l"', seconds=30)
    (tmp_path / "sources.json").write_text(json.dumps({"one": {"a.tsv": {"url": f"{server.url}/large"}}}))
    folder = tmp_path / "data"
    command = [sys.executable, "-c", CODE, str(tmp_path / "sources.json"), str(folder)]
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in folder.glob(f"{PARTS}/*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert time.monotonic() - begin < 20
    assert "KeyboardInterrupt" in process.stderr.read()
    process.stderr.close()
    page.seconds = 0
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    assert (folder / "one/a.tsv").read_bytes() == body
    assert any("Range" in headers for headers in server.headers)
