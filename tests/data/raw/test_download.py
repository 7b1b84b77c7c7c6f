"""The download step against real servers, a real Hugging Face folder and a real TFDS builder, all on this machine."""

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from seqgpt_jax.console.download import ConsoleReporter
from seqgpt_jax.data.raw import download, fetch_rows
from seqgpt_jax.data.raw.fetch_files import PARTS
from seqgpt_jax.data.raw.hub_rows import Snapshot
from seqgpt_jax.data.raw.lock_file import NAME
from seqgpt_jax.data.raw.network import Patience
from seqgpt_jax.data.raw.sources import Files, Generated, HuggingFace, OnRequest, Remote, Tfds
from seqgpt_jax.data.raw.task_spec import DatasetSpec, TaskSpec
from tests.data.raw.servers import Page
from tests.data.raw.test_content_check import LFS

QUICK = Patience(attempts=3, first_pause=0.01, timeout=5)


def spec(name: str, source, *files: str) -> TaskSpec:
    return TaskSpec(
        name,
        "CLS",
        "en",
        "cls",
        {"train": files},
        lambda split, paths: iter(()),
        source=source,
        dataset=DatasetSpec(name.split(".")[0], source, license="CC BY 4.0", citation="Doe 2020, ACL"),
    )


def fetch(folder: Path, source, *files: str) -> tuple[list[download.Failure], str]:
    """(failures, what was printed) of one data set `mine`."""
    console = Console(file=io.StringIO(), width=80)
    failures = download.download({"mine": [spec("mine", source, *files)]}, folder, ConsoleReporter(console), QUICK)
    assert not list(folder.rglob(".download-*")), "temporary files stay"
    return failures, console.file.getvalue()


