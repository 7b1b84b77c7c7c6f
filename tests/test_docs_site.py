"""The site of the documentation: it builds, its links hold, and the reference has what the library offers."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build(root: Path, output: Path) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(output)]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)


def test_the_site_builds_with_all_its_links(tmp_path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="results/pretrained/"' in home
    assert 'href="answers/"' in home
    reference = (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    for name in ("SeqGPT.extract", "SeqGPT.fill", "Extracted", "DecodeConfig", "ModelContract"):
        assert f'id="seqgpt_jax.decoding.seqgpt.{name}"' in reference or f'.{name}"' in reference
    assert (tmp_path / "results" / "pretrained.png").exists()


def test_a_broken_link_is_found(tmp_path) -> None:
    for name in ("docs", "benchmarks/results", "seqgpt_jax"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "answers.md").open("a", encoding="utf-8") as page:
        page.write("\n[gone](../benchmarks/results/gone.md)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "results/gone.md" in done.stderr
