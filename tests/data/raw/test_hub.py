"""Data sets of a Hugging Face hub on loopback: pinned commits, its own tables, and what it does not give."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seqgpt_jax.data.raw.hub_rows import converted_files
from seqgpt_jax.data.raw.lock_file import NAME
from seqgpt_jax.data.raw.sources import PARQUET
from tests.data.raw.hub import Hub, Repository
from tests.data.raw.test_download import CARD, NAMED, ROWS, lines
from tests.loopback import serving

CODE = """
import json, sys
from pathlib import Path
from rich.console import Console
from seqgpt_jax.console.download import ConsoleReporter
from seqgpt_jax.data.raw import download
from seqgpt_jax.data.raw.sources import HuggingFace
from tests.data.raw.test_download import QUICK, spec

sources = {name: HuggingFace(*facts) for name, facts in json.loads(sys.argv[1]).items()}
datasets = {name: [spec(name, source, *source.files.values())] for name, source in sources.items()}
sys.exit(download.download_all(datasets, Path(sys.argv[2]), ConsoleReporter(Console(width=200)), QUICK))
"""


@pytest.fixture
def hub():
    with serving(Hub()) as made:
        yield made


def download(hub, folder: Path, sources: dict, **environment: str) -> tuple[int, str]:
    """(exit code, what was printed) of a process: the hub's library reads its environment once."""
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    run = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(sources), str(folder)],
        env=kept
        | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HF_ENDPOINT": hub.url}
        | {"HF_HOME": str(folder.parent / f"hf_{folder.name}"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def table(text: str) -> bytes:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    out = io.BytesIO()
    datasets.Dataset.from_dict({"text": [text], "label": [1]}, features=features).to_parquet(out)
    return out.getvalue()


def card(rows: list[dict]) -> dict[str, bytes]:
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return {"README.md": CARD.encode(), "en/train.jsonl": body, "en/test.jsonl": body}


@pytest.mark.slow
def test_commits_are_pinned_and_tables_are_found_by_looking(hub, tmp_path):
    named, tables, scripted = (hub.repositories.setdefault(f"owner/{name}", Repository()) for name in
                               ("named", "tables", "scripted"))  # fmt: skip
    first = named.commit(card(ROWS))
    tables.commit({"README.md": b"", "tables.py": b"import datasets"})
    tables.commit({f"{config}/test/0000.parquet": table(config) for config in ("en", "zh")}, PARQUET)
    scripted.commit({"scripted.py": b"import datasets"})
    scripted.commit({"default/train/0000.parquet": table("by looking")}, PARQUET)
    sources = {
        "named": ["owner/named", "en", {"train": "train"}],
        "tables": ["owner/tables", "zh", {"test": "test"}, PARQUET],
        "scripted": ["owner/scripted", "plain_text", {"train": "train"}],
        "lost": ["owner/tables", "fr", {"test": "test"}, PARQUET],
        "nothing": ["owner/nothing", "", {"train": "train"}],
    }
    folder = tmp_path / "one"
    code, printed = download(hub, folder, sources)
    assert code == 1, printed
    assert lines(folder / "named/en/train.jsonl") == NAMED
    assert lines(folder / "tables/zh/test.jsonl") == [{"text": "zh", "label": "yes"}]
    assert lines(folder / "scripted/plain_text/train.jsonl") == [{"text": "by looking", "label": "yes"}]
    assert "not downloaded (2)" in printed
    assert "has no configuration 'fr'; its configurations: en, zh" in printed
    assert f"2 rows of huggingface.co/datasets/owner/named (en), split train at {first[:12]}" in printed
    facts = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    assert {fact["source"]: fact["revision"] for fact in facts if "source" in fact} == {
        "huggingface.co/datasets/owner/named": first,
        f"huggingface.co/datasets/owner/tables@{PARQUET}": tables.branches[PARQUET],
        "huggingface.co/datasets/owner/scripted": scripted.branches[PARQUET],
    }

    # The data sets change; whoever has the lock file gets what was.
    named.commit(card(ROWS[:1]))
    scripted.commit({"default/train/0000.parquet": table("changed")}, PARQUET)
    del sources["lost"], sources["nothing"]
    folder = tmp_path / "two"
    folder.mkdir()
    shutil.copy(tmp_path / "one" / NAME, folder / NAME)
    code, printed = download(hub, folder, sources)
    assert code == 0, printed
    assert lines(folder / "named/en/train.jsonl") == NAMED
    assert lines(folder / "scripted/plain_text/train.jsonl") == [{"text": "by looking", "label": "yes"}]
    assert (folder / NAME).read_bytes() == (tmp_path / "one" / NAME).read_bytes()


@pytest.mark.slow
def test_a_gated_data_set_needs_a_token(hub, tmp_path):
    hub.repositories["owner/tables"] = Repository(gated=True)
    hub.repositories["owner/tables"].commit({"en/test/0000.parquet": table("a")}, PARQUET)
    sources = {"tables": ["owner/tables", "en", {"test": "test"}, PARQUET]}
    code, printed = download(hub, tmp_path / "data", sources)
    assert code == 1
    assert "HF_TOKEN" in printed
    code, printed = download(hub, tmp_path / "data", sources, HF_TOKEN="hf_secret")
    assert code == 0, printed


def test_tables_of_a_configuration():
    files = ["a/train/0001.parquet", "a/train/0000.parquet", "a/test/0000.parquet", "b/partial-train/0000.parquet", "x"]
    assert converted_files(files, "a", "train") == ["a/train/0000.parquet", "a/train/0001.parquet"]
    assert converted_files(["only/test/0.parquet"], "other", "test") == ["only/test/0.parquet"]
    assert converted_files([*files, "default/test/0.parquet"], "", "test") == ["default/test/0.parquet"]
    for config, split, message in (
        ("c", "train", "no configuration 'c'; its configurations: a, b"),
        ("", "train", "no configuration ''"),
        ("a", "dev", "no split 'dev'; its splits: test, train"),
        ("b", "train", "the hub has converted only a part"),
    ):
        with pytest.raises(ValueError, match=message):
            converted_files(files, config, split)
    with pytest.raises(ValueError, match="its configurations: none"):
        converted_files(["README.md"], "a", "train")