def zipped(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return out.getvalue()


def tarred(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"./{name.replace('__', '/')}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def files_in(folder: Path) -> dict[str, bytes]:
    """The data below a folder: without the lock file and the parts."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes() for name, path in found.items() if name != NAME and not name.startswith(f"{PARTS}/")
    }


# ---- files by URL


def test_files_come_whole_and_with_their_digest_checked(server, tmp_path):
    server.pages["/a.tsv"] = body = b"text\tlabel\n" * 50_000
    digest = hashlib.sha256(body).hexdigest()
    source = Files({"data/train.tsv": Remote(f"{server.url}/a.tsv", digest)})
    failures, printed = fetch(tmp_path, source, "data/train.tsv")
    assert failures == []
    assert (tmp_path / "mine/data/train.tsv").read_bytes() == body
    assert printed.index("license: CC BY 4.0") < printed.index("citation: Doe 2020, ACL") < printed.index("downloaded:")
    assert digest not in printed


def test_a_digest_that_is_not_on_record_is_printed(server, tmp_path):
    server.pages["/a"] = b"x"
    failures, printed = fetch(tmp_path, Files({"a": Remote(f"{server.url}/a")}), "a")
    assert failures == []
    assert hashlib.sha256(b"x").hexdigest() in printed


def test_what_is_there_stays_and_is_not_asked_for(server, tmp_path):
    server.pages["/b"] = b"new"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a").write_bytes(b"mine")
    sources = {name: Remote(f"{server.url}/{name}", hashlib.sha256(b"new").hexdigest()) for name in "ab"}
    failures, printed = fetch(tmp_path, Files(sources), "a", "b")
    assert failures == []
    assert server.asked == ["HEAD /b", "GET /b"]
    assert (tmp_path / "mine/a").read_bytes() == b"mine"
    assert "kept: mine/a exists, though its SHA-256 is not that of the published file" in printed
    assert fetch(tmp_path, Files({"b": sources["b"]}), "b")[1].count("kept: mine/b exists\n") == 1


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><title>Log in</title>", b"", LFS])
def test_what_an_earlier_version_has_kept_is_found_out(content, server, tmp_path):
    server.pages["/a"] = b"text\tlabel\n"
    source = Files({"a.tsv": Remote(f"{server.url}/a")})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.tsv").write_bytes(content)
    failures, _ = fetch(tmp_path, source, "a.tsv")
    assert "Remove it to download it again" in failures[0].reason
    assert (tmp_path / "mine/a.tsv").read_bytes() == content
    (tmp_path / "mine/a.tsv").unlink()
    assert fetch(tmp_path, source, "a.tsv")[0] == []


def test_what_has_changed_since_its_download_is_found_out(server, tmp_path):
    server.pages |= {"/a": b"text\tlabel\n", "/b.zip": zipped(top__one="1", top__two="2")}
    source = Files({"a.tsv": Remote(f"{server.url}/a"), "b": Remote(f"{server.url}/b.zip", member="top")})
    assert fetch(tmp_path, source, "a.tsv", "b")[0] == []
    (tmp_path / "mine/a.tsv").write_bytes(b"text\tlabe")
    (tmp_path / "mine/b/two").unlink()
    failures, _ = fetch(tmp_path, source, "a.tsv", "b")
    assert [failure.file for failure in failures] == [str(tmp_path / "mine/a.tsv"), str(tmp_path / "mine/b")]
    assert all("remove the file to download it again" in failure.reason for failure in failures)
    # The source has changed as well: both checksums are named, and nothing is put in place.
    (tmp_path / "mine/a.tsv").unlink()
    server.pages["/a"] = b"other\n"
    failures, _ = fetch(tmp_path, source, "a.tsv", "b")
    reason = next(failure.reason for failure in failures if failure.file == f"{server.url}/a")
    assert hashlib.sha256(b"text\tlabel\n").hexdigest() in reason
    assert hashlib.sha256(b"other\n").hexdigest() in reason
    assert not (tmp_path / "mine/a.tsv").exists()


def test_own_files_go_on_record_and_stay(server, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a").write_bytes(b"my own\n")
    assert fetch(tmp_path, Files({"a": Remote(f"{server.url}/a")}), "a")[0] == []
    assert server.asked == []
    assert hashlib.sha256(b"my own\n").hexdigest() in (tmp_path / NAME).read_text()


def test_licenses_that_forbid_commercial_use_are_named_before_anything_comes(server, tmp_path):
    server.pages |= {"/a": b"a\n", "/b": b"b\n"}
    console = Console(file=io.StringIO(), width=80)
    tasks = {name: [spec(name, Files({"f": Remote(f"{server.url}/{name}")}), "f")] for name in ("a", "b")}
    object.__setattr__(tasks["b"][0].dataset, "license", "CC BY-NC 4.0")
    assert download.download(tasks, tmp_path, ConsoleReporter(console), QUICK) == []
    printed = console.file.getvalue()
    named = printed.index("or not settled, by the licenses of 1 of 2 data sets: b (CC BY-NC 4.0)")
    assert named < printed.index("to download: 2 files of 2 data sets, 4 bytes") < printed.index("downloaded: ")


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_members_of_one_archive_are_fetched_at_once(pack, server, tmp_path):
    server.pages["/a?x=1"] = pack(top__data__one="1", top__data__deep__two="2", top__data2="no", top__label="l")
    url = f"{server.url}/a?x=1"
    source = Files({"data": Remote(url, member="top/data"), "label.txt": Remote(url, member="top/label")})
    failures, _ = fetch(tmp_path, source, "data/deep/two", "label.txt")
    assert failures == []
    assert server.asked == ["HEAD /a?x=1", "GET /a?x=1"]
    assert files_in(tmp_path) == {"mine/data/one": b"1", "mine/data/deep/two": b"2", "mine/label.txt": b"l"}


def test_gzip_is_unpacked_where_the_name_asks_for_it(server, tmp_path):
    server.pages["/a.gz"] = body = gzip.compress("甲\n".encode())
    url = f"{server.url}/a.gz"
    source = Files({"a.txt": Remote(url), "a.gz": Remote(url), "b.txt": Remote(url, member="b.txt")})
    failures, _ = fetch(tmp_path, source, "a.txt")
    assert failures == []
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == {
        "a.txt": "甲\n".encode(),
        "b.txt": "甲\n".encode(),
        "a.gz": body,
    }


def test_each_failure_is_named_and_the_rest_goes_on(server, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    server.pages |= {"/good": b"good", "/bad": b"bad", "/a.zip": zipped(one="1"), "/text": b"text"}
    source = Files(
        {
            "gone": Remote(f"{server.url}/gone"),
            "refused": Remote(refused),
            "bad": Remote(f"{server.url}/bad", "0" * 64),
            "member": Remote(f"{server.url}/a.zip", member="two"),
            "no_archive": Remote(f"{server.url}/text", member="two"),
            "good": Remote(f"{server.url}/good"),
        }
    )
    failures, printed = fetch(tmp_path, source, *source.files)
    reasons = {failure.file.rpartition("/")[2]: failure.reason for failure in failures}
    assert "404" in reasons["gone"]
    assert "refused" in reasons["a"]
    assert "Max retries" not in reasons["a"]
    assert "was expected" in reasons["bad"]
    assert "no 'two'; it holds 1 files, the first: one" in reasons["a.zip"]
    assert "neither a .zip nor a .tar nor a .gz" in reasons["text"]
    assert printed.count("failed: ") == 5
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["good"]


def test_a_wrong_checksum_of_a_download_in_pieces_is_asked_for_twice(server, tmp_path):
    body = b"text\tlabel\n" * 50_000
    server.pages["/a"] = Page(body, '"v"', cuts=[len(body) // 2, len(body)] * 50)
    failures, _ = fetch(tmp_path, Files({"a": Remote(f"{server.url}/a", "0" * 64)}), "a")
    assert "was expected" in failures[0].reason
    assert server.asked.count("GET /a") == 4


def test_a_connection_that_breaks_off_leaves_nothing(server, tmp_path):
    server.pages["/a"] = Page(b"half", promised_too_much=100)
    failures, _ = fetch(tmp_path, Files({"a": Remote(f"{server.url}/a")}), "a")
    assert len(failures) == 1
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("name", ["../../evil", "{folder}/evil"])
def test_an_archive_cannot_write_outside_of_its_folder(name, server, tmp_path):
    server.pages["/a.zip"] = zipped(top__fine="1", **{f"top/{name.format(folder=tmp_path)}": "2"})
    failures, _ = fetch(tmp_path, Files({"a": Remote(f"{server.url}/a.zip", member="top")}), "a")
    assert "outside of its folder" in failures[0].reason
    assert list(tmp_path.rglob("*evil*")) == []
    assert not (tmp_path / "mine/a").exists()


def test_a_file_that_no_source_gives_is_a_failure(server, tmp_path):
    server.pages["/a"] = b"a"
    failures, _ = fetch(tmp_path, Files({"a": Remote(f"{server.url}/a")}), "a", "b")
    assert [(failure.file, "after all downloads" in failure.reason) for failure in failures] == [("b", True)]


# ---- rows of the Hugging Face hub

CARD = """\
---
configs:
- config_name: en
  data_files:
  - split: train
    path: en/train.jsonl
  - split: test
    path: en/test.jsonl
dataset_info:
- config_name: en
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
  - name: tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-X
  - name: parts
    list:
    - name: kind
      dtype:
        class_label:
          names:
            '0': first
            '1': second
    - name: score
      dtype: float64
  - name: at
    dtype: timestamp[s]
---
"""
ROWS = [
    {
        "text": "line\u2028separator 好",
        "label": 1,
        "tags": [0, 1],
        "parts": [{"kind": 1, "score": 0.5}],
        "at": "2020-01-02T03:04:05",
    },
    {"text": None, "label": -1, "tags": [], "parts": [], "at": None},
]
NAMED = [
    {
        "text": "line\u2028separator 好",
        "label": "good",
        "tags": ["O", "B-X"],
        "parts": [{"kind": "second", "score": 0.5}],
        "at": "2020-01-02T03:04:05",
    },
    {"text": None, "label": None, "tags": [], "parts": [], "at": None},
]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n")]


@pytest.fixture
def cached(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


def test_rows_of_the_hub_become_json_lines_with_labels_by_name(cached, tmp_path):
    hub = tmp_path / "hub/named"
    (hub / "en").mkdir(parents=True)
    (hub / "README.md").write_text(CARD, encoding="utf-8")
    for split in ("train", "test"):
        text = "".join(json.dumps(row) + "\n" for row in ROWS)
        (hub / f"en/{split}.jsonl").write_text(text, encoding="utf-8")
    source = HuggingFace(str(hub), "en", {"train": "train", "validation": "test[:1]"})
    failures, printed = fetch(tmp_path / "data", source, "en/train.jsonl", "en/validation.jsonl")
    assert failures == []
    assert lines(tmp_path / "data/mine/en/train.jsonl") == NAMED
    assert lines(tmp_path / "data/mine/en/validation.jsonl") == NAMED[:1]
    assert "downloaded: mine/en/train.jsonl, 2 rows" in printed
    assert fetch(tmp_path / "data", source, "en/train.jsonl")[1].count("kept:") == 2


def test_a_data_set_that_the_hub_does_not_give_is_named(cached, tmp_path):
    failures, _ = fetch(tmp_path, HuggingFace("owner/nothing", splits={"train": "train"}), "train.jsonl")
    assert [failure.file for failure in failures] == ["huggingface.co/datasets/owner/nothing, split train"]
    assert failures[0].reason
    assert not (tmp_path / "mine/train.jsonl").exists()


@pytest.mark.parametrize("error", [OSError("the line is dead"), None])
def test_rows_that_break_off_leave_no_file(error, tmp_path, monkeypatch):
    def broken(source, split, at):
        def rows():
            yield {"text": "a"}
            if error:
                raise error

        return rows(), 2

    monkeypatch.setattr(fetch_rows, "hub_rows", broken)
    monkeypatch.setattr(fetch_rows, "snapshot", lambda *args: Snapshot())
    failures, _ = fetch(tmp_path, HuggingFace("a/b", splits={"train": "train"}), "train.jsonl")
    assert failures[0].reason == f"OSError: {error or 'the source has 2 rows, but 1 were received'}"
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("source", "extra", "module"),
    [
        (HuggingFace("a/b", splits={"train": "train"}), "hub", "datasets"),
        (Tfds("a/b", splits={"train": "train"}), "tfds", "tensorflow_datasets"),
    ],
)
def test_a_missing_extra_is_named_with_its_pip_line(source, extra, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "seqgpt_jax.data.raw.tfds_rows", raising=False)
    failures, _ = fetch(tmp_path, source, "train.jsonl")
    assert f"pip install 'seqgpt_jax[{extra}]'" in failures[0].reason


# ---- TFDS

BUILDER = """
import numpy as np
import tensorflow_datasets as tfds


class Config(tfds.core.BuilderConfig):
    pass


class Builder(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [Config(name="small", version="1.0.0")]

    def _info(self):
        label = tfds.features.ClassLabel(names=["bad", "good"])
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": label,
                    "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=["O", "B-X"])),
                    "parts": tfds.features.Sequence({"word": tfds.features.Text(), "n": np.int64}),
                    "nested": tfds.features.Sequence(tfds.features.Sequence(tfds.features.Text())),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {
            "text": "\\u597d",
            "label": 1,
            "tags": [1, 0],
            "parts": [{"word": "\\u597d", "n": 7}],
            "nested": [["a"], ["b", "c"]],
        }
        yield 1, {"text": "", "label": -1, "tags": [], "parts": [], "nested": []}
"""
FETCH = """
    import sys
    from pathlib import Path

    import tiny_named.tiny_named_dataset_builder
    from rich.console import Console
    from seqgpt_jax.console.download import ConsoleReporter
    from seqgpt_jax.data.raw import download
    from seqgpt_jax.data.raw.sources import Tfds
    from tests.data.raw.test_download import spec

    source = Tfds("tiny_named/small", {"train": "train", "test": "test[:50%]"})
    tasks = {"mine": [spec("mine", source, "small/train.jsonl", "small/test.jsonl")]}
    sys.exit(download.download_all(tasks, Path(sys.argv[1]), ConsoleReporter(Console(width=80))))
"""


def fetch_tfds(tmp_path: Path, checksums: str | None = None) -> subprocess.CompletedProcess:
    """A download of the builder's data set, into `data`.

    TFDS registers builders for good and reads its data folder once: a process of its own.
    """
    package = tmp_path / "code/tiny_named"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tiny_named_dataset_builder.py").write_text(textwrap.dedent(BUILDER))
    if checksums is not None:
        (package / "checksums.tsv").write_text(checksums)
    paths = [str(tmp_path / "code"), str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = {name: value for name, value in os.environ.items() if name != "TFDS_DATA_DIR"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FETCH), str(tmp_path / "data")],
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_rows_of_tfds_become_json_lines_with_labels_by_name(tmp_path):
    run = fetch_tfds(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    empty = {"text": "", "label": None, "tags": [], "parts": {"word": [], "n": []}, "nested": []}
    full = {
        "text": "好",
        "label": "good",
        "tags": ["B-X", "O"],
        "parts": {"word": ["好"], "n": [7]},
        "nested": [["a"], ["b", "c"]],
    }
    train = lines(tmp_path / "data/mine/small/train.jsonl")
    assert sorted(train, key=lambda row: row["text"]) == [empty, full]
    assert len(lines(tmp_path / "data/mine/small/test.jsonl")) == 1
    assert (tmp_path / "data/tensorflow_datasets/tiny_named/small/1.0.0").is_dir()


def test_tfds_fails_at_once_where_its_files_cannot_be_reached(tmp_path):
    checksums = "".join(f"http://127.0.0.1:9/{name}\t10\t{'0' * 64}\t{name}\n" for name in "ab")
    begin = time.monotonic()
    run = fetch_tfds(tmp_path, checksums)
    assert run.returncode == 1
    assert run.stdout.count("TensorFlow Datasets would download http://127.0.0.1:9/") >= 2
    assert "refused" in run.stdout
    assert time.monotonic() - begin < 60


# ---- what cannot be fetched, and names


def test_on_request_says_whom_to_ask_until_the_files_are_there(tmp_path):
    source = OnRequest("Some Consortium (https://example.org)", "Put the folder english/ of the release into it.")
    failures, printed = fetch(tmp_path, source, "english/train.txt")
    assert [failure.file for failure in failures] == ["english/train.txt"]
    assert "ask: Some Consortium (https://example.org)" in printed
    assert "then: Put the folder english/ of the release into it." in printed
    (tmp_path / "mine/english").mkdir(parents=True)
    (tmp_path / "mine/english/train.txt").touch()
    assert fetch(tmp_path, source, "english/train.txt")[0] == []


@pytest.mark.parametrize("source", [Generated("someone"), None])
def test_nothing_to_fetch(source, tmp_path):
    failures, printed = fetch(tmp_path, source)
    assert failures == []
    assert "nothing to download" in printed
    assert list(tmp_path.iterdir()) == []


def test_one_failing_data_set_does_not_stop_the_next(server, tmp_path):
    server.pages["/b"] = b"b"
    tasks = {name: [spec(name, Files({"f": Remote(f"{server.url}/{name}")}), "f")] for name in ("a", "b")}
    console = Console(file=io.StringIO(), width=80)
    assert download.download_all(tasks, tmp_path, ConsoleReporter(console), QUICK) == 1
    assert (tmp_path / "b/f").read_bytes() == b"b"
    assert console.file.getvalue().splitlines()[-2:][0] == "not downloaded (1):"
    assert f"a: {server.url}/a: HTTP 404" in console.file.getvalue().splitlines()[-1]
    del tasks["a"]
    assert download.download_all(tasks, tmp_path, ConsoleReporter(console)) == 0


def test_names_of_data_sets_tasks_and_mixtures():
    tasks = {name: spec(name, None) for name in ("one.a", "one.b", "two")}
    mixtures = {"both": ("two", "one.b")}
    assert list(download.select(["both"], tasks, mixtures)) == ["two", "one"]
    assert download.select(["one.a"], tasks, mixtures) == {"one": [tasks["one.a"], tasks["one.b"]]}
    with pytest.raises(ValueError, match=r"no data set, task or mixture 'tow': did you mean two\?$"):
        download.select(["tow"], tasks, mixtures)


def test_folders_of_configurations():
    assert HuggingFace("a/b", "zh/x").files == {"train": "zh_x/train.jsonl", "test": "zh_x/test.jsonl"}
    assert HuggingFace("a/b", splits={"test": "dev"}).files == {"test": "test.jsonl"}
    assert Tfds("a:1.0.0", {"test": "dev"}).files == {"test": "test.jsonl"}
    assert Tfds("a/b/c:1.0.0", {"test": "dev"}).files == {"test": "b_c/test.jsonl"}
