"""Fakes of cloud machines: scripts called gcloud, python … that record their arguments."""

import os
import shlex
import subprocess
from pathlib import Path

LAUNCH = Path(__file__).parents[2] / "launch"


def write_script(path: Path, body: str) -> None:
    """An executable bash script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}", encoding="utf-8")
    path.chmod(0o755)


def run(
    script: Path, *words: str, path: Path | None = None, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a script with no SEQGPT_ variable but those given; commands in the folder `path` come first."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEQGPT_")}
    env["PATH"] = f"{path}:{env['PATH']}" if path else env["PATH"]
    command = ["bash", str(script), *words]
    return subprocess.run(command, env=env | variables, cwd=cwd, capture_output=True, text=True, timeout=60)


def commands(shown: str) -> list[list[str]]:
    """The words of each command that a dry run has shown."""
    return [shlex.split(line) for line in shown.splitlines()]
