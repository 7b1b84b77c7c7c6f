"""`catalogue --check`: sources are asked, and nothing is downloaded."""

import io
import json
import re

import pytest
from rich.console import Console

import seqgpt_jax.tasks
from seqgpt_jax import catalogue as script
from seqgpt_jax.console.source_check import print_checks
from seqgpt_jax.data.raw.network import Client, Patience, hub_endpoint
from seqgpt_jax.data.raw.source_check import check_sources
from seqgpt_jax.data.raw.sources import PARQUET, Files, HuggingFace, OnRequest, Remote, Tfds
from seqgpt_jax.data.raw.task_spec import TaskSpec
from tests.data.raw.hub import Hub, Repository
from tests.data.raw.servers import Page
from tests.data.raw.test_download import spec
from tests.loopback import serving


@pytest.fixture
def hub(monkeypatch, tmp_path):
    made = Hub()
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    # Tests as a whole keep off the hub; this one is on loopback.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with serving(made):
        yield made


def test_every_kind_of_source(server, hub):
    server.pages |= {"/a": Page(b"x" * 1234), "/html": Page(moved_to="/a"), "/no_head": Page(b"12", head=False)}
    for name, gated in (("tables", False), ("walled", True), ("conditions", False)):
        repository = hub.repositories[f"owner/{name}"] = Repository(gated=gated)
        repository.commit({"README.md": b"no data", "train.csv": b"123"})
        repository.commit({"en/test/0.parquet": b"12345", "zh/test/0.parquet": b"1"}, PARQUET)
    sources = {
        "files": [Files({name: Remote(f"{server.url}/{name}") for name in ("a", "html", "no_head", "gone")})],
        "hub": [HuggingFace("owner/tables"), HuggingFace("owner/tables", "en", {"test": "test[:5]"}, PARQUET)],
        "split": [HuggingFace("owner/tables", "en", {"train": "train"}, PARQUET)],
        "walled": [HuggingFace("owner/walled")],
        "asked": [OnRequest("someone", "ask")],
    }
    checks = list(check_sources(sources, Client(Patience(timeout=5))))
    found = {(check.dataset, check.place.rpartition("/")[2]): check for check in checks}
    assert len(checks) == 9
    assert {name: found["files", name].size for name in ("a", "html", "no_head")} == {
        "a": 1234,
        "html": 1234,
        "no_head": 2,
    }
    assert found["files", "html"].note == f"moved to {server.url}/a"
    assert "HTTP 404" in found["files", "gone"].problem
    assert found["hub", "tables"].note.startswith("commit ")
    assert found["hub", "tables (en)"].note.endswith(f" of {PARQUET}")
    assert (found["hub", "tables"].size, found["hub", "tables (en)"].size) == (3, 5)
    assert "no split 'train'; its splits: test" in found["split", "tables (en)"].problem
    assert "set HF_TOKEN" in found["walled", "walled"].problem
    assert server.asked.count("GET /a") == 0
    assert all("resolve" not in asked for asked in hub.asked)

    console = Console(file=io.StringIO(), width=160)
    assert print_checks(checks, console) == 1
    text = console.file.getvalue()
    assert "9 places of 5 data sets, 2.5 kB and 4 of unknown size; 3 with a problem" in text
    assert sum(bool(re.match(r"files +problem", line)) for line in text.split("\n")) == 1
    assert print_checks([check for check in checks if not check.problem], console) == 0


def test_a_hub_that_cannot_be_reached_is_asked_once(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    client = Client(Patience(timeout=5))
    (check,) = check_sources({"a": [HuggingFace("owner/a")]}, client)
    assert "refused" in check.problem
    assert "refused" in client.problem(hub_endpoint())
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda *_, **__: pytest.fail("asked again"))
    (check,) = check_sources({"b": [HuggingFace("owner/b")]}, client)
    assert "refused" in check.problem


def test_files_of_tfds_are_asked_for_by_their_builder(server):
    pytest.importorskip("tensorflow_datasets")
    (check,) = check_sources({"imdb": [Tfds("no_such_data_set")]}, Client(Patience(timeout=5)))
    assert "no_such_data_set" in check.problem


def test_the_command(server, monkeypatch, capsys):
    server.pages["/a"] = b"12345"
    tasks: dict[str, TaskSpec] = {
        "good": spec("good", Files({"a": Remote(f"{server.url}/a")}), "a"),
        "bad": spec("bad", Files({"b": Remote(f"{server.url}/b")}), "b"),
    }
    for task in tasks.values():
        object.__setattr__(task, "verified", "schema")
    monkeypatch.setattr(seqgpt_jax.tasks, "TASKS", tasks)
    monkeypatch.setattr(seqgpt_jax.tasks, "MIXTURES", {"one": ("good",)})
    assert script.main(["--check", "one"]) == 0
    assert "1 place of 1 data set, 5 bytes" in capsys.readouterr().out
    assert script.main(["--check", "--mixture=one"]) == 0
    assert "1 place of 1 data set, 5 bytes" in capsys.readouterr().out
    assert script.main(["--check"]) == 1
    assert f"bad: {server.url}/b: HTTP 404" in capsys.readouterr().out
    assert json.dumps(server.asked).count("GET /a") == 0
