"""One command from an empty folder to the first step, against servers on loopback, killed on its way."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from seqgpt_jax import command_line, fetch, tasks
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.console.download import ConsoleReporter
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.files import default_data_folder
from seqgpt_jax.data.raw.lock_file import NAME, LockFile
from seqgpt_jax.data.raw.sources import Files, HuggingFace, Remote
from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec
from seqgpt_jax.data.requirements import MissingData
from seqgpt_jax.io.published_weights import WeightsConfig
from seqgpt_jax.tasks import declarations, find
from tests.data.raw.hub import Hub, Repository
from tests.data.raw.servers import Page, Server
from tests.loopback import serving
from tests.models import peers

TASKS = """
from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.record import reader

READ = reader(jsonl(), labelled("text", "label"))
SPLITS = {"train": ("train.jsonl",)}
TASKS = (
    DatasetSpec(
        "weather", Files({"train.jsonl": Remote("URL/weather")}), "CC BY-NC 4.0", "Doe 2020", "schema", SPLITS,
        tasks=(Task("CLS", "en", READ),),
    ),
    DatasetSpec(
        "forms", OnRequest("Some Consortium", "Sign and send the form."), "research", "Doe 2021", "schema", SPLITS,
        tasks=(Task("CLS", "en", READ),),
    ),
)
"""
ROWS = "".join(
    json.dumps({"text": f"it will be {word} in town {number}", "label": word}) + "\n"
    for number in range(20)
    for word in ("sunny", "rainy", "windy")
)


@pytest.fixture
def world(tmp_path):
    server, hub = Server(), Hub()
    (tmp_path / "work").mkdir()
    (tmp_path / "work/my_tasks.py").write_text(TASKS.replace("URL", server.url))
    server.pages["/weather"] = Page(ROWS.encode(), '"w"')
    folder = tmp_path / "model"
    peers.make_peer(6).save_pretrained(folder)
    peers.make_tokenizer(gen=False).save_pretrained(str(folder))
    hub.repositories["owner/tiny"] = Repository()
    hub.repositories["owner/tiny"].commit({path.name: path.read_bytes() for path in folder.iterdir()})
    with serving(server), serving(hub):
        yield server, hub


def command(name: str, *flags: str, mixture: str = "weather") -> list[str]:
    settings = [
        "CHECKPOINT=imported/tiny",
        "Weights.source=owner/tiny",
        "Prepare.modules='my_tasks'",
        f"Prepare.mixture={mixture}",
        "Prepare.evaluation_mixtures=()",
    ]
    if name == "train":
        settings += ["Train.steps=1", "Train.log_every=1", "Train.batch_size=2"]
    gin = [f"--gin.{setting}" for setting in settings]
    return [sys.executable, "-m", f"seqgpt_jax.{name}", "--gin_file=ft_pretrained_cpu.gin", *gin, *flags]


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SEQGPT_", "XLA_"))}
    return kept | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


def run(hub: Hub, tmp_path: Path, words: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        words, env=environment(hub, tmp_path), cwd=tmp_path / "work", capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_from_an_empty_folder_to_the_first_step(world, tmp_path):
    server, hub = world
    commit = hub.repositories["owner/tiny"].branches["main"]
    data = tmp_path / "cache/seqgpt_jax/datasets"

    # Everything that is missing is named at once, and nothing is fetched without being asked for.
    lacking = run(hub, tmp_path, command("train"))
    assert lacking.returncode == 2
    size = f"{len(ROWS) / 1000:.1f} kB"
    assert f"1 to download: {size}" in lacking.stderr
    assert f"weather: {size}; CC BY-NC 4.0; commercial use forbidden or not settled" in lacking.stderr
    assert "base weights and tokenizer: owner/tiny, to be imported as imported/tiny (" in lacking.stderr
    assert f" kB; apache-2.0; commit {commit[:12]})" in lacking.stderr
    assert "--fetch" in lacking.stderr
    assert "Traceback" not in lacking.stderr
    assert not data.exists()

    # Killed while data arrive, then while weights do.
    server.pages["/weather"] = Page(ROWS.encode(), '"w"', seconds=8)
    killed(hub, tmp_path, lambda: "GET /weather" in server.asked)
    server.pages["/weather"].seconds = 0
    killed(hub, tmp_path, lambda: any("GET" in asked and "safetensors" in asked for asked in hub.asked))

    done = run(hub, tmp_path, command("train", "--fetch"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (data / "weather/train.jsonl").read_text() == ROWS
    (metrics,) = (tmp_path / "work/runs").glob("*/metrics.jsonl")
    assert json.loads(metrics.read_text().splitlines()[0])["step"] == 1
    facts = [json.loads(line) for line in (data / NAME).read_text().splitlines()]
    assert {"source": "huggingface.co/owner/tiny", "revision": commit} in facts

    # Nothing is missing now, for any command.
    listed = run(hub, tmp_path, command("fetch", "--list"))
    assert (listed.returncode, listed.stdout) == (0, "nothing is missing\n")
    again = run(hub, tmp_path, command("train", "--gin.Train.steps=2"))
    assert again.returncode == 0, again.stdout + again.stderr


def killed(hub: Hub, tmp_path: Path, begun) -> None:
    process = subprocess.Popen(
        command("train", "--fetch"),
        env=environment(hub, tmp_path),
        cwd=tmp_path / "work",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 90
    while not begun() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_forms_are_named_and_stop_a_run_that_needs_them(world, tmp_path):
    _, hub = world
    lacking = run(hub, tmp_path, command("fetch", mixture="weather+forms"))
    assert lacking.returncode == 2
    assert "1 that only their owners give:\n    forms: Some Consortium. Sign and send the form." in lacking.stdout
    assert "not here, and needed: forms" in lacking.stderr
    skipped = run(hub, tmp_path, command("fetch", "--gin.Prepare.missing=skip", mixture="weather+forms"))
    assert skipped.returncode == 0, skipped.stderr
    # The rest has come all the same.
    assert (tmp_path / "cache/seqgpt_jax/datasets/weather/train.jsonl").exists()
    assert (tmp_path / "work/imported/tiny/config.json").exists()


@pytest.fixture
def empty(world, tmp_path, monkeypatch):
    """An empty folder, in which this process finds `my_tasks`, and the hub on loopback."""
    _, hub = world
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.syspath_prepend(str(tmp_path / "work"))
    for name, value in {"HF_ENDPOINT": hub.url, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path / "cache/seqgpt_jax/datasets"


def registered(monkeypatch, world, *, compared: bool = False) -> None:
    """`missing_data` finds the data set weather, which the run trains on or only compares with."""
    server, _ = world
    spec = TaskSpec(
        "weather", "CLS", "en", "cls", {"train": ("a.jsonl", "b.jsonl")}, lambda split, paths: iter(()),
        source=Files({"a.jsonl": Remote(f"{server.url}/a"), "b.jsonl": Remote(f"{server.url}/weather")}),
    )  # fmt: skip
    object.__setattr__(spec, "dataset", DatasetSpec("weather", spec.source, "CC BY 4.0", "Doe 2020"))
    found, none = [spec], []
    monkeypatch.setattr("seqgpt_jax.tasks.find", lambda config: none if compared else found)
    monkeypatch.setattr("seqgpt_jax.tasks.evaluation_tasks", lambda config: found if compared else none)


def test_what_fails_its_check_is_never_trained_on(world, empty, monkeypatch, capsys):
    server, _ = world
    registered(monkeypatch, world)
    config = PrepareConfig(mixture="weather", tokenizer="t")
    # One file is there and no data, the other one comes: nothing is missing any more.
    (empty / "weather").mkdir(parents=True)
    (empty / "weather/a.jsonl").write_text("<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(UsageError, match=r"here, but not what was to be fetched \(see above\): weather"):
        fetch.fetch_missing(config, WeightsConfig())
    assert (empty / "weather/b.jsonl").exists()
    assert "not downloaded (1):\n  weather: " in capsys.readouterr().out
    # A file that does not come.
    (empty / "weather/a.jsonl").unlink()
    server.pages["/a"] = Page(b"<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(UsageError, match="not here, and needed: weather"):
        fetch.fetch_missing(config, WeightsConfig())
    server.pages["/a"] = Page(ROWS.encode())
    assert fetch.fetch_missing(config, WeightsConfig()) == 0


def test_modules_that_are_not_installed_are_named_before_a_download(world, empty, monkeypatch, capsys):
    server, _ = world
    registered(monkeypatch, world)
    (spec,) = tasks.find(None)
    object.__setattr__(spec, "source", HuggingFace("owner/none", splits={"train": "train"}))
    monkeypatch.setattr("seqgpt_jax.data.requirements.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"not installed: pip install -e '\.\[hub\]'"):
        fetch.fetch_missing(PrepareConfig(mixture="weather", tokenizer="t"), WeightsConfig())
    assert capsys.readouterr().out.count("to be installed first: pip install -e '.[hub]'") == 1
    assert not empty.exists()
    assert server.asked == []


def test_a_failure_that_does_not_stop_a_run_is_in_the_exit_code(world, empty, monkeypatch):
    registered(monkeypatch, world, compared=True)
    assert fetch.fetch_missing(PrepareConfig(mixture="weather", tokenizer="t"), WeightsConfig()) == 1


def test_weights_are_imported_once_at_a_commit_that_is_on_record_before(world, empty, tmp_path, monkeypatch):
    _, hub = world
    commit = hub.repositories["owner/tiny"].branches["main"]
    weights, folder = WeightsConfig("owner/tiny", "main"), tmp_path / "work/imported/tiny"
    imported = []

    def slow_import(source, output, revision, *rest):
        assert LockFile(empty).source("huggingface.co/owner/tiny@main") == {
            "source": "huggingface.co/owner/tiny@main", "revision": commit,
        }  # fmt: skip
        time.sleep(0.5)
        # Another process has downloaded meanwhile.
        LockFile(empty).record("https://example.org/a", {"sha256": "0"}, {})
        output.mkdir(parents=True)
        imported.append(revision)
        return "imported"

    monkeypatch.setattr("seqgpt_jax.import_hf.import_folder", slow_import)
    reporter = ConsoleReporter(Console(file=io.StringIO()))
    threads = [threading.Thread(target=fetch._fetch_weights, args=(folder, weights, empty, reporter)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert imported == [commit]
    assert LockFile(empty).source("https://example.org/a")
    assert LockFile(empty).source("huggingface.co/owner/tiny@main")
    # The branch has a new commit; what is listed and fetched is the one on record.
    hub.repositories["owner/tiny"].commit({"config.json": b"{}"})
    (line,) = fetch._lines(MissingData(empty), folder, weights)
    assert f"commit {commit[:12]}" in line


def test_the_command_that_fetches_repeats_what_was_given():
    words = ["--gin_file=ft.gin", "--data", "my tickets.jsonl", "--columns=text=x", "--gin.Train.steps=1"]
    words += ["--gin.CHECKPOINT=imported/x", "--gin.Prepare.mixture=a+b", "--gin.Weights.source=owner/x"]
    parser = command_line.parser("")
    command_line.add_own_data(parser)
    args, _ = parser.parse_known_args(words)
    assert fetch.command_for(args, words)[2:] == [
        "seqgpt_jax.fetch",
        "--gin_file=ft.gin",
        "--data=my tickets.jsonl",
        "--columns=text=x",
        "--gin.CHECKPOINT=imported/x",
        "--gin.Prepare.mixture=a+b",
        "--gin.Weights.source=owner/x",
    ]


def test_sizes_are_declared_where_no_server_says_them(monkeypatch):
    specs = find(PrepareConfig(mixture="cluener", tokenizer="t"))
    files = {file for spec in specs for names in spec.splits.values() for file in names}
    monkeypatch.setattr(declarations, "FILE_SIZES", {"cluener": {min(files): 5}})
    assert fetch._declared_size(specs) is None
    monkeypatch.setattr(declarations, "FILE_SIZES", {"cluener": dict.fromkeys(files, 5)})
    assert fetch._declared_size(specs) == 5 * len(files)


def test_the_default_folder_is_read_where_it_exists(tmp_path, monkeypatch):
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = PrepareConfig(mixture="ft", tokenizer="t")
    assert config.data_folder() is None
    default_data_folder().mkdir(parents=True)
    assert config.data_folder() == tmp_path / "seqgpt_jax/datasets"
    monkeypatch.setenv("SEQGPT_DATA_DIR", "/elsewhere")
    assert config.data_folder() == Path("/elsewhere")


def test_weights_are_missing_only_where_a_gin_file_names_some(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = PrepareConfig(mixture="quickstart_ft", tokenizer="imported/x", evaluation_mixtures=())
    assert fetch.missing(config, WeightsConfig())[1] is None
    assert fetch.missing(config, WeightsConfig("owner/x"))[1] == Path("imported/x")
    fetch.check_nothing_missing(config, WeightsConfig(), "fetch")
    with pytest.raises(UsageError, match=r"weights and tokenizer: owner/x, .*\n`fetch` fetches all"):
        fetch.check_nothing_missing(config, WeightsConfig("owner/x"), "fetch")
    (tmp_path / "imported/x").mkdir(parents=True)
    assert fetch.missing(config, WeightsConfig("owner/x"))[1] is None
