"""Question: how soon does a command answer: `--help`, and the first answer of `decode` with compiled programs cached?

python benchmarks/speed/startup.py --smoke
"""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from interleaved import Part, Question, Results, Row
from settings import Settings, medians

TEXT, LABELS = "Ada Lovelace wrote to Charles Babbage from Turin.", "person, city"
TOKENS = 24


def seconds_of(words: list[str], **variables: str) -> float:
    """Wall time of a command, which must succeed, with these environment variables."""
    start = time.perf_counter()
    done = subprocess.run(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | variables,
    )
    if done.returncode:
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - start


def help_texts(commands: list[str]) -> dict[str, Any]:
    """Seconds of `--help` of each command."""
    return {"seconds": {name: seconds_of([sys.executable, "-m", f"seqgpt_jax.{name}", "--help"]) for name in commands}}


def ours(folder: str, cached: bool) -> dict[str, float]:
    """Seconds from the start of `decode` to its end, with one question; `cached` says whether it was asked before."""
    # Other questions, and earlier commits, have compiled some of its programs into the cache of all.
    cache = Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) / "startup" / Path(folder).name
    if not cached:
        shutil.rmtree(cache, ignore_errors=True)
    words = ["-m", "seqgpt_jax.decode", f"--model={folder}", "--task=ext", f"--text={TEXT}", f"--labels={LABELS}"]
    # A model that was not trained for the contract writes all that it may.
    command = [sys.executable, *words, f"--gin.Decode.max_new_tokens={TOKENS}"]
    return {"seconds": seconds_of(command, JAX_COMPILATION_CACHE_DIR=str(cache))}


def peer(folder: str, tokens: int) -> dict[str, float]:
    """Seconds of a script of `transformers` that answers the same question with 4 beams."""
    code = """if True:
        import sys, torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        torch.set_num_threads(int(sys.argv[4]))
        model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
        inputs = tokenizer(sys.argv[2], return_tensors="pt")
        inputs.pop("token_type_ids", None)
        output = model.generate(**inputs, num_beams=4, do_sample=False, max_new_tokens=int(sys.argv[3]))
        print(tokenizer.decode(output[0]))"""
    prompt = f"输入: {TEXT}\n抽取: {LABELS.replace(', ', '，')}\n输出: [GEN]"
    threads = str(len(os.sched_getaffinity(0)))
    return {"seconds": seconds_of([sys.executable, "-c", code, folder, prompt, str(tokens), threads])}


def questions(settings: Settings) -> list[Question]:
    """`--help`, and the first answer of a model."""
    from seqgpt_jax.__main__ import COMMANDS

    found = []
    if settings.device == "cpu":
        commands = ["decode", "train"] if settings.smoke else list(COMMANDS)
        sides = {"ours": Part("startup", "help_texts", {"commands": commands})}
        found.append(Question("--help of the commands", "startup", [], sides, settings.repeats, _help_rows))
    for shape in settings.shapes("smollm2_135m"):
        folder = settings.model(shape)
        warm = Part("startup", "ours", {"folder": folder, "cached": False})
        setup = [*settings.model_parts(shape), warm]
        sides = {
            "ours": Part("startup", "ours", {"folder": folder, "cached": True}),
            "HF script": Part("startup", "peer", {"folder": folder, "tokens": TOKENS}),
        }
        name = f"first answer, {shape} float32"
        found.append(Question(name, "startup", setup, sides, settings.repeats, partial(_answer_rows, name)))
    return found


def _help_rows(sides: Results, setup: list) -> list[Row]:
    names = sides["ours"][0]["seconds"]
    found = {name: medians([one["seconds"] for one in sides["ours"]], name) for name in names}
    slowest = max(found, key=lambda name: found[name][0])
    values = sorted(median for median, _ in found.values())
    note = f"of {len(found)} commands; fastest {values[0]:.2f} s, median {values[len(values) // 2]:.2f} s"
    return [
        Row(f"--help, slowest: {slowest}", found[slowest][0], None, None, 0.3, "s", (found[slowest][1], None), note)
    ]


def _answer_rows(name: str, sides: Results, setup: list) -> list[Row]:
    ours_, spread = medians(sides["ours"], "seconds")
    theirs, other = medians(sides["HF script"], "seconds")
    first = f"{setup[-1]['seconds']:.1f} s with nothing compiled"
    note = f"ours constrained, programs cached ({first}); the peer free; {TOKENS} tokens at most; ours should take 5 s"
    return [Row(f"{name}: HF script", ours_, theirs, theirs / ours_, None, "s", (spread, other), note)]


if __name__ == "__main__":
    from all import main

    main(only="startup")
