"""Upload of an exported folder, to a hub on this machine that speaks the part of the protocol that it takes."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.decoding import folders
from tests.loopback import LoopbackHandler, LoopbackServer, serving


class Hub(LoopbackHandler):
    """Knows the token "right"; keeps repositories and files in `server`."""

    def do_GET(self) -> None:
        if self.path == "/api/whoami-v2":
            known = self.headers.get("Authorization") == "Bearer right"
            self.send(200, {"name": "acme", "type": "user"}) if known else self.send(401, {"error": "Unauthorized"})
        elif "/tree/" in self.path:
            self.send(200, [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in self.server.stored])
        elif self.path.startswith("/api/models/"):
            self.send(200, {"id": "acme/tickets", "siblings": [{"rfilename": name} for name in self.server.stored]})
        else:
            self.send(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            self.server.repositories.append(asked)
            self.send(200, {"url": f"{self.server.url}/acme/{asked['name']}"})
        elif self.path == "/api/validate-yaml":  # of the card
            self.send(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            if self.server.refuses:
                self.send(403, {"error": "out of space"})
                return
            files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(body)["files"]]
            self.send(200, {"files": [file | {"shouldIgnore": False} for file in files]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "deletedFile":
                    self.server.deleted.append(line["value"]["path"])
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            url = f"{self.server.url}/acme/tickets/commit/0123456789"
            self.send(200, {"commitUrl": url, "commitOid": "0123456789", "pullRequestUrl": None})
        else:
            self.send(404, {"error": "not found"})


@pytest.fixture
def hub():
    with serving(LoopbackServer(Hub)) as server:
        server.repositories, server.files, server.refuses = [], {}, False
        server.stored, server.deleted = [], []
        yield server


def export(hub, model: Path, output: Path, *flags: str, token: str = "right") -> subprocess.CompletedProcess:
    """Runs the command; its own process, since the hub's client reads its settings when it is imported."""
    env = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    words = ["-m", "seqgpt_jax.export", f"--model={model}", f"--output={output}", "--dtype=float32", *flags]
    return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)


def test_the_folder_is_uploaded_and_a_new_repository_is_private(tmp_path, hub) -> None:
    done = export(hub, folders.write_folder(tmp_path / "model"), tmp_path / "out", "--push=acme/tickets")
    assert done.returncode == 0, done.stderr
    assert f"uploaded: {hub.url}/acme/tickets/commit/0123456789" in done.stdout
    assert [(one["name"], one["organization"], one["visibility"]) for one in hub.repositories] == [
        ("tickets", "acme", "private")
    ]
    local = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert hub.files == local
    assert {"model.safetensors", "seqgpt.json", "README.md", "tokenizer.json"} <= local.keys()


def test_weights_of_an_earlier_upload_are_deleted(tmp_path, hub) -> None:
    hub.stored = ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "README.md", "notes.txt"]
    done = export(hub, folders.write_folder(tmp_path / "model"), tmp_path / "out", "--push=acme/tickets")
    assert done.returncode == 0, done.stderr
    assert sorted(hub.deleted) == ["model-00001-of-00002.safetensors", "model.safetensors.index.json"]


def test_a_wrong_token_or_name_is_refused_before_anything_is_written(tmp_path, hub) -> None:
    model = folders.write_folder(tmp_path / "model")
    done = export(hub, model, tmp_path / "out", "--push=acme/tickets", token="wrong")
    assert done.returncode == 2
    assert "hf auth login" in done.stderr
    named = export(hub, model, tmp_path / "out", "--push=tickets")
    assert "'tickets' is no name on the hub: give OWNER/NAME" in named.stderr
    assert not (tmp_path / "out").exists()
    assert hub.repositories == []


def test_a_refusal_leaves_the_folder_and_says_how_to_try_again(tmp_path, hub) -> None:
    hub.refuses = True
    done = export(hub, folders.write_folder(tmp_path / "model"), tmp_path / "out", "--push=acme/tickets")
    assert done.returncode == 2
    assert f"`hf upload acme/tickets {tmp_path / 'out'}` tries again" in done.stderr
    assert (tmp_path / "out" / "model.safetensors").exists()
