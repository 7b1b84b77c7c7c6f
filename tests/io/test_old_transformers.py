"""Exported and imported folders in old versions of transformers, installed beside this one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seqgpt_jax import export, import_hf
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.data.tokenizer_kinds import imported
from tests.io import hf_answers
from tests.models import peers

# That of SeqGPT's released scripts, and the last one before 5.
OLD = {
    "4.28.1": ["transformers==4.28.1", "tokenizers==0.13.3", "huggingface_hub<1"],
    "4.57.6": ["transformers==4.57.6", "tokenizers>=0.22,<0.23", "huggingface_hub<1"],
}
OTHERS = ("start_token", "sentencepiece_bpe")
INSTALLED = Path(os.environ.get("SEQGPT_TEST_PACKAGES", Path(tempfile.gettempdir()) / "seqgpt_jax_test_packages"))


def install(version: str) -> Path:
    """A folder with that version, to be put before the installed packages; it is kept for the next time."""
    folder = INSTALLED / f"transformers-{version}-{sys.implementation.cache_tag}"
    if folder.is_dir():
        return folder
    if version == "4.28.1" and sys.version_info >= (3, 12):
        pytest.skip("tokenizers 0.13.3 has no wheel for this Python")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    partial = tempfile.mkdtemp(dir=INSTALLED)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--retries=1"]
    done = subprocess.run([*command, "--target", partial, *OLD[version]], capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(partial)
        if "Retrying" in done.stderr:
            pytest.skip("the package index cannot be reached")
        pytest.fail(done.stderr)
    Path(partial).rename(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    """An imported folder with a tokenizer as transformers 5 saves it, its export, and ones with tokenizers like these:
    our own BPE, byte-level and SentencePiece with a start token.
    """
    root = tmp_path_factory.mktemp("folders")
    peers.save_peer(root / "source", 6)
    peers.make_tokenizer(gen=False).save_pretrained(str(root / "source"))
    assert import_hf.main([f"--source={root / 'source'}", f"--output={root / 'imported'}"]) == 0
    assert export.main([f"--model={root / 'imported'}", f"--output={root / 'exported'}"]) == 0
    config = BloomConfig(vocab_size=416, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.5)
    texts = ["Ada met Bob in Turin", "输入 输出 分类 抽取", "two spaces, and a tab"] * 3
    tensors = params_to_hf(params_of(create(config, seed=3)), config, "bfloat16")
    save_folder(root / "own", config, tensors, train_tokenizer(texts, 320))
    for kind in OTHERS:
        save_folder(root / kind, config, tensors, imported(kind))
    return [str(root / name) for name in ("imported", "exported", "own", *OTHERS)]


@pytest.fixture(scope="module")
def expected(folders) -> list[dict]:
    return [hf_answers.answers(folder) for folder in folders]


@pytest.mark.slow
@pytest.mark.parametrize("version", OLD)
def test_the_same_ids_and_answers(version, folders, expected):
    environment = os.environ | {"PYTHONPATH": str(install(version)), "USE_TF": "0", "USE_FLAX": "0"}
    done = subprocess.run(
        [sys.executable, hf_answers.__file__, *folders], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    used, *found = json.loads(done.stdout.splitlines()[-1])
    assert used == version
    if version == "4.28.1":
        # Before 4.36, transformers divides the score of a beam by the tokens of prompt and answer, not of the answer.
        for answers in (*found, *(expected := [dict(answers) for answers in expected])):
            del answers["score_per_token"]
    assert found == expected


def test_answers_hold_no_token_that_is_never_trained(folders, expected):
    for folder, answers in zip(folders[: -len(OTHERS)], expected, strict=False):
        never = json.loads(Path(folder, "generation_config.json").read_text())["suppress_tokens"]
        assert {0, 1, 3, answers["ids"][0][-1]} <= set(never)
        assert 2 not in never
        prompt = len(answers["score"][0]) - 9
        generated = {token for row in answers["score"] + answers["score_per_token"] for token in row[prompt:]}
        assert len(generated) > 3
        assert not generated - {3} & set(never)  # padding follows the end
